"""From the results of cells to the numbers of a table: means over seeds, their intervals, paired differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurofer.evaluate.intervals import t_interval

AXES = ("variant", "lstm", "labels", "mode")
SCORES = {"accuracy": "accuracy_clip", "UAR": "uar_clip", "macro F1": "macro_f1_clip"}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class OverSeeds:
    """One score of the same cell under several seeds.

    Attributes:
        values: By seed.
    """

    values: Mapping[int, float]

    @property
    def mean(self) -> float:
        """Their mean."""
        return float(np.mean(list(self.values.values())))

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % t interval of the mean; None for one seed."""
        return t_interval(list(self.values.values()))

    @property
    def deviation(self) -> float | None:
        """Standard deviation over seeds (of the sample, n - 1); None for one seed."""
        return float(np.std(list(self.values.values()), ddof=1)) if len(self.values) > 1 else None

    @property
    def largest(self) -> float:
        """The best seed: what the published cells are."""
        return max(self.values.values())

    def minus(self, other: OverSeeds) -> OverSeeds:
        """Differences, seed by seed, of the seeds that both have."""
        return OverSeeds({seed: value - other.values[seed] for seed, value in self.values.items()
                          if seed in other.values})


@dataclass(frozen=True)
class Difference:
    """What one change of an axis does, all else equal, paired over seeds.

    Attributes:
        what: ``"finetune - scratch"``.
        where: The other axes' values.
        values: Second minus first, by seed.
    """

    what: str
    where: Mapping[str, Any]
    values: OverSeeds

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero."""
        interval = self.values.interval
        return interval is not None and (interval[0] > 0 or interval[1] < 0)


def training_rows(records: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One flat row for every training cell, with the scores of the pre-training that it started from."""
    rows = []
    for name, record in records.items():
        said, found = record["parameters"], record["result"]
        if said.get("stage") != "train":
            continue
        before = next((records[need] for need in record.get("needs", {})
                       if need in records and records[need]["parameters"].get("stage") == "pretrain"), None)
        row = {"cell": name, **{key: said[key] for key in ("seed", *AXES)}}
        for unit in ("clip", "window"):
            row |= {f"{score}_{unit}": found[unit][score] for score in ("accuracy", "uar", "macro_f1")}
        row |= {f"test_{unit}s": found[unit]["samples"] for unit in ("clip", "window")}
        row |= {f"{part}_subjects": len(found["subjects"][part]) for part in ("train", "validation", "test")}
        row |= {"train_clips": found["clips"]["train"], "validation_accuracy": found["validation_accuracy"],
                "best_epoch": found["best_epoch"], "epochs": found["epochs"], "parameters": found["parameters"],
                "seconds": round(record["seconds"], 1)}
        row |= {f"{kind}_accuracy": one["accuracy"] for kind, one in found["baselines"].items()}
        if before is not None:
            row |= {"pretrain_epochs": before["result"]["epochs"], "pretrain_seconds": round(before["seconds"], 1)}
            row |= {f"pretrain_{score}": value for score, value in before["result"]["held_out"].items()}
        rows.append(row)
    return rows


def over_seeds(rows: Sequence[Row], score: str, axes: Sequence[str] = AXES) -> dict[tuple[Any, ...], OverSeeds]:
    """A score of each combination of the axes' values, in the order in which they come."""
    found: dict[tuple[Any, ...], dict[int, float]] = {}
    for row in rows:
        found.setdefault(tuple(row[axis] for axis in axes), {})[row["seed"]] = row[score]
    return {place: OverSeeds(values) for place, values in found.items()}


def differences(rows: Sequence[Row], score: str, axis: str, first: Any, second: Any,
                name: Callable[[Any], str] = str, axes: Sequence[str] = AXES) -> list[Difference]:
    """What ``second`` instead of ``first`` does on one axis, for each combination of the others.

    Args:
        rows: From ``training_rows``.
        score: Column.
        axis: The axis that changes.
        first: Its value before.
        second: Its value after.
        name: How values are called.
        axes: All axes.
    """
    place = list(axes).index(axis)
    found = over_seeds(rows, score, axes)
    all_differences = []
    for where, values in found.items():
        other = found.get((*where[:place], first, *where[place + 1:]))
        if where[place] != second or other is None:
            continue
        both = values.minus(other)
        if both.values:
            rest = {one: value for one, value in zip(axes, where, strict=True) if one != axis}
            all_differences.append(Difference(f"{name(second)} - {name(first)}", rest, both))
    return all_differences


def csv_table(rows: Sequence[Row]) -> list[list[object]]:
    """Header and rows with the columns of all rows, in the order in which they first come."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [list(names), *([row.get(name, "") for name in names] for row in rows)]
