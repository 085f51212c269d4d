"""Events as footage: how many of either sign came between frames, of a recording, a store or an aligned film."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurofer.data.boxes import FaceBox
from neurofer.data.clip import Box
from neurofer.data.micro.films import SLOW_FPS, frame_times
from neurofer.data.micro.preparing import SLOW_FACTOR
from neurofer.events.events import Events
from neurofer.events.open import open_recording
from neurofer.events.recording import Recording
from neurofer.keyframes.film_events import THRESHOLD, event_pieces
from neurofer.simulate.upsample import Picture, Upsampler
from neurofer.spotting.windows import FrameCounter, counted_frames
from neurofer.stream.faces import find_face, stretch
from neurofer.stream.micro.recordings import crop_events, eye_box
from neurofer.stream.spot.footage import Block, EventSource, Footage, in_blocks
from neurofer.stream.spot.tape import EventTape
from neurofer.stream.tables import Request

PIECE_US = 1_000_000
"""Of a recording, read at a time."""


@dataclass(frozen=True)
class RecordedFace:
    """The face of a recording, and which part of the recording is looked at.

    Attributes:
        path: The recording.
        request: How to open it.
        face: Where it was found or given.
        first_us: Start on the recording's own clock.
        stop_us: One past its last microsecond.
        origin_us: Time of the recording's first event.
        size_px: Side of the crop.
    """

    path: Path
    request: Request
    face: FaceBox
    first_us: int
    stop_us: int
    origin_us: int
    size_px: int

    @property
    def box(self) -> Box:
        """What the crop shows; of a face that was found in events, with its eyes where aligned faces have them."""
        return eye_box(self.face.box) if self.face.source == "events" else self.face.box

    def pieces(self) -> Iterator[Events]:
        """Events of the face, on a sensor of the crop's size, a second at a time."""
        with self._opened() as recording:
            for low_us in range(self.first_us, self.stop_us, PIECE_US):
                piece = recording.between(low_us, min(low_us + PIECE_US, self.stop_us))
                yield crop_events(piece, self.box, self.size_px)

    def between(self, low_us: int, high_us: int) -> Events:
        """Those with ``low_us <= t < high_us``, within the part that is looked at."""
        with self._opened() as recording:
            part = recording.between(max(low_us, self.first_us), min(high_us, self.stop_us))
        return crop_events(part, self.box, self.size_px)

    def times_us(self, fps: float) -> NDArray[np.int64]:
        """``(N,)`` times of frames at this rate, the first at the start, the last at the end or behind it."""
        return frame_times(math.ceil((self.stop_us - self.first_us) * fps / 1e6) + 1, fps) + self.first_us

    def _opened(self) -> Recording:
        return open_recording(self.path, sensor=self.request.sensor, mode=self.request.mode)


def recorded_face(path: Path, request: Request, size_px: int) -> RecordedFace:
    """The face of a recording; the head is not followed.

    Raises:
        UsageError: an empty stretch, or a box outside of the sensor.
        NeuroferError: no events.
        BadFileError: it cannot be read.
    """
    with open_recording(path, sensor=request.sensor, mode=request.mode) as recording:
        first_us, stop_us = stretch(recording, request.start_us, request.stop_us)
        face = find_face(recording, request.box, request.start_us, request.stop_us)
        return RecordedFace(path, request, face, first_us, stop_us, recording.start_us, size_px)


def recording_footage(face: RecordedFace, name: str, fps: float, cells_px: int) -> Footage:
    """The face of a recording as numbers of events a frame, of ``fps`` frames a second.

    Args:
        face: Where to look.
        name: Of the video in tables.
        fps: Of the run.
        cells_px: Side of the counts, at most that of the crop.
    """
    times_us = face.times_us(fps)
    counter = FrameCounter(times_us, cells_px, (face.size_px, face.size_px))
    told = f"face box {','.join(map(str, face.face.box))} ({face.face.source})"
    return Footage(name, str(face.path), fps, len(times_us), lambda: counted_blocks(face.pieces, counter),
                   lambda: [told], face.origin_us, EventSource(face.between, lambda frames: times_us, face.size_px))


def stored_counts(events: Path, name: str, times_us: NDArray[np.int64], fps: float, size_px: int,
                  cells_px: int) -> Footage:
    """A video of a store by its events, which are those of an aligned face already.

    Args:
        events: The recording.
        name: Of the video in tables.
        times_us: ``(N,)`` of its frames.
        fps: Frames a second.
        size_px: Side of the sensor.
        cells_px: Side of the counts, at most that of the sensor.
    """
    def pieces() -> Iterator[Events]:
        with open_recording(events) as recording:
            for low_us in range(int(times_us[0]), int(times_us[-1]) + 1, PIECE_US):
                yield recording.between(low_us, low_us + PIECE_US)

    def between(low_us: int, high_us: int) -> Events:
        with open_recording(events) as recording:
            return recording.between(low_us, high_us)

    counter = FrameCounter(times_us, cells_px, (size_px, size_px))
    return Footage(name, str(events), fps, len(times_us), lambda: counted_blocks(pieces, counter),
                   origin_us=int(times_us[0]), events=EventSource(between, lambda frames: times_us, size_px))


def counted_blocks(pieces: Callable[[], Iterable[Events]], counter: FrameCounter) -> Iterator[Block]:
    """Numbers of events of all the counter's frames."""
    number = 0
    for counts in counted_frames(pieces(), counter):
        if len(counts):
            numbers = np.arange(number, number + len(counts), dtype=np.int64)
            yield Block(counts, numbers, counter.times_us[numbers])
            number += len(counts)


def film_counts_footage(film: Footage, size_px: int, cells_px: int, threshold: float = THRESHOLD) -> Footage:
    """An aligned film as numbers of the events that a store would hold of it; a slow film is blended to more frames.

    Args:
        film: Pictures of ``size_px`` to the side.
        size_px: Their side.
        cells_px: Side of the counts, at most that of the pictures.
        threshold: Change of the logarithm of light that makes an event.
    """
    factor = SLOW_FACTOR if film.fps < SLOW_FPS else 1
    tapes: list[EventTape] = []

    def blocks() -> Iterator[Block]:
        tapes[:] = [EventTape((size_px, size_px))]
        pictures = ((picture, int(number), int(t_us)) for block in film.blocks()
                    for picture, number, t_us in zip(*block, strict=True))
        return in_blocks(film_counts(pictures, film.fps, size_px, cells_px, factor, threshold, tapes[0].add))

    def notes() -> list[str]:
        more = f", blended to {factor} times as many" if factor > 1 else ""
        return [*film.notes(), f"events made of {film.fps:.4g} frames a second{more}"]

    source = EventSource(lambda low_us, high_us: tapes[0].between(low_us, high_us),
                         lambda frames: frame_times(frames, film.fps), size_px)
    return replace(film, blocks=blocks, notes=notes, events=source)


def film_counts(frames: Iterable[tuple[NDArray[np.uint8], int, int]], fps: float, size_px: int, cells_px: int,
                factor: int, threshold: float = THRESHOLD, keep: Callable[[Events], None] = lambda piece: None,
                ) -> Iterator[tuple[NDArray[np.uint16], int, int]]:
    """Numbers of OFF and ON events between frames of an aligned film, ``(2, cells, cells)`` for each, 0 for the first.

    Args:
        frames: ``(picture, number, t_us)``; they are taken to be ``1 / fps`` apart, whatever their times.
        fps: Frames a second.
        size_px: Side of the pictures.
        cells_px: Side of the counts.
        factor: Steps for each frame.
        threshold: Change of the logarithm of light that makes an event.
        keep: Is given the events, piece by piece.
    """
    given: deque[tuple[int, int, int]] = deque()  # of the frames on the way: number, own time, time on the clock
    reached_us = 0

    def clocked() -> Iterator[tuple[Picture, int]]:
        for place, (picture, number, t_us) in enumerate(frames):
            given.append((number, t_us, round(place * 1e6 / fps)))
            yield picture, given[-1][2]

    def steps() -> Iterator[tuple[Picture, int]]:
        nonlocal reached_us
        for picture, at_us in Upsampler(factor=factor)(clocked()):
            reached_us = at_us
            yield picture, at_us

    counts = np.zeros((2, cells_px, cells_px), np.uint16)
    for piece in event_pieces(steps(), (size_px, size_px), threshold):
        keep(piece)
        np.add.at(counts, (piece.p.astype(np.int64), piece.y.astype(np.int64) * cells_px // size_px,
                           piece.x.astype(np.int64) * cells_px // size_px), 1)
        if reached_us == given[0][2]:
            number, t_us, _ = given.popleft()
            yield counts, number, t_us
            counts = np.zeros_like(counts)
