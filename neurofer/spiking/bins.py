"""Events as spikes: one bit, or a count, per polarity, cell and time step, inside a face box."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.data.clip import Box
from neurofer.data.crop import cell_edges, square_box
from neurofer.events.events import Events

LARGEST_COUNT = 255
"""Of graded spikes."""


class SpikeBins(NamedTuple):
    """Spikes of one stretch of a recording."""

    spikes: NDArray[np.uint8]
    """``(T, 2, S, S)`` zeros and ones, or counts; channel 0 is OFF, 1 is ON."""
    events: int
    """Events inside the box."""
    clipped: int
    """Of these, the events that no spike shows: their bit was set already, or, graded, 255 had come before."""


def spike_tensor(
    events: Events, start_us: int, stop_us: int, dt_us: int, box: Box | None = None, size_px: int = 64,
    graded: bool = False,
) -> SpikeBins:
    """Spikes of the events with ``start_us <= t < stop_us``.

    Step k holds ``[start_us + k * dt_us, start_us + (k + 1) * dt_us)``. Several events of one polarity in one cell and
    step count as one, unless ``graded``. Consecutive stretches, each a whole number of steps long, together equal the
    whole. Memory goes with the length; for a long stretch see ``neurofer.spiking.sparse``.

    Args:
        events: Stream that holds the stretch; not modified, need not start there.
        start_us: Start of the first step, on the stream's own clock.
        stop_us: End of the last step.
        dt_us: Length of a step in microseconds.
        box: Face box in sensor pixels, the whole sensor by default; made square, then mapped onto ``size_px`` x
            ``size_px`` cells.
        size_px: Side S of the spike pictures.
        graded: Count the events of a cell and step, up to 255.

    Returns:
        Spikes, events inside the box, and how many of them were clipped.

    Raises:
        ValueError: ``dt_us`` < 1, a stretch that is empty or no whole number of steps, or a box without area.
    """
    steps = whole_steps(start_us, stop_us, dt_us)
    columns, rows = box_cells(events.sensor, box, size_px)
    spikes = np.zeros((steps, 2, size_px, size_px), np.uint8)
    part = events.between(start_us, stop_us)
    most = LARGEST_COUNT if graded else 1
    found, clipped = _set_bits(part.t, part.x, part.y, part.p, start_us, dt_us, columns, rows, most, spikes)
    return SpikeBins(spikes, int(found), int(clipped))


@functools.lru_cache(maxsize=64)  # a stream asks for the same box at every window; nobody writes into the arrays
def box_cells(sensor: tuple[int, int], box: Box | None, size_px: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Cells of each sensor column and row inside a face box made square, see ``cell_edges``.

    Raises:
        ValueError: a box without area, or ``size_px`` < 1.
    """
    width, height = sensor
    left, top, side, _ = square_box(box or Box(0, 0, width, height))
    return cell_edges(left, side, size_px, width), cell_edges(top, side, size_px, height)


def whole_steps(start_us: int, stop_us: int, dt_us: int) -> int:
    """Number of steps of ``dt_us`` in ``[start_us, stop_us)``.

    Raises:
        ValueError: ``dt_us`` < 1, an empty stretch, or one that is no whole number of steps.
    """
    length = stop_us - start_us
    if dt_us < 1 or length < 1:
        raise ValueError(f"spike_tensor: need dt_us >= 1 and start < stop, got dt_us={dt_us}, {start_us}..{stop_us} us")
    if length % dt_us:
        nearest = max(1, round(length / dt_us)) * dt_us
        raise ValueError(f"spike_tensor: dt_us={dt_us} does not divide the window of {length} us; "
                         f"use a window of {nearest} us or another dt_us")
    return length // dt_us


@compiled
def _set_bits(
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.bool_], start_us: int, dt_us: int,
    columns: NDArray[np.int32], rows: NDArray[np.int32], most: int, spikes: NDArray[np.uint8],
) -> Any:
    """Count up to ``most``; events outside the sensor or the stretch are left out. Returns (events inside, clipped)."""
    found, clipped = 0, 0
    for n in range(len(t)):
        step = (t[n] - start_us) // dt_us
        if x[n] >= len(columns) or y[n] >= len(rows) or step < 0 or step >= len(spikes):
            continue
        left, right = columns[x[n], 0], columns[x[n], 1]
        top, bottom = rows[y[n], 0], rows[y[n], 1]
        if left >= right or top >= bottom:
            continue
        channel = 1 if p[n] else 0
        found += 1
        if spikes[step, channel, top, left] == most:
            clipped += 1
            continue
        for row in range(top, bottom):
            for column in range(left, right):
                spikes[step, channel, row, column] += 1
    return found, clipped
