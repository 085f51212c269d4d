"""The ten slices of events between eleven key instants, as the network's input."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurofer.events.events import Events
from neurofer.keyframes.instants import KEY_FRAMES

SLICES = KEY_FRAMES - 1


class SliceSums(NamedTuple):
    """What ten slices hold, cell by cell, before any scaling; each ``(10, S, S)``.

    Attributes:
        on: int64, events that brightened.
        off: int64, events that darkened.
        time: float64, sum of the events' times, 0 at the start of their slice and 1 at its end.
    """

    on: NDArray[np.int64]
    off: NDArray[np.int64]
    time: NDArray[np.float64]


def slice_sums(events: Events, edges_us: ArrayLike, size_px: int) -> SliceSums:
    """Counts and times of the events between neighbouring edges, pixels gathered into ``size_px`` x ``size_px`` cells.

    Args:
        events: An event at an edge belongs to the slice that starts there; those at the last edge are left out.
        edges_us: ``(11,)``, never falling; a slice between two equal edges stays empty.
        size_px: Cells a side, at most as many as the sensor has pixels.

    Raises:
        ValueError: other than eleven finite edges, edges that fall, or more cells than pixels.
    """
    edges, (width, height) = _checked_edges(edges_us), events.sensor
    if not 1 <= size_px <= min(width, height):
        raise ValueError(f"event_slices: a sensor of {width}x{height} cannot fill {size_px}x{size_px} cells; "
                         f"take a size_px of at most {min(width, height)}, or events of a larger crop")
    low, high = np.searchsorted(events.t, edges[[0, -1]], side="left")
    part = events[int(low) : int(high)]
    number = np.searchsorted(edges, part.t, side="right") - 1
    row, column = part.y.astype(np.int64) * size_px // height, part.x.astype(np.int64) * size_px // width
    place = (number * size_px + row) * size_px + column
    share = (part.t - edges[number]) / (edges[number + 1] - edges[number])
    shape, cells = (SLICES, size_px, size_px), SLICES * size_px * size_px
    return SliceSums(np.bincount(place[part.p], minlength=cells).reshape(shape),
                     np.bincount(place[~part.p], minlength=cells).reshape(shape),
                     np.asarray(np.bincount(place, share, minlength=cells), np.float64).reshape(shape))


def event_slices(events: Events, edges_us: ArrayLike, size_px: int) -> NDArray[np.float32]:
    """ON, OFF and mean time of ten slices; for a network over ``(C, T, H, W)``, or ten steps of a spiking one.

    Counts become ``log(1 + count)``, divided by the 99th percentile of that over the clip's cells that have events, ON
    and OFF together: most cells have none, and the balance of ON and OFF stays. Times run from 0 at the start of their
    own slice to 1 at its end; cells without events are 0.

    Args:
        events: The clip's events; see ``slice_sums`` for what belongs to a slice.
        edges_us: ``(11,)``, such as the times of ``equal_motion_instants``.
        size_px: Height and width of the result.

    Returns:
        ``(3, 10, size_px, size_px)`` float32: ON, OFF, time; zeros without events.

    Raises:
        ValueError: see ``slice_sums``.
    """
    on, off, time = slice_sums(events, edges_us, size_px)
    counts = np.log1p(np.stack((on, off)))
    some = counts[counts > 0]
    scale = np.percentile(some, 99) if some.size else 1.0
    mean = time / np.maximum(on + off, 1)
    return np.concatenate((counts / scale, mean[None])).astype(np.float32)


def _checked_edges(edges_us: ArrayLike) -> NDArray[np.float64]:
    """The edges as ``(11,)`` numbers.

    Raises:
        ValueError: see ``slice_sums``.
    """
    edges = np.asarray(edges_us, np.float64)
    if edges.shape != (KEY_FRAMES,) or not np.isfinite(edges).all():
        raise ValueError(f"event_slices: need {KEY_FRAMES} finite edges, got {edges.shape}: {edges.tolist()}")
    falls = np.flatnonzero(np.diff(edges) < 0)
    if falls.size:
        at = int(falls[0])
        raise ValueError(f"event_slices: edges must not fall, but edge {at} is {edges[at]:g} us and the next "
                         f"{edges[at + 1]:g} us")
    return edges
