"""A live source cut into windows and put into the queue, silence included."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from neurofer.events.events import Events
from neurofer.events.recording import Window
from neurofer.stream.cutting import Cutter, Restart
from neurofer.stream.watch.source import EventSource, Piece
from neurofer.stream.watch.transport import Transport
from neurofer.stream.watch.waiting import MOST_WAITING_EVENTS, Begin, WaitingWindows

PATIENCE_S = 0.1
"""Events may be so late on their way. After a longer silence, windows end by the clock of this machine."""


class Lost(NamedTuple):
    """What never became part of a window."""

    bad_events: int = 0
    packets: int = 0
    rest_events: int = 0
    """Behind the last window of a stream that ended or began anew, which its end cut in more than half."""


class Receiver:
    """Takes what a source gives and keeps count of what cannot be used.

    While the stream is paused, windows are passed over and counted as dropped. A window takes ``most_events``; more can
    come where the sender's clock stands still, and they are left out.
    """

    def __init__(self, source: EventSource, window_us: float, now_s: Callable[[], float] = time.perf_counter,
                 most_events: int = MOST_WAITING_EVENTS) -> None:
        self._source, self._window_us, self._now_s, self._most_events = source, window_us, now_s, most_events
        self._cutter: Cutter | None = None
        self._latest: tuple[int, float] | None = None
        self.lost = Lost()

    def receive(self, queue: WaitingWindows, transport: Transport) -> None:
        """Fill the queue until the source ends or all is stopped.

        Raises:
            NeuroferError: the source cannot be reached, or sends what cannot be read; what came before is in the queue.
        """
        try:
            for piece in self._source.pieces(transport.stopped):
                self.take(piece, queue, transport.paused)
                if transport.stopped.is_set():
                    return
        finally:
            self._end(queue, transport.paused)

    def take(self, piece: Piece, queue: WaitingWindows, paused: bool = False) -> None:
        """One piece, at the moment at which it came."""
        self.lost = self.lost._replace(bad_events=self.lost.bad_events + piece.bad_events,
                                       packets=self.lost.packets + piece.lost_packets)
        events = piece.events
        if piece.restart is not None and self._cutter is not None:
            self._end(queue, paused)
            queue.begin(Begin(piece.restart, same_view=False))
        if self._cutter is None:
            self._cutter = Cutter(events.sensor, self._window_us)
        cutter = self._cutter
        in_time = self._in_time(cutter, events)
        for entry in cutter.push(in_time):
            if queue.closed:
                return
            if isinstance(entry, Restart):
                queue.begin(Begin(entry.why, same_view=True))
            else:
                _give(queue, entry, paused)
        if len(in_time):
            self._latest = (in_time.end_us, self._now_s())
        elif self._latest is not None:
            self._pass_time(cutter, self._latest, queue, paused)

    def _in_time(self, cutter: Cutter, events: Events) -> Events:
        """Without events of a moment whose window may have ended already, or of a window that is full."""
        if cutter.origin_us is None or not len(events):
            return events
        start_us = cutter.stop_us if cutter.held >= self._most_events else cutter.newest_us
        if events.start_us >= start_us:
            return events
        kept = events.between(start_us, events.end_us + 1)
        self.lost = self.lost._replace(bad_events=self.lost.bad_events + len(events) - len(kept))
        return kept

    def _pass_time(self, cutter: Cutter, latest: tuple[int, float], queue: WaitingWindows, paused: bool) -> None:
        newest_us, came_s = latest
        silent_s = self._now_s() - came_s
        if silent_s <= PATIENCE_S:
            return
        for window in cutter.pass_time(newest_us + round((silent_s - PATIENCE_S) * 1e6)):
            if queue.closed:
                return
            _give(queue, window, paused)

    def _end(self, queue: WaitingWindows, paused: bool) -> None:
        """The last window of a stream that ended or is about to begin anew."""
        if self._cutter is not None:
            rest = self._cutter.held
            for window in self._cutter.finish():
                _give(queue, window, paused)
                rest = 0
            self.lost = self.lost._replace(rest_events=self.lost.rest_events + rest)
        self._cutter = self._latest = None


def _give(queue: WaitingWindows, window: Window, paused: bool) -> None:
    if paused:
        queue.pass_over(window)
    else:
        queue.put(window)
