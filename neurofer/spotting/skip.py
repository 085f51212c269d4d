"""How long expressions are, as the settings that follow from it: reference frames, the reach of an interval, gates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from neurofer.spotting.interval import KINDS, Interval, Kind


def skip_of(lengths: Sequence[int]) -> int:
    """The distance k of the reference frames: half the mean length, rounded down, and at least 1.

    Example:
        >>> skip_of([13, 14, 14])
        6

    Args:
        lengths: Numbers of frames of training expressions, both ends included.

    Raises:
        ValueError: no lengths, or one below 1.

    Source:
        Spotting specification, section 2.
    """
    frames = _checked("skip_of", lengths)
    return max(1, int(frames.sum()) // (2 * len(frames)))


def skips_of(intervals: Iterable[Interval]) -> dict[Kind, int | None]:
    """``skip_of`` of each type; None where there is none of it.

    An expression whose onset was not seen is longer than it looks, so it is left out.

    Args:
        intervals: Those of the training subjects.
    """
    lengths = lengths_of(intervals)
    return {kind: skip_of(lengths[kind]) if lengths[kind] else None for kind in KINDS}


def lengths_of(intervals: Iterable[Interval]) -> dict[Kind, list[int]]:
    """Numbers of frames of the expressions of each type whose onset was seen."""
    lengths: dict[Kind, list[int]] = {kind: [] for kind in KINDS}
    for one in intervals:
        if one.onset_seen:
            lengths[one.kind].append(one.frames)
    return lengths


def ceiling(lengths: Sequence[int], half_interval_frames: int) -> float:
    """The share of expressions that an interval of ``2 h + 1`` frames hits with IoU >= 0.5, if perfectly centred.

    Args:
        lengths: Numbers of frames, both ends included.
        half_interval_frames: h.

    Returns:
        0 to 1.

    Raises:
        ValueError: no lengths, one below 1, or h < 0.

    Source:
        Spotting specification, section 2.
    """
    if half_interval_frames < 0:
        raise ValueError(f"ceiling: half_interval_frames is {half_interval_frames}; need at least 0")
    frames = _checked("ceiling", lengths)
    return float(_hit(frames, np.array([half_interval_frames]))[0].mean())


def best_half(lengths: Sequence[int]) -> int:
    """The ``half_interval_frames`` of the highest ``ceiling``; of equal ones the smallest.

    Args:
        lengths: Numbers of frames, both ends included.

    Raises:
        ValueError: no lengths, or one below 1.
    """
    frames = _checked("best_half", lengths)
    # A window hits more expressions than the next smaller one only where it reaches half of one of them.
    candidates = np.unique((frames + 1) // 2 // 2)
    return int(candidates[_hit(frames, candidates).sum(axis=1).argmax()])


def gate_of(lengths: Sequence[int]) -> tuple[int, int]:
    """The least and the most frames of an extended interval: 3/4 of the shortest, rounded down, 5/4 of the longest, up.

    Args:
        lengths: Numbers of frames of training expressions, both ends included.

    Raises:
        ValueError: no lengths, or one below 1.
    """
    frames = _checked("gate_of", lengths)
    return max(1, 3 * int(frames.min()) // 4), -(-5 * int(frames.max()) // 4)


def _hit(frames: NDArray[np.int64], halves: NDArray[np.int64]) -> NDArray[np.bool_]:
    """``(H, N)``: whether a window of each half hits each expression."""
    window = 2 * halves[:, None] + 1
    return 2 * np.minimum(frames, window) >= np.maximum(frames, window)


def _checked(who: str, lengths: Sequence[int]) -> NDArray[np.int64]:
    frames = np.asarray(lengths, np.int64)
    if frames.ndim != 1 or not len(frames) or frames.min() < 1:
        raise ValueError(f"{who}: need at least one length, each of 1 frame or more, got {list(lengths)[:5]}")
    return frames
