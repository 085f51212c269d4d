"""The annotations of a long video as intervals of its stored frames, and what had to be done to some."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from neurofer.data.long.record import LongExpression, LongVideo
from neurofer.data.preparing import Problem
from neurofer.spotting.interval import Interval

BEFORE = "onset is before the first frame, which stands for it"
BEHIND = "offset is behind the last frame, which stands for it"
APEX_OUTSIDE = "apex is outside of the frames, it is left out"


class Truth(NamedTuple):
    """The truth of one video.

    Attributes:
        intervals: In frames of the store, by onset.
        problems: Expressions of which no frame is there.
        rules: How often a rule for odd frames was applied.
    """

    intervals: tuple[Interval, ...]
    problems: tuple[Problem, ...]
    rules: Counter[str]


def truth_of(video: LongVideo, first_frame: int, frames: int) -> Truth:
    """What is annotated of a video that is stored.

    An expression that begins before the first frame, or ends behind the last one, is cut there, and the cut counted.

    Args:
        video: With the numbers of its data set.
        first_frame: The number that the data set gives to the first stored frame.
        frames: How many are stored.
    """
    found: list[Interval] = []
    problems: list[Problem] = []
    rules = Counter[str]()
    for expression in video.expressions:
        record = expression.record
        onset, offset = record.onset_frame - first_frame, record.offset_frame - first_frame
        if offset < 0 or onset >= frames:
            problems.append(Problem(record.where or video.folder, (
                f"{record.clip} is at frames {record.onset_frame} to {record.offset_frame}, but {video.name} has "
                f"frames {first_frame} to {first_frame + frames - 1} alone")))
            continue
        found.append(_interval(video.name, expression, first_frame, frames, rules))
    return Truth(tuple(sorted(found, key=lambda one: (one.onset, one.offset, one.kind))), tuple(problems), rules)


def overlapping(intervals: Iterable[Interval]) -> int:
    """Pairs of intervals of one video and type that share a frame."""
    def place(one: Interval) -> tuple[str, str]:
        return one.video, one.kind

    groups = itertools.groupby(sorted(intervals, key=place), place)
    return sum(_pairs(list(group)) for _, group in groups)


def _interval(video: str, expression: LongExpression, first_frame: int, frames: int, rules: Counter[str]) -> Interval:
    record, last = expression.record, frames - 1
    onset, offset = record.onset_frame - first_frame, record.offset_frame - first_frame
    apex = None if record.apex_frame is None else record.apex_frame - first_frame
    outside = apex is not None and not 0 <= apex <= last
    rules.update([rule for rule, applies in ((BEFORE, onset < 0), (BEHIND, offset > last), (APEX_OUTSIDE, outside))
                  if applies])
    return Interval(video, record.kind, max(onset, 0), min(offset, last), None if outside else apex, None,
                    record.emotion, expression.onset_seen and onset >= 0)


def _pairs(intervals: Sequence[Interval]) -> int:
    return sum(one.onset <= other.offset and other.onset <= one.offset
               for one, other in itertools.combinations(intervals, 2))
