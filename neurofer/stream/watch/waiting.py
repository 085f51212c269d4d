"""Whole windows that wait to be decided about: few, and dropped by a stated policy where deciding cannot keep up."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from threading import Condition
from typing import NamedTuple

from neurofer.events.recording import Window

MOST_WAITING_EVENTS = 20_000_000
"""In all windows that wait: 260 MB."""


class Ready(NamedTuple):
    """A whole window, and when it was whole, by ``time.perf_counter``."""

    window: Window
    whole_s: float


class Begin(NamedTuple):
    """The windows behind this one do not follow those before it.

    Attributes:
        why: In a few words.
        same_view: Whether the face is where it was.
        ended: Whether the stream before came to its end there, so that a last decision about it is due.
        wished: Whether a viewer asked for it.
    """

    why: str
    same_view: bool
    ended: bool = True
    wished: bool = False


class Dropped(NamedTuple):
    """Windows that were passed over, and the events in them."""

    windows: int = 0
    events: int = 0


BEHIND = Begin("deciding could not keep up", same_view=True, ended=False)
LAST = Begin("the recording is at its end", same_view=True)


class WaitingWindows:
    """A queue of windows between the thread that reads and the one that decides.

    The policy of a stream that cannot wait: as soon as more than ``most`` windows (or ``most_events`` events) wait, all
    but the newest ``keep`` are dropped, whole, and the network starts anew behind them. So it is never more than
    ``most`` windows late, and however overloaded, it gets ``keep`` windows in a row, which a decision needs. A stream
    that can wait, such as a file read as fast as it goes, drops nothing: whoever puts a window in waits for room.
    """

    def __init__(self, most: int, keep: int, can_wait: bool, most_events: int = MOST_WAITING_EVENTS) -> None:
        if not 1 <= keep <= most:
            raise ValueError(f"WaitingWindows: need 1 <= keep <= most, got keep={keep}, most={most}")
        self._most, self._keep, self._can_wait, self._most_events = most, keep, can_wait, most_events
        self._entries: deque[Ready | Begin] = deque()
        self._changed = Condition()
        self._dropped = Dropped()
        self._windows = self._events = 0
        self._closed = False

    @property
    def dropped(self) -> Dropped:
        """All that was dropped so far."""
        return self._dropped

    @property
    def closed(self) -> bool:
        """Whether nothing more is taken."""
        return self._closed

    def put(self, window: Window, whole_s: float | None = None) -> None:
        """One more window, which may make others be dropped.

        Args:
            window: Whole.
            whole_s: When it was, by ``time.perf_counter``; now by default.
        """
        with self._changed:
            while self._can_wait and self._windows >= self._most and not self._closed:
                self._changed.wait()
            if self._closed:
                return
            self._entries.append(Ready(window, time.perf_counter() if whole_s is None else whole_s))
            self._count(window, 1)
            if not self._can_wait and (self._windows > self._most or self._events > self._most_events):
                self._drop_older()
            self._changed.notify_all()

    def pass_over(self, window: Window) -> None:
        """A window that comes too late to be decided about: it and all that wait are dropped."""
        with self._changed:
            if self._closed:
                return
            self._entries.append(Ready(window, 0.0))
            self._count(window, 1)
            self._drop_older(keep=0)
            self._changed.notify_all()

    def count_dropped(self, windows: Sequence[Window]) -> None:
        """Windows that were taken out and dropped all the same."""
        with self._changed:
            events = sum(len(window.events) for window in windows)
            self._dropped = Dropped(self._dropped.windows + len(windows), self._dropped.events + events)

    def begin(self, mark: Begin) -> None:
        """What comes now does not follow what came before."""
        with self._changed:
            if self._closed:
                return
            self._entries.append(mark)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget what waits, uncounted: somebody wants to see another part."""
        with self._changed:
            self._entries.clear()
            self._windows = self._events = 0
            self._changed.notify_all()

    def get(self) -> Ready | Begin | None:
        """The oldest entry, as soon as there is one; None when all is over."""
        with self._changed:
            while not self._entries:
                if self._closed:
                    return None
                self._changed.wait()
            entry = self._entries.popleft()
            if isinstance(entry, Ready):
                self._count(entry.window, -1)
            self._changed.notify_all()
            return entry

    def close(self, forget: bool = False) -> None:
        """Nothing more comes; what waits is still given, unless it is to be forgotten."""
        with self._changed:
            self._closed = True
            if forget:
                self._entries.clear()
            self._changed.notify_all()

    def _count(self, window: Window, sign: int) -> None:
        self._windows += sign
        self._events += sign * len(window.events)

    def _drop_older(self, keep: int | None = None) -> None:
        """Drop all windows but the newest few; one mark stands for the marks among them."""
        kept = self._keep if keep is None else keep
        marks = []
        while self._windows > kept or (self._entries and isinstance(self._entries[0], Begin)):
            entry = self._entries.popleft()
            if isinstance(entry, Begin):
                marks.append(entry)
                continue
            self._count(entry.window, -1)
            self._dropped = Dropped(self._dropped.windows + 1, self._dropped.events + len(entry.window.events))
        other = next((mark for mark in reversed(marks) if not mark.same_view), None)
        self._entries.appendleft(other or BEHIND)
