"""What many settings would predict and hit on training videos, each smoothed and searched for peaks once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.spotting.decode import candidates, level_at, spans_at
from neurofer.spotting.interval import Interval, Kind
from neurofer.spotting.settings import Decoding
from neurofer.spotting.smooth import smoothed
from neurofer.spotting.spans import Spans, finished, shared_frames


class Track(NamedTuple):
    """One type in one training video.

    Attributes:
        smooth: ``(N,)`` smoothed scores.
        peaks: ``(M,)`` frames of all their peaks.
        heights: ``(M,)`` smoothed scores there.
        onset: ``(m,)`` first frames of the true intervals.
        offset: ``(m,)`` last frames.
    """

    smooth: NDArray[np.float64]
    peaks: NDArray[np.int64]
    heights: NDArray[np.float64]
    onset: NDArray[np.int64]
    offset: NDArray[np.int64]


def track_of(name: str, scores: NDArray[np.float64], truth: Sequence[Interval], start: Decoding, kind: Kind) -> Track:
    """What ``tallies_of`` needs of a video.

    Args:
        name: Of the video.
        scores: ``(N,)``.
        truth: Its intervals, of all types.
        start: Says how scores are smoothed and how near peaks may be.
        kind: The type.

    Raises:
        ValueError: scores of another shape, or not finite.
    """
    try:
        smooth = smoothed(scores, start.skip_frames, start.smoothing)
    except ValueError as error:
        raise ValueError(f"tune: {name}, {kind}: {error}") from error
    peaks = candidates(smooth, start.skip_frames)
    ends = np.array([(one.onset, one.offset) for one in truth if one.kind == kind], np.int64).reshape(-1, 2)
    return Track(smooth, peaks, smooth[peaks], ends[:, 0], ends[:, 1])


def tallies_of(tracks: Sequence[Track], shape: Decoding, shares: NDArray[np.float64],
               floors: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many intervals are predicted and how many true ones hit, one to one with IoU >= 0.5, in all videos together.

    Args:
        tracks: The videos.
        shape: All settings but these two; smoothing and the distance of peaks are those of ``track_of``.
        shares: ``(P,)`` relative thresholds to try.
        floors: ``(F,)`` floors to try with each.

    Returns:
        ``(P, F, 2)`` int64, predicted and hit.
    """
    total = np.zeros((len(shares), len(floors), 2), np.int64)
    for track in tracks:
        if not len(track.peaks):
            continue
        relative = np.array([level_at(track.smooth, share) for share in shares])
        # Which intervals there are follows from how many peaks are high enough, and in extended ones from the share.
        kept = len(track.heights) - np.searchsorted(np.sort(track.heights), np.maximum(relative[:, None], floors))
        for rows in ([slice(n, n + 1) for n in range(len(shares))] if shape.extend else [slice(None)]):
            spans = spans_at(track.smooth, track.peaks, replace(shape, peak_share=float(shares[rows][0])))
            counts, place = np.unique(kept[rows], return_inverse=True)
            tally = np.array([_tally(spans, count, track, shape) for count in counts.tolist()], np.int64)
            total[rows] += tally[place.reshape(kept[rows].shape)]
    return total


def _tally(spans: Spans, count: int, track: Track, shape: Decoding) -> tuple[int, int]:
    """How many intervals the ``count`` highest peaks make, and how many true ones they hit, one to one."""
    if not count:
        return 0, 0
    found = finished(spans.pick(spans.score >= np.sort(spans.score)[-count]), shape)
    both, either = shared_frames(track.onset, track.offset, found.onset, found.offset)
    hit = 2 * both >= either
    if (hit.sum(axis=0) <= 1).all() and (hit.sum(axis=1) <= 1).all():
        return len(found.onset), int(hit.sum())
    from scipy.optimize import linear_sum_assignment

    return len(found.onset), int(hit[linear_sum_assignment(hit, maximize=True)].sum())
