"""Spikes of every clip as the SNN takes them, packed to one bit each and cached."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurofer.data import boxes, crop
from neurofer.data.cache import ClipRows, RowsOfClip, cached_rows
from neurofer.data.clip import Clip, ClipSet
from neurofer.errors import NeuroferError
from neurofer.events.open import open_recording
from neurofer.spiking import bins


def clip_spikes(clip_set: ClipSet, dt_us: int, size_px: int, cache: Path) -> ClipRows:
    """Spikes of every whole step of every clip: rows ``(R, 2 * size_px * size_px / 8)`` uint8, see ``unpack``.

    Counts hold the ON and OFF events of each step over the whole sensor, before clipping to one spike.

    Args:
        clip_set: The clips.
        dt_us: Length of a step.
        size_px: Side of the square crop, a multiple of 2.
        cache: Folder of caches.

    Raises:
        NeuroferError: a clip is shorter than a step.
        BadFileError: a recording is missing or broken, or the cache cannot be written.
    """
    lengths = [(clip.stop_us - clip.start_us) // dt_us for clip in clip_set.clips]
    short = [clip.name for clip, length in zip(clip_set.clips, lengths, strict=True) if length < 1]
    if short:
        raise NeuroferError(f"data set {clip_set.name}: {len(short)} clip(s) are shorter than snn.dt_us={dt_us} "
                            f"({', '.join(short[:3])})")

    def build(clip: Clip) -> RowsOfClip:
        steps = (clip.stop_us - clip.start_us) // dt_us
        stop_us = clip.start_us + steps * dt_us
        with open_recording(clip.path) as recording:
            events = recording.between(clip.start_us, stop_us)
            box = clip.box or boxes.find_box(events)
        spikes = bins.spike_tensor(events, clip.start_us, stop_us, dt_us, box, size_px).spikes
        step = (events.t - clip.start_us) // dt_us
        counts = np.stack([np.bincount(step[events.p == on], minlength=steps) for on in (True, False)], axis=1)
        return RowsOfClip(pack(spikes), counts.astype(np.int64))

    shape = (2 * size_px * size_px // 8,)
    recipe = {"dt_us": dt_us, "size_px": size_px}
    modules = (bins, boxes, crop)
    return cached_rows("spikes", clip_set, recipe, modules, lengths, shape, np.dtype(np.uint8), build, cache)


def pack(spikes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``(T, 2, S, S)`` zeros and ones to ``(T, 2 * S * S / 8)`` bytes."""
    return np.packbits(spikes.reshape(len(spikes), -1), axis=1)


def unpack(rows: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """The inverse of ``pack``."""
    return np.unpackbits(rows, axis=1).reshape(len(rows), 2, size_px, size_px)
