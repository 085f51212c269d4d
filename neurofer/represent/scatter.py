"""Compiled loops that put events into pixels, in blocks that stay in the nearest cache.

Each block of events goes through two steps. The first works out all places (and weights) with vector instructions; the
second does nothing but read, add and write. While a block is written, the columns of a later one are fetched ahead.

A place is cut to the array's last element, so a loop cannot write outside its array whatever the columns hold.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.events.events import Events
from neurofer.represent.prefetch import prefetch

BLOCK = 128
"""Events a block; places and weights of one block take 1.5 kB."""


class Columns(NamedTuple):
    """The columns of events as plain contiguous read-only arrays, which is the one form the loops are compiled for."""

    t: NDArray[np.int64]
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    p: NDArray[np.bool_]


def columns(events: Events) -> Columns:
    """The columns of ``events``; copies nothing unless a column is strided."""
    return Columns(_plain(events.t), _plain(events.x), _plain(events.y), _plain(events.p))


def _plain(column: NDArray) -> NDArray:
    plain = np.ascontiguousarray(column).view()
    plain.flags.writeable = False
    return plain


@compiled
def find_places(x, y, p, begin, count, places, width, off, on, last):  # type: ignore[no-untyped-def]
    """Places of ``count`` events from ``begin`` on: ``y * width + x`` plus the polarity's plane, at most ``last``."""
    width = np.int32(width)
    off, on = np.int32(off), np.int32(on)
    last = np.uint32(last)
    for k in range(count):
        i = begin + k
        place = np.int32(np.int32(y[i]) * width + np.int32(x[i]) + (on if p[i] else off))
        places[k] = min(np.uint32(place), last)


@compiled
def fetch_pixels(x, y, p, begin):  # type: ignore[no-untyped-def]
    """Ask for the pixels of the block that starts at ``begin``."""
    for k in range(0, BLOCK, 32):
        prefetch(x, begin + k)
        prefetch(y, begin + k)
    for k in range(0, BLOCK, 64):
        prefetch(p, begin + k)


@compiled
def fetch_events(t, x, y, p, begin):  # type: ignore[no-untyped-def]
    """Ask for the times and pixels of the block that starts at ``begin``."""
    for k in range(0, BLOCK, 8):
        prefetch(t, begin + k)
    fetch_pixels(x, y, p, begin)


@compiled
def add_steps(x, y, p, width, on, step, grid):  # type: ignore[no-untyped-def]
    """Add ``step`` to each event's place in the flat ``grid``; ON events lie ``on`` places behind OFF events."""
    if grid.size == 0:
        return
    count, block = np.uint64(len(x)), np.uint64(BLOCK)
    places = np.empty(BLOCK, np.uint32)
    begin = np.uint64(0)
    while begin < count:
        part = min(block, count - begin)
        find_places(x, y, p, begin, part, places, width, 0, on, grid.size - 1)
        fetch_pixels(x, y, p, np.int64(begin) + 2 * BLOCK)
        for k in range(part):
            grid[places[k]] += step
        begin += part


@compiled
def mark_pixels(x, y, p, width, on, mark, grid):  # type: ignore[no-untyped-def]
    """Set each event's place in the flat ``grid`` to ``mark``; ON events lie ``on`` places behind OFF events."""
    if grid.size == 0:
        return
    count, block = np.uint64(len(x)), np.uint64(BLOCK)
    places = np.empty(BLOCK, np.uint32)
    begin = np.uint64(0)
    while begin < count:
        part = min(block, count - begin)
        find_places(x, y, p, begin, part, places, width, 0, on, grid.size - 1)
        fetch_pixels(x, y, p, np.int64(begin) + 2 * BLOCK)
        for k in range(part):
            grid[places[k]] = mark
        begin += part


@compiled
def add_capped(x, y, p, width, on, step, grid):  # type: ignore[no-untyped-def]
    """Add ``step`` to each event's place in the flat uint8 ``grid``, which ends at 255 instead of starting anew."""
    if grid.size == 0:
        return
    count, block = np.uint64(len(x)), np.uint64(BLOCK)
    places = np.empty(BLOCK, np.uint32)
    begin = np.uint64(0)
    while begin < count:
        part = min(block, count - begin)
        find_places(x, y, p, begin, part, places, width, 0, on, grid.size - 1)
        fetch_pixels(x, y, p, np.int64(begin) + 2 * BLOCK)
        for k in range(part):
            grid[places[k]] = min(np.int64(grid[places[k]]) + np.int64(step), np.int64(255))
        begin += part
