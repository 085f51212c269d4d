"""Grey frames kept beside the events of a clip: what a reconstruction is compared with."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import Clip
from neurofer.errors import BadFileError
from neurofer.events.npy import BROKEN
from neurofer.files import atomic_path

FrameAt = Literal["start", "middle", "end"]
"""Which frame of a window is taken: the one nearest to its start, middle or end."""


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
    times_us = np.asarray(times_us, np.int64)
    if pictures.ndim != 3 or pictures.dtype != np.uint8 or times_us.shape != pictures.shape[:1] or not len(times_us):
        raise ValueError(f"write_frames: need (N,) times and (N, H, W) uint8 pictures, got {times_us.shape} and "
                         f"{pictures.shape} {pictures.dtype}")
    if np.any(np.diff(times_us) <= 0):
        raise ValueError(f"write_frames: times of {name} do not rise")
    arrays: tuple[NDArray[Any], ...] = (pictures, times_us)
    for path, array in zip(frame_paths(store, name), arrays, strict=True):
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.save(file, array, allow_pickle=False)


def frames_digest(times_us: NDArray[np.int64], pictures: NDArray[np.uint8]) -> str:
    """A hash of frames and their times: kept as a clip's fact, it makes a store's digest follow its frames."""
    digest = hashlib.sha256(np.ascontiguousarray(times_us, np.int64).tobytes())
    for picture in pictures:
        digest.update(np.ascontiguousarray(picture).data)
    return digest.hexdigest()[:16]


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
        pictures = np.load(pictures_path, mmap_mode="r", allow_pickle=False)
        times = np.load(times_path, allow_pickle=False)
    except BROKEN as error:
        why = str(error).partition("\n")[0][:120]
        raise BadFileError(f"{pictures_path}: cannot be read ({why}); prepare the store again") from error
    whole = pictures.ndim == 3 and pictures.dtype == np.uint8 and times.shape == pictures.shape[:1] and len(times)
    if not whole or times.dtype != np.int64 or np.any(np.diff(times) <= 0):
        raise BadFileError(f"{pictures_path}: is not (N, H, W) bytes with N rising times in {times_path.name}; "
                           "prepare the store again")
    return Frames(times, pictures)


def _store_of(clip: Clip) -> Path:
    """Recordings of a store lie in ``STORE/events/NAME``."""
    return clip.path.parent.parent
