"""Grey frames with times from a video file or a folder of images, one at a time."""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import BadFileError, UsageError

IMAGES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
_FASTEST_FPS = 1e6
_MOST_PIXELS = 1 << 27

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class FrameSource:
    """Frames of one video or folder.

    Attributes:
        path: The video or the folder.
        size: ``(width, height)`` of the frames it gives.
        fps: Frames per second.
        frames: How many there are; for some videos an estimate, 0 when unknown.
        images: The image files in order; empty for a video.
        timed: Use the video's own time stamps rather than ``fps``.
    """

    path: Path
    size: tuple[int, int]
    fps: float
    frames: int
    images: tuple[Path, ...] = ()
    timed: bool = False

    def __iter__(self) -> Iterator[tuple[Grey, int]]:
        """``(frame, t_us)``: ``(H, W)`` uint8 as stored, the first at 0 us, times strictly rising.

        Raises:
            BadFileError: an image that cannot be read or has another size, or a video that breaks off.
        """
        return self._from_images() if self.images else self._from_video()

    def _from_images(self) -> Iterator[tuple[Grey, int]]:
        native = None
        for number, path in enumerate(self.images):
            frame = read_grey(path)
            native = native or (frame.shape, path)
            if frame.shape != native[0]:
                (high, wide), (first_high, first_wide) = frame.shape, native[0]
                raise BadFileError(f"{path}: is {wide}x{high}, but {native[1].name} is {first_wide}x{first_high}; "
                                   "all frames of a folder must have one size")
            yield _to_size(frame, self.size), round(number * 1e6 / self.fps)

    def _from_video(self) -> Iterator[tuple[Grey, int]]:
        import cv2

        capture = _open_video(self.path)
        try:
            number, t_us, first_us = 0, -1, 0.0
            while True:
                good, frame = capture.read()
                if not good:
                    break
                now_us = number * 1e6 / self.fps
                if self.timed:
                    stamp_us = capture.get(cv2.CAP_PROP_POS_MSEC) * 1e3
                    first_us = stamp_us if number == 0 else first_us
                    steady = stamp_us - first_us > t_us
                    now_us = stamp_us - first_us if steady else t_us + 1e6 / self.fps
                t_us = max(t_us + 1, round(now_us))
                number += 1
                yield _to_size(_to_grey(frame), self.size), t_us
        finally:
            capture.release()
        if number < self.frames - max(2, self.frames // 50):
            raise BadFileError(f"{self.path}: breaks off after frame {number} of {self.frames}; "
                               "the file is damaged or was not copied whole")


def open_frames(path: Path | str, fps: float | None = None, size: tuple[int, int] | None = None) -> FrameSource:
    """The frames of a video file, or of a folder of images in natural order (``2.png`` before ``10.png``).

    Args:
        path: Video or folder.
        fps: Frames per second; needed for a folder, otherwise stronger than what the video says.
        size: Bring all frames to ``(width, height)``.

    Raises:
        UsageError: ``fps`` is missing or impossible.
        BadFileError: nothing there, not a video, or a folder with other files than images.
    """
    path = Path(path)
    if fps is not None and not (math.isfinite(fps) and 0 < fps <= _FASTEST_FPS):
        raise UsageError(f"--fps: need a number above 0, at most {_FASTEST_FPS:g}, got {fps}")
    if path.is_dir():
        images = _images(path)
        if fps is None:
            raise UsageError(f"{path}: a folder of images does not say its frame rate; give --fps")
        return FrameSource(path, size or _size(read_grey(images[0])), fps, len(images), images)
    if not path.exists():
        raise BadFileError(f"{path}: no such video or folder")
    return _video(path, fps, size)


def _video(path: Path, fps: float | None, size: tuple[int, int] | None) -> FrameSource:
    import cv2

    capture = _open_video(path)
    try:
        told = float(capture.get(cv2.CAP_PROP_FPS))
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        good, frame = capture.read()
    finally:
        capture.release()
    if not good:
        raise BadFileError(f"{path}: holds no frame that can be read; is it a video?")
    if fps is None and not (math.isfinite(told) and 0 < told <= _FASTEST_FPS):
        raise UsageError(f"{path}: says an impossible frame rate ({told}); give --fps")
    frames = int(count) if math.isfinite(count) and 0 < count < 1e9 else 0
    return FrameSource(path, size or _size(_to_grey(frame)), told if fps is None else fps, frames, timed=fps is None)


def _open_video(path: Path) -> Any:
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    try:
        if not path.stat().st_size:
            raise BadFileError(f"{path}: is empty")
        with open(path, "rb"):
            pass
        with _quiet():
            capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    except OSError as error:
        raise BadFileError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not capture.isOpened():
        capture.release()
        raise BadFileError(f"{path}: is not a video that can be read, or is damaged")
    return capture


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """OpenCV says nothing on standard error; what went wrong is told by our own error."""
    from cv2.utils import logging as opencv_log

    before = opencv_log.getLogLevel()
    opencv_log.setLogLevel(opencv_log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        opencv_log.setLogLevel(before)


def _images(folder: Path) -> tuple[Path, ...]:
    files = [path for path in folder.iterdir() if not path.name.startswith(".")]
    others = sorted(path.name for path in files if path.suffix.lower() not in IMAGES)
    images = sorted((path for path in files if path.suffix.lower() in IMAGES), key=lambda path: natural_key(path.name))
    if not images:
        held = f", only {others[0]}" if len(others) == 1 else f", only {len(others)} other files" if others else ""
        raise BadFileError(f"{folder}: holds no image{held} (need {' '.join(IMAGES)})")
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise BadFileError(f"{folder}: holds {others[0]}{more}, not an image; keep only the frames in the folder")
    return tuple(images)


def natural_key(name: str) -> tuple[tuple[int, int | str], ...]:
    """Sorting key that puts ``frame2`` before ``frame10``."""
    parts = re.split(r"(\d+)", name.lower())
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in parts)


def read_grey(path: Path) -> Grey:
    """An image file as ``(H, W)`` uint8 grey.

    Raises:
        BadFileError: it is missing, cut or damaged, or no image.
    """
    import cv2

    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise BadFileError(f"{path}: cannot be read ({error.strerror or error})") from error
    wide, high = _png_size(content[:24].tobytes())
    if wide * high > _MOST_PIXELS:
        raise BadFileError(f"{path}: says that it has {wide}x{high} pixels; need at most {_MOST_PIXELS >> 20} million")
    try:
        with _quiet():
            frame = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE) if len(content) else None
    except cv2.error:
        frame = None
    if frame is None:
        raise BadFileError(f"{path}: is not an image that can be read, or is damaged")
    return np.asarray(frame, np.uint8)


def _png_size(head: bytes) -> tuple[int, int]:
    """Width and height that the head of a PNG says, before anything of that size is made; zeros for anything else."""
    if len(head) < 24 or not head.startswith(b"\x89PNG"):
        return 0, 0
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def _to_grey(frame: NDArray[np.uint8]) -> Grey:
    import cv2

    if frame.ndim == 2:
        return frame
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8)


def _to_size(frame: Grey, size: tuple[int, int]) -> Grey:
    if _size(frame) == size:
        return frame
    import cv2

    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def _size(frame: Grey) -> tuple[int, int]:
    return frame.shape[1], frame.shape[0]
