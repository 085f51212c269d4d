"""Which polarity prevailed at each pixel."""

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
class Accumulate(GreyPicture):
    """White where ON events prevail at a pixel, black where OFF events do, grey (127) where they are even or absent.

    The sign of the signed count, so noise that comes in pairs vanishes, and so does all motion that goes back and
    forth. The order of events never matters; prefer ``counts`` where their number does.

    The result is ``(1, height, width)`` uint8.

    Source:
        A baseline of evTransFER (Verschae and Bugueno-Cordova 2026), by its public code.
    """

    kind: ClassVar[str] = "accumulate"
    channel_name: ClassVar[str] = "sign of ON - OFF"
    empty_value: ClassVar[float] = 127.0

    def _begin(self, sensor: tuple[int, int], window_us: tuple[int, int], origin_us: int) -> Accumulator:
        return _Balance(sensor, window_us)


class _Balance(Accumulator):
    """ON minus OFF events of each pixel; 32 bits hold the events that any memory does."""

    def __init__(self, sensor: tuple[int, int], window_us: tuple[int, int]) -> None:
        super().__init__(sensor, window_us)
        width, height = sensor
        self.balance = np.zeros((1, height, width), np.int32)

    def _take(self, events: Events) -> None:
        _, x, y, p = columns(events)
        add_signs(x, y, p, self.sensor[0], self.balance.reshape(-1))

    def finish(self) -> NDArray[np.generic]:
        picture = np.full(self.balance.shape, Accumulate.empty_value, np.uint8)
        shade(self.balance.reshape(-1), picture.reshape(-1))
        return picture


@compiled
def shade(balance, picture):  # type: ignore[no-untyped-def]
    """255 where ``balance`` is positive, 0 where it is negative; the rest of ``picture`` stays."""
    for i in range(min(balance.size, picture.size)):
        shown = picture[i] if balance[i] == 0 else np.uint8(255)
        picture[i] = np.uint8(0) if balance[i] < 0 else shown


@compiled
def add_signs(x, y, p, width, balance):  # type: ignore[no-untyped-def]
    """Add 1 at each ON event's place and -1 at each OFF event's."""
    if balance.size == 0:
        return
    count, block = np.uint64(len(x)), np.uint64(BLOCK)
    places = np.empty(BLOCK, np.uint32)
    begin = np.uint64(0)
    while begin < count:
        part = min(block, count - begin)
        find_places(x, y, p, begin, part, places, width, 0, 0, balance.size - 1)
        fetch_pixels(x, y, p, np.int64(begin) + 2 * BLOCK)
        for k in range(part):
            balance[places[k]] += np.int32(1) if p[begin + k] else np.int32(-1)
        begin += part
