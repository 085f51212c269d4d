"""Tensors made once and read again by memory map: rows of every clip in one file, keyed by all that made them."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import Clip, ClipSet
from neurofer.errors import BadFileError
from neurofer.events.npy import BROKEN
from neurofer.files import atomic_folder, file_digest
from neurofer.progress import progress

_log = logging.getLogger(__name__)
Made = TypeVar("Made")


class RowsOfClip(NamedTuple):
    """What one clip adds: ``rows (n, ...)`` and the ON and OFF events of each row, ``counts (n, 2)``."""

    rows: NDArray[Any]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class ClipRows:
    """Rows of all clips of a set, one behind the other.

    Attributes:
        rows: ``(R, ...)``, memory-mapped; a slice reads what it needs and no more.
        counts: ``(R, 2)`` int64, ON and OFF events of each row.
        first: ``(clips + 1,)`` int64; clip i has the rows ``first[i]:first[i + 1]``.
        folder: Where they lie.
        empty: What a pixel without events is in ``rows``.
    """

    rows: NDArray[Any]
    counts: NDArray[np.int64]
    first: NDArray[np.int64]
    folder: Path
    empty: float = 0.0

    def of(self, clip: int) -> NDArray[Any]:
        """Rows of clip number ``clip``; a view."""
        return self.rows[self.first[clip] : self.first[clip + 1]]

    def counts_of(self, clip: int) -> NDArray[np.int64]:
        """``(n, 2)`` ON and OFF events of each row of clip number ``clip``."""
        return self.counts[self.first[clip] : self.first[clip + 1]]

    def lengths(self) -> NDArray[np.int64]:
        """``(clips,)`` rows of each clip."""
        return np.diff(self.first)

    def clip_counts(self) -> NDArray[np.int64]:
        """``(clips, 2)`` ON and OFF events of each clip."""
        ends = np.concatenate([np.zeros((1, 2), np.int64), np.cumsum(self.counts, axis=0)])
        return np.asarray(ends[self.first[1:]] - ends[self.first[:-1]])


def cached_rows(
    kind: str,
    clip_set: ClipSet,
    recipe: dict[str, Any],
    modules: Sequence[ModuleType],
    lengths: Sequence[int],
    row_shape: tuple[int, ...],
    dtype: np.dtype,
    build: Callable[[Clip], RowsOfClip],
    cache: Path,
) -> ClipRows:
    """The rows of every clip, made by ``build`` where the cache does not hold them.

    The key is a hash of the data's digest, the clips' names, the recipe and the source code of ``modules``, so a
    changed data set, another part of one, setting or function never meets old rows. Rows are written clip by clip under
    a temporary name; memory stays bounded for any number of clips, and a kill leaves nothing half made.

    Args:
        kind: First part of the folder's name.
        clip_set: Clips in their order.
        recipe: Plain values that say how a row is made.
        modules: Modules whose code makes a row.
        lengths: Rows of each clip.
        row_shape: Shape of a row.
        dtype: Element type of a row.
        build: Makes the rows of one clip; runs in threads.
        cache: Folder of caches.

    Raises:
        BadFileError: a recording is broken, the cache cannot be written, or the disk is full.
    """
    folder, said = cache_place(kind, clip_set, recipe, modules, cache)
    first = np.concatenate([[0], np.cumsum(np.asarray(lengths, np.int64))]).astype(np.int64)
    found = _open(folder, first, row_shape, dtype)
    if found is not None:
        return found
    with atomic_folder(folder) as temporary:
        shape = (int(first[-1]), *row_shape)
        counts = np.zeros((int(first[-1]), 2), np.int64)
        # Written as a plain file: a full disk is then an error that can be told, where a memory map would die.
        with open(temporary / "rows.npy", "wb") as file:
            header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for number, made in enumerate(in_order(build, clip_set.clips, f"{kind} of {clip_set.name}")):
                part = slice(first[number], first[number + 1])
                if made.rows.shape != (part.stop - part.start, *row_shape) or made.rows.dtype != dtype:
                    raise ValueError(f"cached_rows: clip {clip_set.clips[number].name} gave {made.rows.shape} "
                                     f"{made.rows.dtype}, expected {(part.stop - part.start, *row_shape)} {dtype}")
                file.write(np.ascontiguousarray(made.rows).data)
                counts[part] = made.counts
        np.save(temporary / "counts.npy", counts)
        (temporary / "recipe.json").write_text(said, encoding="utf-8")
    found = _open(folder, first, row_shape, dtype)
    if found is None:
        raise BadFileError(f"{folder}: the cache just written cannot be read back; delete it and run again")
    return found


def cache_place(kind: str, clip_set: ClipSet, recipe: dict[str, Any], modules: Sequence[ModuleType],
                cache: Path) -> tuple[Path, str]:
    """The folder of what is made of a data set so, named after a hash of all that makes it, and that as JSON.

    Arguments are those of ``cached_rows``.
    """
    names = hashlib.sha256("\n".join(clip.name for clip in clip_set.clips).encode()).hexdigest()
    said = {"data": clip_set.digest, "clips": names, "recipe": recipe, "code": code_digest(modules)}
    key = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return cache / f"{kind}-{key[:20]}", json.dumps(said, indent=1, sort_keys=True)


def usable_cache(wanted: Path | None, store: Path, fallback: Path) -> Path:
    """Where to cache: ``wanted`` if given, else beside the store, else ``fallback`` when the store is read-only."""
    if wanted is not None:
        return wanted
    beside = store / ".cache"
    there = beside if beside.exists() else store
    if os.access(there, os.W_OK):
        return beside
    _log.warning("%s cannot be written; caching in %s instead", store, fallback)
    return fallback


def code_digest(modules: Sequence[ModuleType]) -> str:
    """One hash over the source files of modules and of whole packages."""
    digest = hashlib.sha256()
    for module in modules:
        home = Path(str(module.__file__))
        files = sorted(home.parent.glob("*.py")) if home.name == "__init__.py" else [home]
        for path in files:
            digest.update(f"{path.name} {file_digest(path)}\n".encode())
    return digest.hexdigest()


def in_order(build: Callable[[Clip], Made], clips: Sequence[Clip], what: str) -> Iterator[Made]:
    """What ``build`` makes of each clip, in their order, by a few threads; only a few results wait at a time."""
    workers = min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:
        waiting: list[Future[Made]] = []
        bar = progress(range(len(clips)), total=len(clips), unit="clip", desc=what)
        ahead = iter(clips)
        for _ in bar:
            while len(waiting) < 2 * workers and (clip := next(ahead, None)) is not None:
                waiting.append(pool.submit(build, clip))
            yield waiting.pop(0).result()


def _open(folder: Path, first: NDArray[np.int64], row_shape: tuple[int, ...], dtype: np.dtype) -> ClipRows | None:
    """The cached rows, or None where they are absent, cut or of another shape and must be made again."""
    shape = (int(first[-1]), *row_shape)
    try:
        rows = np.load(folder / "rows.npy", mmap_mode="r", allow_pickle=False)
        counts = np.load(folder / "counts.npy", allow_pickle=False)
    except BROKEN:
        return None
    if rows.shape != shape or rows.dtype != dtype or counts.shape != (shape[0], 2):
        return None
    return ClipRows(rows, counts, first, folder)
