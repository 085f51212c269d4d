"""The log of spotted intervals as the 2019 challenge wanted it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from neurofer.evaluate.spotting import Pair, pairs_of
from neurofer.spotting.interval import KINDS, Interval

Dataset = Literal["samm", "casme2"]
HEADERS: dict[Dataset, str] = {"samm": "1", "casme2": "2"}
"""First line of a log: 1 for SAMM, 2 for CAS(ME)2."""


def spotting_log(truth: Iterable[Interval], predicted: Iterable[Interval], dataset: Dataset) -> str:
    """The log of a set of videos, as ``log_of_pairs`` writes it."""
    return log_of_pairs(pairs_of(truth, predicted), dataset)


def log_of_pairs(pairs: Iterable[Pair], dataset: Dataset) -> str:
    """The whole text of a log: the data set's number, then ``VideoID GTon GToff Predon Predoff Result`` lines.

    Result is TP, FN or FP; ``-`` stands for frames that are missing, those of no prediction or of no truth. Frames are
    those of the intervals. Lines are sorted by video, within it by type (micro first; the log does not name it), and
    then by first frame, so the order of the input has no part.

    Raises:
        ValueError: a video's name that has white space, which separates the cells of a line.

    Source:
        MEGC 2019 spotting guideline; spotting specification, section 6.
    """
    ordered = sorted(pairs, key=_place)
    spaced = next((pair.one.video for pair in ordered if pair.one.video.split() != [pair.one.video]), None)
    if spaced is not None:
        raise ValueError(f"spotting_log: the video {spaced!r} has a space in its name, which ends a cell of the log; "
                         "rename it in both tables")
    return "".join(f"{line}\n" for line in (HEADERS[dataset], *map(_line, ordered)))


def _place(pair: Pair) -> tuple[str, int, int, int]:
    return pair.one.video, KINDS.index(pair.one.kind), pair.one.onset, pair.one.offset


def _line(pair: Pair) -> str:
    result = "FP" if pair.truth is None else "FN" if pair.predicted is None else "TP"
    return f"{pair.one.video} {_frames(pair.truth)} {_frames(pair.predicted)} {result}"


def _frames(one: Interval | None) -> str:
    return "- -" if one is None else f"{one.onset} {one.offset}"
