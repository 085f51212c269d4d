"""Pictures of a clip's windows: represented over the whole sensor, cropped to the face, resized, cached."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import neurofer.represent
from neurofer.data import boxes, crop
from neurofer.data.cache import ClipRows, RowsOfClip, cached_rows
from neurofer.data.clip import Box, Clip, ClipSet
from neurofer.errors import NeuroferError
from neurofer.events.events import Events
from neurofer.events.open import open_recording
from neurofer.represent.base import Representation


def window_edges(start_us: int, stop_us: int, window_us: float) -> NDArray[np.int64]:
    """Edges ``start + round(k * window_us)`` of the whole windows between start and stop; one more than windows."""
    count = int((stop_us - start_us + 0.5) // window_us)
    return start_us + np.rint(np.arange(count + 1) * window_us).astype(np.int64)


def clip_windows(
    clip_set: ClipSet, representation: Representation, window_us: float, size_px: int, cache: Path,
    fewest: int = 1,
) -> ClipRows:
    """One picture ``(C, size_px, size_px)`` for every whole window of every clip.

    Args:
        clip_set: The clips.
        representation: What is made of a window's events.
        window_us: Length of a window.
        size_px: Side of the square pictures.
        cache: Folder of caches.
        fewest: Windows that every clip must have.

    Returns:
        Rows ``(R, C, size_px, size_px)``, uint8 for pictures in bytes, else float32, memory-mapped; they know what a
        pixel without events is.

    Raises:
        NeuroferError: a clip is too short.
        BadFileError: a recording is missing or broken, or the cache cannot be written.
    """
    lengths = [len(window_edges(clip.start_us, clip.stop_us, window_us)) - 1 for clip in clip_set.clips]
    short = [clip.name for clip, length in zip(clip_set.clips, lengths, strict=True) if length < fewest]
    if short:
        raise NeuroferError(f"data set {clip_set.name}: {len(short)} clip(s) are shorter than {fewest} windows of "
                            f"{window_us:g} us ({', '.join(short[:3])}); use a shorter represent.window_us")
    shape = (representation.channels, size_px, size_px)

    def build(clip: Clip) -> RowsOfClip:
        edges = window_edges(clip.start_us, clip.stop_us, window_us)
        with open_recording(clip.path) as recording:
            events = recording.between(clip.start_us, clip.stop_us)
            box = clip.box or boxes.find_box(events)
            return window_pictures(events, edges, representation, box, size_px, recording.start_us)

    recipe: dict[str, Any] = {"representation": repr(representation), "window_us": window_us, "size_px": size_px}
    modules = (neurofer.represent, boxes, crop)
    dtype = picture_dtype(representation)
    rows = cached_rows("windows", clip_set, recipe, modules, lengths, shape, dtype, build, cache)
    return replace(rows, empty=representation.empty_value)


def window_pictures(events: Events, edges: NDArray[np.int64], representation: Representation, box: Box, size_px: int,
                    origin_us: int) -> RowsOfClip:
    """Pictures of consecutive windows, and their events.

    Args:
        events: Stream that holds the windows.
        edges: ``(n + 1,)`` edges of the windows in microseconds.
        representation: What is made of a window's events.
        box: Face box in sensor pixels.
        size_px: Side of the square pictures.
        origin_us: The recording's time origin.

    Returns:
        Rows ``(n, C, size_px, size_px)``, and ON and OFF events of each window on the whole sensor.
    """
    shape = (len(edges) - 1, representation.channels, size_px, size_px)
    rows = np.full(shape, representation.empty_value, picture_dtype(representation))
    counts = np.zeros((len(rows), 2), np.int64)
    for number in range(len(rows)):
        low, high = int(edges[number]), int(edges[number + 1])
        part = events.between(low, high)
        on = int(np.count_nonzero(part.p))
        counts[number] = on, len(part) - on
        if len(part):
            picture = representation(part, (low, high), origin_us=origin_us)
            rows[number] = crop.crop_resize(picture, box, size_px, representation.empty_value)
    return RowsOfClip(rows, counts)


def picture_dtype(representation: Representation) -> np.dtype:
    """Element type of resized pictures: bytes stay bytes; averages of counts are fractions."""
    return np.dtype(np.uint8 if representation.dtype == np.uint8 else np.float32)
