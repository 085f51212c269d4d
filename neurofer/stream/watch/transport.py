"""Pause, seek and stop: what viewers ask of the thread that reads."""

from __future__ import annotations

import time
from threading import Condition, Event

_LONG_S = 3_600.0
"""The system cannot wait for every time; longer waits are begun again."""


class Transport:
    """Wishes of viewers, and waiting that a wish ends.

    Attributes:
        stopped: Set when all is to end.
    """

    def __init__(self) -> None:
        self.stopped = Event()
        self._changed = Condition()
        self._paused = False
        self._wanted_us: int | None = None

    @property
    def paused(self) -> bool:
        """Whether the stream stands still."""
        return self._paused

    def pause(self, paused: bool) -> None:
        """Stand still, or go on."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def seek(self, since_us: int) -> None:
        """Go on from a moment; of several wishes the last one counts."""
        with self._changed:
            self._wanted_us = max(0, since_us)
            self._changed.notify_all()

    def stop(self) -> None:
        """End."""
        with self._changed:
            self.stopped.set()
            self._changed.notify_all()

    def take_seek(self) -> int | None:
        """The moment that is wished for, once."""
        with self._changed:
            wanted, self._wanted_us = self._wanted_us, None
            return wanted

    def wait_for_wish(self) -> bool:
        """Wait until a viewer seeks (True) or all ends (False)."""
        with self._changed:
            self._changed.wait_for(lambda: self._wished)
            return not self.stopped.is_set()

    def wait_until(self, due_s: float) -> float | None:
        """Wait for a moment, and as much longer as the stream is paused meanwhile.

        Args:
            due_s: By ``time.perf_counter``.

        Returns:
            Seconds of pause; None as soon as somebody seeks or all ends.
        """
        stood_s = 0.0
        with self._changed:
            while not self._wished:
                now = time.perf_counter()
                if self._paused:
                    self._changed.wait_for(lambda: self._wished or not self._paused)
                    stood_s += time.perf_counter() - now
                elif now >= due_s + stood_s:
                    return stood_s
                else:
                    self._changed.wait_for(lambda: self._wished or self._paused, min(due_s + stood_s - now, _LONG_S))
        return None

    @property
    def _wished(self) -> bool:
        return self._wanted_us is not None or self.stopped.is_set()
