"""The frames of a long video from its folder of images: all of them, in order, one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurofer.data.micro.frames_on_disk import frame_files, gaps_problem
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError
from neurofer.simulate.video import read_grey


def video_files(folder: Path, name: str) -> dict[int, Path] | Problem:
    """The image files of a video by their numbers, without a gap; or why there are none.

    Args:
        folder: Where they lie.
        name: Of the video.

    Raises:
        BadFileError: the folder cannot be read, or two files have one number.
    """
    if not folder.is_dir():
        return Problem(str(folder), f"is missing, the frames of {name}")
    files = frame_files(folder)
    if not files:
        return Problem(str(folder), f"holds no numbered image, so no frame of {name}")
    first, last = min(files), max(files)
    return gaps_problem(folder, first, last, files, name) or files


def read_frames(files: Mapping[int, Path], name: str) -> Iterator[NDArray[np.uint8]]:
    """The frames of a video as they are asked for.

    Args:
        files: From ``video_files``.
        name: Of the video.

    Yields:
        ``(H, W)`` uint8, all of one size.

    Raises:
        BadFileError: an image cannot be read, or has another size; names file and number.
    """
    shape: tuple[int, ...] = ()
    for number, path in files.items():
        try:
            frame = read_grey(path)
        except BadFileError as error:
            raise BadFileError(f"{error} (frame {number} of {name})") from error
        shape = shape or frame.shape
        if frame.shape != shape:
            raise BadFileError(f"{path}: has {frame.shape[1]}x{frame.shape[0]} pixels, the frames of {name} before "
                               f"frame {number} {shape[1]}x{shape[0]}")
        yield frame
