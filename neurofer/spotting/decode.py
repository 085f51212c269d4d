"""From scores of frames to intervals: smooth, find peaks, give each its frames, join."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.spotting.interval import KINDS, Interval, Kind
from neurofer.spotting.settings import Decoding
from neurofer.spotting.smooth import smoothed
from neurofer.spotting.spans import Spans, around, finished, grown, peaks_of

FLAT = 1e-9
"""A score that varies by a smaller part of itself is constant, whatever the rounding of filters."""


class Thresholds(NamedTuple):
    """How high a peak of one video must be.

    Attributes:
        relative: ``mean + p (max - mean)`` of its smoothed scores.
        floor: That of the settings.
        used: The higher one; a peak that reaches it counts.
    """

    relative: float
    floor: float
    used: float


def thresholds_of(smooth: NDArray[np.float64], settings: Decoding) -> Thresholds:
    """The thresholds of one video.

    Args:
        smooth: ``(N,)`` smoothed scores.
        settings: Of the type.

    Raises:
        ValueError: no frames.

    Source:
        Spotting specification, section 5.
    """
    if not len(smooth):
        raise ValueError("thresholds_of: the video has no frames; need scores of at least one")
    relative = level_at(smooth, settings.peak_share)
    return Thresholds(relative, settings.floor, max(relative, settings.floor))


def level_at(smooth: NDArray[np.float64], share: float) -> float:
    """``mean + share (max - mean)``, not above the maximum."""
    mean, most = float(smooth.mean()), float(smooth.max())
    return min(mean + share * (most - mean), most)


def decode(scores: NDArray[np.float64], video: str, kind: Kind, settings: Decoding) -> list[Interval]:
    """The intervals of one type in one video; none where the score is constant.

    An interval's score is the smoothed score at its highest peak, and its apex is the frame of that peak.

    Args:
        scores: ``(N,)``, one a frame; N may be 0.
        video: Name for the intervals.
        kind: Type for the intervals.
        settings: Of the type.

    Returns:
        Sorted by onset, within the video.

    Raises:
        ValueError: scores of another shape, or not finite.

    Source:
        Spotting specification, section 5.
    """
    try:
        smooth = smoothed(scores, settings.skip_frames, settings.smoothing)
    except ValueError as error:
        raise ValueError(f"decode: {video}, {kind}: {error}") from error
    peaks = candidates(smooth, settings.skip_frames)
    if not len(peaks):
        return []
    peaks = peaks[smooth[peaks] >= thresholds_of(smooth, settings).used]
    found = finished(spans_at(smooth, peaks, settings), settings)
    return [Interval(video, kind, onset, offset, apex, score)
            for onset, offset, apex, score in zip(*(column.tolist() for column in found), strict=True)]


def decode_all(scores: NDArray[np.float64], video: str, decodings: Mapping[Kind, Decoding]) -> list[Interval]:
    """The intervals of all types that have settings.

    Args:
        scores: ``(N, 2)``, columns in the order of ``KINDS``.
        video: Name for the intervals.
        decodings: Settings of each type.

    Returns:
        Sorted by onset, of equal ones by offset.

    Raises:
        ValueError: scores of another shape, or not finite.
    """
    columns = columns_of(scores, video)
    found = [one for kind in KINDS if kind in decodings
             for one in decode(columns[kind], video, kind, decodings[kind])]
    return sorted(found, key=lambda one: (one.onset, one.offset))


def columns_of(scores: NDArray[np.float64], video: str) -> dict[Kind, NDArray[np.float64]]:
    """The ``(N,)`` scores of each type, from ``(N, 2)`` in the order of ``KINDS``.

    Raises:
        ValueError: scores of another shape; the video is named.
    """
    if np.ndim(scores) != 2 or np.shape(scores)[1] != len(KINDS):
        raise ValueError(f"scores of {video} are {np.shape(scores)}; need (N, {len(KINDS)}), "
                         f"one column each for {' and '.join(KINDS)}")
    return {kind: scores[:, column] for column, kind in enumerate(KINDS)}


def stretched(scores: NDArray[np.float64], stride: int, frames: int) -> NDArray[np.float64]:
    """Scores of all frames from those of every ``stride``-th: a line between two, the last one held to the end.

    Args:
        scores: ``(M,)`` or ``(M, C)``, of frames ``0, stride, 2 stride, ...``.
        stride: At least 1.
        frames: N, of the video.

    Returns:
        ``(N,)`` or ``(N, C)`` float64.

    Raises:
        ValueError: stride < 1, or another number of scores than such a video has.
    """
    track = np.array(scores, np.float64)
    wanted = -(-frames // stride) if stride >= 1 else None
    if track.ndim not in (1, 2) or len(track) != wanted:
        raise ValueError(f"stretched: got scores {track.shape}, stride {stride} and {frames} frames; "
                         f"need a stride of at least 1 and ceil(frames / stride) scores")
    if stride == 1 or not frames:
        return track
    at, known = np.arange(frames), np.arange(0, frames, stride)
    if track.ndim == 1:
        return np.interp(at, known, track)
    return np.stack([np.interp(at, known, column) for column in track.T], axis=1)


def candidates(smooth: NDArray[np.float64], skip_frames: int) -> NDArray[np.int64]:
    """``peaks_of`` at whatever height, at least ``skip_frames`` apart; none of a constant score or an empty one."""
    if not len(smooth) or smooth.max() - smooth.min() <= FLAT * np.abs(smooth).max():
        return np.empty(0, np.int64)
    return peaks_of(smooth, skip_frames)


def spans_at(smooth: NDArray[np.float64], peaks: NDArray[np.int64], settings: Decoding) -> Spans:
    """The interval of each peak alone: fixed, or extended while the score is above ``mean + 0.5 p (max - mean)``."""
    if settings.extend:
        return grown(smooth, peaks, level_at(smooth, settings.peak_share / 2))
    return around(smooth, peaks, settings.half_interval_frames)
