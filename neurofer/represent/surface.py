"""When each pixel last fired."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.events.events import Events
from neurofer.represent.base import Accumulator, Representation, one_of
from neurofer.represent.scatter import BLOCK, columns, fetch_events, find_places

DECAYS = ("exponential", "linear", "latest")
_STEPS_PER_TAU = 64


@dataclass(frozen=True)
class TimeSurface(Representation):
    """Surface of active events: the latest event of each pixel and polarity, the later the brighter.

    Shows where an edge is now and where it came from. Earlier events of a pixel leave no trace; prefer counts or a
    voxel grid when the amount of motion matters. Events of one time may come in any order.

    With T the pixel's latest time in the window ``[start, stop)``:

    Attributes:
        decay: ``exponential``: ``exp(-(stop - T) / tau)``. ``linear``: ``max(0, 1 - (stop - T) / tau)``. ``latest``:
            ``(T - start + 1) / (stop - start)``, which does not use ``tau_us`` and is 1 for the window's last
            microsecond. 0 where there was no event.
        tau_us: Time constant in microseconds.

    The result is ``(2, height, width)`` float32, OFF then ON.

    Source:
        Benosman et al., TNNLS 2014 (surface of active events); Lagorce et al., TPAMI 2017 (HOTS, exponential decay).
    """

    kind: ClassVar[str] = "time_surface"
    decay: str = "exponential"
    tau_us: float = 30_000.0

    def __post_init__(self) -> None:
        one_of("TimeSurface", "decay", self.decay, DECAYS)
        if not (math.isfinite(self.tau_us) and self.tau_us > 0):
            raise ValueError(f"TimeSurface: tau_us must be a positive number of microseconds, got {self.tau_us}")

    @property
    def channels(self) -> int:
        return 2

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.float32)

    @property
    def channel_names(self) -> tuple[str, ...]:
        return ("OFF", "ON")

    def _begin(self, sensor: tuple[int, int], window_us: tuple[int, int], origin_us: int) -> Accumulator:
        return _Surface(self, sensor, window_us)


class _Surface(Accumulator):
    """Writes each event's value over its pixel: in time order the latest remains."""

    def __init__(self, recipe: TimeSurface, sensor: tuple[int, int], window_us: tuple[int, int]) -> None:
        super().__init__(sensor, window_us)
        width, height = sensor
        start_us, stop_us = window_us
        self.recipe = recipe
        self.surface = np.zeros((2, height, width), np.float32)
        if recipe.decay == "exponential":
            self.shift, self.decays = _decay_table(recipe.tau_us, stop_us - start_us)
        if recipe.decay == "linear":
            self.offset, self.slope = 1.0, -1.0 / recipe.tau_us
        else:
            self.offset, self.slope = 1.0 + 1.0 / (stop_us - start_us), -1.0 / (stop_us - start_us)

    def _take(self, events: Events) -> None:
        width, height = self.sensor
        stop_us = self.window_us[1]
        place = (width, width * height, self.surface.reshape(-1))
        if self.recipe.decay == "exponential":
            write_decayed(*columns(events), stop_us, self.shift, self.decays, 1.0 / self.recipe.tau_us, *place)
        else:
            write_linear(*columns(events), stop_us, self.offset, self.slope, *place)

    def finish(self) -> NDArray[np.generic]:
        return self.surface


def _decay_table(tau_us: float, longest_us: int) -> tuple[int, NDArray[np.float64]]:
    """``exp(-(i << shift) / tau)`` for all i that matter; steps short enough that a cubic fills them to 1e-8."""
    shift = max(0, math.floor(math.log2(tau_us / _STEPS_PER_TAU))) if tau_us > _STEPS_PER_TAU else 0
    vanished_us = min(float(longest_us), 110.0 * tau_us)
    steps = int(vanished_us) >> shift
    table = np.exp(-(np.arange(steps + 2, dtype=np.float64) * 2.0**shift) / tau_us)
    if vanished_us < longest_us:
        table[-1] = 0.0
    return shift, table


@compiled
def _step(age_us, shift, final):  # type: ignore[no-untyped-def]
    """The table's step for an age, inside the table whatever the age."""
    return np.uint64(min(max(np.int64(age_us) >> np.int64(shift), np.int64(0)), np.int64(final)))


@compiled
def _cubic(z):  # type: ignore[no-untyped-def]
    """``exp(z)`` for z from -1/64 to 0, within 3e-9."""
    return 1.0 + z * (1.0 + z * (0.5 + z * (1.0 / 6.0)))


@compiled
def write_decayed(t, x, y, p, stop_us, shift, decays, rate, width, on, surface):  # type: ignore[no-untyped-def]
    """``exp(-rate * (stop_us - t))`` at each event's place: the table's step times a cubic for the rest."""
    if surface.size == 0 or decays.size == 0:
        return
    count, block = np.uint64(len(t)), np.uint64(BLOCK)
    places, values = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.float32)
    final = np.int64(decays.size - 1)
    rest = (np.int64(1) << np.int64(shift)) - np.int64(1)
    begin = np.uint64(0)
    while begin < count:
        part = min(block, count - begin)
        find_places(x, y, p, begin, part, places, width, 0, on, surface.size - 1)
        earliest = _step(stop_us - t[begin], shift, final)
        if earliest == _step(stop_us - t[begin + part - np.uint64(1)], shift, final):
            decay = decays[earliest]
            for k in range(part):
                values[k] = decay * _cubic(-rate * np.float64((stop_us - t[begin + k]) & rest))
        else:
            for k in range(part):
                age = stop_us - t[begin + k]
                values[k] = decays[_step(age, shift, final)] * _cubic(-rate * np.float64(age & rest))
        fetch_events(t, x, y, p, np.int64(begin) + 2 * BLOCK)
        for k in range(part):
            surface[places[k]] = values[k]
        begin += part


@compiled
def write_linear(t, x, y, p, stop_us, offset, slope, width, on, surface):  # type: ignore[no-untyped-def]
    """``max(0, offset + slope * (stop_us - t))`` at each event's place."""
    if surface.size == 0:
        return
    count, block = np.uint64(len(t)), np.uint64(BLOCK)
    places, values = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.float32)
    begin = np.uint64(0)
    while begin < count:
        part = min(block, count - begin)
        find_places(x, y, p, begin, part, places, width, 0, on, surface.size - 1)
        for k in range(part):
            values[k] = max(0.0, offset + slope * np.float64(stop_us - t[begin + k]))
        fetch_events(t, x, y, p, np.int64(begin) + 2 * BLOCK)
        for k in range(part):
            surface[places[k]] = values[k]
        begin += part
