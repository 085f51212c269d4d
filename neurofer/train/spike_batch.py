"""Clips of unequal length as one batch of spikes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurofer.data.cache import ClipRows
from neurofer.events.augment import EventAugment
from neurofer.train.augment import warp_spikes
from neurofer.train.live import LiveSpikes
from neurofer.train.spikes import unpack


class SpikeBatch(NamedTuple):
    """Clips of unequal length side by side, filled up with silence behind their ends."""

    spikes: Tensor
    """``(T, B, 2, S, S)`` float32."""
    lengths: Tensor
    """``(B,)`` steps until each clip's end; what the network says later does not count."""
    labels: Tensor
    """``(B,)`` class numbers."""

    @property
    def steps(self) -> int:
        """Steps T of the batch."""
        return len(self.spikes)

    def chunk(self, start: int, stop: int) -> Tensor:
        """Steps ``start .. stop - 1``: ``(t, B, 2, S, S)`` float32."""
        return self.spikes[start:stop]


class SpikeSource:
    """Batches of spikes of clips by number.

    Args:
        spikes: Packed spikes of all clips.
        labels: ``(clips,)`` class numbers.
        size_px: Side S of the spike pictures.
        live: Makes the spikes of training clips from changed events; by default they are the cached ones.
    """

    def __init__(self, spikes: ClipRows, labels: NDArray[np.int64], size_px: int,
                 live: LiveSpikes | None = None) -> None:
        self._spikes, self._labels, self._size_px, self._live = spikes, labels, size_px, live

    def gather(self, clips: NDArray[np.int64], maps: Sequence[NDArray[np.float32]] = (),
               steps: int | None = None, changes: Sequence[EventAugment] = ()) -> SpikeBatch:
        """These clips side by side.

        Args:
            clips: Numbers of the clips.
            maps: One ``(2, 3)`` map each, see ``draw_maps``; none to leave them as they are.
            steps: Length T of the batch; that of the longest clip by default.
            changes: What happens to the events of each; none to take the cached spikes.
        """
        size = self._size_px
        lengths = self._spikes.lengths()[clips]
        spikes = np.zeros((steps or int(lengths.max()), len(clips), 2, size, size), np.uint8)
        for column, clip in enumerate(clips):
            if self._live and changes:
                whole = self._live.spikes(int(clip), changes[column])
            else:
                whole = unpack(self._spikes.of(int(clip)), size)
            spikes[: len(whole), column] = warp_spikes(whole, maps[column]) if len(maps) else whole
        return SpikeBatch(torch.from_numpy(spikes).float(), torch.from_numpy(lengths),
                          torch.from_numpy(self._labels[clips]))
