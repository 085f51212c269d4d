"""Signed event volume with linear interpolation in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events
from neurofer.represent.base import Accumulator, Representation, one_of
from neurofer.represent.scatter import columns
from neurofer.represent.span import SpannedAccumulator
from neurofer.represent.voxel_kernel import FULL, UNIT, add_pair, empty_words, pass_bin

SPANS = ("window", "events")


@dataclass(frozen=True)
class VoxelGrid(Representation):
    """Signed event volume: each event adds +1 (ON) or -1 (OFF), shared by the two time bins next to it.

    Keeps timing that counts lose; the grid sums to ON minus OFF exactly. Shares are whole multiples of 2^-18 (an error
    below 2e-6 an event) and are added as integers, so the order of events makes no difference to the last bit.

    Attributes:
        bins: Number of time bins, at least 2; bin b lies at ``b / (bins - 1)`` of the span.
        span: ``window``: from the window's start to its stop. ``events``: from the first to the last event in it, as
            published; events of one single time go to bin 0.
        normalise: Subtract the mean and divide by the standard deviation of the non-zero cells; zeros stay.

    The result is ``(bins, height, width)`` float32.

    Source:
        Zhu et al., CVPR 2019, section 3.1 (arXiv:1812.08156).
    """

    kind: ClassVar[str] = "voxel"
    bins: int = 5
    span: str = "window"
    normalise: bool = False

    def __post_init__(self) -> None:
        if self.bins < 2:
            raise ValueError(f"VoxelGrid: need at least 2 bins, got {self.bins}")
        one_of("VoxelGrid", "span", self.span, SPANS)

    @property
    def channels(self) -> int:
        return self.bins

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.float32)

    @property
    def channel_names(self) -> tuple[str, ...]:
        return tuple(f"bin {b}" for b in range(self.bins))

    def _begin(self, sensor: tuple[int, int], window_us: tuple[int, int], origin_us: int) -> Accumulator:
        if self.span == "events":
            return _SpanOfEvents(self, sensor, window_us)
        return _Grid(self, sensor, window_us, window_us)


class _Grid(Accumulator):
    """Integer cells over a known span, filled bin by bin as time goes on."""

    def __init__(self, recipe: VoxelGrid, sensor: tuple[int, int], window_us: tuple[int, int],
                 span_us: tuple[int, int]) -> None:
        super().__init__(sensor, window_us)
        width, height = sensor
        self.recipe = recipe
        self.first_us, last_us = span_us
        self.length_us = last_us - self.first_us
        self.grid = np.zeros((recipe.bins, height, width), np.float32)
        self.words = np.zeros(height * width, np.int64)
        self.here = np.zeros(height * width, np.int64)
        self.beyond = np.zeros(0, np.int64)
        self.low = 0
        self.in_words = 0

    def _take(self, events: Events) -> None:
        gaps = self.recipe.bins - 1
        rate = gaps / self.length_us if self.length_us else 0.0
        while len(events):
            stop = len(events)
            if rate and self.low < gaps - 1:
                bin_us = self.first_us - (-self.length_us * (self.low + 1) // gaps)
                stop = int(np.searchsorted(events.t, bin_us))
            part = min(stop, FULL - self.in_words)
            add_pair(*columns(events[:part]), self.first_us, rate, self.low, self.sensor[0], self.words)
            self.in_words += part
            events = events[part:]
            if part == stop and len(events):
                self._pass_bin()
            elif self.in_words == FULL:
                self._empty_words()

    def _empty_words(self) -> None:
        if not len(self.beyond):
            self.beyond = np.zeros_like(self.here)
        empty_words(self.words, self.here, self.beyond)
        self.in_words = 0

    def _pass_bin(self) -> None:
        pass_bin(self.words, self.here, self.grid[self.low].reshape(-1))
        if len(self.beyond):
            self.here += self.beyond
            self.beyond = np.zeros(0, np.int64)
        self.in_words = 0
        self.low += 1

    def finish(self) -> NDArray[np.generic]:
        if self._last_us is not None:
            self._pass_bin()
            self.grid[self.low] = (self.here / UNIT).reshape(self.grid.shape[1:])
        return _normalised(self.grid) if self.recipe.normalise else self.grid


class _SpanOfEvents(SpannedAccumulator):
    """Keeps the window's events until its end, because the first and the last of them set the bins."""

    def __init__(self, recipe: VoxelGrid, sensor: tuple[int, int], window_us: tuple[int, int]) -> None:
        super().__init__(sensor, window_us)
        self.recipe = recipe

    def finish(self) -> NDArray[np.generic]:
        grid = _Grid(self.recipe, self.sensor, self.window_us, self.span_us)
        for piece in self.pieces:
            grid.add(piece)
        return grid.finish()


def _normalised(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """The grid with mean 0 and deviation 1 over its non-zero cells."""
    filled = grid != 0
    values = grid[filled].astype(np.float64)
    if not len(values):
        return grid
    deviation = float(values.std())
    grid[filled] = (values - values.mean()) / (deviation if deviation > 0 else 1.0)
    return grid
