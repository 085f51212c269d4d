"""TBR: whether each pixel fired in each of a few equal times, as the bits of a number or as planes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.represent.base import Accumulator, GreyPicture, Representation
from neurofer.represent.scatter import BLOCK, columns, fetch_pixels, find_places, mark_pixels
from neurofer.represent.time_bins import BinnedAccumulator

MOST_BINS = 64


@dataclass(frozen=True)
class Tbr(GreyPicture):
    """Temporal binary representation of 8 bits: a pixel's bit is set if it fired in that eighth of the window.

    Eight equal bins from the first event to the last; bin 0 is the most significant bit, so a pixel that fired in the
    first and in the last eighth has 129. Polarity and number of events are lost. A number whose bits mean times is no
    brightness: averaging pixels, as shrinking to the network's size does, mixes times. Prefer ``tbr_tensor`` where that
    matters. Keeps the window's events until its end, because the first and the last of them set the bins.

    The result is ``(1, height, width)`` uint8.

    Source:
        Innocenti et al., ICPR 2020, section III (arXiv:2010.08946).
    """

    kind: ClassVar[str] = "tbr"
    channel_name: ClassVar[str] = "8 bits"

    def _begin(self, sensor: tuple[int, int], window_us: tuple[int, int], origin_us: int) -> Accumulator:
        return _Code(sensor, window_us)


class _Code(BinnedAccumulator):
    def finish(self) -> NDArray[np.generic]:
        width, height = self.sensor
        code = np.zeros((1, height, width), np.uint8)
        for number, events in self.binned(8):
            _, x, y, p = columns(events)
            set_bits(x, y, p, width, np.uint8(1 << (7 - number)), code.reshape(-1))
        return code


@dataclass(frozen=True)
class TbrTensor(Representation):
    """The bits of a temporal binary representation, a plane each: 255 where a pixel fired in a bin, else 0.

    Equal bins from the first event to the last. The planes are black and white rather than 0 and 1, so that shrinking
    to the network's size keeps how much of a pixel fired. Keeps the window's events until its end, because the first
    and the last of them set the bins.

    Attributes:
        bins: Number of bins, 1 to 64.

    The result is ``(bins, height, width)`` uint8, early to late.

    Source:
        Innocenti et al., ICPR 2020, section III (arXiv:2010.08946), before its bits are made a number.
    """

    kind: ClassVar[str] = "tbr_tensor"
    bins: int = 8

    def __post_init__(self) -> None:
        _check_bins("TbrTensor", self.bins)

    @property
    def channels(self) -> int:
        return self.bins

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint8)

    @property
    def channel_names(self) -> tuple[str, ...]:
        return tuple(f"bin {number}" for number in range(self.bins))

    def _begin(self, sensor: tuple[int, int], window_us: tuple[int, int], origin_us: int) -> Accumulator:
        return _Planes(sensor, window_us, bins=self.bins, polarities=1)


@dataclass(frozen=True)
class TqrTensor(Representation):
    """``tbr_tensor`` of each polarity: 255 where a pixel had an event of that polarity in a bin, else 0.

    Attributes:
        bins: Number of bins, 1 to 64.

    The result is ``(2 * bins, height, width)`` uint8: OFF and ON of bin 0, OFF and ON of bin 1, and so on, which is
    ``(bins, 2, height, width)`` in one.

    Source:
        A baseline of evTransFER (Verschae and Bugueno-Cordova 2026), by its public code; after Innocenti et al., ICPR
        2020 (arXiv:2010.08946).
    """

    kind: ClassVar[str] = "tqr"
    bins: int = 8

    def __post_init__(self) -> None:
        _check_bins("TqrTensor", self.bins)

    @property
    def channels(self) -> int:
        return 2 * self.bins

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint8)

    @property
    def channel_names(self) -> tuple[str, ...]:
        return tuple(f"bin {number} {polarity}" for number in range(self.bins) for polarity in ("OFF", "ON"))

    def _begin(self, sensor: tuple[int, int], window_us: tuple[int, int], origin_us: int) -> Accumulator:
        return _Planes(sensor, window_us, bins=self.bins, polarities=2)


class _Planes(BinnedAccumulator):
    def __init__(self, sensor: tuple[int, int], window_us: tuple[int, int], *, bins: int, polarities: int) -> None:
        super().__init__(sensor, window_us)
        self.bins, self.polarities = bins, polarities

    def finish(self) -> NDArray[np.generic]:
        width, height = self.sensor
        planes = np.zeros((self.bins, self.polarities, height, width), np.uint8)
        on = (self.polarities - 1) * width * height
        for number, events in self.binned(self.bins):
            _, x, y, p = columns(events)
            mark_pixels(x, y, p, width, on, np.uint8(255), planes[number].reshape(-1))
        return planes.reshape(-1, height, width)


def _check_bins(owner: str, bins: int) -> None:
    if not 1 <= bins <= MOST_BINS:
        raise ValueError(f"{owner}: need 1 to {MOST_BINS} bins, got {bins}")


@compiled
def set_bits(x, y, p, width, bit, code):  # type: ignore[no-untyped-def]
    """Set ``bit`` at each event's place in the flat ``code``."""
    if code.size == 0:
        return
    count, block = np.uint64(len(x)), np.uint64(BLOCK)
    places = np.empty(BLOCK, np.uint32)
    begin = np.uint64(0)
    while begin < count:
        part = min(block, count - begin)
        find_places(x, y, p, begin, part, places, width, 0, 0, code.size - 1)
        fetch_pixels(x, y, p, np.int64(begin) + 2 * BLOCK)
        for k in range(part):
            code[places[k]] |= bit
        begin += part
