"""Folding events straight into the three channels of TIE, one pass over the events, in whole numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.events.events import Events
from neurofer.represent.scatter import BLOCK, columns, fetch_events, find_places
from neurofer.represent.tie_kernel import CHANNEL_BINS, folded

WEIGHT_BITS = {"triangle14": 18, "triangle8": 18, "est": 26}
"""By kernel: with b bits, the largest weight of a channel lies between 2^(b-1) and 2^b units.

The tails of ``est`` are 500 times smaller than its tip. Where few pixels fire, black and white may both lie among the
tails, and their digits alone tell one grey level from the next.
"""

NOTHING = 1e-9
"""A kernel sum this small is the rounding of a sum that is zero."""


@dataclass(frozen=True)
class FoldPlan:
    """How one window's events are folded.

    Time is ``d = t - first_us`` in whole microseconds. Stretch s holds the events from ``stops[s - 1]`` up to, not
    including, ``stops[s]``; in it, pass q adds to each event's pixel ``(gain[0] + gain[1] d) (line[0] + line[1] d)``,
    rounded, in the channel of its polarity.

    Attributes:
        first_us: Time of the window's first event.
        gain: A as a line over d.
        stops: ``(S,)`` int64, ends of the stretches in d; the last is behind every event.
        channel: ``(S, 2, 2)`` int64 by stretch, pass, polarity; -1 where a pass has nothing to add.
        line: ``(S, 2, 2, 2)`` float64, the same with offset and slope, in units.
        units: ``(3,)`` float64, units of a weight of 1, a power of two for each channel.
        least: No weight is below this, in units.
        most: No weight is above this, in units.
    """

    first_us: int
    gain: tuple[float, float]
    stops: NDArray[np.int64]
    channel: NDArray[np.int64]
    line: NDArray[np.float64]
    units: NDArray[np.float64]
    least: int
    most: int

    def fits_32_bits(self, events: int) -> bool:
        """Whether sums of so many events can run over 32 bits on one side at most.

        Then the sums add up to the sum of all weights if and only if none ran over.
        """
        side = min(max(-self.least, 0), max(self.most, 0))
        return events * side < 2**31


@dataclass(frozen=True)
class _Pieces:
    """The four folded weights as lines over B, on common intervals: ``(K,)`` corners, then ``(4, K + 1)``."""

    corners: NDArray[np.float64]
    place: NDArray[np.float64]
    value: NDArray[np.float64]
    slope: NDArray[np.float64]


@cache
def _pieces(kernel: str) -> _Pieces:
    weights = [folded(kernel)[channel, polarity] for channel, polarity, _ in CHANNEL_BINS]
    corners = np.unique(np.concatenate([lines.corners for lines in weights]))
    inside = np.concatenate([[corners[0] - 1.0], 0.5 * (corners[:-1] + corners[1:]), [corners[-1] + 1.0]])
    numbers = [np.searchsorted(lines.corners, inside, side="right") for lines in weights]
    near = [np.maximum(number - 1, 0) for number in numbers]
    return _Pieces(
        corners,
        np.stack([lines.corners[k] for lines, k in zip(weights, near, strict=True)]),
        np.stack([lines.values[k] for lines, k in zip(weights, near, strict=True)]),
        np.stack([lines.slopes[k] for lines, k in zip(weights, numbers, strict=True)]),
    )


_CHANNELS = np.array([channel for channel, _, _ in CHANNEL_BINS])


def plan_fold(multiplier: str, place: str, kernel: str, first_us: int, last_us: int, origin_us: int) -> FoldPlan:
    """The plan for a window whose events reach from ``first_us`` to ``last_us``.

    Args:
        multiplier: What A is: ``t`` or ``t0``.
        place: What B is: ``t`` or ``t0``.
        kernel: Name in ``tie_kernel.KERNELS``.
        origin_us: Where t is 0.
    """
    length_us = last_us - first_us
    absolute = ((first_us - origin_us) * 1e-6, 1e-6)
    relative = (0.0, 1.0 / length_us if length_us else 0.0)
    gain = relative if multiplier == "t0" else absolute
    b_start, b_rate = relative if place == "t0" else absolute
    pieces = _pieces(kernel)
    inner = np.zeros(0, np.int64)
    if b_rate > 0:
        reached = np.ceil((pieces.corners - b_start) / b_rate)
        inner = np.unique(reached[(reached > 0) & (reached <= length_us)].astype(np.int64))
    starts, stops = np.append(0, inner), np.append(inner, length_us + 1)
    interval = np.searchsorted(pieces.corners, b_start + b_rate * 0.5 * (starts + stops - 1), side="right")
    slope = pieces.slope[:, interval]
    offset = pieces.value[:, interval] + slope * (b_start - pieces.place[:, interval])
    slope = slope * b_rate
    ends = np.stack([offset + slope * starts, offset + slope * (stops - 1)])
    reach = np.abs(ends).max(axis=0)
    strength = max(abs(gain[0]), abs(gain[0] + gain[1] * length_us))
    units = np.ones(3)
    for channel in range(3):
        highest = float(reach[channel == _CHANNELS].max())
        if highest > NOTHING and strength > 0:
            units[channel] = 2.0 ** (WEIGHT_BITS[kernel] - math.ceil(math.log2(highest * strength)))
    scale = units[_CHANNELS][:, None]
    channel_of, line_of = _passes(reach > NOTHING, offset * scale, slope * scale)
    stops[-1] = np.iinfo(np.int64).max
    gains = np.array([gain[0], gain[0] + gain[1] * length_us])
    corners = np.where(reach > NOTHING, ends, 0.0)[None] * gains[:, None, None, None] * scale
    least, most = round(float(corners.min()) - 1e-6), round(float(corners.max()) + 1e-6)
    return FoldPlan(first_us, gain, stops, channel_of, line_of, units, least, most)


def _passes(
    used: NDArray[np.bool_], offset: NDArray[np.float64], slope: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Channels and lines of each stretch and pass; what adds nothing takes no pass. All are ``(4, S)``."""
    stretches = used.shape[1]
    channel_of = np.full((stretches, 2, 2), -1, np.int64)
    line_of = np.zeros((stretches, 2, 2, 2))
    taken = np.zeros((2, stretches), np.int64)
    for number, (channel, polarity, _) in enumerate(CHANNEL_BINS):
        at = np.flatnonzero(used[number])
        turn = taken[polarity, at]
        channel_of[at, turn, polarity] = channel
        line_of[at, turn, polarity, 0] = offset[number, at]
        line_of[at, turn, polarity, 1] = slope[number, at]
        taken[polarity, at] += 1
    return channel_of, line_of


def fold_events(events: Events, plan: FoldPlan, sums: NDArray[np.signedinteger]) -> int:
    """Add the events to the channels ``sums``, ``(3, height, width)`` int32 or int64; the sum of all weights."""
    width, height = events.sensor
    return int(_fold(*columns(events), plan.first_us, plan.gain[0], plan.gain[1], plan.stops, plan.channel, plan.line,
                     width, width * height, sums.reshape(-1)))


@compiled
def _fold(t, x, y, p, first_us, gain0, gain1, stops, channel, line, width, plane, sums):  # type: ignore[no-untyped-def]
    total = np.int64(0)
    begin = 0
    for stretch in range(len(stops)):
        stop = _first_at(t, begin, first_us, stops[stretch])
        for q in range(2):
            off, on = channel[stretch, q, 0], channel[stretch, q, 1]
            if off < 0 and on < 0:
                continue
            off0, off1 = line[stretch, q, 0, 0], line[stretch, q, 0, 1]
            on0, on1 = line[stretch, q, 1, 0], line[stretch, q, 1, 1]
            off, on = max(off, 0) * plane, max(on, 0) * plane
            total += _add_line(t, x, y, p, begin, stop, first_us, gain0, gain1, off0, off1, on0, on1, width, off, on,
                               sums)
        begin = stop
    return total


@compiled
def _first_at(t, begin, first_us, stop):  # type: ignore[no-untyped-def]
    """First event from ``begin`` on that lies ``stop`` or more behind ``first_us``."""
    low, high = begin, len(t)
    while low < high:
        middle = (low + high) // 2
        if t[middle] - first_us < stop:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _add_line(  # type: ignore[no-untyped-def]
    t, x, y, p, begin, stop, first_us, gain0, gain1, off0, off1, on0, on1, width, off, on, sums
):
    """Add the weights of events ``begin`` to ``stop``, one line a polarity; their sum."""
    total = np.int64(0)
    if sums.size == 0:
        return total
    at, end, block = np.uint64(begin), np.uint64(stop), np.uint64(BLOCK)
    places, weights = np.empty(BLOCK, np.uint32), np.empty(BLOCK, sums.dtype)
    while at < end:
        part = min(block, end - at)
        find_places(x, y, p, at, part, places, width, off, on, sums.size - 1)
        for k in range(part):
            d = np.float64(t[at + k] - first_us)
            offset = on0 if p[at + k] else off0
            slope = on1 if p[at + k] else off1
            weight = np.int32(np.rint((gain0 + gain1 * d) * (offset + slope * d)))
            weights[k] = weight
            total += weight
        fetch_events(t, x, y, p, np.int64(at) + 2 * BLOCK)
        for k in range(part):
            sums[places[k]] += weights[k]
        at += part
    return total
