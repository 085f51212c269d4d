"""When what moves: movements with onset, apex and offset, sampled at any times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurofer.simulate.actions import UNITS, unit_column


@dataclass(frozen=True)
class Movement:
    """Action units that rise together, stay and fall again.

    Attributes:
        units: ``(U, 2)`` strengths at the apex, left and right of the picture.
        onset_us: Where the rise begins.
        apex_us: Where the full strength is reached.
        release_us: Where the fall begins.
        offset_us: Where the face is back.
        delays: ``(U,)`` shares in 0..0.3 of the rise by which each unit starts later.
    """

    units: NDArray[np.float64]
    onset_us: int
    apex_us: int
    release_us: int
    offset_us: int
    delays: NDArray[np.float64]

    def __post_init__(self) -> None:
        if not self.onset_us < self.apex_us <= self.release_us < self.offset_us:
            raise ValueError(f"Movement: need onset < apex <= release < offset, got {self.onset_us}, {self.apex_us}, "
                             f"{self.release_us}, {self.offset_us} us")


def movement(units: NDArray[np.float64] | dict[int, float], onset_us: int, apex_us: int, release_us: int,
             offset_us: int, random: np.random.Generator | None = None) -> Movement:
    """A movement of some action units, given by number or as an array; with ``random`` they start one by one."""
    if isinstance(units, dict):
        strengths = np.zeros((len(UNITS), 2))
        for unit, strength in units.items():
            strengths[unit_column(unit)] = strength
    else:
        strengths = np.asarray(units, np.float64)
    delays = np.zeros(len(UNITS)) if random is None else random.uniform(0, 0.3, len(UNITS))
    return Movement(strengths, onset_us, apex_us, release_us, offset_us, delays)


def ease(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smooth rise from 0 to 1 over ``share`` 0..1, without a jump in speed."""
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)


def strengths(movements: Iterable[Movement], times_us: NDArray[np.int64]) -> NDArray[np.float64]:
    """``(T, U, 2)`` strengths of all action units at the given times; movements add up, to 1 at most."""
    total = np.zeros((len(times_us), len(UNITS), 2))
    times = times_us[:, None].astype(np.float64)
    for one in movements:
        rise_us = (one.apex_us - one.onset_us) * (1 - one.delays)
        rise = ease((times - (one.apex_us - rise_us)) / rise_us)
        fall = ease((times - one.release_us) / (one.offset_us - one.release_us))
        total += (rise * (1 - fall))[:, :, None] * one.units
    return np.clip(total, 0, 1)
