"""Events as they come in, cut into the windows that a recording of them would be read in; without torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from neurofer.events.events import Events
from neurofer.events.recording import Window

LONGEST_SILENCE_US = 600_000_000
"""A longer time without events ends a stream, and the next event begins another: ten minutes."""

_WORTH_MERGING = 1 << 14
"""Events; larger parts are left as they are until the window ends."""


class CutState(NamedTuple):
    """Where a stream stands."""

    origin_us: int | None = None
    """Its first event; None before it."""
    window: int = 0
    """Which window is being filled."""
    newest_us: int = 0
    """No event before this moment can come any more."""
    parts: tuple[Events, ...] = ()
    """Events of the window so far, none of them empty."""
    heard_us: int = 0
    """The last event; 0 before there is one."""


class Restart(NamedTuple):
    """The stream begins anew here; what was known of the windows before counts no longer."""

    why: str


class Cutter:
    """Cuts a stream at ``origin + round(k * window_us)``, whatever pieces it comes in.

    A window ends when an event behind it comes, or when it is said that time has passed. It holds at most the events of
    one window, so memory does not grow with time.

    Attributes:
        sensor: ``(width, height)``.
        window_us: Length of a window; a fraction does not drift.
        origin_us: The stream's first event; None before it.
        newest_us: No event before this moment can come any more.
    """

    def __init__(self, sensor: tuple[int, int], window_us: float, state: CutState | None = None) -> None:
        if not 1 <= window_us < float("inf"):
            raise ValueError(f"Cutter: need windows of at least 1 us and of a length, got {window_us}")
        self.sensor, self.window_us = sensor, window_us
        self.origin_us: int | None = None
        self.newest_us = self._index = self._heard_us = 0
        self._parts: list[Events] = []
        self._keep(state or CutState())

    @property
    def state(self) -> CutState:
        """Where the stream stands; give it to another cutter, and that one goes on."""
        return CutState(self.origin_us, self._index, self.newest_us, tuple(self._parts), self._heard_us)

    @property
    def held(self) -> int:
        """Events of the window so far."""
        return sum(len(part) for part in self._parts)

    @property
    def stop_us(self) -> int:
        """Where the window that is being filled ends."""
        return self.edge_us(self._index + 1)

    def edge_us(self, index: int) -> int:
        """Where a window begins, on the stream's clock."""
        return (self.origin_us or 0) + round(index * self.window_us)

    def push(self, events: Events) -> Iterator[Window | Restart]:
        """The windows that these events end, the empty ones too, one at a time.

        Take all of them before the next call: the state moves on as they are taken.

        Args:
            events: None earlier than any before. What is kept of them is copied.

        Raises:
            ValueError: another sensor, or an event before one that came already; nothing is taken then.
        """
        self._check(events)
        return self._cut(events)

    def pass_time(self, now_us: int) -> Iterator[Window]:
        """The windows that end up to a moment before which no event will come any more.

        Behind ``LONGEST_SILENCE_US`` without events there are none: the next event begins another stream.

        Args:
            now_us: On the stream's clock.
        """
        now_us = min(now_us, self._heard_us + LONGEST_SILENCE_US)
        if self.origin_us is None or now_us <= self.newest_us:
            return
        self.newest_us = now_us
        while self.edge_us(self._index + 1) <= now_us:
            yield self._end_window()

    def finish(self) -> Iterator[Window]:
        """The window that the stream's end cuts, unless it cuts more than half of it and there was one before."""
        if self.origin_us is None:
            return
        low, high, stop_us = self.edge_us(self._index), self.edge_us(self._index + 1), self.newest_us + 1
        if not self._index or 2 * (stop_us - low) >= high - low:
            yield self._end_window()
        self._keep(CutState())

    def _check(self, events: Events) -> None:
        if events.sensor != self.sensor:
            wide, high = events.sensor
            raise ValueError(f"stream: these events are of a {wide}x{high} sensor, the stream is of "
                             f"{self.sensor[0]}x{self.sensor[1]}; begin another stream")
        if self.origin_us is not None and len(events) and events.start_us < self.newest_us:
            raise ValueError(f"stream: time runs backwards, an event at {events.start_us} us comes after "
                             f"{self.newest_us} us; leave late events out, or begin another stream")

    def _cut(self, events: Events) -> Iterator[Window | Restart]:
        place, count = 0, len(events)
        while place < count:
            first_us = int(events.t[place])
            if self.origin_us is None:
                self._keep(CutState(first_us, 0, first_us, (), first_us))
            elif first_us - self._heard_us > LONGEST_SILENCE_US:
                silence_s = (first_us - self._heard_us) / 1e6
                if self._parts:
                    yield self._end_window()
                self._keep(CutState())
                yield Restart(f"no event came for {silence_s:.0f} s")
                continue
            high = self.edge_us(self._index + 1)
            if first_us >= high:
                yield self._end_window()
                continue
            stop = place + int(np.searchsorted(events.t[place:], high))
            self._add(events[place:stop], kept=stop == count)
            place = stop

    def _add(self, part: Events, kept: bool) -> None:
        """One more piece of the window; where another call may follow, it is copied and holds on to no larger array."""
        self.newest_us = self._heard_us = part.end_us
        self._parts.append(_copied(part) if kept else part)
        # As a binary counter does: few parts however small the pieces, and each event is copied a few times only.
        while len(self._parts) > 1 and len(self._parts[-2]) <= len(self._parts[-1]) < _WORTH_MERGING:
            self._parts[-2:] = [joined(self._parts[-2:], self.sensor)]

    def _end_window(self) -> Window:
        low, high = self.edge_us(self._index), self.edge_us(self._index + 1)
        window = Window(low, high, joined(self._parts, self.sensor))
        self._index += 1
        self._parts = []
        self.newest_us = max(self.newest_us, high - 1)
        return window

    def _keep(self, state: CutState) -> None:
        self.origin_us, self._index, self.newest_us = state.origin_us, state.window, state.newest_us
        self._parts, self._heard_us = list(state.parts), state.heard_us


def joined(parts: Sequence[Events], sensor: tuple[int, int]) -> Events:
    """Consecutive pieces as one; without copying where there is but one."""
    if not parts:
        return Events.empty(sensor)
    if len(parts) == 1:
        return parts[0]
    t, x, y, p = (np.concatenate([getattr(part, name) for part in parts]) for name in ("t", "x", "y", "p"))
    return Events.trusted(t, x, y, p, sensor)


def _copied(events: Events) -> Events:
    return Events.trusted(events.t.copy(), events.x.copy(), events.y.copy(), events.p.copy(), events.sensor)
