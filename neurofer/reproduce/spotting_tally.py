"""Hits and misses of spotting pooled over all videos, their F1, and its interval over people.

As the MEGC protocol has it, the whole set counts as one long video: true and false positives and misses are summed
over all tested videos before anything is divided, and those of both types make the overall score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import NeuroferError
from neurofer.evaluate.spotting import Counts, Name, SpottingScore, score_spotting
from neurofer.spotting.interval import Interval

Record = Mapping[str, Any]
Between = tuple[float, float] | None
_DRAWS = 2000


@dataclass(frozen=True)
class Tally:
    """Hits and misses in the tested videos of all folds of one seed.

    Attributes:
        videos: ``N`` names.
        subjects: Who is seen in each.
        datasets: Where each is from.
        scores: Counts of each.
    """

    videos: tuple[str, ...]
    subjects: tuple[str, ...]
    datasets: tuple[str, ...]
    scores: tuple[SpottingScore, ...]

    def total(self, kind: Name) -> Counts:
        """TP, FP and FN over all videos."""
        return sum(self.scores, SpottingScore()).by_name()[kind]

    def by_subject(self, kind: Name, subjects: Sequence[str]) -> NDArray[np.int64]:
        """``(P, 3)`` TP, FP and FN of each of these people."""
        place = {name: number for number, name in enumerate(subjects)}
        found = np.zeros((len(subjects), 3), np.int64)
        for subject, score in zip(self.subjects, self.scores, strict=True):
            counts = score.by_name()[kind]
            found[place[subject]] += counts.tp, counts.fp, counts.fn
        return found

    def part(self, dataset: str | None) -> Tally:
        """Those of one data set; all for None."""
        if dataset is None:
            return self
        rows = zip(self.videos, self.subjects, self.datasets, self.scores, strict=True)
        mine = [row for row in rows if row[2] == dataset]
        return Tally(*zip(*mine, strict=True)) if mine else Tally((), (), (), ())


def pooled(results: Sequence[Record], decoding: str = "base", baseline: str | None = None) -> Tally:
    """Hits and misses of all folds together.

    Args:
        results: Of the folds of one seed.
        decoding: Which of the intervals: a key of a video's ``predicted``.
        baseline: One of the folds' ``baselines`` instead.

    Raises:
        NeuroferError: a subject or a video was tested twice.
    """
    videos = [(name, result) for result in results for name in result["test"]]
    _require_once("subject", [subject for result in results for subject in result["subjects"]["test"]])
    _require_once("video", [name for name, _ in videos])
    told = [result["test"][name] for name, result in videos]
    scores = tuple(score_spotting(true_intervals(name, result), spotted_intervals(name, result, decoding, baseline))
                   for name, result in videos)
    return Tally(tuple(name for name, _ in videos), tuple(one["subject"] for one in told),
                 tuple(one["dataset"] for one in told), scores)


def true_intervals(video: str, result: Record) -> list[Interval]:
    """Annotated intervals of a tested video of a fold."""
    return [Interval(video, kind, onset, offset, apex, None, label)
            for kind, onset, apex, offset, label in result["test"][video]["truth"]]


def spotted_intervals(video: str, result: Record, decoding: str = "base",
                      baseline: str | None = None) -> list[Interval]:
    """What a fold, or a baseline, spotted in a tested video."""
    rows = result["test"][video]["predicted"][decoding] if baseline is None else result["baselines"][baseline][video]
    return [Interval(video, kind, onset, offset, apex, score) for kind, onset, apex, offset, score in rows]


def subjects_interval(weighed: Sequence[tuple[Tally, float]], kind: Name, *, draws: int = _DRAWS,
                      seed: int = 0) -> Between:
    """95 % interval of a weighed sum of F1 when subjects are drawn again, each with all that was spotted of them.

    Args:
        weighed: Hits and misses, and the weight of their F1, such as 1/S for each of S seeds.
        kind: ``micro``, ``macro`` or ``overall``.
        draws: Number of resamples.
        seed: Makes the interval repeatable.

    Returns:
        ``(low, high)``, or None with fewer than two subjects, where nothing is known about others.
    """
    people = sorted({name for tally, _ in weighed for name in tally.subjects})
    if len(people) < 2:
        return None
    times = np.random.default_rng(seed).multinomial(len(people), np.full(len(people), 1 / len(people)), size=draws)
    drawn = np.zeros(draws)
    for tally, weight in weighed:
        tp, fp, fn = (times @ tally.by_subject(kind, people)).T
        drawn += weight * 2 * tp / np.maximum(2 * tp + fp + fn, 1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _require_once(what: str, names: Sequence[str]) -> None:
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise NeuroferError(f"spotting: {what} {twice[0]} was tested in two folds; no table is made of that")
