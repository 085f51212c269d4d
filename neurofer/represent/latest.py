"""When each pixel last fired, kept as whole microseconds until the window's end is known."""

from __future__ import annotations

import numpy as np

from neurofer.compiled import compiled
from neurofer.events.events import Events
from neurofer.represent.base import Accumulator
from neurofer.represent.scatter import BLOCK, columns, fetch_events, find_places


class LatestAccumulator(Accumulator):
    """Times of the latest events, for results that also need the time of the window's last event.

    Memory does not grow with the events: a time takes 8 bytes a pixel and plane.

    Attributes:
        latest: ``(planes, height, width)`` int64: 0 without event, else the microseconds from the window's first event
            to the pixel's latest, plus 1, with a minus sign for OFF where both polarities share a plane.
        length_us: From the window's first event to its last.
    """

    def __init__(self, sensor: tuple[int, int], window_us: tuple[int, int], *, planes: int) -> None:
        """Begin with no events.

        Args:
            sensor: ``(width, height)``.
            window_us: ``(start, stop)``.
            planes: 2 for one plane a polarity, OFF then ON; 1 for one plane with signs.
        """
        super().__init__(sensor, window_us)
        width, height = sensor
        self.latest = np.zeros((planes, height, width), np.int64)
        self.first_us = 0
        self.length_us = 0
        self._started = False

    def _take(self, events: Events) -> None:
        if not self._started:
            self.first_us, self._started = events.start_us, True
        self.length_us = max(0, events.end_us - self.first_us)
        width, height = self.sensor
        signed = len(self.latest) == 1
        write_times(*columns(events), self.first_us, width, 0 if signed else width * height, signed,
                    self.latest.reshape(-1))


@compiled
def write_times(t, x, y, p, first_us, width, on, signed, latest):  # type: ignore[no-untyped-def]
    """``t - first_us + 1`` at each event's place, at least 1; negative for OFF events if ``signed``."""
    if latest.size == 0:
        return
    count, block = np.uint64(len(t)), np.uint64(BLOCK)
    places, values = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.int64)
    begin = np.uint64(0)
    while begin < count:
        part = min(block, count - begin)
        find_places(x, y, p, begin, part, places, width, 0, on, latest.size - 1)
        for k in range(part):
            value = max(np.int64(t[begin + k] - first_us) + np.int64(1), np.int64(1))
            values[k] = -value if signed and not p[begin + k] else value
        fetch_events(t, x, y, p, np.int64(begin) + 2 * BLOCK)
        for k in range(part):
            latest[places[k]] = values[k]
        begin += part
