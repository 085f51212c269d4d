"""Scores of frames without their jitter; peaks stay where they are."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from neurofer.spotting.settings import Smoothing


def smoothed(scores: NDArray[np.float64], skip_frames: int, smoothing: Smoothing) -> NDArray[np.float64]:
    """Scores averaged over time; before the first frame and after the last one these two are repeated.

    ``mean`` is the average over ``2 k + 1`` frames. Equal windows give equal results to the last bit, so a flat top
    stays flat. ``butterworth`` is a zero-phase filter of order 2 with cut-off ``1 / (2 k)`` cycles per frame; it may
    overshoot the range of the scores by a few per cent, and with k = 1 it lets everything pass. ``none`` copies.

    Args:
        scores: ``(N,)``, of consecutive frames; N may be 0, and smaller than the window.
        skip_frames: k, at least 1.
        smoothing: Which.

    Returns:
        ``(N,)`` float64.

    Raises:
        ValueError: scores of another shape or not finite, k < 1, or an unknown smoothing.

    Source:
        Spotting specification, section 5.
    """
    track = np.array(scores, np.float64)
    if track.ndim != 1:
        raise ValueError(f"smoothed: scores are {track.shape}; need (N,), one type of expression at a time")
    bad = np.flatnonzero(~np.isfinite(track))
    if len(bad):
        raise ValueError(f"smoothed: the score of frame {bad[0]} is {track[bad[0]]}; need finite scores")
    if skip_frames < 1:
        raise ValueError(f"smoothed: skip_frames is {skip_frames}; need at least 1")
    if smoothing not in ("mean", "butterworth", "none"):
        raise ValueError(f"smoothed: smoothing is {smoothing!r}; need mean, butterworth or none")
    if smoothing == "none" or not len(track):
        return track
    return _mean(track, skip_frames) if smoothing == "mean" else _butterworth(track, skip_frames)


def _mean(track: NDArray[np.float64], skip_frames: int) -> NDArray[np.float64]:
    # Running sums would be faster and leave a rest of 1e-12 in flat tops, which then have peaks of their own.
    padded = np.pad(track, skip_frames, mode="edge")
    return np.asarray(sliding_window_view(padded, 2 * skip_frames + 1).mean(axis=1))


def _butterworth(track: NDArray[np.float64], skip_frames: int) -> NDArray[np.float64]:
    from scipy.signal import butter, sosfiltfilt

    if skip_frames == 1:  # the cut-off is the highest frequency that there is
        return track
    # The filter forgets with exp(-2.2 t / k): after 8 k frames 2e-8 is left of a start.
    reach = 8 * skip_frames
    padded = np.pad(track, reach, mode="edge")
    filtered = sosfiltfilt(butter(2, 1 / (2 * skip_frames), fs=1.0, output="sos"), padded, padtype=None)
    return np.asarray(filtered[reach:-reach])
