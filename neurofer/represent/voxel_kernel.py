"""The compiled loops of the voxel grid: one read and one write an event, although every event feeds two bins.

In the order of time, events between bins b and b+1 come one after the other. So one plane of 64-bit words is enough: a
word holds the net number of a pixel's events in its upper 22 bits and the sum of their shares in bin b+1, in units of
2^-18 event, in its lower 42 bits; the rest of each event is bin b's. The plane is emptied when
time passes a bin, and before 2^20 events could make a field run over.
"""

from __future__ import annotations

import numpy as np

from neurofer.compiled import compiled
from neurofer.represent.scatter import BLOCK, fetch_events, find_places

UNIT = 1 << 18
"""One event, in the integers of the cells."""

FULL = 1 << 20
"""Events after which the words must be emptied."""

_SHARE_BITS = 42
_CELLS = 64


@compiled
def add_pair(t, x, y, p, first_us, rate, low, width, words):  # type: ignore[no-untyped-def]
    """Add events that lie between bins ``low`` and ``low + 1`` to the flat ``words``.

    Args:
        first_us: Time of bin 0.
        rate: Bins per microsecond.
    """
    if words.size == 0:
        return
    count, block = np.uint64(len(t)), np.uint64(BLOCK)
    places, added = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.int64)
    slope, offset = rate * UNIT, np.float64(low) * UNIT
    one, unit = np.int64(1) << np.int64(_SHARE_BITS), np.int64(UNIT)
    begin = np.uint64(0)
    while begin < count:
        part = min(block, count - begin)
        find_places(x, y, p, begin, part, places, width, 0, 0, words.size - 1)
        for k in range(part):
            share = np.int64(np.rint(slope * np.float64(t[begin + k] - first_us) - offset))
            share = share if share > 0 else np.int64(0)
            word = one + (share if share < unit else unit)
            added[k] = word if p[begin + k] else -word
        fetch_events(t, x, y, p, np.int64(begin) + 2 * BLOCK)
        for k in range(part):
            words[places[k]] += added[k]
        begin += part


@compiled
def pass_bin(words, here, grid):  # type: ignore[no-untyped-def]
    """Time passes bin ``low + 1``: write bin ``low`` and let ``here`` be what bin ``low + 1`` holds so far.

    Args:
        words: ``(pixels,)`` int64, zeros afterwards.
        here: ``(pixels,)`` int64, what bin ``low`` held before these words.
        grid: ``(pixels,)`` float32, bin ``low`` of the result, zeros before.
    """
    middle, unit = np.int64(1) << np.int64(_SHARE_BITS - 1), np.int64(UNIT)
    cells = min(words.size, here.size, grid.size)
    for begin in range(0, cells, _CELLS):
        part_words, part_here = words[begin : begin + _CELLS], here[begin : begin + _CELLS]
        part_grid = grid[begin : begin + _CELLS]
        filled = np.int64(0)
        for k in range(len(part_words)):
            filled |= part_words[k] | part_here[k]
        if filled == 0:
            continue
        for k in range(len(part_words)):
            word = part_words[k]
            net = (word + middle) >> np.int64(_SHARE_BITS)
            shares = word - (net << np.int64(_SHARE_BITS))
            part_grid[k] = np.float32(np.float64(part_here[k] + net * unit - shares) * (1.0 / UNIT))
            part_here[k] = shares
            part_words[k] = 0


@compiled
def empty_words(words, here, beyond):  # type: ignore[no-untyped-def]
    """Empty full words into ``here`` (bin ``low``) and ``beyond`` (bin ``low + 1``), all ``(pixels,)`` int64."""
    middle, unit = np.int64(1) << np.int64(_SHARE_BITS - 1), np.int64(UNIT)
    for i in range(min(words.size, here.size, beyond.size)):
        net = (words[i] + middle) >> np.int64(_SHARE_BITS)
        shares = words[i] - (net << np.int64(_SHARE_BITS))
        here[i] += net * unit - shares
        beyond[i] += shares
        words[i] = 0
