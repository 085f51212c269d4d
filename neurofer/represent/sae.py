"""SAE: how late each pixel fired, both polarities in one grey picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.represent.base import Accumulator, GreyPicture
from neurofer.represent.latest import LatestAccumulator


@dataclass(frozen=True)
class Sae(GreyPicture):
    """Surface of active events: the mean over both polarities of the time of a pixel's latest event, in 0 to 255.

    With T the pixel's latest time of a polarity, and first and last the times of the window's first and last event,
    a polarity gives ``255 (T - first) / (last - first + 1 us)``, and 0 without event; the mean of both is rounded down.
    So a pixel where one polarity fired reaches half the brightness of one where both did, and the window's first event
    looks like none. Prefer ``time_surface`` where polarities should stay apart, or where windows should share one time
    scale whatever their first and last event.

    The result is ``(1, height, width)`` uint8.

    Source:
        Benosman et al., TNNLS 2014 (the surface); evTransFER (Verschae and Bugueno-Cordova 2026), by its public code,
        for the scaling and the mean.
    """

    kind: ClassVar[str] = "sae"
    channel_name: ClassVar[str] = "latest time"

    def _begin(self, sensor: tuple[int, int], window_us: tuple[int, int], origin_us: int) -> Accumulator:
        return _Surface(sensor, window_us, planes=2)


class _Surface(LatestAccumulator):
    """Scales the times when the last one is known."""

    def finish(self) -> NDArray[np.generic]:
        off, on = self.latest
        picture = np.zeros((1, *off.shape), np.uint8)
        mean_times(off.reshape(-1), on.reshape(-1), self.length_us, picture.reshape(-1))
        return picture


@compiled
def mean_times(off, on, length_us, picture):  # type: ignore[no-untyped-def]
    """The mean of two planes of times (plus 1, 0 for none) as bytes, where 255 would be ``length_us + 1``."""
    whole = 2.0 * (np.float64(length_us) + 1.0)
    for i in range(min(off.size, on.size, picture.size)):
        if off[i] > 0 or on[i] > 0:
            total = np.float64(max(off[i] - 1, np.int64(0))) + np.float64(max(on[i] - 1, np.int64(0)))
            picture[i] = np.uint8(min(255.0 * total / whole, 255.0))
