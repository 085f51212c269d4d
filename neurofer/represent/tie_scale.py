"""Percentile scaling of integer channels to 8 bits, exact: ranks by selection, pixels by whole-number arithmetic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled

LOW, HIGH = 0.01, 0.99
_CELLS = 64
_SAMPLE = 4096


def rank_of(quantile: float, count: int) -> int:
    """The rank, from 1, that stands for a quantile among ``count`` values."""
    return 1 + round(quantile * (count - 1))


def scaled(channel: NDArray[np.signedinteger], scale: str, out: NDArray[np.uint8]) -> None:
    """Write ``floor(clamp(255 (c - lo) / (hi - lo), 0, 255))`` to ``out``, for every ``c`` of ``channel``.

    Where ``hi == lo``, 255 above ``lo``, else 0; 0 everywhere if all values are equal.

    Args:
        channel: Flat, int32 or int64, absolute values below 2^41.
        scale: ``sensor``: lo and hi are the values of rank 1 and 99 % among all pixels, zeros included. ``active``:
            among the non-zero pixels, ``lo`` at most 0 and ``hi`` at least 0.
        out: Flat, as long as ``channel``.
    """
    if scale == "active":
        filled = channel[channel != 0]
        if not len(filled):
            out.fill(0)
            return
        low, high = (rank_of(quantile, len(filled)) - 1 for quantile in (LOW, HIGH))
        ordered = np.sort(filled)
        if len(filled) == len(channel) and ordered[0] == ordered[-1]:
            out.fill(0)
            return
        lo, hi = min(0, int(ordered[low])), max(0, int(ordered[high]))
    else:
        lo, hi = limits(channel)
    _scale(channel, lo, hi, 1.0 / (hi - lo) if hi > lo else 0.0, out)


def limits(channel: NDArray[np.signedinteger]) -> tuple[int, int]:
    """Values of rank 1 and 99 % among all pixels.

    Most pixels of most windows are zero, so counting settles the lower rank; the upper one lies among the few largest.
    """
    count = len(channel)
    low, high = rank_of(LOW, count), rank_of(HIGH, count)
    negative, zero = _count_signs(channel)
    lo = 0 if negative < low <= negative + zero else -_largest(-channel, low, negative >= low)
    hi = 0 if negative < high <= negative + zero else _largest(channel, count - high + 1, negative + zero < high)
    return lo, hi


def _largest(channel: NDArray[np.signedinteger], rank: int, positive: bool) -> int:
    """The value of that rank counted from the largest; ``positive`` when it is known to be above zero.

    A sample tells a mark that the value probably reaches. One pass keeps what lies above the mark, which is little, and
    the value is found in that; if the sample misled, in all. numpy sorts with vector instructions, much faster than it
    partitions where values repeat.
    """
    count = len(channel)
    sample = np.sort(channel[:: max(1, count // _SAMPLE)])
    expected = rank * len(sample) / count
    mark = int(sample[-min(len(sample), 1 + int(expected + 4 * expected**0.5))])
    if positive:
        mark = max(mark, 1)
    kept = np.empty(min(count, 4 * rank + 64), channel.dtype)
    found = _keep_from(channel, mark, kept)
    if found > len(kept):
        kept = np.empty(found, channel.dtype)
        _keep_from(channel, mark, kept)
    if found < rank:
        return int(np.sort(channel)[count - rank])
    return int(np.sort(kept[:found])[found - rank])


@compiled
def total_of(values):  # type: ignore[no-untyped-def]
    """The sum of all values in 64 bits."""
    total = np.int64(0)
    for i in range(values.size):
        total += values[i]
    return total


@compiled
def _count_signs(channel):  # type: ignore[no-untyped-def]
    """How many values are negative, and how many zero."""
    negative, zero = np.int64(0), np.int64(0)
    for i in range(channel.size):
        negative += channel[i] < 0
        zero += channel[i] == 0
    return negative, zero


@compiled
def _keep_from(channel, mark, kept):  # type: ignore[no-untyped-def]
    """How many values are at least ``mark``; they go to ``kept`` as far as it reaches."""
    found = np.int64(0)
    for begin in range(0, channel.size, _CELLS):
        part = channel[begin : begin + _CELLS]
        reached = np.int32(0)
        for k in range(len(part)):
            reached += np.int32(part[k] >= mark)
        if reached:
            for k in range(len(part)):
                if part[k] >= mark:
                    if found < kept.size:
                        kept[found] = part[k]
                    found += 1
    return found


@compiled
def _scale(channel, lo, hi, inverse, out):  # type: ignore[no-untyped-def]
    """Scale to bytes; half a unit is added before the product, which moves no quotient to another whole number.

    With R = hi - lo below 2^42, a quotient 255 d / R is a whole number or at least 1 / R below the next, and half of
    that is more than the product's rounding.
    """
    least, most = 0.0, np.float64(hi - lo)
    ground = np.uint8(0 if lo >= 0 else (255 if hi <= 0 else np.int64((255.0 * -lo + 0.5) * inverse)))
    if hi <= lo:
        for i in range(min(channel.size, out.size)):
            out[i] = 255 if channel[i] > lo else 0
        return
    for begin in range(0, min(channel.size, out.size), _CELLS):
        part, bytes_ = channel[begin : begin + _CELLS], out[begin : begin + _CELLS]
        filled = part[0] | part[0]
        for k in range(len(part)):
            filled |= part[k]
        if filled == 0:
            for k in range(len(bytes_)):
                bytes_[k] = ground
        else:
            for k in range(len(part)):
                d = np.float64(part[k] - lo)
                d = d if d > least else least
                d = d if d < most else most
                bytes_[k] = np.uint8(np.int32((255.0 * d + 0.5) * inverse))


