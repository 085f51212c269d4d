"""The frozen EST kernels of TIE and how they fold into three channels.

All kernels are piecewise linear, so the weight of an event in a channel, summed over the channel's bins, is piecewise
linear in the event's place B too. Between two corners it is one straight line, the same for all events of that time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

BINS = 9
BIN_STEP = 1.0 / (BINS - 1)

R, G, B = 0, 1, 2
OFF, ON = 0, 1

CHANNEL_BINS: tuple[tuple[int, int, range], ...] = (
    (R, OFF, range(6)),
    (G, OFF, range(6, 9)),
    (G, ON, range(3)),
    (B, ON, range(3, 9)),
)
"""``(channel, polarity, bins)``: which planes each channel sums."""

_EST_TABLE = """
-10000:-14 -9612:35 -7098:-25 -6523:94 -6203:20 -939:-9 -808:256 -768:406 -717:1063 -715:1114 -713:1230 -13:97321
-12:97444 -2:98240 4:98669 5:98712 6:98677 15:97563 670:6280 704:1935 705:1829 709:1632 774:134 1054:-305 2111:215
2889:-233 2966:-179 4157:58 4291:-53 8253:-123 10796:-109 12130:3 12313:-13 14302:592 15304:1294 15887:1801 16384:2072
18127:2717 20733:3764 30000:10692
"""


@dataclass(frozen=True)
class Lines:
    """A continuous function made of straight lines, without end on both sides.

    Attributes:
        corners: ``(K,)`` float64, rising.
        values: ``(K,)`` float64, the function at the corners.
        slopes: ``(K + 1,)`` float64, left of the first corner, between corners, right of the last.
    """

    corners: NDArray[np.float64]
    values: NDArray[np.float64]
    slopes: NDArray[np.float64]

    def __call__(self, u: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """The function at ``u``."""
        u = np.asarray(u, np.float64)
        line = np.searchsorted(self.corners, u, side="right")
        near = np.maximum(line - 1, 0)
        return self.values[near] + self.slopes[line] * (u - self.corners[near])


def _lines(corners: NDArray[np.float64], values: NDArray[np.float64], left: float, right: float) -> Lines:
    between = np.diff(values) / np.diff(corners)
    return Lines(corners, values, np.concatenate([[left], between, [right]]))


def _triangle(half_width: float) -> Lines:
    return _lines(np.array([-half_width, 0.0, half_width]), np.array([0.0, 1.0, 0.0]), 0.0, 0.0)


def _est() -> Lines:
    """The published EST weights as a table; the last slope goes on outside it."""
    pairs = np.array([pair.split(":") for pair in _EST_TABLE.split()], dtype=np.float64)
    corners, values = pairs[:, 0] / 1e4, pairs[:, 1] / 1e5
    slopes = np.diff(values) / np.diff(corners)
    return _lines(corners, values, float(slopes[0]), float(slopes[-1]))


KERNELS: dict[str, Lines] = {"triangle14": _triangle(1 / 14), "triangle8": _triangle(1 / 8), "est": _est()}
"""Kernel of the distance ``B - i/8`` between an event's place and a bin, by name."""


def shifted_sum(kernel: Lines, bins: range) -> Lines:
    """``sum over i in bins of kernel(B - i/8)`` as a function of B."""
    shifts = np.array(bins, dtype=np.float64) * BIN_STEP
    corners = np.unique((kernel.corners[None, :] + shifts[:, None]).reshape(-1))
    apart = np.concatenate([[True], np.diff(corners) > 1e-12])
    corners = corners[apart]
    values = kernel(corners[None, :] - shifts[:, None]).sum(axis=0)
    return _lines(corners, values, len(bins) * float(kernel.slopes[0]), len(bins) * float(kernel.slopes[-1]))


@cache
def folded(kernel: str) -> dict[tuple[int, int], Lines]:
    """The weight of an event in a channel, ``{(channel, polarity): function of B}``, for ``A = 1``."""
    return {(channel, polarity): shifted_sum(KERNELS[kernel], bins) for channel, polarity, bins in CHANNEL_BINS}
