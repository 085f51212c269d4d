"""Cached spikes of all clips: only those that are there, memory-mapped, read clip by clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.data.cache import ClipRows
from neurofer.errors import BadFileError
from neurofer.events.npy import BROKEN
from neurofer.spiking.sparse import SparseSpikes


@dataclass(frozen=True, kw_only=True)
class SpikeRows(ClipRows):
    """Spikes of all clips of a set, one behind the other, step by step.

    Attributes:
        rows: ``(R,)`` int64, spikes of all clips until the end of each step.
        cells: ``(N,)`` uint16 or int32, place of each spike, see ``SparseSpikes``.
        values: ``(N,)`` uint8, events of each spike; None where every spike is 1.
        inside: ``(clips, 2)`` int64, events inside each clip's box, and how many of them no spike shows.
        size_px: Side S of the spike pictures.
    """

    cells: NDArray[Any]
    values: NDArray[np.uint8] | None
    inside: NDArray[np.int64]
    size_px: int

    def spikes(self, clip: int) -> SparseSpikes:
        """Spikes of clip number ``clip``; a copy, so that no page of the file stays in use.

        Raises:
            BadFileError: the cache was altered.
        """
        first, last = int(self.first[clip]), int(self.first[clip + 1])
        before = int(self.rows[first - 1]) if first else 0
        offsets = np.concatenate([[0], self.rows[first:last] - before])
        if before < 0 or (np.diff(offsets) < 0).any() or before + int(offsets[-1]) > len(self.cells):
            raise BadFileError(f"{self.folder}: the cache of spikes was altered; delete it and run again")
        part = slice(before, before + int(offsets[-1]))
        values = None if self.values is None else np.array(self.values[part])
        events, clipped = (int(count) for count in self.inside[clip])
        return SparseSpikes(offsets, self.cells[part].astype(np.int32), values, self.size_px, events, clipped)

    def clip_counts(self) -> NDArray[np.int64]:
        each = [self.counts_of(clip).sum(axis=0) for clip in range(len(self.first) - 1)]
        return np.array(each, np.int64).reshape(-1, 2)

    def clipping(self, clips: Sequence[int] | NDArray[np.int64]) -> dict[str, int]:
        """``{"events", "clipped"}`` of some clips: events inside the boxes, and those that no spike shows."""
        events, clipped = self.inside[np.asarray(clips, np.int64)].sum(axis=0)
        return {"events": int(events), "clipped": int(clipped)}


def cell_type(size_px: int) -> np.dtype[Any]:
    """The smallest type that holds the cells of a spike picture."""
    return np.dtype("<u2" if 2 * size_px * size_px <= 1 << 16 else "<i4")


def open_spike_rows(folder: Path, first: NDArray[np.int64], size_px: int, graded: bool) -> SpikeRows | None:
    """The cached spikes, or None where they are absent, cut or of another shape and must be made again.

    Args:
        folder: Where ``clip_spikes`` put them.
        first: ``(clips + 1,)`` first step of each clip.
        size_px: Side S of the spike pictures.
        graded: Whether spikes have values.
    """
    names = ("rows", "cells", "counts", "inside", *(["values"] if graded else []))
    try:
        found = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in names}
    except BROKEN:
        return None
    steps = int(first[-1])
    spikes = int(found["rows"][-1]) if found["rows"].shape == (steps,) and steps else -1
    shapes = {"rows": (steps,), "cells": (spikes,), "counts": (2 * steps,), "inside": (len(first) - 1, 2),
              "values": (spikes,)}
    types = {"rows": "<i8", "cells": cell_type(size_px), "counts": "<i8", "inside": "<i8", "values": "u1"}
    if any(array.shape != shapes[name] or array.dtype != types[name] for name, array in found.items()):
        return None
    return SpikeRows(found["rows"], found["counts"].reshape(-1, 2), first, folder, cells=found["cells"],
                     values=found.get("values"), inside=found["inside"], size_px=size_px)
