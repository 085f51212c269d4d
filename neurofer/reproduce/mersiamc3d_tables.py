"""From the folds of MERSiamC3D to its numbers: decisions pooled over folds, their scores, their intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import NeuroferError
from neurofer.evaluate.intervals import bootstrap_subjects
from neurofer.evaluate.metrics import accuracy_of
from neurofer.evaluate.micro import MICRO_METRICS, scores_of_confusion, uar_of_all, uf1_of
from neurofer.reproduce.cells import Cell
from neurofer.reproduce.mersiamc3d_variants import BASE, settings_of, without_apex
from neurofer.reproduce.tables import OverSeeds, Row
from neurofer.train.micro.config import MicroConfig
from neurofer.train.micro.reads import require_unread

Record = Mapping[str, Any]
Interval = tuple[float, float] | None
FUNCTIONS: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = dict(
    zip(MICRO_METRICS, (uf1_of, uar_of_all, accuracy_of), strict=True))
BASELINES = ("majority", "motion")


@dataclass(frozen=True)
class Decisions:
    """What was said of the tested clips of all folds of one seed.

    Attributes:
        classes: Class names by number.
        truth: ``(N,)`` class numbers.
        predicted: ``(N,)`` class numbers.
        subjects: ``N`` names.
        datasets: ``N`` names.
    """

    classes: tuple[str, ...]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    subjects: tuple[str, ...]
    datasets: tuple[str, ...]

    @property
    def confusion(self) -> NDArray[np.float64]:
        """``(K, K)`` counts, rows for the truth."""
        matrix = np.zeros((len(self.classes),) * 2)
        np.add.at(matrix, (self.truth, self.predicted), 1)
        return matrix

    def part(self, dataset: str | None) -> Decisions:
        """Those on the clips of one data set; all for None."""
        if dataset is None:
            return self
        mine = np.array([name == dataset for name in self.datasets])
        return Decisions(self.classes, self.truth[mine], self.predicted[mine],
                         tuple(np.array(self.subjects)[mine].tolist()), (dataset,) * int(mine.sum()))


@dataclass(frozen=True)
class Line:
    """One variant over the seeds of which all folds are finished.

    Attributes:
        variant: Its name.
        settings: Of its first fold.
        folds: Results of all folds by seed.
        decisions: What they said, pooled, by seed.
        seconds: What each fold took, by seed.
    """

    variant: str
    settings: MicroConfig
    folds: Mapping[int, tuple[Record, ...]]
    decisions: Mapping[int, Decisions]
    seconds: Mapping[int, tuple[float, ...]]

    @property
    def results(self) -> tuple[Record, ...]:
        """Of all folds and seeds."""
        return tuple(result for results in self.folds.values() for result in results)

    def scores(self, part: str | None = None) -> dict[str, OverSeeds]:
        """UF1, UAR and accuracy by seed, on one data set or on all."""
        return scores_by_seed({seed: said.part(part) for seed, said in self.decisions.items()})

    def interval(self, metric: str, part: str | None = None) -> Interval:
        """95 % interval of the mean over seeds when subjects are drawn again."""
        return subjects_interval([(said.part(part), 1 / len(self.decisions)) for said in self.decisions.values()],
                                 metric)

    def class_f1(self, part: str | None = None) -> dict[str, OverSeeds]:
        """F1 of each class by seed."""
        found = {seed: scores_of_confusion(said.part(part).confusion, said.classes)["per_class"]
                 for seed, said in self.decisions.items()}
        classes = next(iter(self.decisions.values())).classes
        return {name: OverSeeds({seed: one[name]["f1"] for seed, one in found.items()}) for name in classes}

    @property
    def confusion(self) -> NDArray[np.float64]:
        """``(K, K)`` counts of all seeds together."""
        return np.asarray(sum(said.confusion for said in self.decisions.values()))


def micro_lines(cells: Sequence[Cell], records: Mapping[str, Record]) -> list[Line]:
    """A line for each variant, over the seeds of which every fold is finished.

    Args:
        cells: From ``plan_mersiamc3d``.
        records: Finished cells.

    Raises:
        NeuroferError: a tested subject was read for anything but the test, or a clip was tested twice.
    """
    wanted: dict[str, dict[int, list[Cell]]] = {}
    for cell in without_apex(cells):
        wanted.setdefault(cell.parameters["variant"], {}).setdefault(cell.parameters["seed"], []).append(cell)
    require_untouched(cells, records)
    lines = []
    for variant, seeds in wanted.items():
        done = {seed: [records[cell.name] for cell in mine] for seed, mine in seeds.items()
                if all(cell.name in records for cell in mine)}
        if done:
            folds = {seed: tuple(record["result"] for record in mine) for seed, mine in done.items()}
            lines.append(Line(variant, settings_of(next(iter(seeds.values()))[0]), folds,
                              {seed: pooled(results) for seed, results in folds.items()},
                              {seed: tuple(record["seconds"] for record in mine) for seed, mine in done.items()}))
    return lines


def require_untouched(cells: Sequence[Cell], records: Mapping[str, Record]) -> int:
    """Check by the records of all finished folds that whom they test was read for nothing else; gives their number.

    Raises:
        NeuroferError: somebody was read, or another subject than planned was tested; names the cell.
    """
    done = [cell for cell in without_apex(cells) if cell.name in records]
    for cell in done:
        result = records[cell.name]["result"]
        tested, planned = result["subjects"]["test"], cell.parameters["subject"]
        said = sorted({one["subject"] for one in result["predictions"].values()})
        if tested != [planned] or said != [planned]:
            raise NeuroferError(f"{cell.name}: tested {', '.join(tested)} and tells of {', '.join(said)}, but was to "
                                f"test {planned}; delete its file in cells/ and run it again")
        try:
            require_unread(result["reads"], tested)
        except NeuroferError as error:
            raise NeuroferError(f"{cell.name}: {error}") from None
    return len(done)


def pooled(results: Sequence[Record], baseline: str | None = None) -> Decisions:
    """The decisions of all folds together, or those of a baseline.

    Args:
        results: Of the folds of one seed.
        baseline: One of ``BASELINES``.

    Raises:
        NeuroferError: a clip was tested twice.
    """
    classes = tuple(results[0]["classes"])
    said = [(name, one) for result in results for name, one in result["predictions"].items()]
    if len({name for name, _ in said}) < len(said):
        raise NeuroferError("mersiamc3d: a clip was tested in two folds; no table is made of that")
    if baseline is None:
        predicted = [int(np.argmax(one["probabilities"])) for _, one in said]
    else:
        predicted = [number for result in results for number in result["baselines"][baseline]]
    return Decisions(classes, np.array([classes.index(one["truth"]) for _, one in said], np.int64),
                     np.array(predicted, np.int64), tuple(one["subject"] for _, one in said),
                     tuple(one["dataset"] for _, one in said))


def scores_by_seed(decisions: Mapping[int, Decisions]) -> dict[str, OverSeeds]:
    """UF1, UAR and accuracy of pooled decisions by seed."""
    found = {seed: scores_of_confusion(said.confusion, said.classes) for seed, said in decisions.items()}
    return {metric: OverSeeds({seed: one[metric] for seed, one in found.items()}) for metric in MICRO_METRICS}


def subjects_interval(weighed: Sequence[tuple[Decisions, float]], metric: str) -> Interval:
    """95 % interval of a weighed sum of scores when subjects are drawn again, each with all that was said of them.

    Args:
        weighed: Decisions and the weight of their score, such as 1/S for each of S seeds.
        metric: ``uf1``, ``uar`` or ``accuracy``.
    """
    score, count = FUNCTIONS[metric], len(weighed[0][0].classes)

    def total(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
        places = [slice(count * number, count * (number + 1)) for number in range(len(weighed))]
        return np.asarray(sum(weight * score(confusion[:, place, place])
                              for place, (_, weight) in zip(places, weighed, strict=True)))

    truth, predicted = (np.concatenate([getattr(said, name) + count * number
                                        for number, (said, _) in enumerate(weighed)]) for name in ("truth",
                                                                                                  "predicted"))
    names = [name for said, _ in weighed for name in said.subjects]
    return bootstrap_subjects(truth, predicted, names, count * len(weighed), total)


@dataclass(frozen=True)
class Change:
    """What a variant does beside the base, under the same seeds.

    Attributes:
        variant: Its name.
        values: Its score minus the base's by seed.
        interval: 95 % interval of the mean when subjects are drawn again.
    """

    variant: str
    values: OverSeeds
    interval: Interval


def changes(lines: Sequence[Line], metric: str) -> list[Change]:
    """Each variant minus the base, over the seeds that both have; empty without the base."""
    base = next((line for line in lines if line.variant == BASE), None)
    found = []
    for line in lines:
        both = sorted(set(line.decisions) & set(base.decisions)) if base else []
        if base is None or line is base or not both:
            continue
        values = line.scores()[metric].minus(base.scores()[metric])
        weighed = [(one.decisions[seed], sign / len(both)) for one, sign in ((line, 1), (base, -1)) for seed in both]
        found.append(Change(line.variant, values, subjects_interval(weighed, metric)))
    return found


def parts_of(lines: Sequence[Line]) -> list[str]:
    """Names of the data sets, where there are several."""
    names = sorted({name for line in lines for said in line.decisions.values() for name in said.datasets})
    return names if len(names) > 1 else []


def micro_rows(lines: Sequence[Line]) -> list[Row]:
    """A flat row for every variant, seed and part, ``full`` being all."""
    rows: list[Row] = []
    for line in lines:
        for part in (None, *parts_of(lines)):
            scores, f1 = line.scores(part), line.class_f1(part)
            for seed, decisions in line.decisions.items():
                said = decisions.part(part)
                rows.append({
                    "variant": line.variant, "seed": seed, "part": part or "full",
                    **{metric: scores[metric].values[seed] for metric in MICRO_METRICS},
                    **{f"f1_{name}": one.values[seed] for name, one in f1.items()},
                    "clips": len(said.truth), "subjects": len(set(said.subjects)), "folds": len(line.folds[seed]),
                    **{f"{name}_uf1": scores_by_seed({0: pooled(line.folds[seed], name).part(part)})["uf1"].mean
                       for name in BASELINES},
                    "seconds": round(sum(line.seconds[seed]), 1)})
    return rows
