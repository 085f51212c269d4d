"""Spikes of a recording, of which only those that are there are kept: memory goes with events, not with time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.data.clip import Box
from neurofer.events.events import Events
from neurofer.events.recording import Recording
from neurofer.spiking.bins import LARGEST_COUNT, box_cells, whole_steps

PIECE_US = 1_000_000
"""What is read of a recording at once, in whole steps."""


@dataclass(frozen=True)
class SparseSpikes:
    """Spikes by step, the same that ``spike_tensor`` gives.

    Attributes:
        offsets: ``(T + 1,)`` int64; step k has the spikes ``offsets[k] .. offsets[k + 1] - 1``.
        cells: ``(N,)`` int32, flat places ``(channel * S + row) * S + column``, rising within a step.
        values: ``(N,)`` uint8, events of each spike where the input is graded; None where every spike is 1.
        size_px: Side S of the spike pictures.
        events: Events inside the box.
        clipped: Of these, the events that no spike shows: beyond one, or, graded, beyond 255 in a cell and step.
    """

    offsets: NDArray[np.int64]
    cells: NDArray[np.int32]
    values: NDArray[np.uint8] | None
    size_px: int
    events: int
    clipped: int

    @property
    def steps(self) -> int:
        """Number of steps T."""
        return len(self.offsets) - 1

    def part(self, start: int, stop: int) -> SparseSpikes:
        """Steps ``start .. stop - 1``; ``events`` and ``clipped`` stay those of the whole."""
        low, high = int(self.offsets[start]), int(self.offsets[stop])
        return replace(self, offsets=self.offsets[start : stop + 1] - low, cells=self.cells[low:high],
                       values=None if self.values is None else self.values[low:high])

    def dense(self, start: int = 0, stop: int | None = None) -> NDArray[np.uint8]:
        """Steps ``start .. stop - 1``, all by default: ``(t, 2, S, S)``; channel 0 is OFF, 1 is ON.

        Raises:
            ValueError: steps that are not there.
        """
        stop = self.steps if stop is None else stop
        if not 0 <= start <= stop <= self.steps:
            raise ValueError(f"SparseSpikes: steps {start}..{stop} are not within 0..{self.steps}")
        part = slice(int(self.offsets[start]), int(self.offsets[stop]))
        plane = 2 * self.size_px * self.size_px
        out = np.zeros((stop - start, plane), np.uint8)
        step = np.repeat(np.arange(stop - start), np.diff(self.offsets[start : stop + 1]))
        out[step, self.cells[part]] = 1 if self.values is None else self.values[part]
        return out.reshape(-1, 2, self.size_px, self.size_px)


def sparse_spikes(events: Events, start_us: int, stop_us: int, dt_us: int, box: Box | None = None, size_px: int = 64,
                  graded: bool = False) -> SparseSpikes:
    """Spikes of the events with ``start_us <= t < stop_us``; nothing dense is made on the way.

    Arguments and errors are those of ``neurofer.spiking.bins.spike_tensor``.
    """
    steps = whole_steps(start_us, stop_us, dt_us)
    columns, rows = box_cells(events.sensor, box, size_px)
    part = events.between(start_us, stop_us)
    given = (part.t, part.x, part.y, part.p, start_us, dt_us, columns, rows, size_px)
    offsets = np.zeros(steps + 1, np.int64)
    seen = np.full(2 * size_px * size_px, -1, np.int64)
    found, beyond = _count(*given, seen, offsets)
    np.cumsum(offsets, out=offsets)
    seen.fill(-1)
    codes = np.empty(int(offsets[-1]), np.int32)
    saturated = _fill(*given, graded, seen, np.zeros_like(seen), offsets, offsets[:-1].copy(), codes)
    if graded:
        cells, values = codes >> 8, (codes & LARGEST_COUNT).astype(np.uint8)
        return SparseSpikes(offsets, cells, values, size_px, int(found), int(saturated))
    return SparseSpikes(offsets, codes, None, size_px, int(found), int(beyond))


def spike_pieces(recording: Recording, start_us: int, stop_us: int, dt_us: int, box: Box | None = None,
                 size_px: int = 64, graded: bool = False) -> Iterator[tuple[Events, SparseSpikes]]:
    """A recording's events and spikes in consecutive pieces of about a second, which ``join_spikes`` puts together.

    Arguments and errors are those of ``neurofer.spiking.bins.spike_tensor``.
    """
    whole_steps(start_us, stop_us, dt_us)
    length_us = max(PIECE_US // dt_us, 1) * dt_us
    for low in range(start_us, stop_us, length_us):
        high = min(low + length_us, stop_us)
        events = recording.between(low, high)
        yield events, sparse_spikes(events, low, high, dt_us, box, size_px, graded)


def join_spikes(parts: Sequence[SparseSpikes]) -> SparseSpikes:
    """Consecutive pieces as one.

    Raises:
        ValueError: no piece, or pieces of different sizes or kinds.
    """
    kinds = {(part.size_px, part.values is None) for part in parts}
    if len(kinds) != 1:
        raise ValueError(f"join_spikes: need pieces of one size and kind, got {len(parts)} of {len(kinds)}")
    counts = np.concatenate([np.diff(part.offsets) for part in parts])
    values = [part.values for part in parts if part.values is not None]
    return SparseSpikes(np.concatenate([[0], np.cumsum(counts)]), np.concatenate([part.cells for part in parts]),
                        np.concatenate(values) if values else None, parts[0].size_px,
                        sum(part.events for part in parts), sum(part.clipped for part in parts))


@compiled
def _count(
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.bool_], start_us: int, dt_us: int,
    columns: NDArray[np.int32], rows: NDArray[np.int32], size_px: int, seen: NDArray[np.int64],
    offsets: NDArray[np.int64],
) -> Any:
    """Add to ``offsets[k + 1]`` the cells set in step k; ``seen`` holds the last step of each cell.

    Cells that one pixel fills belong to it alone, so the first of them tells for all. Returns (events inside, repeats).
    """
    found, repeats = 0, 0
    for n in range(len(t)):
        step = (t[n] - start_us) // dt_us
        if x[n] >= len(columns) or y[n] >= len(rows) or step < 0 or step >= len(offsets) - 1:
            continue
        left, right = columns[x[n], 0], columns[x[n], 1]
        top, bottom = rows[y[n], 0], rows[y[n], 1]
        if left >= right or top >= bottom:
            continue
        found += 1
        first = ((1 if p[n] else 0) * size_px + top) * size_px + left
        if seen[first] == step:
            repeats += 1
        else:
            seen[first] = step
            offsets[step + 1] += (right - left) * (bottom - top)
    return found, repeats


@compiled
def _fill(
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.bool_], start_us: int, dt_us: int,
    columns: NDArray[np.int32], rows: NDArray[np.int32], size_px: int, graded: bool, seen: NDArray[np.int64],
    place: NDArray[np.int64], offsets: NDArray[np.int64], ahead: NDArray[np.int64], codes: NDArray[np.int32],
) -> Any:
    """Write the cells of each step, rising; graded as ``cell * 256 + count``. Returns events beyond the largest count.

    ``place`` holds where a cell's code of this step lies, ``ahead`` the next free place of each step.
    """
    saturated = 0
    for n in range(len(t)):
        step = (t[n] - start_us) // dt_us
        if x[n] >= len(columns) or y[n] >= len(rows) or step < 0 or step >= len(ahead):
            continue
        left, right = columns[x[n], 0], columns[x[n], 1]
        top, bottom = rows[y[n], 0], rows[y[n], 1]
        if left >= right or top >= bottom:
            continue
        corner = ((1 if p[n] else 0) * size_px + top) * size_px + left
        fresh = seen[corner] != step
        if not fresh and not graded:
            continue
        if not fresh and codes[place[corner]] & LARGEST_COUNT == LARGEST_COUNT:
            saturated += 1
            continue
        seen[corner] = step
        for row in range(bottom - top):
            for column in range(right - left):
                cell = corner + row * size_px + column
                if fresh:
                    place[cell] = ahead[step]
                    codes[ahead[step]] = cell << 8 | 1 if graded else cell
                    ahead[step] += 1
                else:
                    codes[place[cell]] += 1
    for step in range(len(offsets) - 1):
        if offsets[step + 1] - offsets[step] > 1:
            codes[offsets[step] : offsets[step + 1]].sort()
    return saturated
