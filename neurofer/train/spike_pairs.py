"""Pairs of a window's spikes and the grey face at that moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import ClipSet
from neurofer.data.frames import FrameAt
from neurofer.data.pairs import Pairs, clip_faces, require_frames
from neurofer.errors import NeuroferError
from neurofer.train.spike_rows import SpikeRows
from neurofer.train.spikes import clip_spikes


@dataclass(frozen=True)
class SpikePairs(Pairs):
    """The spikes and a face for every window of every clip.

    Attributes:
        pictures: Spikes of all clips step by step, the same as a recogniser reads.
        window_steps: Steps of a window; windows lie end to end from a clip's start.
        lead_steps: Steps before a window that are fed along with it; silence before a clip's start, as a recogniser
            with a fresh state sees it.
    """

    pictures: SpikeRows
    window_steps: int
    lead_steps: int

    def seen(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """``(B, lead_steps + window_steps, 2, S, S)`` bytes: how many events each cell and step counts."""
        size = self.pictures.size_px
        found = np.zeros((len(rows), self.lead_steps + self.window_steps, 2, size, size), np.uint8)
        for place, row in enumerate(rows):
            clip = self.clip_of(int(row))
            start = int(row - self.first[clip]) * self.window_steps
            ahead = min(self.lead_steps, start)
            found[place, self.lead_steps - ahead :] = self.pictures.spikes(clip).dense(start - ahead,
                                                                                      start + self.window_steps)
        return found

    def events_of(self, clip: int) -> NDArray[np.int64]:
        """``(n,)`` events of each window of clip number ``clip``, over the whole sensor."""
        steps = self.pictures.counts_of(clip).sum(axis=1)
        windows = len(steps) // self.window_steps
        return np.asarray(steps[: windows * self.window_steps].reshape(windows, -1).sum(axis=1), np.int64)


def spike_pairs(clip_set: ClipSet, dt_us: int, window_steps: int, lead_steps: int, size_px: int, graded: bool,
                frame_at: FrameAt, cache: Path) -> SpikePairs:
    """Spikes and a grey face for every whole window, both through the clip's box and the same crop.

    Args:
        clip_set: The clips.
        dt_us: Length of a step.
        window_steps: Steps of a window.
        lead_steps: Steps that are fed before it.
        size_px: Side of the square crop.
        graded: Whether spikes count events.
        frame_at: The frame nearest to a window's start, middle or end.
        cache: Folder of caches; the spikes there are those that a recogniser uses.

    Raises:
        NeuroferError: no clip has frames, or a clip is shorter than a window.
        BadFileError: a recording or frames are damaged, or the cache cannot be written.
    """
    require_frames(clip_set)
    spikes = clip_spikes(clip_set, dt_us, size_px, cache, graded)
    lengths = spikes.lengths() // window_steps
    short = [clip.name for clip, length in zip(clip_set.clips, lengths, strict=True) if not length]
    if short:
        raise NeuroferError(f"data set {clip_set.name}: {len(short)} clip(s) are shorter than a window of "
                            f"{window_steps * dt_us} us ({', '.join(short[:3])}); use a shorter snn.window_us")
    faces, framed = clip_faces(clip_set, window_steps * dt_us, size_px, frame_at, cache, lengths.tolist())
    return SpikePairs(spikes, faces, framed, window_steps, lead_steps)
