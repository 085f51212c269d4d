"""Simple noise filters: pixels that never rest, and events without neighbours."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.events.events import Events


class ActivityState(NamedTuple):
    """What the background filter remembers between pieces: ``(height + 2, width + 2)`` int64, latest time a pixel."""

    latest_us: NDArray[np.int64]


def hot_pixels(counts: NDArray[np.integer], factor: float = 10.0) -> NDArray[np.bool_]:
    """Pixels with more than ``factor`` times the events of their busiest neighbour.

    An edge makes its neighbours busy too; a defective pixel is busy alone. Pixels with fewer than ``factor`` events
    are never hot.

    Args:
        counts: ``(height, width)`` events of each pixel over a long stretch of a recording.
        factor: How much busier than all eight neighbours, above 1.

    Returns:
        ``(height, width)`` bool.

    Raises:
        ValueError: another shape, or a factor of 1 or less.
    """
    if counts.ndim != 2 or factor <= 1:
        raise ValueError(f"hot_pixels: need (height, width) counts and factor > 1, got {counts.shape}, {factor}")
    height, width = counts.shape
    padded = np.pad(counts.astype(np.int64), 1)
    shifts = [(row, column) for row in range(3) for column in range(3) if (row, column) != (1, 1)]
    busiest = np.max([padded[row : row + height, column : column + width] for row, column in shifts], axis=0)
    return np.asarray((counts > factor * busiest) & (counts >= factor))


def pixel_counts(events: Events) -> NDArray[np.int64]:
    """Events of each pixel, ``(height, width)``."""
    width, height = events.sensor
    place = events.y.astype(np.int64) * width + events.x
    return np.bincount(place, minlength=width * height).reshape(height, width)


def without_pixels(events: Events, mask: NDArray[np.bool_]) -> Events:
    """The events of all pixels that ``mask``, ``(height, width)``, does not mark.

    Raises:
        ValueError: the mask has another shape than the sensor.
    """
    if mask.shape != events.sensor[::-1]:
        raise ValueError(f"without_pixels: the mask is {mask.shape}, the sensor wants {events.sensor[::-1]}")
    return _kept(events, ~mask[events.y, events.x])


def without_background(
    events: Events, support_us: int = 10_000, state: ActivityState | None = None
) -> tuple[Events, ActivityState]:
    """The events with another event, at most ``support_us`` earlier, on one of the eight pixels around them.

    Args:
        events: The stream, or its next piece.
        support_us: How long a neighbour's event counts, at least 1.
        state: What the piece before left; None at the start. It is not changed.

    Returns:
        The events kept, and the state for the next piece.

    Raises:
        ValueError: ``support_us`` < 1, or a state of another sensor.

    Source:
        Delbruck, "Frame-free dynamic digital vision", 2008 (background activity filter).
    """
    width, height = events.sensor
    if support_us < 1:
        raise ValueError(f"without_background: support_us must be at least 1, got {support_us}")
    latest = np.full((height + 2, width + 2), -(1 << 62), np.int64) if state is None else state.latest_us.copy()
    if latest.shape != (height + 2, width + 2):
        raise ValueError(f"without_background: the state is of a {latest.shape[1] - 2}x{latest.shape[0] - 2} sensor, "
                         f"the events of {width}x{height}; pass state=None at the start of a recording")
    keep = np.zeros(len(events), np.bool_)
    if len(events):
        _supported(events.t, events.x, events.y, support_us, latest, keep)
    return _kept(events, keep), ActivityState(latest)


def _kept(events: Events, keep: NDArray[np.bool_]) -> Events:
    return Events.trusted(events.t[keep], events.x[keep], events.y[keep], events.p[keep], events.sensor)


@compiled
def _supported(t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], support: int,
               latest: NDArray[np.int64], keep: NDArray[np.bool_]) -> None:
    for i in range(len(t)):
        row, column = int(y[i]) + 1, int(x[i]) + 1
        if row > latest.shape[0] - 2 or column > latest.shape[1] - 2:
            continue
        oldest = t[i] - support
        near = False
        for above in range(row - 1, row + 2):
            for beside in range(column - 1, column + 2):
                near |= (above != row or beside != column) and latest[above, beside] >= oldest
        keep[i] = near
        latest[row, column] = t[i]
