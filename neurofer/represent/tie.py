"""TIE: the events of a window as one RGB picture, after evTransFER."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events
from neurofer.represent.base import Representation, one_of
from neurofer.represent.span import SpannedAccumulator
from neurofer.represent.tie_fold import FoldPlan, fold_events, plan_fold
from neurofer.represent.tie_kernel import KERNELS
from neurofer.represent.tie_scale import scaled, total_of

VARIANTS = ("t_t", "t_t0", "t0_t", "t0_t0")
SCALES = ("sensor", "active")


@dataclass(frozen=True)
class Tie(Representation):
    """An EST voxel grid with a frozen kernel, folded into three channels and scaled to 8 bits.

    With ``t`` in seconds since the recording's origin and ``t0 = (t - min t) / (max t - min t)`` within the window, an
    event of polarity p adds ``A * kernel(B - i/8)`` to bin i of p, for nine bins. R is OFF bins 0 to 5, G is OFF bins 6
    to 8 and ON bins 0 to 2, B is ON bins 3 to 8: for ``*_t0``, early OFF events are red, late OFF and early ON events
    green, late ON events blue. The 18 planes never exist; each event goes straight to its channel.

    Weights are whole multiples of 2^-18 (``est``: 2^-26) of (a power of two at least as large as) the channel's largest
    weight in the window, and are added as integers; ranks are selected and pixels divided exactly. So neither the order
    of events of one time nor the pieces in which a window comes change a bit, n copies of every event give the same
    picture, and ``t0_t0`` does not change when a constant is added to all times.

    Attributes:
        variant: ``A_B``, multiplier first: ``t_t``, ``t_t0``, ``t0_t`` or ``t0_t0``. The default sees only its own
            window; ``*_t`` bins tick recording time and empty out after a second, which is unfit for streams.
        kernel: ``triangle14`` (half-width 1/14, what the published kernel is near its tip), ``triangle8`` (every event
            adds exactly A) or ``est`` (the published kernel with its tails).
        scale: ``sensor``: black and white are the values of rank 1 and 99 % among all pixels of the sensor.
            ``active``: among the non-zero pixels; keeps the grading where few pixels fire.

    The result is ``(3, height, width)`` uint8. No events give zeros; one time value only gives ``t0 = 0``; a constant
    channel gives 0; where fewer than 1 % of the pixels are above the rest, those get 255.

    Source:
        Verschae and Bugueno-Cordova, Neurocomputing 671, 2026 (arXiv:2508.03609); kernel and grid: Gehrig et al., ICCV
        2019 (arXiv:1904.08245).
    """

    kind: ClassVar[str] = "tie"
    variant: str = "t0_t0"
    kernel: str = "triangle14"
    scale: str = "sensor"

    def __post_init__(self) -> None:
        one_of("Tie", "variant", self.variant, VARIANTS)
        one_of("Tie", "kernel", self.kernel, tuple(KERNELS))
        one_of("Tie", "scale", self.scale, SCALES)

    @property
    def channels(self) -> int:
        return 3

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint8)

    @property
    def channel_names(self) -> tuple[str, ...]:
        return ("R", "G", "B")

    def _begin(self, sensor: tuple[int, int], window_us: tuple[int, int], origin_us: int) -> _Picture:
        return _Picture(self, sensor, window_us, origin_us)

    def unscaled(self, events: Events, window_us: tuple[int, int], *, origin_us: int = 0) -> NDArray[np.float64]:
        """The three channels before scaling, ``(3, height, width)`` float64, in sums of ``A * kernel``.

        Raises:
            ValueError: ``stop <= start``.
        """
        state = self._begin(events.sensor, self._checked(events.sensor, window_us), int(origin_us))
        state.add(events)
        sums, plan = state.fold()
        return sums / plan.units[:, None, None]


class _Picture(SpannedAccumulator):
    """Keeps the window's events until its end, because t0 needs the first and the last of them."""

    def __init__(self, recipe: Tie, sensor: tuple[int, int], window_us: tuple[int, int], origin_us: int) -> None:
        super().__init__(sensor, window_us)
        self.recipe = recipe
        self.origin_us = origin_us

    def fold(self) -> tuple[NDArray[np.signedinteger], FoldPlan]:
        """The channels as integers, ``(3, height, width)``, and the plan that says their units."""
        multiplier, place = self.recipe.variant.split("_")
        plan = plan_fold(multiplier, place, self.recipe.kernel, *self.span_us, self.origin_us)
        width, height = self.sensor
        if plan.fits_32_bits(sum(map(len, self.pieces))):
            sums: NDArray[np.signedinteger] = np.zeros((3, height, width), np.int32)
            total = sum(fold_events(piece, plan, sums) for piece in self.pieces)
            if total_of(sums.reshape(-1)) == total:
                return sums, plan
        sums = np.zeros((3, height, width), np.int64)
        for piece in self.pieces:
            fold_events(piece, plan, sums)
        return sums, plan

    def finish(self) -> NDArray[np.generic]:
        width, height = self.sensor
        if not self.pieces:
            return np.zeros((3, height, width), np.uint8)
        sums, _ = self.fold()
        picture = np.empty((3, height, width), np.uint8)
        for channel in range(3):
            scaled(sums[channel].reshape(-1), self.recipe.scale, picture[channel].reshape(-1))
        return picture
