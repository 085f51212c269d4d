"""Representations of events compared: one recogniser trained from scratch on each, over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurofer.errors import UsageError
from neurofer.plot.report import Report, Section, Table
from neurofer.reproduce.cells import Cell, Outcome
from neurofer.reproduce.evtransfer import TRAIN
from neurofer.reproduce.figures import INTERVAL, estimate, picture
from neurofer.reproduce.report import Made, again, facts, people, scores_section
from neurofer.reproduce.tables import Row, differences, over_seeds, training_rows
from neurofer.reproduce.words import mean_text
from neurofer.train.config import RepresentConfig, TrainConfig


def plan_representations(config: TrainConfig, kinds: Sequence[str], seeds: int) -> list[Cell]:
    """A training for each kind and seed; only the kind of the configuration has its settings, others their own.

    Raises:
        UsageError: no kind, an unknown one or one twice, no seed, or a configuration that does not train from scratch
            on pictures; all together.
    """
    known = known_kinds()
    problems = [f"--kinds: {kind!r} is none of {', '.join(known)}" for kind in kinds if kind not in known]
    if not kinds or len(set(kinds)) < len(kinds):
        problems.append("--kinds: need each kind once, and one at least")
    if seeds < 1:
        problems.append(f"--seeds is {seeds}; need 1 or more")
    if config.backend != "ann" or config.model.mode != "scratch":
        problems.append(f"the configuration has backend={config.backend} and model.mode={config.model.mode}; need ann "
                        "and scratch")
    if problems:
        raise UsageError("reproduce representations: " + "; ".join(problems))
    cells = []
    for seed in range(seeds):
        for kind in kinds:
            represent = RepresentConfig(kind=kind, window_us=config.represent.window_us, settings=(
                config.represent.settings if kind == config.represent.kind else {}))
            settings = config.model_copy(update={"seed": seed, "represent": represent})
            cells.append(Cell(f"{kind}-s{seed}", TRAIN, {
                "stage": "train", "mode": "scratch", "variant": kind, "lstm": config.model.lstm_layers > 0,
                "labels": config.split.labels, "seed": seed,
                "config": settings.model_dump(mode="json", exclude={"data", "out"})}))
    return cells


def known_kinds() -> list[str]:
    """Every representation by name."""
    from neurofer.represent.registry import KINDS

    return sorted(KINDS)


def representations_report(outcome: Outcome, made: Made) -> Report:
    """Accuracies by representation, differences to the first, every score, baselines, how it was made."""
    title, rows = f"Representations on {made.clip_set.name}", training_rows(outcome.records)
    if not rows:
        return Report(title, "No training is finished yet.", facts(outcome, made), (again(made),))
    return Report(title, f"The same recogniser, trained from scratch on different pictures of the same events: "
                         f"{len(rows)} trainings. {people(rows)}", facts(outcome, made),
                  (_accuracy(rows, made.clip_set.name), _differences(rows), scores_section(rows, "representation"),
                   again(made)))


def _accuracy(rows: Sequence[Row], title: str) -> Section:
    from neurofer.plot.ablation import points_figure

    axes = ("variant",)
    accuracy = {kind: values for (kind,), values in over_seeds(rows, "accuracy_clip", axes).items()}
    places = sorted(accuracy, key=lambda kind: -accuracy[kind].mean)
    lines: list[tuple[str, ...]] = [(kind, mean_text(accuracy[kind]), f"{_of(rows, kind, 'parameters'):,}",
                                     f"{np.mean([row['seconds'] for row in rows if row['variant'] == kind]):.0f}")
                                    for kind in places]
    for name, column in (("majority", "majority_accuracy"), ("event count alone", "event_count_accuracy")):
        lines.append((name, f"{100 * np.mean([row[column] for row in rows]):.1f}", "-", "-"))
    floor = float(np.mean([row["majority_accuracy"] for row in rows]))
    figure = points_figure({"accuracy": {kind: estimate(accuracy[kind]) for kind in places}}, places, "representation",
                           title, floor)
    return Section("Accuracy", (f"Per recording. {INTERVAL}",), tables=(
        Table("Accuracy in per cent, mean over seeds with 95 % t interval",
              ("representation", "accuracy", "parameters", "seconds a training"), tuple(lines)),),
        pictures=(picture(figure, "representations.png", "Accuracy of each representation"),))


def _differences(rows: Sequence[Row]) -> Section:
    kinds = list(dict.fromkeys(row["variant"] for row in rows))
    found = [one for kind in kinds[1:] for one in differences(rows, "accuracy_clip", "variant", kind, kinds[0])]
    if not found:
        return Section("Differences", ("There is nothing to compare yet.",))
    lines = tuple((one.what, mean_text(one.values, signed=True), str(len(one.values.values)),
                   "yes" if one.clear else "no" if one.values.interval else "-") for one in found)
    return Section("Differences", ("Paired over seeds. The interval is that of the mean over seeds; it says nothing "
                                   "about other people.",), tables=(
        Table("Accuracy per recording in points, mean over seeds with 95 % t interval",
              ("difference", "points", "seeds", "interval leaves out 0"), lines),))


def _of(rows: Sequence[Row], kind: str, column: str) -> Any:
    return next(row[column] for row in rows if row["variant"] == kind)
