"""How many events of either sign came between frames: what the event spotter sees of a moment, whole or as a stream.

A long recording is counted once, frame by frame; running sums of the counts then give any window by one subtraction.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.events.events import Events
from neurofer.represent.scatter import columns

FRAMES_AT_ONCE = 128
"""Frames of which ``counted_frames`` holds the counts; 6 MB at 112 x 112 cells."""

CHANNELS = ("OFF before", "ON before", "OFF after", "ON after")
"""Of ``window_sums``."""

_LOG = logging.getLogger(__name__)


def frame_counts(events: Events, times_us: NDArray[np.int64], size_px: int,
                 out: NDArray[np.uint16] | None = None) -> NDArray[np.uint16]:
    """How many OFF and ON events each cell had since the frame before.

    Row n counts events with ``times_us[n - 1] < t <= times_us[n]``; row 0 goes back as far as row 1, or to the first
    event where there is no row 1. Pixel x belongs to column ``x * size_px // width``. A counter that is full, at
    65,535, stays so, and a warning says how many events that lost.

    Args:
        events: Of the whole recording, or of a part; what lies before or behind the frames is left out.
        times_us: ``(N,)``, rising; N at least 1.
        size_px: Cells in a row and in a column, S.
        out: Where to put the result, such as a memory-mapped array.

    Returns:
        ``(N, 2, S, S)`` uint16, OFF first.

    Raises:
        ValueError: times that do not rise, no cells or more than pixels, or an ``out`` of another form.
    """
    counter = FrameCounter(times_us, size_px, events.sensor)
    counts = _place("frame_counts", out, (len(times_us), *counter.shape))
    _warn(counter._add(events, 0, counts))
    return counts


def running_sums(counts: NDArray[np.uint16], out: NDArray[np.uint16] | None = None) -> NDArray[np.uint16]:
    """Counts summed over the frames before each, modulo 65,536.

    ``sums[b] - sums[a]``, in uint16, are the events of rows a to b - 1, exact where these are fewer than 65,536,
    however often the sums have run over.

    Example:
        >>> running_sums(np.array([[2], [3], [65_535]], np.uint16)).ravel().tolist()
        [0, 2, 5, 4]

    Args:
        counts: ``(N, ...)`` of ``frame_counts``; read row by row, so it may be memory-mapped.
        out: Where to put the result, such as a memory-mapped array.

    Returns:
        ``(N + 1, ...)`` uint16.

    Raises:
        ValueError: an ``out`` of another form.
    """
    sums = _place("running_sums", out, (len(counts) + 1, *counts.shape[1:]))
    for number in range(len(counts)):
        np.add(sums[number], counts[number], out=sums[number + 1])
    return sums


def event_sums(pieces: Iterable[Events], times_us: NDArray[np.int64], size_px: int, sensor: tuple[int, int],
               out: NDArray[np.uint16] | None = None) -> NDArray[np.uint16]:
    """``running_sums`` of ``frame_counts``, from consecutive pieces and without ever holding the counts.

    Args:
        pieces: The recording, cut anywhere.
        times_us: See ``frame_counts``.
        size_px: See there.
        sensor: ``(width, height)`` of the events.
        out: ``(N + 1, 2, S, S)`` uint16.

    Returns:
        ``(N + 1, 2, S, S)`` uint16.

    Raises:
        ValueError: see ``frame_counts`` and ``FrameCounter.take``.
    """
    sums = _place("event_sums", out, (len(times_us) + 1, 2, size_px, size_px))
    number = 0
    for block in counted_frames(pieces, FrameCounter(times_us, size_px, sensor)):
        for counts in block:
            np.add(sums[number], counts, out=sums[number + 1])
            number += 1
    return sums


def window_sums(sums: NDArray[np.uint16], numbers: NDArray[np.integer], skip_frames: int) -> NDArray[np.float32]:
    """Events of the windows before and after frames: ``(t - k, t]`` and ``(t, t + k]``.

    Where ``t - k`` or ``t + k`` lies outside the video, the window ends at its first or last frame.

    Args:
        sums: ``(N + 1, 2, S, S)`` of ``running_sums``; fewer than 65,536 events a cell and window.
        numbers: ``(B,)`` frames t, 0 to N - 1.
        skip_frames: k, at least 1.

    Returns:
        ``(B, 4, S, S)`` float32, see ``CHANNELS``.

    Raises:
        ValueError: a frame outside the video, or k < 1.
    """
    last, frames = len(sums) - 2, np.asarray(numbers, np.int64)
    if skip_frames < 1 or frames.ndim != 1 or (frames.size and not 0 <= frames.min() <= frames.max() <= last):
        raise ValueError(f"window_sums: need frames of 0..{last} and a skip of at least 1, got "
                         f"{frames.tolist()[:5]} and {skip_frames}")
    windows = np.empty((len(frames), 4, *sums.shape[2:]), np.float32)
    for window, frame in zip(windows, frames.tolist(), strict=True):
        begin, middle, end = (sums[edge + 1] for edge in (max(frame - skip_frames, 0), frame,
                                                          min(frame + skip_frames, last)))
        window[:2], window[2:] = middle - begin, end - middle
    return windows


class CounterState(NamedTuple):
    """Where a stream has got to.

    Attributes:
        frame: Number of the frame that is being counted; N at the end.
        counts: ``(2, S, S)`` uint16, its events so far.
        latest_us: No event before this can come.
        lost: Events that full counters did not take, from the start on.
    """

    frame: int
    counts: NDArray[np.uint16]
    latest_us: int
    lost: int


@dataclass(frozen=True, eq=False)
class FrameCounter:
    """``frame_counts`` of a stream; whatever the pieces, the counts are the same.

    Attributes:
        times_us: ``(N,)``, rising.
        size_px: Cells in a row and in a column, S.
        sensor: ``(width, height)`` of the events.

    Raises:
        ValueError: see ``frame_counts``.
    """

    times_us: NDArray[np.int64]
    size_px: int
    sensor: tuple[int, int]

    def __post_init__(self) -> None:
        times = np.asarray(self.times_us)
        if times.ndim != 1 or not times.size or times.dtype.kind not in "iu" or (np.diff(times) <= 0).any():
            raise ValueError("FrameCounter: need rising times of frames in whole microseconds, at least one")
        if not 1 <= self.size_px <= min(self.sensor):
            raise ValueError(f"FrameCounter: need 1..{min(self.sensor)} cells on a side, got {self.size_px}")
        object.__setattr__(self, "times_us", np.ascontiguousarray(times, np.int64))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one frame's counts."""
        return 2, self.size_px, self.size_px

    @property
    def start_us(self) -> int:
        """Events at this time or before belong to no frame."""
        times = self.times_us
        return int(2 * times[0] - times[1]) if len(times) > 1 else int(np.iinfo(np.int64).min)

    def take(self, events: Events, state: CounterState | None = None,
             until_us: int | None = None) -> tuple[NDArray[np.uint16], CounterState]:
        """Count the next piece.

        Args:
            events: The piece.
            state: What the piece before left; None at the start. It is not changed.
            until_us: All events before this time have been given, where that is known; it ends frames of quiet streams.

        Returns:
            ``(M, 2, S, S)`` uint16, the frames that have ended, in order and none twice; and the state.

        Raises:
            ValueError: the piece starts before the one before it ended, or is of another sensor.
        """
        state = state or CounterState(0, np.zeros(self.shape, np.uint16), int(np.iinfo(np.int64).min), 0)
        if len(events) and (events.sensor != self.sensor or events.start_us < state.latest_us):
            raise ValueError(f"FrameCounter: a piece of sensor {events.sensor} that starts at {events.start_us} us "
                             f"came after {state.latest_us} us; need consecutive pieces of {self.sensor}")
        latest_us = max(state.latest_us, events.end_us if len(events) else state.latest_us,
                        state.latest_us if until_us is None else until_us)
        stop = max(int(np.searchsorted(self.times_us, latest_us)), state.frame)
        counts = np.zeros((stop - state.frame + 1, *self.shape), np.uint16)
        counts[0] = state.counts
        lost = self._add(events, state.frame, counts[: len(self.times_us) - state.frame])
        return counts[:-1], CounterState(stop, counts[-1].copy(), latest_us, state.lost + lost)

    def finish(self, state: CounterState | None) -> NDArray[np.uint16]:
        """Counts of all frames that are left, ``(M, 2, S, S)`` uint16, when the stream has ended."""
        return self.take(Events.empty(self.sensor), state, int(self.times_us[-1]) + 1)[0]

    def _add(self, events: Events, first: int, counts: NDArray[np.uint16]) -> int:
        """Count events into the rows of the frames from ``first`` on; how many found their counter full."""
        t, x, y, p = columns(events.between(self.start_us + 1, int(self.times_us[-1]) + 1))
        width, height = self.sensor
        column, row = np.arange(width) * self.size_px // width, np.arange(height) * self.size_px // height
        return int(_count(t, x, y, p, self.times_us[first : first + len(counts)], column, row, counts))


def counted_frames(pieces: Iterable[Events], counter: FrameCounter) -> Iterator[NDArray[np.uint16]]:
    """Counts of all frames of a stream, at most 128 frames at a time whatever the pieces.

    Args:
        pieces: Consecutive, cut anywhere.
        counter: Says which frames.

    Yields:
        ``(M, 2, S, S)`` uint16; all together ``(N, 2, S, S)``.

    Raises:
        ValueError: see ``FrameCounter.take``.
    """
    state: CounterState | None = None
    edges_us = [*(counter.times_us[FRAMES_AT_ONCE - 1 : -1 : FRAMES_AT_ONCE] + 1).tolist(),
                int(counter.times_us[-1]) + 1]
    for piece in pieces:
        rest = piece
        while edges_us and len(rest) and edges_us[0] <= rest.end_us:
            edge_us = edges_us.pop(0)
            cut = int(np.searchsorted(rest.t, edge_us))
            counts, state = counter.take(rest[:cut], state, edge_us)
            yield counts
            rest = rest[cut:]
        counts, state = counter.take(rest, state)
        yield counts
    for edge_us in edges_us:
        counts, state = counter.take(Events.empty(counter.sensor), state, edge_us)
        yield counts
    _warn(state.lost if state else 0)


def _place(who: str, out: NDArray[np.uint16] | None, shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """Zeros of this shape, in ``out`` if it is given."""
    if out is None:
        return np.zeros(shape, np.uint16)
    if out.shape != shape or out.dtype != np.uint16:
        raise ValueError(f"{who}: out is {out.shape} {out.dtype}; need {shape} uint16")
    out[...] = 0
    return out


def _warn(lost: int) -> None:
    if lost:
        _LOG.warning("%d events were left out, because 65,535 of their cell, frame and sign had been counted", lost)


@compiled
def _count(t, x, y, p, times, column, row, counts):  # type: ignore[no-untyped-def]
    """Add events to the row of the first frame that is not before them; how many found 65,535 there."""
    frame, frames, lost = 0, min(len(times), len(counts)), 0
    for i in range(len(t)):
        while frame < frames and times[frame] < t[i]:
            frame += 1
        if frame == frames:
            break
        if x[i] >= len(column) or y[i] >= len(row):
            continue
        sign, down, across = np.int64(p[i]), row[y[i]], column[x[i]]
        if counts[frame, sign, down, across] == 0xFFFF:
            lost += 1
        else:
            counts[frame, sign, down, across] += np.uint16(1)
    return lost
