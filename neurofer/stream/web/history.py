"""The last decisions of a stream, so that a page that comes late, or again, draws the same timeline."""

from __future__ import annotations

import itertools
from collections import deque
from threading import Lock
from typing import Any, NamedTuple

ROOM = 4_096


class Stretch(NamedTuple):
    """Decisions, oldest first, and the number of the next one to come."""

    rows: list[list[Any]]
    next: int


class History:
    """A bounded ring of decisions, numbered from 0; safe to use from several threads."""

    def __init__(self, room: int = ROOM) -> None:
        self._rows: deque[list[Any]] = deque(maxlen=room)
        self._next = 0
        self._lock = Lock()

    def add(self, row: list[Any]) -> None:
        """Keep a decision; the oldest makes room."""
        with self._lock:
            self._rows.append(row)
            self._next += 1

    def since(self, number: int) -> Stretch:
        """The decisions from a number on, as far as they are still there."""
        with self._lock:
            count = min(max(0, self._next - number), len(self._rows))
            rows = list(itertools.islice(reversed(self._rows), count))[::-1]
            return Stretch(rows, self._next)
