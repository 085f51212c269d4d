"""Compiled inner loops of the event pixel: logarithm, change per pixel, crossing times, order in time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]

_ONE, _HALF = np.float32(1.0), np.float32(0.5)
_ROOT_HALF = np.float32(0.70710678)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_KNEE, _KNEE_SLOPE = np.float32(20.0), np.float32(np.log(20.0) / 20.0)
_P = tuple(np.float32(value) for value in (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
))
_P0, _P1, _P2, _P3, _P4, _P5, _P6, _P7, _P8 = _P


@compiled
def lin_log(light: Floats, out: Floats, bits: NDArray[np.int32], values: Floats) -> None:
    """Brightness of linear light: ``v ln(20)/20`` up to 20, ``ln v`` above; within 1e-6 of the exact value.

    The same bits on every machine: only additions and multiplications (the single precision logarithm of Cephes).

    Args:
        light: ``(N,)`` grey in 0..255.
        out: ``(N,)`` receives the result.
        bits: ``(N,)`` scratch memory.
        values: The same memory as ``bits``, seen as float32.
    """
    count = light.size
    for place in range(count):
        grey = light[place]
        values[place] = grey if grey > _KNEE else _KNEE
    for place in range(count):
        word = bits[place]
        out[place] = np.float32((word >> 23) - 126)
        bits[place] = (word & 0x007FFFFF) | 0x3F000000
    for place in range(count):
        mantissa = values[place]
        small = mantissa < _ROOT_HALF
        exponent = out[place] - (_ONE if small else np.float32(0.0))
        m = mantissa + (mantissa if small else np.float32(0.0)) - _ONE
        square = m * m
        series = _P0 * m + _P1
        series = series * m + _P2
        series = series * m + _P3
        series = series * m + _P4
        series = series * m + _P5
        series = series * m + _P6
        series = series * m + _P7
        series = series * m + _P8
        series = series * m * square + exponent * _LN2_LOW - _HALF * square
        logarithm = m + series + exponent * _LN2_HIGH
        grey = light[place]
        out[place] = logarithm + (grey - _KNEE if grey < _KNEE else np.float32(0.0)) * _KNEE_SLOPE


@compiled
def look_up(light: NDArray[np.uint8], table: Floats, out: Floats) -> None:
    """``out[i] = table[light[i]]`` for a table of 256 values."""
    for place in range(light.size):
        out[place] = table[light[place]]


@compiled
def find_changes(
    light: NDArray[np.float32], bright: Floats, lowpass: Floats, base: Floats, on: Floats, off: Floats,
    bandwidth: np.float32, leak: Floats, leak_step: np.float32, normals: Floats, offsets: Whole,
    active: Whole, before: Floats,
) -> int:
    """Move every pixel to the new frame and list the pixels that reached a threshold.

    Args:
        light: ``(H, W)`` grey in 0..255 (float32 or uint8).
        bright: ``(H, W)`` its lin-log brightness.
        lowpass: ``(H, W)`` filtered brightness; moved on.
        base: ``(H, W)`` brightness at the last event; lowered by the leak.
        on: ``(H, W)`` thresholds; ``off`` likewise.
        bandwidth: ``dt / tau / 275``; negative where the bandwidth is unlimited.
        leak: ``(H, W)`` leak of a pixel in units of the mean rate, thresholds included.
        leak_step: ``dt`` times the mean rate; 0 without leak.
        normals: Table of normal draws, at least W longer than the largest of ``offsets``.
        offsets: ``(H,)`` where each row starts in the table in this frame.
        active: ``(H * W,)`` receives the flat places of the pixels that reached a threshold.
        before: ``(H * W,)`` receives their ``lowpass - base`` at the previous frame.

    Returns:
        How many pixels are listed.
    """
    height, width = bright.shape
    old = np.empty(width, np.float32)
    fires = np.empty(width, np.bool_)
    tenth, plain, unlimited = np.float32(0.1), bandwidth < 0 and leak_step == 0, bandwidth < 0
    found = 0
    for y in range(height):
        lit, aim, low, floor, rise, fall, own = light[y], bright[y], lowpass[y], base[y], on[y], off[y], leak[y]
        normal = normals[offsets[y] : offsets[y] + width] if leak_step > 0 else normals[:width]
        if plain:
            for x in range(width):
                start = floor[x]
                old[x] = low[x] - start
                low[x] = aim[x]
                change = aim[x] - start
                fires[x] = (change >= rise[x]) | (-change >= fall[x])
        else:
            for x in range(width):
                share = _ONE if unlimited else min((np.float32(lit[x]) + _KNEE) * bandwidth, _ONE)
                before_it, start = low[x], floor[x]
                old[x] = before_it - start
                now = before_it + share * (aim[x] - before_it)
                start -= leak_step * own[x] * (_ONE - tenth * normal[x])
                low[x], floor[x] = now, start
                change = now - start
                fires[x] = (change >= rise[x]) | (-change >= fall[x])
        for x in range(width):
            if fires[x]:
                active[found] = y * width + x
                before[found] = old[x]
                found += 1
    return found


@compiled
def place_events(
    first: int, found: int, active: Whole, before: Floats, lowpass: Floats, base: Floats, on: Floats, off: Floats,
    start_us: int, step_us: int, refractory_us: int, last_us: Whole,
    offset_us: Whole, place: Whole, polarity: NDArray[np.bool_], used: int,
) -> tuple[int, int]:
    """Crossing times of the listed pixels, from number ``first`` of the list on; flat arrays.

    Args:
        first: Where to go on in the list.
        found: Length of the list; ``active`` and ``before`` are what ``find_changes`` gave.
        lowpass: ``(N,)`` filtered brightness now; ``base``, ``on``, ``off`` likewise. ``base`` moves by kept events.
        start_us: Time of the previous frame.
        step_us: Time from it to this frame, at least 1.
        refractory_us: Shortest time between two events of a pixel; 0 for none.
        last_us: ``(N,)`` time of a pixel's last event; one element when ``refractory_us`` is 0.
        offset_us: Receives times after the previous frame, 1..step_us; ``place`` and ``polarity`` likewise.
        used: Events already in these buffers.

    Returns:
        ``(next, used)``: the list number that did not fit (``found`` when done) and the events in the buffers.
    """
    capacity = offset_us.size
    for number in range(first, found):
        at = active[number]
        change = float(lowpass[at]) - float(base[at])
        up = change > 0
        threshold = float(on[at]) if up else float(off[at])
        size = change if up else -change
        start = float(before[number]) if up else -float(before[number])
        steps = int(size / threshold)
        if used + steps > capacity:
            return number, used
        kept = 0
        slope = size - start
        for index in range(1, steps + 1):
            share = (index * threshold - start) / slope if slope > 0 else 1.0
            share = min(max(share, 0.0), 1.0)
            offset = max(1, min(step_us, int(share * step_us + 0.5)))
            if refractory_us > 0:
                now = start_us + offset
                if now - last_us[at] < refractory_us:
                    continue
                last_us[at] = now
            offset_us[used] = offset
            place[used] = at
            polarity[used] = up
            used += 1
            kept += 1
        if kept > 0:
            moved = np.float32(kept * threshold)
            base[at] += moved if up else -moved
    return found, used


@compiled
def place_noise(
    at: Whole, up: NDArray[np.bool_], when: Whole, accept: NDArray[np.float64], light: NDArray[np.float32],
    lowpass: Floats, base: Floats, start_us: int, refractory_us: int, last_us: Whole,
    offset_us: Whole, place: Whole, polarity: NDArray[np.bool_], used: int,
) -> int:
    """Put the drawn shot noise into the buffers; bright pixels keep fewer, a pixel that has just fired keeps none.

    Returns:
        The events in the buffers.
    """
    brightest = 1.0 - 0.75 * 20.0 / 275.0
    for number in range(at.size):
        pixel = at[number]
        if accept[number] * brightest >= 1.0 - 0.75 * (float(light[pixel]) + 20.0) / 275.0 or used >= offset_us.size:
            continue
        if refractory_us > 0:
            now = start_us + when[number]
            if now - last_us[pixel] < refractory_us:
                continue
            last_us[pixel] = now
        base[pixel] = lowpass[pixel]
        offset_us[used] = when[number]
        place[used] = pixel
        polarity[used] = up[number]
        used += 1
    return used


@compiled
def in_time_order(offset_us: Whole, step_us: int) -> Whole:
    """The order that sorts ``offset_us`` (values in 0..step_us); equal times keep their order."""
    count = offset_us.size
    order = np.arange(count)
    spare = np.empty(count, np.int64)
    starts = np.empty(2049, np.int64)
    shift = 0
    while (step_us >> shift) > 0:
        starts[:] = 0
        for number in range(count):
            starts[((offset_us[number] >> shift) & 2047) + 1] += 1
        for digit in range(2048):
            starts[digit + 1] += starts[digit]
        for number in range(count):
            digit = (offset_us[order[number]] >> shift) & 2047
            spare[starts[digit]] = order[number]
            starts[digit] += 1
        order, spare = spare, order
        shift += 11
    return order


@compiled
def take_in_order(
    order: Whole, offset_us: Whole, place: Whole, polarity: NDArray[np.bool_], start_us: int, width: int,
) -> tuple[Whole, NDArray[np.uint16], NDArray[np.uint16], NDArray[np.bool_]]:
    """Columns ``t, x, y, p`` of the events in the given order."""
    count = order.size
    t = np.empty(count, np.int64)
    x = np.empty(count, np.uint16)
    y = np.empty(count, np.uint16)
    p = np.empty(count, np.bool_)
    for number in range(count):
        event = order[number]
        t[number] = start_us + offset_us[event]
        x[number] = place[event] % width
        y[number] = place[event] // width
        p[number] = polarity[event]
    return t, x, y, p
