"""A file as a recording: decoded block by block, checked at the door, never wholly in memory."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurofer.errors import BadFileError
from neurofer.events.clean import CleanState, Mode, clean
from neurofer.events.events import Events
from neurofer.events.recording import Glance, IngestReport, Recording, Window
from neurofer.events.source import BLOCK_EVENTS, Source

GLANCE_BLOCKS = 16
"""Blocks that ``glance`` reads, at most."""
_NONE = np.zeros(0, np.uint16)


@dataclass(frozen=True)
class _Counts:
    events: int = 0
    on_events: int = 0
    dropped: int = 0
    time_jumps: int = 0
    out_of_range: int = 0
    triggers: int = 0
    untimed: int = 0
    unknown: int = 0
    start_us: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Cursor:
    """A place between two blocks, and everything met before it; ``position`` None is the end."""

    number: int
    position: Any
    state: CleanState
    counts: _Counts


class StreamRecording(Recording):
    """Events decoded from a file as they are asked for.

    Reading forwards costs one pass. The first read of a late interval passes over everything before it once; places
    passed are remembered (one for each block of about 10^5 words), so later reads start near their interval.

    Raises:
        BadFileError: from any method that reads, when the file is broken there (always in mode ``strict``).
    """

    def __init__(self, source: Source, sensor: tuple[int, int], mode: Mode) -> None:
        self.path = source.path
        self.format = source.format
        self.sensor = sensor
        self.mode = mode
        self._source = source
        self._places = [_Cursor(0, source.start, CleanState(), _Counts())]
        self._newest = [self._places[0].state.newest_us]
        self._first: int | None = None
        self._end: _Cursor | None = None
        self._recent: tuple[_Cursor, Events, _Cursor] | None = None

    @property
    def blocks(self) -> int | None:
        """Number of pieces that ``pieces`` gives, None when unknown."""
        return self._source.blocks

    @property
    def start_us(self) -> int:
        if self._first is None:
            cursor = self._places[0]
            while cursor.position is not None and not cursor.counts.events:
                _, cursor = self._advance(cursor)
            self._first = cursor.counts.start_us
        return self._first

    @property
    def end_us(self) -> int:
        end = self._reach_end()
        return end.state.newest_us if end.counts.events else 0

    def report(self) -> IngestReport:
        counts = self._reach_end().counts
        notes = list(dict.fromkeys((*self._source.notes, *counts.notes)))
        if counts.untimed:
            notes.append(f"{counts.untimed} events before the first time word have no time and were dropped")
        if counts.unknown:
            notes.append(f"{counts.unknown} words of an unassigned type were skipped")
        return IngestReport(
            events=counts.events, on_events=counts.on_events, dropped=counts.dropped + counts.untimed,
            time_jumps=counts.time_jumps, out_of_range=counts.out_of_range,
            triggers=counts.triggers + self._source.triggers, tail_bytes=self._source.tail_bytes, notes=tuple(notes),
        )

    def pieces(self) -> Iterator[Events]:
        cursor = self._places[0]
        while cursor.position is not None:
            piece, cursor = self._advance(cursor)
            yield piece

    def between(self, start_us: int, stop_us: int) -> Events:
        parts = []
        for piece in self._pieces_from(start_us):
            parts.append(piece.between(start_us, stop_us))
            if len(piece) and piece.end_us >= stop_us:
                break
        return _joined(parts, self.sensor)

    def windows(self, window_us: float, start_us: int | None = None, stop_us: int | None = None) -> Iterator[Window]:
        if window_us < 1:
            raise ValueError(f"windows: window_us must be at least 1, got {window_us}")
        first = self.start_us if start_us is None else start_us
        pieces = self._pieces_from(first)
        piece: Events | None = _joined([], self.sensor)
        place = index = 0
        while True:
            low, high = first + round(index * window_us), first + round((index + 1) * window_us)
            if stop_us is not None and low >= stop_us:
                return
            parts: list[Events] = []
            while piece is not None:
                stop = place + int(np.searchsorted(piece.t[place:], high))
                if index == 0:
                    place += int(np.searchsorted(piece.t[place:stop], low))
                if stop > place:
                    parts.append(piece[place:stop])
                place = stop
                if place < len(piece):
                    break
                piece, place = next(pieces, None), 0
            if stop_us is None and piece is None and not parts:
                return
            yield Window(low, high, _joined(parts, self.sensor))
            index += 1

    def glance(self) -> Glance:
        """The first events, and the counts where the end was reached before; a ROS bag, which is read whole, is not."""
        cursor, recent = self._places[0], self._recent
        parts: list[Events] = []
        bag_unread = self.format == "bag" and recent is None
        while not bag_unread and cursor.position is not None and len(parts) < GLANCE_BLOCKS:
            if sum(len(part) for part in parts) >= BLOCK_EVENTS:
                break
            piece, cursor = self._advance(cursor)
            parts.append(piece)
        self._recent = recent or self._recent
        events = _joined(parts, self.sensor)[:BLOCK_EVENTS]
        if self._end is None:
            return Glance(events)
        return Glance(events, self.report(), (self.start_us, self.end_us))

    def close(self) -> None:
        self._source.close()

    def _reach_end(self) -> _Cursor:
        cursor = self._end or self._places[-1]
        while cursor.position is not None:
            _, cursor = self._advance(cursor)
        return cursor

    def _pieces_from(self, start_us: int) -> Iterator[Events]:
        """The pieces from the last remembered place with only earlier events before it."""
        cursor = self._places[max(0, bisect.bisect_left(self._newest, start_us) - 1)]
        while cursor.position is not None:
            piece, cursor = self._advance(cursor)
            yield piece

    def _advance(self, cursor: _Cursor) -> tuple[Events, _Cursor]:
        """The events of the block at ``cursor`` and the place behind it; the last block read is kept."""
        if self._recent is not None and self._recent[0].number == cursor.number:
            return self._recent[1], self._recent[2]
        block = self._source.read(cursor.position)
        if self.mode == "strict" and block.following is None and self._source.tail_bytes:
            raise BadFileError(f"{self.path}: is cut inside its last event ({self._source.tail_bytes} bytes too many); "
                               "open it with mode='repair' (--mode repair) to leave the rest out")
        cleaned = clean((block.t, block.x, block.y, block.p), cursor.state, self.sensor, self.mode,
                        block.following is None, self._source.path)
        counts, events = cursor.counts, cleaned.events
        counts = _Counts(
            events=counts.events + len(events),
            on_events=counts.on_events + int(np.count_nonzero(events.p)),
            dropped=counts.dropped + cleaned.dropped + block.lost,
            time_jumps=counts.time_jumps + cleaned.time_jumps,
            out_of_range=counts.out_of_range + cleaned.out_of_range,
            triggers=counts.triggers + block.triggers,
            untimed=counts.untimed + block.untimed,
            unknown=counts.unknown + block.unknown,
            start_us=counts.start_us if counts.events else events.start_us,
            notes=(*counts.notes, block.note) if block.note else counts.notes,
        )
        after = _Cursor(cursor.number + 1, block.following, cleaned.state, counts)
        after = self._remember(after)
        self._recent = (cursor, events, after)
        return events, after

    def _remember(self, cursor: _Cursor) -> _Cursor:
        if cursor.position is None:
            self._end = cursor
        elif cursor.state.held is None and cursor.number > self._places[-1].number:
            self._places.append(cursor)
            self._newest.append(cursor.state.newest_us)
        elif cursor.state.held is None:
            return self._places[bisect.bisect_left(self._places, cursor.number, key=lambda place: place.number)]
        return cursor


def _joined(parts: list[Events], sensor: tuple[int, int]) -> Events:
    filled = [part for part in parts if len(part)]
    if len(filled) == 1:
        return filled[0]
    if not filled:
        return Events.trusted(np.zeros(0, np.int64), _NONE, _NONE, np.zeros(0, np.bool_), sensor)
    t, x, y, p = (np.concatenate([getattr(part, name) for part in filled]) for name in ("t", "x", "y", "p"))
    return Events.trusted(t, x, y, p, sensor)
