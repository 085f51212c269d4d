"""Which frames of long videos are learned from, and what is right there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurofer.spotting.interval import Interval, Kind
from neurofer.spotting.spans import shared_frames


def positives(intervals: Sequence[Interval], kind: Kind, frames: int, stride: int) -> NDArray[np.int64]:
    """Every ``stride``-th frame of the expressions of a type whose onset was seen, each counted from its onset.

    Args:
        intervals: Of one video, of all types.
        kind: The type.
        frames: Of the video; what reaches beyond is left out.
        stride: At least 1.

    Returns:
        ``(P,)`` int64, rising, none twice.

    Raises:
        ValueError: stride < 1.
    """
    _check_stride("positives", stride)
    inside = np.zeros(frames, bool)
    for one in intervals:
        if one.kind == kind and one.onset_seen:
            inside[one.onset : one.offset + 1 : stride] = True
    return np.flatnonzero(inside)


def negatives(intervals: Sequence[Interval], kind: Kind, frames: int, stride: int = 1) -> NDArray[np.int64]:
    """Every ``stride``-th of the frames outside all expressions of a type, also those whose onset was not seen.

    Args:
        intervals: Of one video, of all types.
        kind: The type.
        frames: Of the video.
        stride: At least 1.

    Returns:
        ``(Q,)`` int64, rising.

    Raises:
        ValueError: stride < 1.
    """
    _check_stride("negatives", stride)
    outside = np.ones(frames, bool)
    for one in intervals:
        if one.kind == kind:
            outside[one.onset : one.offset + 1] = False
    return np.flatnonzero(outside)[::stride]


def interval_labels(intervals: Sequence[Interval], kind: Kind, numbers: NDArray[np.integer]) -> NDArray[np.float32]:
    """1 in frames of an expression of a type, 0 elsewhere.

    Args:
        intervals: Of one video, of all types.
        kind: The type.
        numbers: ``(B,)`` frames.

    Returns:
        ``(B,)`` float32.
    """
    onset, offset = _ends(intervals, kind)
    frames = np.asarray(numbers, np.int64)[:, None]
    return np.asarray(((onset <= frames) & (frames <= offset)).any(axis=1), np.float32)


def iou_labels(intervals: Sequence[Interval], kind: Kind, numbers: NDArray[np.integer],
               skip_frames: int) -> NDArray[np.float32]:
    """How well an interval around a frame would hit: the largest IoU of ``[t - k, t + k]`` with one of a type.

    Args:
        intervals: Of one video, of all types.
        kind: The type.
        numbers: ``(B,)`` frames t; the intervals around them may reach beyond the video.
        skip_frames: k, at least 0.

    Returns:
        ``(B,)`` float32, 0 to 1.

    Raises:
        ValueError: k < 0.

    Source:
        Spotting specification, section 4.4.
    """
    if skip_frames < 0:
        raise ValueError(f"iou_labels: skip_frames is {skip_frames}; need at least 0")
    frames = np.asarray(numbers, np.int64)
    both, either = shared_frames(frames - skip_frames, frames + skip_frames, *_ends(intervals, kind))
    return np.asarray((both / either).max(axis=1, initial=0.0), np.float32)


def draw_samples(random: np.random.Generator, videos: Sequence[tuple[Sequence[Interval], int]], kind: Kind, stride: int,
                 negatives_per_positive: float, most: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The frames of one epoch: of each video its positives, and so many times as many of its negatives.

    A video without positives gives as many negatives as the others do on average. Where no video has any, there is
    nothing to learn and nothing is drawn.

    Args:
        random: Source of the draws; a new epoch goes on with it.
        videos: Intervals, of all types, and number of frames of each.
        kind: The type that is learned.
        stride: See ``positives``.
        negatives_per_positive: Ratio; a video that has fewer negatives gives all.
        most: Positives of a video, drawn among them where there are more; None keeps all.

    Returns:
        ``(S,)`` numbers of videos, in their order, and ``(S,)`` numbers of frames, rising within each; int64.

    Raises:
        ValueError: stride < 1, a ratio below 0, or ``most`` below 1.
    """
    if negatives_per_positive < 0 or (most is not None and most < 1):
        raise ValueError(f"draw_samples: got {negatives_per_positive:g} negatives a positive and at most {most} "
                         "positives; need 0 or more, and 1 or more")
    chosen = [_drawn(random, positives(intervals, kind, frames, stride), most) for intervals, frames in videos]
    wanted = [round(negatives_per_positive * len(one)) for one in chosen if len(one)]
    mean = round(sum(wanted) / len(wanted)) if wanted else 0
    numbers = []
    for (intervals, frames), mine in zip(videos, chosen, strict=True):
        rest = negatives(intervals, kind, frames)
        count = round(negatives_per_positive * len(mine)) if len(mine) else mean
        numbers.append(np.sort(np.concatenate([mine, _drawn(random, rest, count)])))
    places = np.repeat(np.arange(len(videos)), [len(one) for one in numbers])
    return places, np.concatenate([np.empty(0, np.int64), *numbers])


def _drawn(random: np.random.Generator, frames: NDArray[np.int64], most: int | None) -> NDArray[np.int64]:
    """All of them, or ``most`` different ones."""
    return frames if most is None or len(frames) <= most else random.choice(frames, most, replace=False)


def _ends(intervals: Sequence[Interval], kind: Kind) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``(m,)`` onsets and ``(m,)`` offsets of a type."""
    ends = np.array([(one.onset, one.offset) for one in intervals if one.kind == kind], np.int64).reshape(-1, 2)
    return ends[:, 0], ends[:, 1]


def _check_stride(who: str, stride: int) -> None:
    if stride < 1:
        raise ValueError(f"{who}: stride is {stride}; need at least 1")
