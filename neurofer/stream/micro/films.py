"""Films read for a decision: a video or a folder of images, its face aligned by one frame for all of them."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import Box
from neurofer.data.micro.align import Landmarks, aligned
from neurofer.data.micro.faces import Alignment, found_alignment, given_alignment
from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.keyframes.film_events import THRESHOLD
from neurofer.simulate.video import FrameSource, open_frames
from neurofer.stream.micro.clips import MOST_FRAMES, FaceClip, events_of_film
from neurofer.stream.micro.given import Given

MARGIN_MS = 300.0
"""Kept on both sides of a given expression, as in a store."""

_LOOKS = 5
"""Frames that are searched for a face."""


class FaceHint(NamedTuple):
    """What the user says about the face; nothing has it looked for.

    Attributes:
        eyes: Centres of both.
        box: Around the face.
        whole: The pictures are aligned faces already.
    """

    eyes: Landmarks | None = None
    box: Box | None = None
    whole: bool = False


@dataclass(frozen=True)
class FilmReader:
    """How films become aligned faces.

    Attributes:
        size_px: Side of the aligned face.
        fps: Frames a second, for folders of images.
        hint: The user's face.
        threshold: Change of the logarithm of light that makes an event.
        given: The user's moments; only the frames around them are kept.
    """

    size_px: int
    fps: float | None = None
    hint: FaceHint = FaceHint()
    threshold: float = THRESHOLD
    given: Given | None = None

    def read(self, path: Path, onset_frame: int = 0) -> FaceClip:
        """The aligned face of a film.

        Args:
            path: Video, or folder of images.
            onset_frame: The face is looked for in this frame first.

        Raises:
            UsageError: a wrong frame rate, box, eyes or moment.
            BadFileError: nothing that can be read, or fewer than two frames.
            NeuroferError: no face, or too many frames.
        """
        source = open_frames(path, self.fps)
        if self.given is None:
            _require_length(path, source.frames)
        alignment = given_alignment(source.size, self.size_px, *self.hint)
        if alignment is None:
            alignment = self._search(source, onset_frame)
        pictures, times_us, first = self._kept(source, alignment)
        events = functools.partial(events_of_film, str(path), pictures, times_us, self.threshold)
        return FaceClip(str(path), times_us, pictures, first, 0, alignment.by, events)

    def _search(self, source: FrameSource, onset_frame: int) -> Alignment:
        """By the first of a few frames from the onset on that shows a face."""
        last = max(onset_frame, source.frames - 1)
        if self.given is not None and not self.given.offset.in_ms:
            last = max(onset_frame, min(last, int(self.given.offset.value)))
        wanted = np.unique(np.linspace(onset_frame, last, _LOOKS).astype(np.int64)).tolist()
        frames = (frame for number, (frame, _) in enumerate(source) if number in wanted)
        found = found_alignment(itertools.islice(frames, len(wanted)), self.size_px)
        if found is None:
            raise NeuroferError(f"{source.path}: shows no face that the detector finds in frames "
                                f"{', '.join(map(str, wanted))}; give --eyes or --box, or --whole if the pictures are "
                                "cropped to the face")
        return found

    def _kept(self, source: FrameSource, alignment: Alignment) -> tuple[NDArray[np.uint8], NDArray[np.int64], int]:
        """Aligned frames, their times, and the number of the first."""
        pictures: list[NDArray[np.uint8]] = []
        times: list[int] = []
        first, number, t_us = 0, -1, 0
        for number, (frame, t_us) in self._around(source):
            first = number - len(pictures)
            pictures.append(aligned(frame, alignment.similarity, self.size_px))
            times.append(t_us)
            _require_length(source.path, len(pictures))
        if not pictures and self.given is not None:
            raise UsageError(f"{source.path}: --onset {self.given.onset} lies behind its end")
        if len(pictures) < 2:
            raise BadFileError(f"{source.path}: holds one frame, need at least 2 to see a motion")
        return np.stack(pictures), np.array(times, np.int64), first

    def _around(self, source: FrameSource) -> Iterator[tuple[int, tuple[NDArray[np.uint8], int]]]:
        """Frames with their numbers; of given moments, only those from a little before to a little after."""
        if self.given is None:
            yield from enumerate(source)
            return
        onset, _, offset = self.given
        margin = MARGIN_MS if onset.in_ms else int(MARGIN_MS * source.fps / 1000)
        for number, (frame, t_us) in enumerate(source):
            at = t_us / 1e3 if onset.in_ms else number
            if at > offset.value + margin:
                return
            if at >= onset.value - margin:
                yield number, (frame, t_us)


def _require_length(path: Path, frames: int) -> None:
    if frames > MOST_FRAMES:
        raise NeuroferError(f"{path}: holds more than {MOST_FRAMES:,} frames, need a film of one expression; find the "
                            "expressions in it first ('neurofer spot'), and cut it or give --onset and --offset")
