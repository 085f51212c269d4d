"""Intervals of one video and type as arrays: made around peaks, joined, gated, thinned, and compared."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.spotting.settings import Decoding

MOST_KEPT = 5
"""Intervals of a video and type that ``nms`` leaves."""


class Spans(NamedTuple):
    """M intervals, sorted by onset.

    Attributes:
        onset: ``(M,)`` int64, first frames.
        offset: ``(M,)`` int64, last frames, included.
        apex: ``(M,)`` int64, frames of their highest peaks.
        score: ``(M,)`` float64, smoothed scores there.
    """

    onset: NDArray[np.int64]
    offset: NDArray[np.int64]
    apex: NDArray[np.int64]
    score: NDArray[np.float64]

    def pick(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Spans:
        """Some of them, by mask or by rising numbers."""
        return Spans(self.onset[which], self.offset[which], self.apex[which], self.score[which])


def peaks_of(smooth: NDArray[np.float64], distance_frames: int) -> NDArray[np.int64]:
    """Frames of all local maxima, of those nearer than ``distance_frames`` the highest; a flat top has its middle.

    The first and the last frame can be peaks. Peaks of at least some height are those of all that are so high: only
    a higher peak drives another one out.

    Args:
        smooth: ``(N,)``.
        distance_frames: At least 1.

    Returns:
        ``(M,)`` int64, rising.
    """
    from scipy.signal import find_peaks

    fenced = np.concatenate([[-np.inf], smooth, [-np.inf]])
    return np.asarray(find_peaks(fenced, distance=distance_frames)[0], np.int64) - 1


def around(smooth: NDArray[np.float64], peaks: NDArray[np.int64], half_interval_frames: int) -> Spans:
    """Intervals that reach equally far to both sides of their peaks, as far as the video goes."""
    return Spans(np.maximum(peaks - half_interval_frames, 0),
                 np.minimum(peaks + half_interval_frames, len(smooth) - 1), peaks, smooth[peaks])


def grown(smooth: NDArray[np.float64], peaks: NDArray[np.int64], level: float) -> Spans:
    """Intervals as long as the score stays above a level around their peaks; a peak not above it stands alone.

    Peaks of one run have the same interval.
    """
    edges = np.concatenate([[-1], np.flatnonzero(smooth <= level), [len(smooth)]])
    place = np.searchsorted(edges, peaks)
    above = smooth[peaks] > level
    return Spans(np.where(above, edges[place - 1] + 1, peaks), np.where(above, edges[place] - 1, peaks), peaks,
                 smooth[peaks])


def finished(spans: Spans, settings: Decoding) -> Spans:
    """What is left of the intervals of single peaks: of one run one, then merged, gated by length, and thinned.

    Args:
        spans: Of ``around`` or ``grown``, as ``settings.extend`` says.
        settings: Of the type.
    """
    if settings.extend:
        spans = _joined(spans, np.diff(spans.onset, prepend=-1) > 0)
    if settings.merge:
        reach = np.maximum.accumulate(spans.offset)
        between = spans.onset[1:] - reach[:-1] - 1
        spans = _joined(spans, np.concatenate([[True], 2 * between >= settings.skip_frames])[: len(spans.onset)])
    if settings.extend:
        frames = spans.offset - spans.onset + 1
        spans = spans.pick((settings.least_frames <= frames) & (frames <= settings.most_frames))
    return _thinned(spans) if settings.nms else spans


def shared_frames(onset: NDArray[np.int64], offset: NDArray[np.int64], other_onset: NDArray[np.int64],
                  other_offset: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many frames any two intervals have in common, and how many in all; IoU is their ratio.

    Args:
        onset: ``(A,)``, and ``offset`` likewise, included.
        offset: See there.
        other_onset: ``(B,)``, and ``other_offset`` likewise, included.
        other_offset: See there.

    Returns:
        ``(A, B)`` frames of both, and ``(A, B)`` frames of either; whole numbers, so an IoU of 0.5 is exact.
    """
    both = np.minimum(offset[:, None], other_offset) - np.maximum(onset[:, None], other_onset) + 1
    both = np.maximum(both, 0)
    return both, (offset - onset + 1)[:, None] + (other_offset - other_onset + 1) - both


def _joined(spans: Spans, starts: NDArray[np.bool_]) -> Spans:
    """Of each run of intervals one, as long as all, with the highest peak, of equal ones the first."""
    first = np.flatnonzero(starts)
    if len(first) == len(starts):
        return spans
    best = np.lexsort((-spans.score, np.cumsum(starts)))[first]
    return Spans(spans.onset[first], np.maximum.reduceat(spans.offset, first), spans.apex[best], spans.score[best])


def _thinned(spans: Spans) -> Spans:
    both, either = shared_frames(spans.onset, spans.offset, spans.onset, spans.offset)
    kept: list[int] = []
    for number in np.argsort(-spans.score, kind="stable").tolist():
        if len(kept) < MOST_KEPT and not (2 * both[number, kept] > either[number, kept]).any():
            kept.append(number)
    return spans.pick(np.array(sorted(kept), np.int64))
