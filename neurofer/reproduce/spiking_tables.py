"""From the records of spiking and ordinary trainings to rows, paired differences and whether the aim is met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurofer.reproduce.spiking import arm_of, lever_text
from neurofer.reproduce.spiking_config import ARMS, REFERENCE
from neurofer.reproduce.tables import AXES, SCORES, Difference, OverSeeds, Row, differences, over_seeds, training_rows

AXIS = ("arm",)
WITHIN, SHARE = 0.01, 0.1
"""The aim: at most this far below the transferred ANN, with at most this share of its operations."""

BREAK_EVEN = 4.6 / 0.9
"""Accumulates that take the energy of one multiply-accumulate, FP32 at 45 nm (Horowitz, ISSCC 2014)."""

SINCE = {"clip": "since the clip began", "onset": "since the expression began"}
"""From when time counts in accuracy by time."""

PAIRS = (("ann_scratch", "ann_transferred"), ("snn_scratch", "snn_distilled"), ("snn_scratch", "snn_transferred"),
         ("snn_distilled", "snn_transferred_distilled"), ("snn_transferred", "snn_transferred_distilled"))
"""What is compared beside every spiking arm and the transferred ANN."""


@dataclass(frozen=True)
class Aim:
    """How an arm stands to the transferred ANN.

    Attributes:
        arm: Its name.
        points: Accuracy per recording minus that of the ANN, by seed.
        share: Its synaptic operations by the ANN's multiply-accumulates, of a recording, mean over the same seeds.
        share_with_updates: The same with its neuron updates counted as operations.
    """

    arm: str
    points: OverSeeds
    share: float
    share_with_updates: float

    @property
    def near(self) -> bool:
        """Whether its mean is within a point of the ANN's, or above it."""
        return self.points.mean >= -WITHIN - 1e-9

    @property
    def few(self) -> bool:
        """Whether a tenth of the ANN's operations is enough, neuron updates counted."""
        return self.share_with_updates <= SHARE

    @property
    def met(self) -> bool:
        """Whether both hold in the mean."""
        return self.near and self.few

    @property
    def settled(self) -> bool:
        """Whether the interval over seeds lies on one side of the point."""
        interval = self.points.interval
        return interval is not None and (interval[0] >= -WITHIN or interval[1] < -WITHIN)


def spiking_rows(records: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One flat row for every training, arm by arm: scores, operations, rates, accuracy by time."""
    rows = []
    for row in training_rows(records):
        record = records[row["cell"]]
        said, found = record["parameters"], record["result"]
        rest = {key: value for key, value in row.items() if key not in ("cell", "seed", *AXES)}
        rows.append({"arm": arm_of(said), "lever": lever_text(said.get("lever", {})), "seed": row["seed"],
                     "cell": row["cell"], **rest, **_costs(found, said["config"]["snn"]["dt_us"]), **_anytime(found)})
    order = list(ARMS)
    return sorted(rows, key=lambda row: (row["lever"] != "", order.index(row["arm"])))


def arm_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows of the arms as they are, without those of the curve."""
    return [row for row in rows if not row["lever"]]


def arms_there(rows: Sequence[Row]) -> list[str]:
    """Names of the arms that have a row, in the table's order."""
    return [arm for arm in ARMS if any(row["arm"] == arm for row in rows)]


def column(rows: Sequence[Row], name: str, axes: Sequence[str] = AXIS) -> dict[Any, OverSeeds]:
    """A column of each arm over the seeds that have it."""
    found = over_seeds([row for row in rows if row.get(name) is not None], name, axes)
    return {place[0] if len(place) == 1 else place: values for place, values in found.items()}


def times_of(rows: Sequence[Row], since: str) -> dict[int, str]:
    """Milliseconds since ``clip`` or ``onset`` at which accuracy is known, and the columns that hold it."""
    found = {name for row in rows for name in row if name.startswith(f"after_{since}_")}
    return dict(sorted((int(name.split("_")[2].removesuffix("ms")), name) for name in found))


def aims(rows: Sequence[Row]) -> list[Aim]:
    """How each spiking arm stands to the transferred ANN, over the seeds that both have."""
    rows = arm_rows(rows)
    accuracy, operations, updates = (column(rows, name) for name in (
        "accuracy_clip", "operations_per_clip", "updates_per_clip"))
    found = []
    for arm in arms_there(rows):
        if ARMS[arm].backend != "snn" or REFERENCE not in accuracy:
            continue
        points = accuracy[arm].minus(accuracy[REFERENCE])
        if points.values:
            there, macs, extra = (np.mean([part.values[seed] for seed in points.values]) for part in (
                operations[arm], operations[REFERENCE], updates[arm]))
            found.append(Aim(arm, points, float(there / macs), float((there + extra) / macs)))
    return found


def spiking_differences(rows: Sequence[Row], score: str = "accuracy_clip") -> list[Difference]:
    """Every spiking arm minus the transferred ANN, then what each way to train adds, paired over seeds."""
    rows = arm_rows(rows)
    pairs = [(REFERENCE, arm) for arm in arms_there(rows) if ARMS[arm].backend == "snn"]
    return [one for first, second in (*pairs, *PAIRS)
            for one in differences(rows, score, "arm", first, second, axes=AXIS)]


def table_json(rows: Sequence[Row]) -> dict[str, Any]:
    """The table as a mapping for other programs: means and intervals of each arm, differences, the aim."""
    names = [*SCORES.values(), *(name for name in ("operations_per_second", "operations_per_clip", "rate")
                                 if any(row.get(name) is not None for row in rows)),
             *(name for since in SINCE for name in times_of(rows, since).values())]
    known = {name: column(arm_rows(rows), name) for name in names}
    return {
        "format": "neurofer-spiking-table", "version": 1, "reference": REFERENCE,
        "arms": {arm: {name: _json(values[arm]) for name, values in known.items() if arm in values}
                 for arm in arms_there(arm_rows(rows))},
        "differences": [{"what": one.what, **_json(one.values)} for one in spiking_differences(rows)],
        "aim": [{"arm": one.arm, "points": _json(one.points), "share_of_operations": one.share,
                 "share_with_updates": one.share_with_updates, "met": one.met, "settled": one.settled}
                for one in aims(rows)],
        "rows": [dict(row) for row in rows],
    }


def _json(values: OverSeeds) -> dict[str, Any]:
    interval = values.interval
    return {"mean": values.mean, "interval": None if interval is None else list(interval),
            "by_seed": {str(seed): value for seed, value in values.values.items()}}


def _costs(found: Mapping[str, Any], dt_us: int) -> dict[str, Any]:
    """Operations, and for spikes rates, and how many dense passes of the same layers the synaptic operations are."""
    said, evidence_ms = found["operations"], found["latency"]["evidence_ms"]
    row = {"operations": said["kind"], **{f"operations_{name}": said[name] for name in (
        "per_decision", "per_second", "per_clip")}, "evidence_ms": evidence_ms,
        "compute_p50_ms": found["latency"]["p50_ms"]}
    if "rate" in said:
        steps = said["steps_per_clip"]
        one_pass = said["dense_macs_per_clip"] / steps
        steps_of_evidence = evidence_ms * 1000 / dt_us
        row |= {"updates_per_clip": said["updates_per_clip"], "rate": said["rate"], "steps_per_clip": steps,
                "steps_of_evidence": steps_of_evidence,
                "rate_x_steps": said["rate"] * steps_of_evidence, "rate_x_steps_clip": said["rate"] * steps,
                "passes_of_evidence": said["per_second"] * evidence_ms / 1000 / one_pass,
                "passes_per_clip": said["per_clip"] / one_pass}
        row |= {f"rate_of_{layer['name']}": layer["rate"] for layer in said.get("layers", ())}
    return row


def _anytime(found: Mapping[str, Any]) -> dict[str, Any]:
    """Accuracy by time since the clip began, and since its expression did, where that is known."""
    said = found.get("anytime") or {}
    return {f"after_{since}_{time}ms": value for since, part in (("clip", said), ("onset", said.get("from_onset")))
            if part for time, value in zip(part["at_ms"], part["accuracy"], strict=True) if value is not None}
