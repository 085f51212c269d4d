"""Which spotted intervals of a video are hits of which true ones: one to one, and as many as possible."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurofer.spotting.interval import Interval

Ints = NDArray[np.int64]

MOST_PAIRS = 4_000_000
"""Pairs with an IoU of 0.5 or more that are considered within one video and type; a set has some dozens."""


def iou(a: Interval, b: Interval) -> float:
    """Intersection over union of the frames of two intervals, both ends included; their videos are not looked at.

    Example:
        >>> iou(Interval("v", "micro", 0, 9), Interval("v", "micro", 5, 14))
        0.3333333333333333
    """
    both = max(0, min(a.offset, b.offset) - max(a.onset, b.onset) + 1)
    return both / (a.frames + b.frames - both)


def match(truth: Sequence[Interval], predicted: Sequence[Interval]) -> list[tuple[int, int, float]]:
    """The hits of one video and type: as many as possible, and of those the ones with the largest sum of IoU.

    Work and memory follow the number of pairs that could be hits, of which each interval of the shorter list keeps no
    more than that list is long: whatever the others take, one of them is free.

    Returns:
        ``(place in truth, place in predicted, IoU)``, sorted.

    Raises:
        ValueError: intervals of several videos or types, or thousands of them that all overlap one another.

    Source:
        MEGC spotting guideline for what a hit is; assignment by Jonker and Volgenant, as in scipy.
    """
    groups = {(one.video, one.kind) for one in (*truth, *predicted)}
    if len(groups) > 1:
        raise ValueError(f"match: need intervals of one video and type, got {len(groups)} kinds; use score_spotting")
    if len(truth) > len(predicted):
        return sorted((place, other, value) for other, place, value in _assign(predicted, truth))
    return _assign(truth, predicted)


def _assign(few: Sequence[Interval], many: Sequence[Interval]) -> list[tuple[int, int, float]]:
    """``match``, the shorter list first."""
    row, column, values = _candidates(few, many)
    if len(np.unique(row)) < len(row) or len(np.unique(column)) < len(column):
        keep = _best(row, column, values, (len(few), len(many)))
        row, column, values = row[keep], column[keep], values[keep]
    return sorted(zip(row.tolist(), column.tolist(), values.tolist(), strict=True))


def _candidates(few: Sequence[Interval], many: Sequence[Interval]) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """``(E,)`` places in both lists of pairs with an IoU of at least 0.5, and their IoU."""
    onsets = np.array([one.onset for one in many], np.int64)
    order = np.argsort(onsets, kind="stable")
    onsets, offsets = onsets[order], np.array([one.offset for one in many], np.int64)[order]
    rows, columns, values, total = list[Ints](), list[Ints](), list[NDArray[np.float64]](), 0
    for place, one in enumerate(few):
        # An interval that starts more than a length before, or half a length after, shares too little.
        low, high = np.searchsorted(onsets, [one.onset - one.frames, one.onset + one.frames // 2 + 1])
        both = np.minimum(offsets[low:high], one.offset) - np.maximum(onsets[low:high], one.onset) + 1
        union = one.frames + offsets[low:high] - onsets[low:high] + 1 - both
        near = np.flatnonzero(2 * both >= union)
        value = both[near] / union[near]
        if len(near) > len(few):
            best = np.argsort(-value, kind="stable")[:len(few)]
            near, value = near[best], value[best]
        rows.append(np.full(len(near), place, np.int64))
        columns.append(order[low + near])
        values.append(value)
        total += len(near)
        if total > MOST_PAIRS:
            raise ValueError(f"match: {len(few)} and {len(many)} intervals of {one.video} ({one.kind}) overlap in over "
                             f"{MOST_PAIRS:,} pairs; is one video's name given to all?")
    if not rows:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(values)


def _best(row: Ints, column: Ints, values: NDArray[np.float64], shape: tuple[int, int]) -> Ints:
    """Which of ``(E,)`` pairs make the most hits, and of those the largest sum.

    Every row is assigned, if only to a column of its own that stands for nothing. A hit weighs more than all IoU
    together can.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    rows, columns = shape
    own = np.arange(rows)
    weights = np.concatenate([values + (1 + rows), np.ones(rows)])
    places = np.concatenate([row, own]), np.concatenate([column, columns + own])
    graph = coo_array((weights, places), shape=(rows, columns + rows)).tocsr()
    taken_row, taken_column = min_weight_full_bipartite_matching(graph, maximize=True)
    taken = taken_row * (columns + rows) + taken_column
    return np.flatnonzero(np.isin(row * (columns + rows) + column, taken))
