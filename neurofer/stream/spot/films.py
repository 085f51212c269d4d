"""Videos and folders of images as aligned footage: on a regular clock, the face followed, in constant memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurofer.data.long.tracking import FaceTracker
from neurofer.errors import BadFileError
from neurofer.simulate.video import FrameSource, open_frames
from neurofer.stream.micro.films import FaceHint
from neurofer.stream.spot.clock import RegularClock, film_fps, one_frame
from neurofer.stream.spot.footage import Block, Footage, in_blocks

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class FilmOptions:
    """How films are read.

    Attributes:
        size_px: Side of the aligned face.
        fps: Frames a second, for folders of images, and for videos that say it wrongly.
        hint: The user's face; nothing has it looked for.
        realign_s: Look for the face again so often; 0 lets the first look hold for all of the film.
    """

    size_px: int
    fps: float | None = None
    hint: FaceHint = FaceHint()
    realign_s: float = 0.0


def film_footage(path: Path, name: str, options: FilmOptions) -> Footage:
    """The aligned face of a film.

    Args:
        path: Video, or folder of images.
        name: Of the video in tables.
        options: How to read it.

    Raises:
        UsageError: a wrong frame rate, box or eyes.
        BadFileError: nothing there that can be read, or one frame. While blocks are read: a frame that cannot be read,
            by its number, or a film that stands still for too long.
        NeuroferError: while blocks are read: no face.
    """
    source = open_frames(path, options.fps)
    fps, doubt = film_fps(source)
    if source.images and source.frames < 2:
        raise one_frame(str(path))
    readings: list[_Reading] = []

    def blocks() -> Iterator[Block]:
        readings.append(_Reading(source, fps, options))
        return in_blocks(readings[-1].pictures())

    def notes() -> list[str]:
        return [line for line in (doubt, *(readings[-1].notes() if readings else ())) if line]

    return Footage(name, str(path), fps, source.frames, blocks, notes)


def numbered(source: FrameSource) -> Iterator[tuple[Grey, int]]:
    """``(frame, t_us)`` of a film; an error about an image says which frame it is.

    Raises:
        BadFileError: one that cannot be read.
    """
    number = -1
    try:
        for number, timed in enumerate(source):  # noqa: B007  the number is for the error
            yield timed
    except BadFileError as error:
        if not source.images:
            raise
        raise BadFileError(f"{error}; it is frame {number + 1} of {source.frames}, counted from 0") from error


class _Reading:
    """One way through a film."""

    def __init__(self, source: FrameSource, fps: float, options: FilmOptions) -> None:
        self._source, self._fps = source, fps
        self._clock = RegularClock(fps, str(source.path))
        self._tracker = FaceTracker(options.size_px, options.hint, options.realign_s, str(source.path))
        self._waiting: deque[tuple[int, int]] = deque()  # numbers and times of frames that are being aligned

    def pictures(self) -> Iterator[tuple[Grey, int, int]]:
        """Aligned pictures with the film's own numbers and times of them."""
        for picture in self._tracker(self._frames(), self._fps):
            yield picture, *self._waiting.popleft()

    def notes(self) -> list[str]:
        """What became of the face and of the times."""
        tracker = self._tracker
        face = f"face by {tracker.by}"
        if tracker.looks > 1:
            face += f", looked for in {tracker.looks} frames, {tracker.without_face} of them without"
        return [face, self._clock.told()]

    def _frames(self) -> Iterator[Grey]:
        for tick in self._clock(numbered(self._source)):
            self._waiting.append((tick.number, tick.t_us))
            yield tick.frame
