"""How many events each pixel had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events
from neurofer.represent.base import Accumulator, Representation, one_of
from neurofer.represent.scatter import add_steps, columns, mark_pixels

MODES = ("polarity", "signed", "binary")
OVERFLOWS = ("refuse", "saturate")


@dataclass(frozen=True)
class Counts(Representation):
    """Event counts of one window.

    The cheapest representation; prefer a voxel grid or TIE when the order of events within the window matters. The
    order of events never matters here.

    Attributes:
        mode: ``polarity``: OFF and ON counts, ``(2, height, width)`` uint16. ``signed``: ON minus OFF, ``(1, height,
            width)`` int16. ``binary``: 1 where a polarity fired at all, ``(2, height, width)`` uint8.
        overflow: What becomes of a pixel whose count does not fit its element type: ``refuse`` raises and says how many
            pixels there are, ``saturate`` keeps the largest (or smallest) value that fits.

    Source:
        Maqueda et al., CVPR 2018 (arXiv:1804.01310), section 3.2 (two polarity histograms).
    """

    kind: ClassVar[str] = "counts"
    mode: str = "polarity"
    overflow: str = "refuse"

    def __post_init__(self) -> None:
        one_of("Counts", "mode", self.mode, MODES)
        one_of("Counts", "overflow", self.overflow, OVERFLOWS)

    @property
    def channels(self) -> int:
        return 1 if self.mode == "signed" else 2

    @property
    def dtype(self) -> np.dtype:
        return np.dtype({"polarity": np.uint16, "signed": np.int16, "binary": np.uint8}[self.mode])

    @property
    def is_picture(self) -> bool:
        return False

    @property
    def channel_names(self) -> tuple[str, ...]:
        return ("ON - OFF",) if self.mode == "signed" else ("OFF", "ON")

    def _begin(self, sensor: tuple[int, int], window_us: tuple[int, int], origin_us: int) -> Accumulator:
        state = _Marks if self.mode == "binary" else _Counters
        return state(self, sensor, window_us)


class _Marks(Accumulator):
    """1 where a polarity fired."""

    def __init__(self, recipe: Counts, sensor: tuple[int, int], window_us: tuple[int, int]) -> None:
        super().__init__(sensor, window_us)
        width, height = sensor
        self.marks = np.zeros((2, height, width), np.uint8)

    def _take(self, events: Events) -> None:
        width, height = self.sensor
        _, x, y, p = columns(events)
        mark_pixels(x, y, p, width, width * height, np.uint8(1), self.marks.reshape(-1))

    def finish(self) -> NDArray[np.generic]:
        return self.marks


class _Counters(Accumulator):
    """16-bit counters; 32-bit ones from the first piece on that makes one run over.

    A counter that runs over starts again at 0, so that the counters add up to less than the events; subtracting the
    piece again restores them exactly.
    """

    def __init__(self, recipe: Counts, sensor: tuple[int, int], window_us: tuple[int, int]) -> None:
        super().__init__(sensor, window_us)
        width, height = sensor
        self.recipe = recipe
        self.counts: NDArray[np.unsignedinteger] = np.zeros((2, height, width), np.uint16)
        self.events = 0

    def _take(self, events: Events) -> None:
        self.events += len(events)
        self._add(events, np.uint16(1) if self.counts.dtype == np.uint16 else np.uint32(1))
        narrow = self.counts.dtype == np.uint16
        if narrow and self.events > 0xFFFF and int(self.counts.sum(dtype=np.uint64)) != self.events:
            self._add(events, np.uint16(0xFFFF))
            self.counts = self.counts.astype(np.uint32)
            self._add(events, np.uint32(1))

    def _add(self, events: Events, step: np.unsignedinteger) -> None:
        width, height = self.sensor
        _, x, y, p = columns(events)
        add_steps(x, y, p, width, width * height, step, self.counts.reshape(-1))

    def finish(self) -> NDArray[np.generic]:
        if self.recipe.mode == "signed":
            off, on = self.counts
            if self.events <= 0x7FFF:
                return np.subtract(on.view(np.int16), off.view(np.int16))[None]
            return self._fitted((on.astype(np.int64) - off)[None])
        return self._fitted(self.counts)

    def _fitted(self, counts: NDArray[np.integer]) -> NDArray[np.integer]:
        """The counts in the recipe's element type."""
        if counts.dtype == self.recipe.dtype:
            return counts
        limits = np.iinfo(self.recipe.dtype)
        beyond = int(np.count_nonzero((counts > limits.max) | (counts < limits.min)))
        if beyond and self.recipe.overflow == "refuse":
            raise ValueError(f"Counts: {beyond} counters pass {limits.max} in window {self.window_us} us; "
                             "take a shorter window or overflow='saturate'")
        return np.clip(counts, limits.min, limits.max).astype(self.recipe.dtype)
