"""The aligned face around each of several moments of one film, in one pass and in constant memory."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from neurofer.data.micro.align import aligned
from neurofer.data.micro.faces import Alignment, found_alignment
from neurofer.errors import NeuroferError
from neurofer.stream.micro.clips import FaceClip, events_of_film

LOOKS = 5
"""Frames of an expression that are searched for a face, from the onset on."""

Grey = NDArray[np.uint8]
Numbered = tuple[Grey, int, int]
"""A frame, its number in the film, its time in microseconds."""


def clips_around(name: str, frames: Iterable[Numbered], spans: Sequence[tuple[int, int]], margin: int, size_px: int,
                 given: Alignment | None) -> Iterator[tuple[int, FaceClip | NeuroferError]]:
    """Each span of a film as an aligned face, or why there is none.

    As for training, the face is aligned by the onset frame, or by a later one of the span where that shows none.

    Args:
        name: Of the film, for errors.
        frames: All of it, in order.
        spans: ``(first, last)`` frames; they may overlap.
        margin: Frames that are kept on both sides.
        size_px: Side of the aligned face.
        given: The alignment that the user says; None has the face looked for.

    Yields:
        Place among the spans, and its clip; in the order in which they end.
    """
    waiting = deque(sorted(range(len(spans)), key=lambda place: spans[place]))
    open_spans: list[tuple[int, _Gathering]] = []
    for frame, number, t_us in frames:
        while waiting and number >= spans[waiting[0]][0] - margin:
            place = waiting.popleft()
            open_spans.append((place, _Gathering(name, spans[place], size_px, given)))
        ended = []
        for place, one in open_spans:
            one.take(frame, number, t_us)
            if number >= spans[place][1] + margin:
                ended.append((place, one))
        for place, one in ended:
            open_spans.remove((place, one))
            yield place, one.clip()
        if not waiting and not open_spans:
            return
    for place, one in open_spans:
        yield place, one.clip()


class _Gathering:
    """Frames around one span; they wait as they are until the face has been found."""

    def __init__(self, name: str, span: tuple[int, int], size_px: int, given: Alignment | None) -> None:
        self._name, self._span, self._size_px, self._alignment = name, span, size_px, given
        self._looks = set(np.unique(np.linspace(*span, LOOKS).astype(np.int64)).tolist())
        self._raw: list[Grey] = []
        self._pictures: list[Grey] = []
        self._times: list[int] = []
        self._first = -1

    def take(self, frame: Grey, number: int, t_us: int) -> None:
        """The next frame of the span or its margins."""
        if not self._times:
            self._first = number
        self._times.append(t_us)
        self._raw.append(frame)
        if self._alignment is None and number in self._looks:
            self._alignment = found_alignment([frame], self._size_px)
        if self._alignment is not None:
            self._pictures += [aligned(one, self._alignment.similarity, self._size_px) for one in self._raw]
            self._raw.clear()

    def clip(self) -> FaceClip | NeuroferError:
        """What was gathered."""
        if self._alignment is None:
            return NeuroferError(f"{self._name}: shows no face that the detector finds in frames {self._span[0]} to "
                                 f"{self._span[1]}; give --eyes or --box")
        pictures, times_us = np.stack(self._pictures), np.array(self._times, np.int64)
        if len(pictures) < 2:
            return NeuroferError(f"{self._name}: one frame is all there is around frame {self._span[0]}")
        return FaceClip(self._name, times_us, pictures, self._first, 0, self._alignment.by,
                        functools.partial(events_of_film, self._name, pictures, times_us))
