"""The numbers of packets: which never came, which came twice, and where a sender began anew."""

from __future__ import annotations

from typing import Literal

REORDERED = 64
"""A packet that comes this many numbers late was lost."""
JUMP = 65_536
"""Numbers further ahead or behind than this are another count, not a gap."""
REPEATS = 16
"""More old numbers than this in a row are another count, not copies."""

Verdict = Literal["new", "copy", "anew"]
_ROUND = 1 << 32


class PacketNumbers:
    """Counts what a numbered stream lost, over the wrap from 2**32 - 1 to 0; remembers at most ``REORDERED`` gaps.

    A number that is missing is counted only when it can no longer come: ``REORDERED`` numbers later, or at ``settle``.
    """

    def __init__(self) -> None:
        self._next: int | None = None
        self._missing: dict[int, None] = {}
        self._copies = 0
        self._lost = 0

    def see(self, number: int) -> Verdict:
        """Note a packet: ``new``, a ``copy`` of one that was seen or given up, or the first of a sender ``anew``."""
        if self._next is None:
            self._next = (number + 1) % _ROUND
            return "new"
        ahead = (number - self._next + _ROUND // 2) % _ROUND - _ROUND // 2
        if 0 <= ahead <= JUMP:
            self._add_gap(self._next, ahead)
            self._next = (number + 1) % _ROUND
        elif number in self._missing:
            del self._missing[number]
        elif -JUMP <= ahead < 0 and self._copies < REPEATS:
            self._copies += 1
            return "copy"
        else:
            self.settle()
            self._next, self._copies = (number + 1) % _ROUND, 0
            return "anew"
        self._copies = 0
        return "new"

    def settle(self) -> None:
        """Give up what is missing: the stream was silent for a while, or ends."""
        self._lost += len(self._missing)
        self._missing.clear()

    def restart(self) -> None:
        """Give up what is missing; the next number is the first of a new count."""
        self.settle()
        self._next, self._copies = None, 0

    def take_lost(self) -> int:
        """Packets lost since this was last asked."""
        lost, self._lost = self._lost, 0
        return lost

    def _add_gap(self, awaited: int, gap: int) -> None:
        self._lost += max(0, gap - REORDERED)
        for k in range(max(0, gap - REORDERED), gap):
            self._missing[(awaited + k) % _ROUND] = None
        newest = awaited + gap
        while self._missing and (newest - next(iter(self._missing))) % _ROUND > REORDERED:
            del self._missing[next(iter(self._missing))]
            self._lost += 1
