"""How far from the annotated ones a found onset, apex and offset are, and how long a decision has to wait for them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class ApexError(NamedTuple):
    """Distances of found apexes from the annotated ones.

    Attributes:
        clips: How many there are.
        mean_ms: Mean distance.
        median_ms: Median distance.
        largest_ms: Largest distance.
        mean_frames: The same three in frames of each clip's own film.
        median_frames: Median.
        largest_frames: Largest.
    """

    clips: int
    mean_ms: float
    median_ms: float
    largest_ms: float
    mean_frames: float
    median_frames: float
    largest_frames: float


class Detections(NamedTuple):
    """What detection in events is worth, beside its apexes.

    Attributes:
        clips: Of which an expression was looked for.
        accepted: In which one was found.
        onset_late_ms: Mean of found minus annotated onset, before a lag is taken off.
        onset_error_ms: Mean distance of the onsets after it is taken off.
        offset_bias_ms: Mean of found minus annotated offset.
        latency_median_ms: Median of found offset, when the detector decides, minus annotated apex.
        latency_largest_ms: Largest of these.
    """

    clips: int
    accepted: int
    onset_late_ms: float
    onset_error_ms: float
    offset_bias_ms: float
    latency_median_ms: float
    latency_largest_ms: float


def apex_error(found_us: NDArray[np.float64], true_us: NDArray[np.float64],
               frame_us: NDArray[np.float64]) -> ApexError | None:
    """Distances of apexes, those that are no number left out; None where none is left.

    Args:
        found_us: ``(N,)`` found apexes in microseconds.
        true_us: ``(N,)`` annotated ones.
        frame_us: ``(N,)`` microseconds between two frames of each clip.

    Example:
        >>> apex_error(np.array([0.0, 30_000, np.nan]), np.array([10_000.0, 10_000, 0]), np.full(3, 5_000.0))[:4]
        (2, 15.0, 15.0, 20.0)

    Raises:
        ValueError: columns of unequal length, or a frame that takes no time.
    """
    _require_columns("apex_error", found_us, true_us, frame_us)
    if not (frame_us > 0).all():
        raise ValueError("apex_error: need frame_us above 0; count the frames of a clip by their own times")
    there = np.isfinite(found_us)
    if not there.any():
        return None
    far_us = np.abs(found_us - true_us)[there]
    return ApexError(int(there.sum()), *_three(far_us / 1_000), *_three(far_us / frame_us[there]))


def detections_of(found_us: NDArray[np.float64], true_us: NDArray[np.float64],
                  lag_us: NDArray[np.float64]) -> Detections:
    """Acceptance, onsets, offsets and latency of detections; means and medians over the accepted clips.

    Args:
        found_us: ``(N, 3)`` onset, apex and offset in microseconds; no number where the clip was refused.
        true_us: ``(N, 3)`` annotated ones.
        lag_us: ``(N,)`` what is taken off the found onset, measured on other subjects than the clip's.

    Raises:
        ValueError: columns of unequal length.
    """
    _require_columns("detections_of", found_us, true_us, lag_us)
    there = np.isfinite(found_us).all(axis=1)
    found, true = found_us[there] / 1_000, true_us[there] / 1_000
    if not len(found):
        return Detections(len(found_us), 0, *[float("nan")] * 5)
    late = found[:, 0] - true[:, 0]
    wait = found[:, 2] - true[:, 1]
    return Detections(len(found_us), len(found), float(late.mean()), float(np.abs(late - lag_us[there] / 1_000).mean()),
                      float((found[:, 2] - true[:, 2]).mean()), float(np.median(wait)), float(wait.max()))


def _three(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values.mean()), float(np.median(values)), float(values.max())


def _require_columns(who: str, *columns: NDArray[np.float64]) -> None:
    if len({len(column) for column in columns}) > 1:
        raise ValueError(f"{who}: need columns of one length, got {', '.join(str(len(one)) for one in columns)}")
