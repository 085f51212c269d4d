"""What a cell does: one pre-training or one training by the recipes, and what of its record a table needs."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

from neurofer.errors import BadFileError, NeuroferError
from neurofer.files import read_json
from neurofer.reproduce.cells import Job
from neurofer.train.config import TrainConfig
from neurofer.train.pretrain_config import PretrainConfig

SCORES = ("accuracy", "uar", "macro_f1")


def pretrain_cell(job: Job) -> dict[str, Any]:
    """Pre-train as ``parameters["config"]`` says.

    Returns:
        ``{"epochs", "held_out": {score: value}, "mean_face": {...}, "other_embedding": {...},
        "subjects": [seen], "clips": [seen], "host"}``.
    """
    from neurofer.train.reconstruct import pretrain

    settings = PretrainConfig.model_validate_json(json.dumps(
        {**job.parameters["config"], "data": str(job.source.data), "out": str(job.folder)}))
    _clear_rest(job.folder)
    folder = pretrain(settings, resume=True, cache=job.source.cache)
    record = _record(folder)
    return {"epochs": record["epochs"], "held_out": record["held_out"], "mean_face": record["mean_face"],
            "other_embedding": record["other_embedding"],
            "subjects": record["seen_subjects"], "clips": record["seen_clips"], "host": record["host"]}


def train_cell(job: Job) -> dict[str, Any]:
    """Train as ``parameters["config"]`` says, where ``model.encoder_from`` and ``distill.run`` name cells.

    Returns:
        Scores (``accuracy``, ``uar``, ``macro_f1``, ``samples``) by ``clip`` and ``window``; ``confusion`` likewise;
        ``per_subject`` likewise, ``[right, samples]`` by name;
        ``classes``; ``baselines``; ``protocol``; ``subjects`` of each part and number of ``clips`` of each; ``epochs``,
        ``best_epoch``, ``validation_accuracy``, ``parameters``; ``operations``, ``latency`` and ``anytime`` as
        ``neurofer.evaluate.recognition`` has them; ``predictions`` as columns; ``host``.
    """
    from neurofer.train.recognise import train_recogniser

    said = dict(job.parameters["config"])
    for section, key in (("model", "encoder_from"), ("distill", "run")):
        if said[section][key] is not None:
            said[section] = {**said[section], key: str(job.folders[said[section][key]])}
    settings = TrainConfig.model_validate_json(json.dumps(
        {**said, "data": str(job.source.data), "out": str(job.folder)}))
    _clear_rest(job.folder)
    begun = job.folder.exists()
    try:
        folder = train_recogniser(settings, resume=True, cache=job.source.cache)
    except NeuroferError:
        if not begun:
            raise
        folder = train_recogniser(settings, overwrite=True, cache=job.source.cache)  # what was left is of no use
    record = _record(folder)
    found = record["test"]["result"]
    scores = {unit: {name: found["metrics"][unit][name] for name in (*SCORES, "samples")}
              for unit in ("clip", "window")}
    history = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    best = history[record["best_epoch"] - 1]
    return {
        **scores,
        "confusion": {unit: found["metrics"][unit]["confusion"] for unit in ("clip", "window")},
        "classes": found["classes"],
        "per_subject": {unit: {name: [round(one["accuracy"] * one["samples"]), one["samples"]] for name, one in
                               found["metrics"][unit]["per_subject"].items()} for unit in ("clip", "window")},
        "baselines": {name: {score: one[score] for score in SCORES} for name, one in found["baselines"].items()},
        "protocol": record["protocol"],
        "subjects": {part: record["split"][part] for part in ("train", "validation", "test")},
        "clips": record["data"]["used"],
        "epochs": record["epochs"], "best_epoch": record["best_epoch"],
        "validation_accuracy": best["validation_accuracy"], "parameters": found["parameters"],
        "operations": found["operations"], "latency": found["latency"], "anytime": found.get("anytime"),
        "predictions": read_predictions(folder / "predictions.csv"), "host": record["host"],
    }


def read_predictions(path: Path) -> dict[str, list[str]]:
    """Columns ``clip``, ``subject``, ``truth`` and ``predicted`` of a run's ``predictions.csv``.

    Raises:
        BadFileError: absent, or without these columns.
    """
    names = ("clip", "subject", "truth", "predicted")
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {name: [row[name] for row in rows] for name in names}
    except (OSError, UnicodeDecodeError, KeyError) as error:
        raise BadFileError(f"{path}: cannot be read ({error}); train the run again") from error


def _clear_rest(folder: Path) -> None:
    """Remove what a run left that was killed before its first checkpoint."""
    if not any((folder / name).exists() for name in ("checkpoint.safetensors", "card.json")):
        shutil.rmtree(folder, ignore_errors=True)


def _record(folder: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = read_json(folder / "run.json")
    except (OSError, ValueError) as error:
        raise BadFileError(f"{folder / 'run.json'}: cannot be read ({error}); delete the folder and run it again"
                           ) from error
    return record
