"""Folding events straight into the three channels of TIE, one pass over the events, in whole numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.events.events import Events
from neurofer.represent.scatter import BLOCK, columns, fetch_events, find_places
from neurofer.represent.tie_kernel import CHANNEL_BINS, OFF, ON, folded

WEIGHT_BITS = 18
"""The largest weight of a channel lies between 2^17 and 2^18 units."""

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
        nonnegative: No weight is below zero.
    """

    first_us: int
    gain: tuple[float, float]
    stops: NDArray[np.int64]
    channel: NDArray[np.int64]
    line: NDArray[np.float64]
    units: NDArray[np.float64]
    nonnegative: bool


def plan_fold(multiplier: str, place: str, kernel: str, first_us: int, last_us: int, origin_us: int) -> FoldPlan:
    """The plan for a window whose events reach from ``first_us`` to ``last_us``.

    Args:
        multiplier: What A is: ``t`` or ``t0``.
        place: What B is: ``t`` or ``t0``.
        kernel: Name in ``tie_kernel.KERNELS``.
        origin_us: Where t is 0.
    """
    length_us = last_us - first_us
    start_s = (first_us - origin_us) * 1e-6
    relative = (0.0, 1.0 / length_us if length_us else 0.0)
    absolute = (start_s, 1e-6)
    gain = relative if multiplier == "t0" else absolute
    b_start, b_rate = relative if place == "t0" else absolute
    weights = folded(kernel)
    corners = np.unique(np.concatenate([lines.corners for lines in weights.values()]))
    if b_rate > 0:
        inner = np.ceil((corners - b_start) / b_rate)
        inner = np.unique(inner[(inner > 0) & (inner <= length_us)]).astype(np.int64)
    else:
        inner = np.zeros(0, np.int64)
    starts, stops = np.concatenate([[0], inner]), np.concatenate([inner, [length_us + 1]])
    lasts = stops - 1
    middle = b_start + b_rate * 0.5 * (starts + lasts)
    lines, reach = {}, {}
    for key, weight in weights.items():
        number = np.searchsorted(weight.corners, middle, side="right")
        near = np.maximum(number - 1, 0)
        slope = weight.slopes[number]
        offset = weight.values[near] + slope * (b_start - weight.corners[near])
        lines[key] = np.stack([offset, slope * b_rate], axis=1)
        ends = np.stack([weight(b_start + b_rate * starts), weight(b_start + b_rate * lasts)])
        reach[key] = ends
    strength = max(abs(gain[0]), abs(gain[0] + gain[1] * length_us))
    units = np.ones(3)
    for channel in range(3):
        highest = max(float(np.abs(ends).max()) for key, ends in reach.items() if key[0] == channel)
        if highest > NOTHING and strength > 0:
            units[channel] = 2.0 ** (WEIGHT_BITS - math.ceil(math.log2(highest * strength)))
    channel_of, line_of = _passes(len(stops), lines, reach, units)
    stops[-1] = np.iinfo(np.int64).max
    nonnegative = gain[0] >= 0 and all(float(ends.min()) >= -NOTHING for ends in reach.values())
    return FoldPlan(first_us, gain, stops, channel_of, line_of, units, nonnegative)


def _passes(
    stretches: int,
    lines: dict[tuple[int, int], NDArray[np.float64]],
    reach: dict[tuple[int, int], NDArray[np.float64]],
    units: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Channels and lines of each stretch and pass; what adds nothing takes no pass."""
    channel_of = np.full((stretches, 2, 2), -1, np.int64)
    line_of = np.zeros((stretches, 2, 2, 2))
    for stretch in range(stretches):
        used = {OFF: 0, ON: 0}
        for channel, polarity, _ in CHANNEL_BINS:
            if np.abs(reach[channel, polarity][:, stretch]).max() <= NOTHING:
                continue
            channel_of[stretch, used[polarity], polarity] = channel
            line_of[stretch, used[polarity], polarity] = lines[channel, polarity][stretch] * units[channel]
            used[polarity] += 1
    return channel_of, line_of


def fold_events(events: Events, plan: FoldPlan, sums: NDArray[np.signedinteger]) -> int:
    """Add the events to the channels ``sums``, ``(3, height, width)`` int32 or int64; the sum of all weights.

    With weights that are not negative, ``sums`` in 32 bits add up to that number if and only if none ran over.
    """
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
