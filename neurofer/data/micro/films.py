"""The film of one expression: its numbered images from the disk, aligned by the onset frame, on a clock of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import Box
from neurofer.data.micro.align import Landmarks, aligned
from neurofer.data.micro.faces import Alignment, found_alignment, given_alignment
from neurofer.data.micro.frames_on_disk import frame_files, missing_frames
from neurofer.data.micro.record import MicroRecord
from neurofer.data.preparing import Problem
from neurofer.errors import UsageError
from neurofer.simulate.video import read_grey

SLOW_FPS = 60.0
"""Below, frames are interpolated for the events."""

LONGEST_SLOW_FRAMES = 1000
"""Longest slow expression; interpolated at 128 x 128 pixels it takes 1 GB. The longest of CAS(ME)3 has 730 frames."""

_SEARCHED_FRAMES = 5


class Film(NamedTuple):
    """The aligned frames of a clip.

    Attributes:
        numbers: ``(N,)`` of the data set.
        times_us: ``(N,)``, the first at 0.
        pictures: ``(N, size, size)`` uint8.
        alignment: How they were brought there.
    """

    numbers: NDArray[np.int64]
    times_us: NDArray[np.int64]
    pictures: NDArray[np.uint8]
    alignment: Alignment


def read_film(root: Path, record: MicroRecord, size_px: int, margin_ms: float, landmarks: Landmarks | None = None,
              box: Box | None = None, whole: bool = False) -> Film | Problem:
    """The aligned frames of one clip, or why there are none.

    Args:
        root: Root of the data set.
        record: The expression.
        size_px: Side of the crop.
        margin_ms: How much to take before the onset and after the offset, where there are frames.
        landmarks: The user's eyes.
        box: The user's face box.
        whole: The pictures show a cropped face; see ``neurofer.data.micro.faces`` for what is done without the three.

    Raises:
        BadFileError: an image cannot be read.
    """
    problem = _unusable(record, root)
    if problem is not None:
        return problem
    files = frame_files(root / record.folder)
    numbers = kept_numbers(record, files, margin_ms)
    onset = read_grey(files[record.onset_frame])
    where, who = str(files[record.onset_frame]), f"{record.subject} {record.clip}"
    try:
        alignment = given_alignment((onset.shape[1], onset.shape[0]), size_px, landmarks, box, whole)
    except UsageError as error:
        return Problem(where, f"{error} ({who})")
    alignment = alignment or found_alignment(_searched(record, files), size_px)
    if alignment is None:
        return Problem(where, f"shows no face that the detector finds, nor do other frames of {who}; give "
                              "--landmarks or --boxes, or --whole if the pictures are cropped to the face")
    pictures = np.empty((len(numbers), size_px, size_px), np.uint8)
    for place, number in enumerate(numbers):
        frame = read_grey(files[number])
        if frame.shape != onset.shape:
            return Problem(str(files[number]), f"has {frame.shape[1]}x{frame.shape[0]} pixels, the onset frame of "
                                               f"{who} {onset.shape[1]}x{onset.shape[0]}")
        pictures[place] = aligned(frame, alignment.similarity, size_px)
    return Film(np.arange(numbers.start, numbers.stop), frame_times(len(numbers), record.fps), pictures, alignment)


def kept_numbers(record: MicroRecord, there: Mapping[int, Any], margin_ms: float) -> range:
    """Frames from onset to offset, and as many around them as the margin asks for and are there without a gap.

    Args:
        record: The expression.
        there: Frames on the disk, by number.
        margin_ms: How far to go on each side.
    """
    most = int(margin_ms * record.fps / 1000)
    first, last = record.onset_frame, record.offset_frame
    while first - 1 in there and record.onset_frame - first < most:
        first -= 1
    while last + 1 in there and last - record.offset_frame < most:
        last += 1
    return range(first, last + 1)


def frame_times(count: int, fps: float) -> NDArray[np.int64]:
    """Times of frames in microseconds, the first at 0.

    Example:
        >>> frame_times(4, 30.0).tolist()
        [0, 33333, 66667, 100000]
    """
    return np.rint(np.arange(count) * 1e6 / fps).astype(np.int64)


def _unusable(record: MicroRecord, root: Path) -> Problem | None:
    if record.fps < SLOW_FPS and record.frames > LONGEST_SLOW_FRAMES:
        return Problem(record.where, f"{record.subject} {record.clip} is {record.frames} frames long; at "
                                     f"{record.fps:g} frames a second an expression has {LONGEST_SLOW_FRAMES} at most")
    return missing_frames(record, root)


def _searched(record: MicroRecord, files: Mapping[int, Path]) -> Iterator[NDArray[np.uint8]]:
    """Frames to look for the face in, the onset first; read as they are asked for."""
    spread = np.linspace(record.onset_frame, record.offset_frame, _SEARCHED_FRAMES).astype(int).tolist()
    for number in dict.fromkeys(spread):
        yield read_grey(files[number])
