"""How far the rate of events rises above its own background, region by region."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events
from neurofer.keyframes.regions import OUTSIDE

_EVERY_BINS = 20
_WINDOWS_AT_ONCE = 1000


class Burst(NamedTuple):
    """Bins ``start <= bin < stop``."""

    start: int
    stop: int


def region_counts(events: Events, regions: NDArray[np.integer], start_us: int, stop_us: int,
                  bin_us: int) -> NDArray[np.int64]:
    """Events of each region in bins of time.

    Args:
        events: Their background activity taken out before, if there is any.
        regions: ``(height, width)``, the number of each pixel's region, ``OUTSIDE`` (-1) for none.
        start_us: Start of the first bin.
        stop_us: End of the last bin, which may be a shorter one; events at it or later are left out.
        bin_us: Length of a bin, at least 1.

    Returns:
        ``(regions, bins)`` int64.

    Raises:
        ValueError: regions of another shape or without any, no time between start and stop, or ``bin_us`` < 1.
    """
    _check_regions(events, regions)
    if not (start_us < stop_us and bin_us >= 1):
        raise ValueError(f"region_counts: need start < stop and bins of at least 1 us, got {start_us}, {stop_us} "
                         f"and {bin_us}")
    bins, kinds = -((start_us - stop_us) // bin_us), int(regions.max()) + 1
    part = events.between(start_us, stop_us)
    region = np.asarray(regions[part.y, part.x], np.int64)
    place = (region * bins + (part.t - start_us) // bin_us)[region != OUTSIDE]
    return np.bincount(place, minlength=kinds * bins).reshape(kinds, bins)


def rate_scores(counts: NDArray[np.int64], window_bins: int) -> NDArray[np.float64]:
    """How unusual the count of each bin is in its region: ``z = (E - median) / max(1.4826 MAD, sqrt(median + 4))``.

    The root is the spread of a Poisson process: at rest there may be no events at all, and no deviation. Median and
    MAD (median absolute deviation) are those of the whole where it is not longer than the window, else those of the
    window around a bin, renewed every 20 bins.

    Example:
        >>> rate_scores(np.array([[0, 0, 6, 0, 0], [1, 1, 1, 1, 9]]), 600).round(2).tolist()
        [[0.0, 0.0, 3.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 3.58]]

    Args:
        counts: ``(regions, bins)``.
        window_bins: Length of the running window, at least 3.

    Returns:
        ``(regions, bins)`` float64.

    Raises:
        ValueError: counts of another shape, or a shorter window.
    """
    if counts.ndim != 2 or not counts.size or window_bins < 3:
        raise ValueError(f"rate_scores: need (regions, bins) counts and a window of at least 3 bins, got "
                         f"{counts.shape} and {window_bins}")
    return np.stack([_scores(one, window_bins) for one in counts])


def find_bursts(z: NDArray[np.float64], start_z: float, start_bins: int, end_z: float) -> Iterator[Burst]:
    """Runs of high scores that are long enough, each with what follows it until the score is that of rest.

    Example:
        >>> list(find_bursts(np.array([0, 4, 4, 2, 4, 4, 0, 4, 0.0]), 3, 2, 1))
        [Burst(start=1, stop=6)]

    Args:
        z: ``(bins,)``.
        start_z: Score that the bins of a burst exceed.
        start_bins: How many of them in a row make one.
        end_z: A burst has ended at the first bin that scores less.
    """
    low, stop = np.flatnonzero(z < end_z), 0
    for start in run_starts(z > start_z, start_bins).tolist():
        if start >= stop:
            after = int(np.searchsorted(low, start))
            stop = int(low[after]) if after < len(low) else len(z)
            yield Burst(start, stop)


def run_starts(flags: NDArray[np.bool_], length: int) -> NDArray[np.int64]:
    """Where the runs of at least ``length`` True start."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False]))))
    return edges[::2][edges[1::2] - edges[::2] >= length]


def _scores(counts: NDArray[np.int64], window_bins: int) -> NDArray[np.float64]:
    median, deviation = _background(counts, window_bins)
    return np.asarray((counts - median) / np.maximum(1.4826 * deviation, np.sqrt(median + 4)))


def _background(counts: NDArray[np.int64], window_bins: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median and median absolute deviation around each of ``(bins,)`` counts."""
    bins = len(counts)
    window = min(window_bins, bins)
    middles = np.arange(min(_EVERY_BINS // 2, bins - 1), bins, _EVERY_BINS) if window < bins else np.zeros(1, np.int64)
    starts = np.clip(middles - window // 2, 0, bins - window)
    windows = np.lib.stride_tricks.sliding_window_view(counts, window)
    found = [_medians(windows[starts[at : at + _WINDOWS_AT_ONCE]]) for at in range(0, len(starts), _WINDOWS_AT_ONCE)]
    median, deviation = (np.concatenate(parts) for parts in zip(*found, strict=True))
    near = np.minimum(np.arange(bins) // _EVERY_BINS, len(starts) - 1)
    return median[near], deviation[near]


def _medians(windows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    median = np.median(windows, axis=1)
    return median, np.median(np.abs(windows - median[:, None]), axis=1)


def _check_regions(events: Events, regions: NDArray[np.integer]) -> None:
    """Refuse a map that does not belong to the events.

    Raises:
        ValueError: see ``region_counts``.
    """
    if regions.shape != events.sensor[::-1] or not np.issubdtype(regions.dtype, np.integer):
        raise ValueError(f"region_counts: regions are {regions.shape} {regions.dtype}, the events want whole numbers "
                         f"of {events.sensor[::-1]}")
    if regions.min() < OUTSIDE or regions.max() < 0:
        raise ValueError(f"region_counts: regions are numbered {regions.min()} to {regions.max()}; need 0 and up, and "
                         f"{OUTSIDE} for pixels of none")
