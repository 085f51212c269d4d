"""Spikes of every clip as the SNN takes them, made in pieces of a second and cached."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.data import boxes, crop
from neurofer.data.cache import cache_place, in_order
from neurofer.data.clip import Clip, ClipSet
from neurofer.errors import BadFileError, NeuroferError
from neurofer.events.events import Events
from neurofer.events.npy import NpyWriter
from neurofer.events.open import open_recording
from neurofer.events.recording import IngestReport, Recording
from neurofer.files import atomic_folder
from neurofer.spiking import bins, sparse
from neurofer.train.spike_rows import SpikeRows, cell_type, open_spike_rows

IN_MEMORY = 1 << 23
"""Bytes of a clip's spikes that wait in memory; more of them wait in a file."""
BLOCK = 1 << 20


class _Made(NamedTuple):
    """Spikes of one clip that wait to be written."""

    cells: IO[bytes]
    values: IO[bytes]
    steps: NDArray[np.int64]
    """``(T,)`` spikes of each step."""
    counts: NDArray[np.int64]
    """``(T, 2)`` ON and OFF events of each step."""
    inside: tuple[int, int]


def clip_spikes(clip_set: ClipSet, dt_us: int, size_px: int, cache: Path, graded: bool = False) -> SpikeRows:
    """Spikes of every whole step of every clip.

    Recordings are read in pieces of a second, so memory does not grow with their length. Counts hold the ON and OFF
    events of each step over the whole sensor, before clipping.

    Args:
        clip_set: The clips.
        dt_us: Length of a step; what is left of a clip behind its last whole step is not used.
        size_px: Side of the square crop.
        cache: Folder of caches.
        graded: Count the events of a cell and step, up to 255.

    Raises:
        NeuroferError: a clip is shorter than a step, or has no box and no events to find one in.
        BadFileError: a recording is missing or broken, or the cache cannot be written.
    """
    lengths = [(clip.stop_us - clip.start_us) // dt_us for clip in clip_set.clips]
    short = [clip.name for clip, length in zip(clip_set.clips, lengths, strict=True) if length < 1]
    if short:
        raise NeuroferError(f"data set {clip_set.name}: {len(short)} clip(s) are shorter than snn.dt_us={dt_us} "
                            f"({', '.join(short[:3])})")
    recipe = {"dt_us": dt_us, "size_px": size_px, "graded": graded}
    folder, said = cache_place("spikes", clip_set, recipe, (sparse, bins, boxes, crop), cache)
    first = np.concatenate([[0], np.cumsum(np.asarray(lengths, np.int64))]).astype(np.int64)
    found = open_spike_rows(folder, first, size_px, graded)
    if found is not None:
        return found
    with atomic_folder(folder) as temporary:

        def build(clip: Clip) -> _Made:
            return _spikes_of(clip, dt_us, size_px, graded, temporary)

        _write(temporary, in_order(build, clip_set.clips, f"spikes of {clip_set.name}"), len(lengths), size_px, graded)
        (temporary / "recipe.json").write_text(said, encoding="utf-8")
    found = open_spike_rows(folder, first, size_px, graded)
    if found is None:
        raise BadFileError(f"{folder}: the cache just written cannot be read back; delete it and run again")
    return found


def _spikes_of(clip: Clip, dt_us: int, size_px: int, graded: bool, temporary: Path) -> _Made:
    steps = (clip.stop_us - clip.start_us) // dt_us
    stop_us = clip.start_us + steps * dt_us
    cells, values = _waiting(temporary), _waiting(temporary)
    each, counts, events, clipped = [], [], 0, 0
    with open_recording(clip.path) as recording:
        box = clip.box or _found_box(recording, clip.start_us, stop_us)
        start_us = clip.start_us
        for piece, part in sparse.spike_pieces(recording, start_us, stop_us, dt_us, box, size_px, graded):
            cells.write(part.cells.astype(cell_type(size_px)).tobytes())
            if part.values is not None:
                values.write(part.values.tobytes())
            each.append(np.diff(part.offsets))
            step = (piece.t - start_us) // dt_us
            counts.append(np.stack([np.bincount(step[piece.p == on], minlength=part.steps) for on in (True, False)], 1))
            events, clipped = events + part.events, clipped + part.clipped
            start_us += part.steps * dt_us
    return _Made(cells, values, np.concatenate(each), np.concatenate(counts).astype(np.int64), (events, clipped))


def _waiting(folder: Path) -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(folder))  # noqa: SIM115  closed when it was read back


def _write(folder: Path, clips: Iterator[_Made], count: int, size_px: int, graded: bool) -> None:
    """All clips behind each other, as ``SpikeRows`` reads them."""
    inside, spikes = np.zeros((count, 2), np.int64), 0
    with contextlib.ExitStack() as stack:
        kinds: dict[str, Any] = {"cells": cell_type(size_px), "rows": "<i8", "counts": "<i8"}
        if graded:
            kinds["values"] = "u1"
        writers = {name: stack.enter_context(NpyWriter(folder / f"{name}.npy", kind)) for name, kind in kinds.items()}
        for number, made in enumerate(clips):
            for name, file in (("cells", made.cells), ("values", made.values)):
                file.seek(0)
                while block := file.read(BLOCK):
                    writers[name].write(np.frombuffer(block, writers[name].dtype))
                file.close()
            writers["rows"].write(spikes + np.cumsum(made.steps))
            spikes += int(made.steps.sum())
            writers["counts"].write(made.counts.ravel())
            inside[number] = made.inside
    np.save(folder / "inside.npy", inside)


def _found_box(recording: Recording, start_us: int, stop_us: int) -> Any:
    stretch = _Stretch(recording, start_us, stop_us)
    return boxes.locate_face(stretch, None, stretch.start_us, stretch.end_us + 1).box


class _Stretch(Recording):
    """A part of a recording as if there were no more of it; what is not asked for is not read."""

    def __init__(self, recording: Recording, start_us: int, stop_us: int) -> None:
        self.path, self.format, self.sensor = recording.path, recording.format, recording.sensor
        self._recording, self._edges = recording, (start_us, stop_us)
        times = [(part.start_us, part.end_us) for low in range(start_us, stop_us, sparse.PIECE_US)
                 if len(part := self.between(low, low + sparse.PIECE_US))]
        self._times = (times[0][0], times[-1][1]) if times else (0, 0)

    @property
    def start_us(self) -> int:
        return self._times[0]

    @property
    def end_us(self) -> int:
        return self._times[1]

    def between(self, start_us: int, stop_us: int) -> Events:
        low, high = self._edges
        return self._recording.between(max(start_us, low), min(stop_us, high))

    def report(self) -> IngestReport:
        return self._recording.report()
