"""Events in slices of a fixed number, as binary frames: how Spiking-FER feeds its networks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import Box
from neurofer.data.crop import square_box
from neurofer.events.events import Events

FRAMES = 6
EVENTS_PER_FRAME = 2_500


def central_slices(events: Events, frames: int = FRAMES, per_frame: int = EVENTS_PER_FRAME) -> list[Events]:
    """The central slices of a stretch, as many events in each; its rest at the end is left out.

    With at least ``frames * per_frame`` events, slices have ``per_frame`` of them and the central ones are taken
    (the earlier of two equally central choices). With fewer, the stretch is cut into ``frames`` equal slices.

    Args:
        events: The stretch.
        frames: Number of slices, at least 1.
        per_frame: Events of each, at least 1.

    Raises:
        ValueError: ``frames`` or ``per_frame`` < 1.

    Source:
        Barchid et al., "Spiking-FER", CBMI 2023, and its code.
    """
    if frames < 1 or per_frame < 1:
        raise ValueError(f"central_slices: need frames >= 1 and per_frame >= 1, got {frames} and {per_frame}")
    first, last = central_span(len(events), frames, per_frame)
    size = (last - first) // frames
    return [events[start : start + size] for start in range(first, first + frames * size, size)] if size else (
        [events[:0]] * frames)


def central_span(events: int, frames: int = FRAMES, per_frame: int = EVENTS_PER_FRAME) -> tuple[int, int]:
    """First and one past the last of the central events of so many: what slices are cut from.

    Args:
        events: Events of the stretch.
        frames: Number of slices.
        per_frame: Events of each.
    """
    whole = events // per_frame
    if whole < frames:
        return 0, events
    before = (whole - frames) // 2 * per_frame
    return before, before + frames * per_frame


def slice_frames(events: Events, box: Box | None = None, size_px: int = 128, frames: int = FRAMES,
                 per_frame: int = EVENTS_PER_FRAME) -> NDArray[np.uint8]:
    """Binary frames of the central slices: 1 where a pixel fired.

    Args:
        events: The stretch; only events inside the box count.
        box: Face box, the whole sensor by default; made square, then resized by the nearest neighbour.
        size_px: Side S of the frames, at least 1.
        frames: Number of frames T.
        per_frame: Events of a frame.

    Returns:
        ``(T, 2, S, S)`` zeros and ones; channel 0 is OFF, 1 is ON.

    Raises:
        ValueError: ``frames``, ``per_frame`` or ``size_px`` < 1, or a box without area.
    """
    if size_px < 1:
        raise ValueError(f"slice_frames: need size_px >= 1, got {size_px}")
    left, top, side, _ = square_box(box or Box(0, 0, *events.sensor))
    out = np.zeros((frames, 2, side, side), np.uint8)
    for frame, part in zip(out, central_slices(events.crop(left, top, side, side), frames, per_frame), strict=True):
        frame[part.p.astype(np.intp), part.y, part.x] = 1
    nearest = np.arange(size_px) * side // size_px
    return out[..., nearest[:, None], nearest]
