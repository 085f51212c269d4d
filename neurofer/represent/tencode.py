"""Tencode: polarity as colour and time as its green."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.represent.base import Accumulator, Representation
from neurofer.represent.latest import LatestAccumulator


@dataclass(frozen=True)
class Tencode(Representation):
    """The latest event of each pixel in colour on white: ON is red, OFF is blue, and the older the greener.

    With t the time of a pixel's latest event, and first and last those of the window's first and last event, ON gives
    ``(255, g, 0)`` and OFF ``(0, g, 255)`` with ``g = 255 (last - t) / (last - first)``, rounded down; 0 where all
    events are of one time. Earlier events of a pixel leave no trace. Of events of one time the later in the stream
    counts; in the public code OFF events overwrite ON events whatever their time.

    The result is ``(3, height, width)`` uint8.

    Source:
        Huang et al., WACV 2023 (EventPoint, arXiv:2109.00210).
    """

    kind: ClassVar[str] = "tencode"
    empty_value: ClassVar[float] = 255.0

    @property
    def channels(self) -> int:
        return 3

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint8)

    @property
    def channel_names(self) -> tuple[str, ...]:
        return ("R", "G", "B")

    def _begin(self, sensor: tuple[int, int], window_us: tuple[int, int], origin_us: int) -> Accumulator:
        return _Picture(sensor, window_us, planes=1)


class _Picture(LatestAccumulator):
    """Colours the times when the last one is known."""

    def finish(self) -> NDArray[np.generic]:
        picture = np.full((3, *self.latest.shape[1:]), Tencode.empty_value, np.uint8)
        colour_times(self.latest.reshape(-1), self.length_us, picture.reshape(-1))
        return picture


@compiled
def colour_times(latest, length_us, picture):  # type: ignore[no-untyped-def]
    """Colours of a plane of signed times (plus 1, 0 for none); ``picture`` is three planes, flat and white."""
    pixels = min(latest.size, picture.size // 3)
    for i in range(pixels):
        if latest[i] != 0:
            age_us = np.float64(max(length_us - abs(latest[i]) + 1, 0))
            picture[i] = 255 if latest[i] > 0 else 0
            picture[pixels + i] = np.uint8(min(255.0 * age_us / np.float64(length_us), 255.0) if length_us > 0 else 0.0)
            picture[2 * pixels + i] = 0 if latest[i] > 0 else 255
