"""Spiking-FER and its twin under the published protocol and under a clean one; the first is never told alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurofer.data.clip import ClipSet
from neurofer.errors import NeuroferError, UsageError
from neurofer.evaluate.intervals import wilson
from neurofer.evaluate.metrics import accuracy_of, macro_f1_of, uar_of
from neurofer.reproduce.cells import Cell
from neurofer.reproduce.evtransfer import TRAIN, checked_settings
from neurofer.reproduce.ladder import interval_over_subjects
from neurofer.reproduce.tables import OverSeeds, Row
from neurofer.train.config import TrainConfig
from neurofer.train.data import chosen_label, partition_of

STAGE = "spiking_fer"
PROTOCOLS = {"published": "random", "clean": "folds"}
"""Protocols and how each parts the clips (``split.kind``)."""

NETWORKS = {"snn": "SEW-ResNet-18", "ann": "ResNet-18"}
CLASS_ORDER = (("happy", "happiness", "joy"), ("fear",), ("surprise",), ("anger", "angry"), ("disgust",),
               ("sadness", "sad"))
"""The six classes as the authors number them, by the names that data sets give them."""

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """One network under one protocol.

    Attributes:
        protocol: ``published`` or ``clean``.
        network: ``snn`` or ``ann``.
        accuracy: By seed, over the test recordings of all splits.
        interval: 95 % interval: Wilson with n = different recordings if published, bootstrap over people if clean.
        uar: Unweighted average recall by seed.
        macro_f1: Macro F1 by seed.
        recordings: Different recordings that were tested.
        tests: Decisions of one seed; more than ``recordings`` where test sets overlap.
        people: Different people that were tested.
        results: Of all cells.
    """

    protocol: str
    network: str
    accuracy: OverSeeds
    interval: tuple[float, float] | None
    uar: OverSeeds
    macro_f1: OverSeeds
    recordings: int
    tests: int
    people: int
    results: tuple[Record, ...]

    @property
    def name(self) -> str:
        """As tables call it."""
        return f"{self.protocol}, {NETWORKS[self.network]} ({self.network})"


def plan_spiking_fer(config: TrainConfig, clip_set: ClipSet, seeds: int, splits: int | None = None) -> list[Cell]:
    """Both networks under both protocols, for every split and seed.

    Args:
        config: Of a training; ``backend``, ``split.kind``, ``split.fold`` and ``parity.best_on_test`` are set here.
        clip_set: The data set.
        seeds: Number of seeds, from 0.
        splits: Only the first so many of the ``split.folds`` draws and folds; all by default.

    Raises:
        UsageError: no seed or split, or a configuration whose networks are not fed slices; all together.
        NeuroferError: the data set cannot be split like that.
    """
    splits = config.split.folds if splits is None else splits
    problems = [] if seeds > 0 else [f"--seeds is {seeds}; need 1 or more"]
    if not 0 < splits <= config.split.folds:
        problems.append(f"--splits is {splits}; need 1 to {config.split.folds}, the split.folds of the configuration")
    if config.snn.input != "slices":
        problems.append(f"snn.input is {config.snn.input}; need slices, and snn.preset=sew_resnet18")
    if config.model.kind != "resnet18":
        problems.append(f"model.kind is {config.model.kind}; need resnet18")
    if (config.snn.size_px, config.snn.width) != (config.model.size_px, config.model.width):
        problems.append(f"snn has size_px={config.snn.size_px} and width={config.snn.width:g}, model has "
                        f"{config.model.size_px} and {config.model.width:g}; twins need the same")
    if problems:
        raise UsageError("reproduce spiking_fer: " + "; ".join(problems))
    clip_set = chosen_label(clip_set, config.label)
    cells = []
    for seed in range(seeds):
        for split in range(splits):
            for protocol, kind in PROTOCOLS.items():
                for network in NETWORKS:
                    name = f"{protocol}{split}-{network}-s{seed}"
                    said = config.model_dump(mode="json", exclude={"data", "out"})
                    said |= {"backend": network, "seed": seed}
                    said["split"] |= {"kind": kind, "fold": split}
                    said["parity"] |= {"best_on_test": protocol == "published"}
                    settings = checked_settings(name, said)
                    if not seed:
                        partition_of(settings.split, clip_set, settings.parity.best_on_test)
                    cells.append(Cell(name, TRAIN, {
                        "stage": STAGE, "protocol": protocol, "network": network, "split": split, "seed": seed,
                        "config": settings.model_dump(mode="json", exclude={"data", "out"})}))
    return cells


def fer_lines(cells: Sequence[Cell], records: Mapping[str, Record]) -> list[Line]:
    """The four lines over the seeds of which all cells are finished.

    Args:
        cells: From ``plan_spiking_fer``.
        records: Finished cells.

    Raises:
        NeuroferError: no seed is whole; the published protocol is not told without the clean one.
    """
    missing = {cell.parameters["seed"] for cell in cells if cell.name not in records}
    seeds = sorted({cell.parameters["seed"] for cell in cells} - missing)
    if not seeds:
        absent = sum(cell.name not in records for cell in cells)
        raise NeuroferError(f"{absent} of {len(cells)} trainings are missing; the published protocol is not told "
                            "without the clean one, nor a network without its twin")
    lines = []
    for protocol in PROTOCOLS:
        for network in NETWORKS:
            done = {seed: [records[cell.name] for cell in cells if cell.parameters["seed"] == seed
                           and (cell.parameters["protocol"], cell.parameters["network"]) == (protocol, network)]
                    for seed in seeds}
            lines.append(_line(protocol, network, done))
    return lines


def line_of(lines: Sequence[Line], protocol: str, network: str) -> Line:
    """One of the four."""
    return next(line for line in lines if (line.protocol, line.network) == (protocol, network))


def gap(lines: Sequence[Line], network: str) -> OverSeeds:
    """Accuracy under the published protocol minus that under the clean one, seed by seed."""
    return line_of(lines, "published", network).accuracy.minus(line_of(lines, "clean", network).accuracy)


def shared_people(result: Record) -> tuple[int, int]:
    """People of a test part who are also trained on, and all people of it."""
    tested = set(result["subjects"]["test"])
    return len(tested & set(result["subjects"]["train"])), len(tested)


def ordered_classes(classes: Sequence[str]) -> list[str]:
    """The classes of a data set: the authors' six in their order, as far as they are there, then all others."""
    first = [name for names in CLASS_ORDER for name in classes if name.lower() in names]
    return [*first, *(name for name in classes if name not in first)]


def fer_rows(cells: Sequence[Cell], records: Mapping[str, Record]) -> list[Row]:
    """A flat row for every training of the seeds that are whole; none as long as there is no such seed."""
    try:
        whole = set(fer_lines(cells, records)[0].accuracy.values)
    except NeuroferError:
        return []
    rows: list[Row] = []
    for cell in cells:
        if cell.parameters["seed"] not in whole:
            continue
        result, work = records[cell.name]["result"], records[cell.name]["result"]["operations"]
        shared, people = shared_people(result)
        rows.append({
            "cell": cell.name, **{key: cell.parameters[key] for key in ("protocol", "network", "split", "seed")},
            **{name: result["clip"][name] for name in ("accuracy", "uar", "macro_f1")},
            "recordings": result["clip"]["samples"], "people": people, "people_also_trained_on": shared,
            "train_recordings": result["clips"]["train"], "best_epoch": result["best_epoch"],
            "epochs": result["epochs"], "parameters": result["parameters"], "operation": work["kind"],
            "operations": work["per_decision"],
            **{name: work.get(name, "") for name in ("rate", "spikes_per_clip", "nonzero_operations_per_clip",
                                                     "macs_per_clip", "updates_per_clip")},
            "seconds": round(records[cell.name]["seconds"], 1)})
    return rows


def _line(protocol: str, network: str, done: Mapping[int, Sequence[Record]]) -> Line:
    """A line over seeds; the decisions of a seed's splits are pooled."""
    confusions = {seed: np.sum([record["result"]["confusion"]["clip"] for record in records], axis=0)
                  for seed, records in done.items()}
    accuracy, uar, macro_f1 = (
        OverSeeds({seed: float(score(matrix[None].astype(np.float64))[0]) for seed, matrix in confusions.items()})
        for score in (accuracy_of, uar_of, macro_f1_of))
    results = tuple(record["result"] for records in done.values() for record in records)
    recordings = {name for result in results for name in result["predictions"]["clip"]}
    people = {name for result in results for name in result["subjects"]["test"]}
    interval = interval_over_subjects("clip", done) if protocol == "clean" else wilson(accuracy.mean, len(recordings))
    tests = sum(result["clip"]["samples"] for result in results) // len(done)
    return Line(protocol, network, accuracy, interval, uar, macro_f1, len(recordings), tests, len(people), results)
