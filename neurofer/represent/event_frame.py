"""The latest event of each pixel as black or white on grey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.events.events import Events
from neurofer.represent.base import Accumulator, GreyPicture
from neurofer.represent.scatter import BLOCK, columns, fetch_pixels, find_places


@dataclass(frozen=True)
class EventFrame(GreyPicture):
    """White where a pixel's last event was ON, black where it was OFF, grey (128) where there was none.

    What changed last, and nothing of when or how often; prefer ``accumulate`` where a pixel's majority says more than
    its last event. Of events of one time the later in the stream counts.

    The result is ``(1, height, width)`` uint8.

    Source:
        A baseline of evTransFER (Verschae and Bugueno-Cordova 2026), by its public code.
    """

    kind: ClassVar[str] = "event_frame"
    channel_name: ClassVar[str] = "last event"
    empty_value: ClassVar[float] = 128.0

    def _begin(self, sensor: tuple[int, int], window_us: tuple[int, int], origin_us: int) -> Accumulator:
        return _Frame(sensor, window_us)


class _Frame(Accumulator):
    """Writes each event over its pixel: in time order the last remains."""

    def __init__(self, sensor: tuple[int, int], window_us: tuple[int, int]) -> None:
        super().__init__(sensor, window_us)
        width, height = sensor
        self.frame = np.full((1, height, width), EventFrame.empty_value, np.uint8)

    def _take(self, events: Events) -> None:
        _, x, y, p = columns(events)
        write_polarity(x, y, p, self.sensor[0], self.frame.reshape(-1))

    def finish(self) -> NDArray[np.generic]:
        return self.frame


@compiled
def write_polarity(x, y, p, width, frame):  # type: ignore[no-untyped-def]
    """255 at each ON event's place, 0 at each OFF event's."""
    if frame.size == 0:
        return
    count, block = np.uint64(len(x)), np.uint64(BLOCK)
    places = np.empty(BLOCK, np.uint32)
    begin = np.uint64(0)
    while begin < count:
        part = min(block, count - begin)
        find_places(x, y, p, begin, part, places, width, 0, 0, frame.size - 1)
        fetch_pixels(x, y, p, np.int64(begin) + 2 * BLOCK)
        for k in range(part):
            frame[places[k]] = np.uint8(255) if p[begin + k] else np.uint8(0)
        begin += part
