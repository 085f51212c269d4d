"""Spotting without training, from video: how much a frame differs from both of its reference frames; and from nothing.

What a network has to beat: the difference needs no truth, and ``evenly_spaced`` does not even look at the video.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neurofer.keyframes.regions import OUTSIDE, face_regions
from neurofer.spotting.contrast import contrast
from neurofer.spotting.interval import KINDS, Interval, Kind

FRAMES_AT_ONCE = 64
PARTS = ("brows", "nose", "mouth")
"""Parts of the face that are compared; without the eyes, because of blinks and glances."""


def difference_scores(pictures: NDArray[np.uint8], skips: Mapping[Kind, int]) -> NDArray[np.float64]:
    """How much each frame differs from the frames k before and k after it, both of them.

    ``d`` is the mean over brows, nose and mouth of the smaller one of ``|y(t) - y(t - k)|`` and ``|y(t) - y(t + k)|``,
    where y is the frame with its local contrast normalised; the score is ``d / (1 + d)``, which has no scale of its
    own: 1/2 is a change as large as the contrast itself. At the ends the first and the last frame are the references.
    Each frame is read and normalised once; as many are held as the longer skip reaches to both sides, and 64 more.

    Args:
        pictures: ``(N, S, S)`` uint8 aligned frames, S at least 16; may be memory-mapped.
        skips: k of each type, at least 1.

    Returns:
        ``(N, 2)`` float64 in 0..1, micro and macro.

    Raises:
        ValueError: other pictures, or a skip that is missing or below 1.
    """
    if pictures.ndim != 3 or pictures.shape[1] != pictures.shape[2] or not len(pictures):
        raise ValueError(f"difference_scores: need (N, S, S) frames, at least one, got {pictures.shape}")
    if any(skips.get(kind, 0) < 1 for kind in KINDS):
        raise ValueError(f"difference_scores: need skips of at least 1 for {' and '.join(KINDS)}, got {dict(skips)}")
    face = face_regions(pictures.shape[1], PARTS) != OUTSIDE
    count, reach = len(pictures), max(skips.values())
    scores = np.empty((count, len(KINDS)), np.float64)
    held, begin = np.empty((0, int(face.sum())), np.float32), 0
    for first in range(0, count, FRAMES_AT_ONCE):
        numbers = np.arange(first, min(first + FRAMES_AT_ONCE, count))
        stop, keep = min(int(numbers[-1]) + reach + 1, count), max(first - reach, 0)
        held = np.concatenate((held[keep - begin :], _normalised(pictures[begin + len(held) : stop], face)))
        begin = keep
        for column, kind in enumerate(KINDS):
            before, after = (np.clip(numbers + step, 0, count - 1) - begin for step in (-skips[kind], skips[kind]))
            now = held[numbers - begin]
            least = np.minimum(np.abs(now - held[before]), np.abs(now - held[after]))
            scores[numbers, column] = least.mean(axis=1, dtype=np.float64)
    return scores / (1 + scores)


def evenly_spaced(frames: int, video: str, kind: Kind, per_frame_rate: float,
                  half_interval_frames: int) -> list[Interval]:
    """As many intervals as are usual, evenly spaced, whatever the video shows.

    Example:
        >>> [(one.onset, one.offset) for one in evenly_spaced(100, "a", "micro", 0.02, 5)]
        [(20, 30), (70, 80)]

    Args:
        frames: Of the video.
        video: Its name.
        kind: Type of all of them.
        per_frame_rate: Expressions of this type divided by frames, of the training subjects.
        half_interval_frames: How far each reaches to both sides of its middle; cut at the ends of the video.

    Returns:
        ``frames * per_frame_rate`` intervals, rounded, with a score of 0.

    Raises:
        ValueError: a negative number.
    """
    if min(frames, per_frame_rate, half_interval_frames) < 0:
        raise ValueError(f"evenly_spaced: need numbers of 0 or more, got {frames} frames, {per_frame_rate:g} a frame "
                         f"and {half_interval_frames} to each side")
    count = int(np.floor(frames * per_frame_rate + 0.5))
    middles = ((np.arange(count) + 0.5) * frames / max(count, 1)).astype(np.int64)
    return [Interval(video, kind, max(middle - half_interval_frames, 0), min(middle + half_interval_frames, frames - 1),
                     middle, 0.0) for middle in middles.tolist()]


def _normalised(pictures: NDArray[np.uint8], face: NDArray[np.bool_]) -> NDArray[np.float32]:
    """``(n, pixels)`` of the face, local contrast normalised."""
    found = np.empty((len(pictures), int(face.sum())), np.float32)
    for row, picture in zip(found, pictures, strict=True):
        row[:] = contrast(picture.astype(np.float32))[face]
    return found
