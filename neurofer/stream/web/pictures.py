"""A window as pictures for a page: its events, the face as the network sees it, the spikes of its layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import Box
from neurofer.events.events import Events
from neurofer.events.picture import count_colours, count_events
from neurofer.represent.base import Representation
from neurofer.stream.watch.shown import Shown, Tally
from neurofer.stream.web.messages import Part

LONGEST_PX = 640
"""Of the event picture's sides; larger sensors are drawn several pixels to one."""
FACE_PX = 192
LEVELS = 32
"""Counts of a pixel from which on it gets no more colourful."""

DrawFace = Callable[[Shown], "NDArray[Any] | None"]
"""The face in a window as ``(C, height, width)``; three channels of bytes are colours, all else is shown in grey."""


class Painter:
    """Makes the parts of a message; remembers how bright the pictures before were, so that they do not flicker.

    Attributes:
        caption: What the picture of the face is.
    """

    def __init__(self, picture: DrawFace | None = None) -> None:
        """
        Args:
            picture: What the network sees of a window; the TIE picture of the face box by default.
        """
        self.caption = "drawn as TIE" if picture is None else "as the network sees it"
        self._picture = picture or face_picture()
        self._full = 0.0

    def warm_up(self) -> None:
        """Let compilers settle on a made-up window, so that the first picture does not hold up the stream."""
        events = Events([0, 1], [0, 7], [0, 7], [0, 1], (8, 8))
        Painter(self._picture).parts(Shown(0, 0, 100, 100, events, Box(0, 0, 8, 8), None, None, Tally(), 0.0))

    def parts(self, shown: Shown) -> list[Part]:
        """The event picture, the face if its box is known, and the raster if there is one."""
        counts = count_events(shown.events, LONGEST_PX)
        self._full = full_count(counts, self._full)
        found = [_png("event", event_picture(counts, self._full))]
        face = self._picture(shown)
        if face is not None:
            found.append(_png("face", colour_picture(face)))
        for layer, spikes in (shown.raster or {}).items():
            steps, neurons = spikes.shape
            data = np.ascontiguousarray(spikes, np.uint8).tobytes()
            found.append(Part({"name": "raster", "layer": layer, "steps": steps, "neurons": neurons}, data))
        return found


def face_picture(representation: Representation | None = None, size_px: int = FACE_PX) -> DrawFace:
    """The face box of a window as a representation shows it.

    Args:
        representation: TIE by default.
        size_px: Side of the result; no larger than the face in sensor pixels, unless that is under 48.
    """
    from neurofer.data.crop import crop_resize
    from neurofer.represent import build_representation

    kind = representation or build_representation("tie")

    def picture(shown: Shown) -> NDArray[Any] | None:
        if shown.box is None:
            return None
        whole = kind(shown.events, (shown.start_us, shown.stop_us), origin_us=shown.stop_us - shown.since_us)
        side = min(size_px, max(48, *shown.box[2:]))
        return crop_resize(whole, shown.box, side, kind.empty_value)

    return picture


def full_count(counts: NDArray[np.int64], before: float) -> float:
    """Count that is shown in full colour: the 98th percentile of pixels with events, following slowly.

    Args:
        counts: Of the window.
        before: Of the windows before; 0 for the first.
    """
    total = counts.sum(0)
    filled = total[total > 0]
    if not len(filled):
        return before
    now = min(float(LEVELS - 1), max(2.0, float(np.percentile(filled, 98))))
    return now if before == 0 else 0.9 * before + 0.1 * now


def event_picture(counts: NDArray[np.int64], full: float) -> NDArray[np.uint8]:
    """Counts in the house's two colours, ``(height, width, 4)`` RGBA; see-through where there are no events."""
    grid = np.arange(LEVELS, dtype=np.float32)
    off, on = np.broadcast_arrays(grid[None, :], grid[:, None])
    colour, strength = count_colours(np.stack([off, on]), full)
    palette = np.concatenate([colour, strength[..., None]], axis=-1)
    colours = np.rint(255 * palette).astype(np.uint8).reshape(-1, 4)
    colours[0] = 0
    capped = np.minimum(counts, LEVELS - 1)
    return np.asarray(colours[capped[1] * LEVELS + capped[0]])


def colour_picture(array: NDArray[Any]) -> NDArray[np.uint8]:
    """A representation as ``(height, width, 3)`` RGB: colours as they are, else the mean size of its channels in grey.

    Raises:
        ValueError: not ``(C, height, width)``.
    """
    if array.ndim != 3:
        raise ValueError(f"colour_picture: need (C, height, width), got {array.shape}")
    if array.dtype == np.uint8 and len(array) == 3:
        return np.ascontiguousarray(np.moveaxis(array, 0, -1))
    grey = np.abs(array.astype(np.float64)).mean(0)
    most = 255.0 if array.dtype == np.uint8 else max(1e-9, float(np.percentile(grey, 99)))
    level = np.rint(255 * np.minimum(1, grey / most)).astype(np.uint8)
    return np.repeat(level[..., None], 3, axis=2)


def _png(name: str, picture: NDArray[np.uint8]) -> Part:
    import cv2

    order = cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR
    _, data = cv2.imencode(".png", cv2.cvtColor(picture, order), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return Part({"name": name, "width": picture.shape[1], "height": picture.shape[0]}, data.tobytes())
