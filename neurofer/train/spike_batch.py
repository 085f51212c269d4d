"""Clips of unequal length as one batch of spikes, of which only those that are there are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurofer.compiled import compiled
from neurofer.events.augment import EventAugment
from neurofer.spiking.sparse import SparseSpikes
from neurofer.train.augment import source_places
from neurofer.train.live import LiveSpikes
from neurofer.train.spike_rows import SpikeRows


class SpikeBatch(NamedTuple):
    """Clips of unequal length side by side, filled up with silence behind their ends.

    Nothing dense is kept; ``chunk`` makes what a network takes next, on the device where the spikes are.
    """

    cells: Tensor
    """``(N,)`` int32, by step: places ``((clip * 2 + channel) * S + row) * S + column``."""
    offsets: NDArray[np.int64]
    """``(T + 1,)``, stays in main memory; step k has the spikes ``offsets[k] .. offsets[k + 1] - 1``."""
    lengths: Tensor
    """``(B,)`` steps until each clip's end; what the network says later does not count."""
    labels: Tensor
    """``(B,)`` class numbers."""
    size_px: int
    """Side S of the spike pictures."""
    values: Tensor | None = None
    """``(N,)`` uint8, events of each spike where the input is graded; else every spike is 1."""

    @property
    def steps(self) -> int:
        """Steps T of the batch."""
        return len(self.offsets) - 1

    @property
    def spikes(self) -> Tensor:
        """All steps, ``(T, B, 2, S, S)`` float32, made at each call: 4 bytes a cell, for short clips only."""
        return self.chunk(0, self.steps)

    def chunk(self, start: int, stop: int) -> Tensor:
        """Steps ``start .. stop - 1``, as far as there are: ``(t, B, 2, S, S)`` float32."""
        start, stop, _ = slice(start, stop).indices(self.steps)
        stop = max(start, stop)
        shape = (stop - start, len(self.lengths), 2, self.size_px, self.size_px)
        part = slice(int(self.offsets[start]), int(self.offsets[stop]))
        counts = torch.from_numpy(np.diff(self.offsets[start : stop + 1])).to(self.cells.device, non_blocking=True)
        step = torch.repeat_interleave(counts, output_size=part.stop - part.start)
        plane = shape[1] * 2 * self.size_px * self.size_px
        dense = torch.zeros(shape[0] * plane, device=self.cells.device)
        source = 1.0 if self.values is None else self.values[part].float()
        dense.scatter_(0, step.mul_(plane).add_(self.cells[part]), source)
        return dense.view(shape)

    def pin_memory(self) -> SpikeBatch:
        """The same in pinned memory, from where a copy to a GPU need not be waited for."""
        values = None if self.values is None else self.values.pin_memory()
        return self._replace(cells=self.cells.pin_memory(), lengths=self.lengths.pin_memory(),
                             labels=self.labels.pin_memory(), values=values)


class SpikeSource:
    """Batches of spikes of clips by number.

    Args:
        spikes: Spikes of all clips.
        labels: ``(clips,)`` class numbers.
        live: Makes the spikes of training clips from changed events; by default they are the cached ones.
    """

    def __init__(self, spikes: SpikeRows, labels: NDArray[np.int64], live: LiveSpikes | None = None) -> None:
        self._spikes, self._labels, self._live = spikes, labels, live

    def gather(self, clips: NDArray[np.int64], maps: Sequence[NDArray[np.float32]] = (),
               steps: int | None = None, changes: Sequence[EventAugment] = (),
               holes: NDArray[np.int64] | None = None) -> SpikeBatch:
        """These clips side by side.

        Args:
            clips: Numbers of the clips.
            maps: One ``(2, 3)`` map each, see ``draw_maps``; none to leave them as they are.
            steps: Length T of the batch; that of the longest clip by default.
            changes: What happens to the events of each; none to take the cached spikes.
            holes: ``(B, 4)`` what is emptied in each, see ``draw_holes``; none by default.
        """
        parts = [self._live.spikes(int(clip), changes[column]) if self._live and len(changes)
                 else self._spikes.spikes(int(clip)) for column, clip in enumerate(clips)]
        size_px = self._spikes.size_px
        ways = [_way(size_px, maps[column] if len(maps) else None, None if holes is None else holes[column])
                for column in range(len(clips))]
        return _side_by_side(parts, ways, self._labels[clips], steps)

    def busiest(self, clips: NDArray[np.int64], steps: int) -> SpikeBatch:
        """The ``steps`` of each clip with most spikes, all of a shorter clip."""
        parts = []
        for clip in clips:
            whole = self._spikes.spikes(int(clip))
            room = max(whole.steps - steps, 0)
            start = int(np.argmax(whole.offsets[whole.steps - room :] - whole.offsets[: room + 1]))
            parts.append(whole.part(start, min(start + steps, whole.steps)))
        return _side_by_side(parts, [_way(self._spikes.size_px)] * len(parts), self._labels[clips])


class _Way(NamedTuple):
    """Where each place of a picture goes: ``places[first[n] : first[n + 1]]``, none, one or several."""

    first: NDArray[np.int32]
    places: NDArray[np.int32]


def _way(size_px: int, one_map: NDArray[np.float32] | None = None, hole: NDArray[np.int64] | None = None) -> _Way:
    area = size_px * size_px
    source = np.arange(area) if one_map is None else source_places(one_map, size_px)
    if hole is not None:
        left, top, right, bottom = hole
        source.reshape(size_px, size_px)[top:bottom, left:right] = -1
    order = np.argsort(source, kind="stable")
    outside = np.count_nonzero(source < 0)
    first = np.searchsorted(source[order[outside:]], np.arange(area + 1))
    return _Way(first.astype(np.int32), order[outside:].astype(np.int32))


def _side_by_side(parts: Sequence[SparseSpikes], ways: Sequence[_Way], labels: NDArray[np.int64],
                  steps: int | None = None) -> SpikeBatch:
    """Clips as one batch, every spike of each moved its way."""
    size_px, graded = parts[0].size_px, parts[0].values is not None
    lengths = np.array([part.steps for part in parts], np.int64)
    offsets = np.zeros((steps or int(lengths.max())) + 1, np.int64)
    for part, way in zip(parts, ways, strict=True):
        _count(part.offsets, part.cells, way.first, offsets)
    np.cumsum(offsets, out=offsets)
    cells = np.empty(int(offsets[-1]), np.int32)
    values = np.empty(len(cells) if graded else 0, np.uint8)
    ahead, nothing = offsets[:-1].copy(), np.empty(0, np.uint8)
    for column, (part, way) in enumerate(zip(parts, ways, strict=True)):
        given = nothing if part.values is None else part.values
        _move(part.offsets, part.cells, given, *way, 2 * column * size_px * size_px, ahead, cells, values)
    return SpikeBatch(torch.from_numpy(cells), offsets, torch.from_numpy(lengths), torch.from_numpy(labels), size_px,
                      torch.from_numpy(values) if graded else None)


@compiled
def _count(offsets: NDArray[np.int64], cells: NDArray[np.int32], first: NDArray[np.int32],
           counts: NDArray[np.int64]) -> None:
    """Add to ``counts[k + 1]`` what becomes of the spikes of step k."""
    area = len(first) - 1
    for step in range(min(len(offsets), len(counts)) - 1):
        for n in range(offsets[step], offsets[step + 1]):
            if 0 <= cells[n] < 2 * area:
                place = cells[n] % area
                counts[step + 1] += first[place + 1] - first[place]


@compiled
def _move(offsets: NDArray[np.int64], cells: NDArray[np.int32], values: NDArray[np.uint8], first: NDArray[np.int32],
          places: NDArray[np.int32], base: int, ahead: NDArray[np.int64], moved: NDArray[np.int32],
          moved_values: NDArray[np.uint8]) -> Any:
    """Write the moved spikes of one clip to where ``ahead`` says that each step goes on."""
    area = len(first) - 1
    for step in range(min(len(offsets) - 1, len(ahead))):
        for n in range(offsets[step], offsets[step + 1]):
            if not 0 <= cells[n] < 2 * area:
                continue
            place = cells[n] % area
            channel = base + cells[n] - place
            for way in range(first[place], first[place + 1]):
                moved[ahead[step]] = channel + places[way]
                if len(values):
                    moved_values[ahead[step]] = values[n]
                ahead[step] += 1
