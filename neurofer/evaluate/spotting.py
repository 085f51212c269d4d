"""How well expressions are spotted in long videos: hits, false alarms and misses of a whole set, as MEGC counts them.

A spotted interval hits a true one of the same video and type where their frames, both ends included, have an
intersection over union of 0.5 or more; each interval takes part in one hit at most. All videos count as one long video.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from neurofer.evaluate.interval_matching import iou as iou
from neurofer.evaluate.interval_matching import match as match
from neurofer.spotting.interval import KINDS, Interval, Kind

Name = Literal["micro", "macro", "overall"]
NAMES: tuple[Name, ...] = ("micro", "macro", "overall")

@dataclass(frozen=True)
class Counts:
    """Hits ``tp``, false alarms ``fp`` and misses ``fn``; their scores are 0 where there is nothing to score.

    Example:
        >>> counts = Counts(tp=109, fp=1414, fn=191)
        >>> round(counts.precision, 4), round(counts.recall, 4), round(counts.f1, 4)
        (0.0716, 0.3633, 0.1196)
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0

    @property
    def precision(self) -> float:
        """Share of the spotted intervals that are hits."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the true intervals that are hit."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, ``2 TP / (2 TP + FP + FN)``."""
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    def to_dict(self) -> dict[str, int | float]:
        """``{tp, fp, fn, precision, recall, f1}``."""
        return {"tp": self.tp, "fp": self.fp, "fn": self.fn, "precision": self.precision, "recall": self.recall,
                "f1": self.f1}


@dataclass(frozen=True)
class SpottingScore:
    """Counts of both types over a set of videos."""

    micro: Counts = Counts()
    macro: Counts = Counts()

    @property
    def overall(self) -> Counts:
        """Counts summed over both types, whose F1 is not the mean of the two."""
        return self.micro + self.macro

    def __add__(self, other: SpottingScore) -> SpottingScore:
        return SpottingScore(self.micro + other.micro, self.macro + other.macro)

    def by_name(self) -> dict[Name, Counts]:
        """``{"micro": ..., "macro": ..., "overall": ...}``."""
        return {"micro": self.micro, "macro": self.macro, "overall": self.overall}

    def to_dict(self) -> dict[Name, dict[str, int | float]]:
        """``{micro|macro|overall: {tp, fp, fn, precision, recall, f1}}``."""
        return {name: counts.to_dict() for name, counts in self.by_name().items()}


class Pair(NamedTuple):
    """A hit; or, with None on one side, a miss or a false alarm, whose IoU is 0."""

    truth: Interval | None
    predicted: Interval | None
    iou: float

    @property
    def one(self) -> Interval:
        """The true interval, or else the predicted one: both are of the same video and type."""
        found = self.truth or self.predicted
        if found is None:
            raise ValueError("Pair: need a true interval, a predicted one, or both; got neither")
        return found


def pairs_of(truth: Iterable[Interval], predicted: Iterable[Interval]) -> Iterator[Pair]:
    """Hits, then misses, then false alarms of each video and type, these sorted by name; no row order matters."""
    true, spotted = _grouped(truth), _grouped(predicted)
    for group in sorted(true.keys() | spotted.keys(), key=lambda group: (group[0], KINDS.index(group[1]))):
        here, said = true.get(group, []), spotted.get(group, [])
        hits = match(here, said)
        yield from (Pair(here[i], said[j], value) for i, j, value in hits)
        hit, used = {i for i, _, _ in hits}, {j for _, j, _ in hits}
        yield from (Pair(one, None, 0.0) for i, one in enumerate(here) if i not in hit)
        yield from (Pair(None, one, 0.0) for j, one in enumerate(said) if j not in used)


def hits_of(truth: Iterable[Interval], predicted: Iterable[Interval]) -> list[tuple[Interval, Interval, float]]:
    """``(true interval, predicted interval, IoU)`` of every hit of a set of videos."""
    return [(pair.truth, pair.predicted, pair.iou) for pair in pairs_of(truth, predicted)
            if pair.truth is not None and pair.predicted is not None]


def score_spotting(truth: Iterable[Interval], predicted: Iterable[Interval]) -> SpottingScore:
    """Counts of micro- and macro-expressions over a set of videos.

    Args:
        truth: True intervals of all videos; a video without any has only false alarms.
        predicted: Spotted intervals of all videos; of a video that the truth does not know, each is a false alarm.

    Source:
        MEGC 2019 to 2022 spotting guidelines; spotting specification, section 6.
    """
    return score_of_pairs(pairs_of(truth, predicted))


def score_of_pairs(pairs: Iterable[Pair]) -> SpottingScore:
    """The counts of ``pairs_of``."""
    found = Counter((pair.one.kind, pair.truth is not None, pair.predicted is not None) for pair in pairs)
    return SpottingScore(*(Counts(found[kind, True, True], found[kind, False, True], found[kind, True, False])
                           for kind in KINDS))


def strs_of(f1_spotting: float, f1_analysis: float) -> float:
    """Score of spot-then-recognise: the product of both F1.

    Source:
        Liong et al., Spot-then-recognise, 2023.

    Example:
        >>> round(strs_of(0.6516, 0.5927), 4)
        0.3862
    """
    return f1_spotting * f1_analysis


def analysis_f1(pairs: Iterable[tuple[str, str]]) -> float:
    """Harmonic mean of macro precision and macro recall of the emotions of hits.

    The means are over the classes that occur among the hits, as truth or as answer; a class of misses or false alarms
    alone does not enter. A class that is never said has precision 0, one that is never true has recall 0.

    Args:
        pairs: ``(true, said)`` emotion of each hit; an answer ``""`` is none: it is wrong, and no class.

    Returns:
        In 0..1; 0 without hits.
    """
    counted = Counter(pairs)
    true, said = Counter[str](), Counter[str]()
    for (one, other), count in counted.items():
        true[one] += count
        said[other] += count
    classes = sorted((true.keys() | said.keys()) - {""})
    precision = sum(_share(counted[name, name], said[name]) for name in classes)
    recall = sum(_share(counted[name, name], true[name]) for name in classes)
    return 2 * _share(precision * recall, (precision + recall) * len(classes))


@dataclass(frozen=True)
class StrsReport:
    """Spotting and recognition of one type, or of both.

    Attributes:
        spotting: Counts of the spotting.
        pairs: ``(true, said)`` emotion of each hit whose true emotion is known.
        unlabelled: Hits whose true emotion nobody knows; they count as spotted, and are left out of the analysis.
    """

    spotting: Counts
    pairs: tuple[tuple[str, str], ...]
    unlabelled: int = 0

    @property
    def analysis_f1(self) -> float:
        """F1 of the emotions of hits."""
        return analysis_f1(self.pairs)

    @property
    def strs(self) -> float:
        """Product of both F1."""
        return strs_of(self.spotting.f1, self.analysis_f1)

    def to_dict(self) -> dict[str, int | float]:
        """The counts and scores of spotting, and ``analysed``, ``unlabelled``, ``analysis_f1``, ``strs``."""
        return {**self.spotting.to_dict(), "analysed": len(self.pairs), "unlabelled": self.unlabelled,
                "analysis_f1": self.analysis_f1, "strs": self.strs}


def spot_then_recognise(truth: Iterable[Interval], predicted: Iterable[Interval]) -> dict[Name, StrsReport]:
    """Spotting and recognition together, for ``micro``, ``macro`` and ``overall``.

    Args:
        truth: True intervals, with the emotion as ``label``.
        predicted: Spotted intervals, with what the recogniser said as ``label``, empty where it said nothing.
    """
    pairs = list(pairs_of(truth, predicted))
    counts = score_of_pairs(pairs).by_name()
    labels = {kind: [(pair.truth.label, pair.predicted.label) for pair in pairs
                     if pair.one.kind == kind and pair.truth is not None and pair.predicted is not None]
              for kind in KINDS}
    every: dict[Name, list[tuple[str, str]]] = {"micro": labels["micro"], "macro": labels["macro"],
                                               "overall": [*labels["micro"], *labels["macro"]]}
    return {name: StrsReport(counts[name], tuple(one for one in found if one[0]), sum(not one[0] for one in found))
            for name, found in every.items()}


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _grouped(intervals: Iterable[Interval]) -> dict[tuple[str, Kind], list[Interval]]:
    """Intervals by video and type, each group in an order that the rows' order has no part in."""
    found: dict[tuple[str, Kind], list[Interval]] = {}
    for one in intervals:
        found.setdefault((one.video, one.kind), []).append(one)
    for group in found.values():
        group.sort(key=lambda one: (one.onset, one.offset, one.label, one.score or 0.0))
    return found
