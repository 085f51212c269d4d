"""Grey frames kept beside the events of a clip: what a reconstruction is compared with."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import Clip
from neurofer.errors import BadFileError
from neurofer.events.npy import BROKEN, NpyWriter, map_npy
from neurofer.files import atomic_path

FrameAt = Literal["start", "middle", "end"]
"""Which frame of a window is taken: the one nearest to its start, middle or end."""


_DIGEST_LENGTH = 16


class Frames(NamedTuple):
    """Grey frames of a clip, in the geometry of its events.

    Attributes:
        times_us: ``(N,)`` int64, on the recording's clock, rising.
        pictures: ``(N, H, W)`` uint8, memory-mapped.
    """

    times_us: NDArray[np.int64]
    pictures: NDArray[np.uint8]

    def nearest(self, time_us: int) -> NDArray[np.uint8]:
        """The frame nearest to a time; the earlier of two equally near."""
        after = int(np.searchsorted(self.times_us, time_us))
        if after == 0:
            return self.pictures[0]
        if after == len(self.times_us) or time_us - self.times_us[after - 1] <= self.times_us[after] - time_us:
            after -= 1
        return self.pictures[after]


def frame_paths(store: Path, name: str) -> tuple[Path, Path]:
    """Where a store keeps a clip's frames and their times."""
    return store / "frames" / f"{name}.npy", store / "frames" / f"{name}.times.npy"


def write_frames(store: Path, name: str, times_us: NDArray[np.int64], pictures: NDArray[np.uint8]) -> None:
    """Keep the frames of a clip beside its events.

    Args:
        store: The store's folder.
        name: Name of the clip.
        times_us: ``(N,)``, rising.
        pictures: ``(N, H, W)`` uint8.

    Raises:
        ValueError: shapes that do not fit, or times that do not rise.
        BadFileError: the disk is full or the place cannot be written.
    """
    if pictures.ndim != 3:
        raise ValueError(f"write_frames: need (N, H, W) pictures, got {pictures.shape}")
    with FrameWriter(store, name, times_us, pictures.shape[1:]) as writer:
        for picture in pictures:
            writer.write(picture)


class FrameWriter:
    """The frames of a clip, one after another, however many; a context manager.

    The files take their places when the block ends without an error and as many frames came as there are times.

    Args:
        store: The store's folder.
        name: Name of the clip.
        times_us: ``(N,)``, rising; how many frames will come.
        shape: ``(H, W)`` of each.

    Raises:
        ValueError: times that do not rise, or none; at the end, frames that are missing.
        BadFileError: the disk is full or the place cannot be written.
    """

    def __init__(self, store: Path, name: str, times_us: NDArray[np.int64], shape: tuple[int, int]) -> None:
        self.times_us = np.asarray(times_us, np.int64)
        self.shape = int(shape[0]), int(shape[1])
        if self.times_us.ndim != 1 or not len(self.times_us):
            raise ValueError(f"FrameWriter: need (N,) times of {name}, N at least 1, got {self.times_us.shape}")
        if np.any(np.diff(self.times_us) <= 0):
            raise ValueError(f"FrameWriter: times of {name} do not rise")
        self.name = name
        self._hash = _hash_of_times(self.times_us)
        self._files = self._opened(*frame_paths(store, name))

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Append a frame.

        Args:
            picture: ``(H, W)`` uint8.

        Raises:
            ValueError: another shape or type, or more frames than times.
        """
        if picture.shape != self.shape or picture.dtype != np.uint8 or self._npy.length == len(self.times_us):
            raise ValueError(f"FrameWriter: need {len(self.times_us)} frames {self.shape} uint8 of {self.name}, but "
                             f"frame {self._npy.length} came as {picture.shape} {picture.dtype}")
        self._npy.write(picture[None])
        self._hash.update(np.ascontiguousarray(picture).data)

    def digest(self) -> str:
        """``frames_digest`` of what was written so far, and all the times."""
        return self._hash.hexdigest()[:_DIGEST_LENGTH]

    @contextlib.contextmanager
    def _opened(self, pictures: Path, times: Path) -> Iterator[NpyWriter]:
        with atomic_path(pictures) as temporary, NpyWriter(temporary, np.uint8, self.shape) as npy:
            yield npy
            if npy.length != len(self.times_us):
                raise ValueError(f"FrameWriter: {npy.length} frames of {self.name} came, but {len(self.times_us)} "
                                 "times")
        with atomic_path(times) as temporary, open(temporary, "wb") as file:
            np.save(file, self.times_us, allow_pickle=False)

    def __enter__(self) -> FrameWriter:
        self._npy = self._files.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> bool | None:
        return self._files.__exit__(kind, error, trace)


def frames_digest(times_us: NDArray[np.int64], pictures: NDArray[np.uint8]) -> str:
    """A hash of frames and their times: kept as a clip's fact, it makes a store's digest follow its frames."""
    digest = _hash_of_times(times_us)
    for picture in pictures:
        digest.update(np.ascontiguousarray(picture).data)
    return digest.hexdigest()[:_DIGEST_LENGTH]


def has_frames(clip: Clip) -> bool:
    """Whether the clip's store keeps frames of it."""
    return all(path.is_file() for path in frame_paths(_store_of(clip), clip.name))


def clip_frames(clip: Clip) -> Frames:
    """The frames of a clip of a store.

    Raises:
        BadFileError: its store keeps none, or they are damaged.
    """
    pictures_path, times_path = frame_paths(_store_of(clip), clip.name)
    if not pictures_path.is_file():
        raise BadFileError(f"{pictures_path}: the store keeps no frames of clip {clip.name}; "
                           "prepare it with frames (prepare synthetic: --frames)")
    try:
        pictures, times = map_npy(pictures_path), np.array(map_npy(times_path))
    except BROKEN as error:
        why = str(error).partition("\n")[0][:120]
        raise BadFileError(f"{pictures_path}: cannot be read ({why}); prepare the store again") from error
    whole = pictures.ndim == 3 and pictures.dtype == np.uint8 and times.shape == pictures.shape[:1] and len(times)
    if not whole or times.dtype != np.int64 or np.any(np.diff(times) <= 0):
        raise BadFileError(f"{pictures_path}: is not (N, H, W) bytes with N rising times in {times_path.name}; "
                           "prepare the store again")
    return Frames(times, pictures)


def _hash_of_times(times_us: NDArray[np.int64]) -> hashlib._Hash:
    return hashlib.sha256(np.ascontiguousarray(times_us, np.int64).tobytes())


def _store_of(clip: Clip) -> Path:
    """Recordings of a store lie in ``STORE/events/NAME``."""
    return clip.path.parent.parent
