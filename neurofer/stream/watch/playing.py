"""A recording played into the queue: at its own pace, faster or slower, from any moment."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from neurofer.events.recording import Recording, Window
from neurofer.stream.decisions import decision_windows
from neurofer.stream.faces import stretch
from neurofer.stream.watch.transport import Transport
from neurofer.stream.watch.waiting import LAST, Begin, WaitingWindows


class Player:
    """Plays a recording until it is stopped; at its end it waits for a seek.

    A window is put into the queue at the moment at which it would be whole, were the recording happening now. If even
    reading is later than ``late_windows`` of them, windows are passed over, and counted as dropped.
    """

    def __init__(self, recording: Recording, window_us: float, speed: float, context: int, late_windows: int,
                 start_us: int = 0, stop_us: int | None = None) -> None:
        """Look at a stretch.

        Args:
            recording: Open.
            window_us: Length of a window.
            speed: 1 is real time; infinity as fast as the queue takes them.
            context: Windows of a first decision; after a seek so many end at the wanted moment.
            late_windows: How many windows behind the clock one is passed over.
            start_us: Start, counted from the first event.
            stop_us: End, counted likewise.

        Raises:
            UsageError: an empty stretch.
            NeuroferError: no events.
        """
        self._recording, self._window_us, self._speed = recording, window_us, speed
        self._context, self._late_s = context, late_windows * window_us / 1e6
        self.first_us, self.last_us = stretch(recording, start_us, stop_us)

    @property
    def duration_us(self) -> int:
        """Length of the stretch."""
        return self.last_us - self.first_us

    def play(self, queue: WaitingWindows, transport: Transport) -> None:
        """Fill the queue until all is stopped; at the end of the recording, wait for a seek.

        Raises:
            BadFileError: the file is broken.
        """
        since_us, hurry = 0, 0
        while not transport.stopped.is_set():
            windows = decision_windows(self._recording, self._window_us, self.first_us + since_us, self.last_us)
            if self._fill(windows, queue, transport, hurry):
                queue.begin(LAST)
                if not transport.wait_for_wish():
                    return
            wanted = transport.take_seek()
            if wanted is not None:
                since_us, hurry = self._seek_to(wanted)
                queue.clear()
                queue.begin(Begin("a viewer went to another moment", same_view=True, ended=False, wished=True))

    def _fill(self, windows: Iterator[Window], queue: WaitingWindows, transport: Transport, hurry: int) -> bool:
        """Whether the end was reached; else somebody wished something.

        The first ``hurry`` windows, which lead to a wanted moment, come at once, even in a pause; time runs from there.
        """
        begun_s, from_us = time.perf_counter(), None
        for number, window in enumerate(windows):
            if transport.stopped.is_set():
                return False
            if number < hurry:
                queue.put(window)
                begun_s, from_us = time.perf_counter(), window.stop_us
                continue
            from_us = window.start_us if from_us is None else from_us
            due_s = begun_s + (window.stop_us - from_us) / 1e6 / self._speed
            stood_s = transport.wait_until(due_s)
            if stood_s is None:
                return False
            begun_s, due_s = begun_s + stood_s, due_s + stood_s
            if not math.isfinite(self._speed):
                queue.put(window)
            elif time.perf_counter() - due_s > self._late_s:
                queue.pass_over(window)
            else:
                queue.put(window, due_s)
        return True

    def _seek_to(self, wanted_us: int) -> tuple[int, int]:
        """Where to begin so that the window that holds a moment is decided about, and how many windows that takes."""
        last = max(0, math.floor(self.duration_us / self._window_us + 0.5) - 1)  # a shorter rest is no window
        index = min(last, int(wanted_us // self._window_us))
        begin = max(0, index - self._context + 1)
        return round(begin * self._window_us), index - begin + 1
