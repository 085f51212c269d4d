"""MERSiamC3D in words and tables: UF1 and UAR, what each change does, who was read for what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurofer.plot.report import Report, Section, Table
from neurofer.reproduce.cells import Cell, Outcome
from neurofer.reproduce.figures import estimate, picture
from neurofer.reproduce.mersiamc3d_apex import apex_section
from neurofer.reproduce.mersiamc3d_published import published_section
from neurofer.reproduce.mersiamc3d_tables import (
    BASELINES,
    Interval,
    Line,
    changes,
    micro_lines,
    parts_of,
    pooled,
    require_untouched,
    scores_by_seed,
    subjects_interval,
)
from neurofer.reproduce.mersiamc3d_variants import BASE, variant_text, without_apex
from neurofer.reproduce.report import Made, again, facts
from neurofer.reproduce.tables import OverSeeds
from neurofer.reproduce.words import between_text, mean_text, numbers_text

if TYPE_CHECKING:
    from neurofer.plot.ablation import Estimate

PROTOCOL = ("leave one subject out of all data sets together; decisions of all folds pooled before they are scored; "
            "fixed epochs, nothing is chosen on the tested subject")
_TITLES = {"uf1": "UF1", "uar": "UAR", "accuracy": "accuracy"}


def mersiamc3d_report(cells: Sequence[Cell], outcome: Outcome, made: Made) -> Report:
    """The whole report; only variants and seeds of which all folds are finished have numbers.

    Args:
        cells: From ``plan_mersiamc3d``.
        outcome: What of them is finished.
        made: Where they come from; its clips are those under the label that is learned.

    Raises:
        NeuroferError: a tested subject was read for anything but the test.
    """
    title = f"MERSiamC3D on {made.clip_set.name}"
    lines = micro_lines(cells, outcome.records)
    told = (("protocol", PROTOCOL), *facts(outcome, made))
    if not lines:
        return Report(title, "Not finished: no variant has all of its folds yet.", told,
                      (*apex_section(outcome.records), counts_section(made), again(made)))
    tested = {cell.parameters["subject"] for cell in without_apex(cells)}
    people = made.clip_set.subjects
    lead = (f"Micro-expressions from key frames by a siamese 3D network in two stages, with its ablations: "
            f"{sum(len(line.results) for line in lines)} folds, each tested on one of {len(tested)} subjects.")
    if len(tested) < len(people):
        lead += f" The other {len(people) - len(tested)} subjects only trained, so this is a part of the protocol."
    checked = require_untouched(cells, outcome.records)
    return Report(title, lead, told, (
        scores_section(lines, title), *changes_section(lines), *parts_section(lines), classes_section(lines[0]),
        *published_section(lines, made.clip_set, len(tested) == len(people)), *apex_section(outcome.records),
        counts_section(made), stages_section(lines, checked), again(made)))


def scores_section(lines: Sequence[Line], title: str) -> Section:
    """UF1, UAR and accuracy of every variant and of what needs no face, and a picture of UF1."""
    from neurofer.plot.variants import variants_figure

    rows = [(line.variant, *_cells(line.scores(), {metric: line.interval(metric) for metric in ("uf1", "uar")}))
            for line in lines]
    floors = {}
    for name, (scores, people) in needs_no_face(lines).items():
        rows.append((name, *_cells(scores, people)[:-1], "-"))
        floors[name] = scores["uf1"].mean
    figure = variants_figure(*_estimates(lines), title, floors)
    text = ("UF1 is the mean of the classes' F1 and UAR that of their recalls, both from the decisions of all folds "
            "together. In brackets behind a mean: 95 % t interval over seeds, where there are several. Other people: "
            "95 % interval when the subjects are drawn again. majority says the commonest training class; motion is a "
            "logistic regression on how much moves in each map, which does not know where.",)
    return Section("UF1 and UAR", text, tables=(
        Table("Per cent", ("variant", "UF1", "UF1, other people", "UAR", "UAR, other people", "accuracy", "seeds"),
              tuple(rows)),), pictures=(picture(figure, "variants.png", "UF1 of every variant with its interval"),))


def _estimates(lines: Sequence[Line]) -> tuple[dict[str, Estimate], str]:
    """UF1 of every variant with its interval over seeds, or over subjects where one has a single seed; and its name."""
    from neurofer.plot.ablation import Estimate

    means = {line.variant: line.scores()["uf1"] for line in lines}
    if all(one.interval is not None for one in means.values()):
        return {name: estimate(one) for name, one in means.items()}, "UF1, mean and 95 % t interval over seeds"
    people = {line.variant: line.interval("uf1") or (None, None) for line in lines}
    return ({name: Estimate(one.mean, *people[name]) for name, one in means.items()},
            "UF1 and 95 % interval when the subjects are drawn again")


def needs_no_face(lines: Sequence[Line]) -> dict[str, tuple[dict[str, OverSeeds], dict[str, Interval]]]:
    """Scores and intervals of the baselines, which draw nothing at random: majority once, motion for each input."""
    found = {}
    for line in lines:
        results = next(iter(line.folds.values()))
        for name in BASELINES:
            kind = line.settings.input.kind
            key = name if name == "majority" else f"{name} in {kind}"
            if key not in found:
                said = pooled(results, name)
                found[key] = (scores_by_seed({0: said}),
                              {metric: subjects_interval([(said, 1.0)], metric) for metric in ("uf1", "uar")})
    return found


def changes_section(lines: Sequence[Line]) -> tuple[Section, ...]:
    """What every variant does to UF1 and UAR, beside the base under the same seeds."""
    by_metric = {metric: {one.variant: one for one in changes(lines, metric)} for metric in ("uf1", "uar")}
    if not by_metric["uf1"]:
        return ()
    rows = []
    for variant, one in by_metric["uf1"].items():
        other = by_metric["uar"][variant]
        rows.append((variant, variant_text(variant), mean_text(one.values, signed=True), _between(one.interval, "+"),
                     mean_text(other.values, signed=True), _between(other.interval, "+"), str(len(one.values.values))))
    text = (f"Variant minus {BASE}, under the same seeds and on the same clips. In brackets: 95 % t interval over "
            "seeds; other people: 95 % interval when the subjects are drawn again. Of so many rows, about one in "
            "twenty leaves out zero by chance.",)
    return (Section("What each change does", text, tables=(
        Table("Points", ("variant", "what is different", "UF1", "UF1, other people", "UAR", "UAR, other people",
                         "seeds"), tuple(rows)),)),)


def parts_section(lines: Sequence[Line]) -> tuple[Section, ...]:
    """The same decisions, data set by data set; nothing where there is one."""
    parts = parts_of(lines)
    if not parts:
        return ()
    rows = []
    for line in lines:
        scores = [line.scores(part) for part in parts]
        rows.append((line.variant, *(mean_text(one[metric]) for one in scores for metric in ("uf1", "uar"))))
    header = ("variant", *(f"{part} {_TITLES[metric]}" for part in parts for metric in ("uf1", "uar")))
    return (Section("Parts", ("The decisions of the pooled training, on the clips of one data set. A class that the "
                              "tested clips of a data set lack counts as 0.",),
                    tables=(Table("Per cent, mean over seeds with 95 % t interval", header, tuple(rows)),)),)


def classes_section(line: Line) -> Section:
    """F1 of each class and the confusion matrix of the first variant."""
    from neurofer.plot.training import confusion_figure

    said = next(iter(line.decisions.values()))
    f1 = line.class_f1()
    rows = tuple((name, mean_text(f1[name]), f"{int((said.truth == number).sum()):,}")
                 for number, name in enumerate(said.classes))
    seeds = len(line.decisions)
    figure = confusion_figure(line.confusion.astype(int).tolist(), said.classes,
                              f"{line.variant}, {seeds} seed{'s together' if seeds > 1 else ''}")
    return Section(f"Classes of {line.variant}", tables=(
        Table("F1 in per cent, mean over seeds with 95 % t interval", ("class", "F1", "tested clips"), rows),),
        pictures=(picture(figure, "confusion.png", f"Confusion matrix of {line.variant} over all folds and seeds"),))


def counts_section(made: Made) -> Section:
    """Clips, subjects and classes of every data set, and what its tables lacked."""
    clips = made.clip_set.clips
    names = sorted({clip.dataset for clip in clips})
    rows = []
    for name in [*names, *(["all"] if len(names) > 1 else [])]:
        mine = [clip for clip in clips if name in (clip.dataset, "all")]
        labels = Counter(clip.label for clip in mine)
        rows.append((name, f"{len({clip.subject for clip in mine}):,}", f"{len(mine):,}",
                     *(f"{labels[label]:,}" for label in made.clip_set.classes),
                     f"{sum(clip.facts.get('apex_source') == 'midpoint' for clip in mine):,}",
                     f"{sum(bool(clip.facts.get('fix')) for clip in mine):,}"))
    return Section("Data", tables=(
        Table("Clips", ("data", "subjects", "clips", *made.clip_set.classes, "apex halfway, none annotated",
                        "annotation corrected"), tuple(rows)),))


def stages_section(lines: Sequence[Line], checked: int) -> Section:
    """How alpha was chosen, where both stages ended, and what became of key frames; who was read for what."""
    rows = []
    for line in lines:
        results = line.results
        alpha = Counter(str(result["alpha"]) for result in results)
        chosen = ", ".join(f"{name} {count}" for name, count in alpha.most_common())
        if results[0]["alpha_search"] is None:
            chosen = f"{next(iter(alpha))} (given)"
        keys = [result["key_frames"] for result in results]
        rows.append((line.variant, chosen, *(_last(results, stage) for stage in ("1", "2")),
                     numbers_text([key["repeating_clips"] for key in keys]),
                     numbers_text([key["refused"] for key in keys]),
                     numbers_text([round(key["lag_us"] / 1_000) for key in keys]),
                     numbers_text([result["parameters"] for result in results]),
                     f"{np.mean([one for took in line.seconds.values() for one in took]):.1f}"))
    text = (f"In {checked:,} finished folds the record of who was read was checked: no tested subject was read for "
            "stage 1, the interpolator, the lag of onsets, the search of alpha, statistics or stage 2.",
            "Repeating: clips of so few frames that key frames show one twice. Refused: clips without a detection in "
            "their events, whose annotated bounds were parted evenly; lag is what was taken off found onsets.")
    return Section("How it was trained", text, tables=(
        Table("Over all folds and seeds; a range is that of the folds", (
            "variant", "alpha chosen, folds", "pairs told, last epoch %", "training clips told, last epoch %",
            "repeating clips", "refused clips", "lag ms", "parameters", "seconds a fold"), tuple(rows)),))


def told_lines(lines: Sequence[Line]) -> list[tuple[str, str, str, str]]:
    """A few words for each variant: seeds, UF1, UAR."""
    return [(line.variant, str(len(line.decisions)), mean_text(line.scores()["uar"]), mean_text(line.scores()["uf1"]))
            for line in lines]


def _cells(scores: Mapping[str, OverSeeds], people: Mapping[str, Interval]) -> tuple[str, ...]:
    return (mean_text(scores["uf1"]), _between(people["uf1"]), mean_text(scores["uar"]), _between(people["uar"]),
            mean_text(scores["accuracy"]), str(len(scores["uf1"].values)))


def _last(results: Sequence[Mapping[str, Any]], stage: str) -> str:
    found = [100 * result["last_epochs"][stage]["accuracy"] for result in results if stage in result["last_epochs"]]
    return between_text(found, ".0f") if found else "-"


def _between(interval: Interval, sign: str = "") -> str:
    return "-" if interval is None else " to ".join(f"{100 * edge:{sign}.1f}" for edge in interval)
