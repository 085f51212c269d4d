"""From the published protocol of e-CK+ to a clean one, one change a line: what each change is worth.

Line (1) is P-paper, line (6) P-clean; lines 5 and 6 are one training, scored per triple and per recording. The first is
never told without the last.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurofer.data.clip import ClipSet
from neurofer.errors import NeuroferError, UsageError
from neurofer.evaluate.intervals import bootstrap_subjects, wilson
from neurofer.evaluate.metrics import accuracy_of, macro_f1_of, uar_of
from neurofer.reproduce.cells import Cell
from neurofer.reproduce.config import TRANSFERRED, EvtransferConfig
from neurofer.reproduce.evtransfer import Axes, pretrain_cell, train_cell, variants_of
from neurofer.reproduce.tables import OverSeeds
from neurofer.train.config import SplitConfig
from neurofer.train.data import chosen_label

DATA_SET = "ckplus"
BASELINES = "ladder-baselines"
PAPER = {"kind": "paper"}
LINES = {
    1: "P-paper: published split, doubled triples, parity flags, epoch chosen on test",
    2: "true triples",
    3: "epoch chosen by inner validation",
    4: "parity flags off",
    5: "subject-disjoint folds, pre-training included",
    6: "per recording: P-clean",
}
_ALL = {"bn_train": True, "augment_per_frame": True, "double_windowing": True, "best_on_test": True}
_PARITY = {1: _ALL, 2: {**_ALL, "double_windowing": False},
           3: {**_ALL, "double_windowing": False, "best_on_test": False}, 4: dict.fromkeys(_ALL, False)}
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """One line of the ladder.

    Attributes:
        number: 1 to 6.
        accuracy: By seed.
        interval: 95 % interval: Wilson with ``n = recordings`` for lines 1 to 4, bootstrap over subjects for 5 and 6.
        samples: What was scored: decision windows, recordings in line 6.
        windows: Decision windows.
        recordings: Tested recordings.
        subjects: Tested subjects.
        uar: Unweighted average recall by seed.
        macro_f1: Macro F1 by seed.
    """

    number: int
    accuracy: OverSeeds
    interval: tuple[float, float] | None
    samples: int
    windows: int
    recordings: int
    subjects: int
    uar: OverSeeds
    macro_f1: OverSeeds


def plan_ladder(config: EvtransferConfig, clip_set: ClipSet, axes: Axes) -> list[Cell]:
    """The cells of the ladder: lines 1 to 4 share a pre-training, every fold of lines 5 and 6 has its own.

    It is climbed with the first variant and all seeds of ``axes``.

    Raises:
        UsageError: settings that do not go together.
        NeuroferError: the data set cannot be split like that.
    """
    ladder = config.ladder
    variant = variants_of(config, axes)[0]
    clip_set = chosen_label(clip_set, config.label)
    if len(clip_set.subjects) < ladder.folds:
        raise UsageError(f"ladder.folds={ladder.folds}: data set {clip_set.name} has {len(clip_set.subjects)} "
                         "subject(s), and every fold needs one; take fewer folds")
    cells = []

    def add(line: int, seed: int, before: Cell, tag: str, split: dict[str, Any], parity: dict[str, bool]) -> None:
        made = train_cell(config, clip_set, mode=ladder.mode, variant=variant, lstm=ladder.lstm, share=1.0, seed=seed,
                          pretrained=before, tag=tag,
                          changes={"split": split, "parity": parity, "sample": {"kind": "every"}})
        cells.append(_staged(made, "ladder", {"line": line, "fold": split.get("fold")}))

    def pretrained(seed: int, tag: str, split: dict[str, Any]) -> Cell:
        made = _staged(pretrain_cell(config, variant, seed, tag, split), "ladder-pretrain", {})
        if ladder.mode in TRANSFERRED:
            cells.append(made)
        return made

    for seed in range(axes.seeds):
        paper = pretrained(seed, "ladder-paper", PAPER)
        for line, parity in _PARITY.items():
            add(line, seed, paper, f"ladder{line}", PAPER, parity)
        for fold in range(ladder.folds):
            split = {"kind": "folds", "folds": ladder.folds, "fold": fold}
            add(5, seed, pretrained(seed, f"ladder-fold{fold}", split), f"ladder5-fold{fold}", split, _PARITY[4])
    first = next(cell for cell in cells if cell.parameters["stage"] == "ladder")
    cells.append(Cell(BASELINES, "neurofer.reproduce.ladder_baselines.baselines_cell",
                      {"stage": "baselines", "config": first.parameters["config"], "folds": ladder.folds}))
    return cells


def ladder_lines(cells: Sequence[Cell], records: Mapping[str, Record]) -> list[Line]:
    """The lines whose cells are all finished, over the seeds that all of these lines have.

    Args:
        cells: From ``plan_ladder``.
        records: Finished cells.
    """
    wanted: dict[tuple[int, int], list[str]] = {}
    for cell in cells:
        if cell.parameters["stage"] == "ladder":
            wanted.setdefault((cell.parameters["line"], cell.parameters["seed"]), []).append(cell.name)
    done = {place: [records[name] for name in names] for place, names in wanted.items()
            if all(name in records for name in names)}
    numbers = sorted({line for line, _ in done})
    seeds = [seed for seed in sorted({seed for _, seed in done}) if all((line, seed) in done for line in numbers)]
    if not seeds:
        return []
    lines = [_line(number, "window", {seed: done[number, seed] for seed in seeds}) for number in numbers]
    if 5 in numbers:
        lines.append(_line(6, "clip", {seed: done[5, seed] for seed in seeds}))
    return lines


def gap(lines: Sequence[Line]) -> OverSeeds:
    """Line (1) minus line (6), seed by seed.

    Raises:
        NeuroferError: one of them is not there.
    """
    require_both_ends(lines)
    by_number = {line.number: line for line in lines}
    return by_number[1].accuracy.minus(by_number[6].accuracy)


def require_both_ends(lines: Sequence[Line]) -> None:
    """Refuse to tell of a ladder that lacks an end: the published protocol is never quoted alone.

    Raises:
        NeuroferError: line (1) without (6), or (6) without the lines before it.
    """
    absent = sorted(set(LINES) - {line.number for line in lines})
    if absent:
        words = ", ".join(f"({number})" for number in absent)
        raise NeuroferError(f"ladder: line(s) {words} are not finished; P-paper (1) is not told without P-clean (6), "
                            "nor either without what lies between; run the same command with --resume")


def require_clean_beside(split: SplitConfig, rungs: Sequence[Cell]) -> None:
    """Refuse a table under the published protocol without the ladder beside it.

    Args:
        split: Of the table.
        rungs: Cells of the ladder that are run with it.

    Raises:
        UsageError: the table would tell P-paper alone.
    """
    if split.kind == "random":
        raise UsageError("split.kind=random: scores under the published protocol of Spiking-FER, which shares people, "
                         "are not told without P-clean; take split.kind=folds, or 'neurofer reproduce spiking_fer'")
    if split.kind == "paper" and not rungs:
        raise UsageError("split.kind=paper: scores under the published protocol, which shares people, are not told "
                         "without P-clean; take split.kind=folds, or 'neurofer reproduce evtransfer' with its ladder")


def _staged(cell: Cell, stage: str, more: Mapping[str, Any]) -> Cell:
    return dataclasses.replace(cell, parameters={**cell.parameters, "stage": stage, **more})


def _line(number: int, unit: str, done: Mapping[int, Sequence[Record]]) -> Line:
    """A line over seeds; the cells of one seed are the folds, whose decisions are pooled."""
    confusions = {seed: np.sum([record["result"]["confusion"][unit] for record in records], axis=0)
                  for seed, records in done.items()}
    accuracy, uar, macro_f1 = (
        OverSeeds({seed: float(score(matrix[None].astype(np.float64))[0]) for seed, matrix in confusions.items()})
        for score in (accuracy_of, uar_of, macro_f1_of))
    one = next(iter(done.values()))
    recordings, windows = (sum(record["result"][name]["samples"] for record in one) for name in ("clip", "window"))
    people = {name for record in one for name in record["result"]["subjects"]["test"]}
    clean = number in (5, 6)
    interval = interval_over_subjects(unit, done) if clean else wilson(accuracy.mean, recordings)
    return Line(number, accuracy, interval, recordings if unit == "clip" else windows, windows, recordings, len(people),
                uar, macro_f1)


def interval_over_subjects(unit: str, done: Mapping[int, Sequence[Record]]) -> tuple[float, float] | None:
    """Bootstrap over subjects of the mean over seeds: a subject is drawn with what all seeds said about it."""
    names: list[str] = []
    wrong: list[int] = []
    for records in done.values():
        for record in records:
            for name, (right, samples) in record["result"]["per_subject"][unit].items():
                names += [name] * samples
                wrong += [0] * right + [1] * (samples - right)
    return bootstrap_subjects(np.zeros(len(wrong), np.int64), np.array(wrong, np.int64), names, 2, accuracy_of)
