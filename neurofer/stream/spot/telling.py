"""What was spotted, in words: a line a video, and how well it fits the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from neurofer.evaluate.spotting import SpottingScore, score_spotting, spot_then_recognise
from neurofer.spotting.interval import KINDS, Interval
from neurofer.stream.spot.recognise import Recognitions
from neurofer.stream.spot.spotter import Spotted


def told(spotted: Spotted, truth: Sequence[Interval] | None, said: Recognitions | None = None) -> str:
    """One line about a video, without its name."""
    intervals = [spot.interval for spot in spotted.spots]
    counts = ", ".join(f"{sum(one.kind == kind for one in intervals)} {kind}" for kind in KINDS)
    frames = len(spotted.scored.numbers)
    line = f"{counts} in {frames} frames ({frames / spotted.footage.fps:.4g} s)"
    if truth is not None:
        line += f"; {counts_told(score_spotting(truth, intervals))}"
    problems = () if said is None else said.problems
    return "; ".join([line, *spotted.notes, *problems])


def counts_told(score: SpottingScore) -> str:
    """Hits, false alarms and misses of both types together."""
    one = score.overall
    return f"{one.tp} hits, {one.fp} false alarms, {one.fn} missed"


def score_told(score: SpottingScore, videos: int, trained_on: int) -> str:
    """F1 of a set of videos, and how many of them show people whom the run was trained on."""
    parts = [f"{name} {one.f1:.4f} ({one.tp}/{one.fp}/{one.fn})" for name, one in score.by_name().items()]
    seen = ""
    if trained_on:
        whom = "all of them show" if trained_on == videos else f"{trained_on} of them show{'s' * (trained_on == 1)}"
        seen = (f"; {whom} people whom the run was trained on, so this says nothing about new ones (--tested "
                "leaves them out)")
    return f"F1 against the truth of {videos} video{'s' * (videos != 1)} (TP/FP/FN): {', '.join(parts)}{seen}"


def strs_told(truth: Iterable[Interval], labelled: Iterable[Interval]) -> str:
    """Spot-then-recognise of micro-expressions.

    Args:
        truth: With their classes as labels, empty where there is none.
        labelled: What was spotted, with what was said of it.
    """
    report = spot_then_recognise(truth, labelled)["micro"]
    rest = f", {report.unlabelled} more without a true class" if report.unlabelled else ""
    return (f"spot-then-recognise, micro: F1 of spotting {report.spotting.f1:.4f} x F1 of analysis "
            f"{report.analysis_f1:.4f} over {len(report.pairs)} hits{rest} = STRS {report.strs:.4f}")


def people_of(card: dict[str, Any], part: str) -> set[str]:
    """Subjects of a run's ``train`` or ``test`` part as ``data set/subject``."""
    home, names = card["data"]["name"], card["protocol"]["subjects"][part]
    return {name if "+" in home else f"{home}/{name}" for name in names}
