"""The recipe: stores and a configuration become a run folder with a model, its scores and its record."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np

from neurofer.data.cache import usable_cache
from neurofer.data.clip import ClipSet
from neurofer.data.micro.align import SIZE_PX
from neurofer.data.micro.pool import labelled, open_pool
from neurofer.data.micro.split import MicroSplit, everybody, leave_one_out, subject_folds
from neurofer.errors import NeuroferError, UsageError
from neurofer.evaluate.micro import pooled_scores
from neurofer.evaluate.micro_baselines import micro_baselines
from neurofer.files import csv_text, write_text
from neurofer.train import run_folder
from neurofer.train.checkpoint import copy_weights, save_weights
from neurofer.train.loop import make_repeatable
from neurofer.train.micro.config import MicroConfig, MicroSplitConfig
from neurofer.train.micro.fold import FoldData, FoldResult, fold_data, train_fold
from neurofer.train.micro.stages import Checkpoint

_log = logging.getLogger(__name__)
CHECKPOINTS = {"prior": "checkpoint-prior.safetensors", "target": "checkpoint.safetensors"}


def train_micro(config: MicroConfig, *, resume: bool = False, overwrite: bool = False,
                cache: Path | None = None) -> Path:
    """Train a micro-expression recogniser in two stages and leave a finished run folder.

    The number of epochs is fixed; the tested subjects are read once, after the last. A killed run keeps its last whole
    epoch of either stage; with ``resume`` it goes on there and ends with the weights that it would have had.

    Args:
        config: The run; ``data`` and ``out`` must be set.
        resume: Go on with the run in ``out``; a finished one is left as it is.
        overwrite: Replace the run in ``out``.
        cache: Where to keep key instants and maps; beside the first store by default.

    Returns:
        The run folder.

    Raises:
        UsageError: ``data`` or ``out`` is missing, or a subject or label does not exist.
        NeuroferError: the data cannot be split, the folder holds a run, or a loss diverged.
        BadFileError: a store or the run folder cannot be used.
    """
    if not config.data or not config.out:
        absent = " and ".join(f"--{name}" for name in ("data", "out") if not getattr(config, name))
        raise UsageError(f"train: {absent} missing; give it on the command line or as a key of the configuration")
    folder, stores = Path(config.out), [Path(store) for store in config.data]
    clip_set = labelled(open_pool(stores), config.label)
    split = chosen_split(clip_set, config.split)
    run_folder.claim_folder(folder, resume=resume, overwrite=overwrite)
    if resume and (folder / "card.json").exists():
        _require_same(config, clip_set.digest, folder)
        _log.info("%s is finished already", folder)
        return folder
    make_repeatable(config.seed, config.threads)
    fold = fold_data(config, clip_set, split, usable_cache(cache, stores[0], folder / "cache"))
    if overwrite and not resume:
        run_folder.clear_folder(folder)
    run_folder.write_settings(folder, config, resume=resume)
    identity = {"configuration": run_folder.settings_digest(config), "data": clip_set.digest}
    result = train_fold(config, clip_set, fold,
                        lambda stage: Checkpoint(folder / CHECKPOINTS[stage], {**identity, "stage": stage}, resume))
    _finish(folder, config, clip_set, split, fold, result)
    return folder


def chosen_split(clip_set: ClipSet, split: MicroSplitConfig) -> MicroSplit:
    """The split that a run's settings describe.

    Raises:
        UsageError: a subject that does not exist.
        NeuroferError: too few subjects.
    """
    if split.kind == "none":
        return everybody(clip_set)
    if split.kind == "folds":
        return subject_folds(clip_set, split.folds, split.fold)
    return leave_one_out(clip_set, split.fold if split.subject is None else split.subject)


def fold_record(config: MicroConfig, clip_set: ClipSet, split: MicroSplit, fold: FoldData,
                result: FoldResult) -> dict[str, Any]:
    """How a fold came to be: who was read for what, what was learned on the way, what it says of the tested clips."""
    data, instants = fold.data, fold.instants
    clips = [clip_set.clips[number] for number in fold.test]
    predicted = result.probabilities.argmax(axis=1)
    scored = None
    if len(clips):
        scored = pooled_scores(data.labels[fold.test], predicted, [clip.subject for clip in clips], clip_set.classes)
    return {
        "protocol": split.protocol,
        "subjects": {"train": list(split.train), "test": list(split.test)},
        "clips": {"train": len(fold.train), "test": len(fold.test)},
        "reads": data.reads.record(),
        "statistics": {"mean": list(data.statistics.mean), "deviation": list(data.statistics.deviation)},
        "alpha": result.alpha, "alpha_search": result.alpha_record,
        "key_frames": {"repeating_clips": int(np.sum(instants.repeated > 0)),
                       "repeated_frames": int(instants.repeated.sum()), "refused": int(instants.refused.sum()),
                       "refused_of_test": int(instants.refused[fold.test].sum()), "lag_us": instants.lag_us},
        "interpolator": fold.interpolator_record,
        "test": scored,
        "baselines": micro_baselines(data, fold.train, fold.test),
        "predictions": {clip.name: {"subject": clip.subject, "dataset": clip.dataset,
                                    "truth": clip.label, "probabilities": odds.tolist()}
                        for clip, odds in zip(clips, result.probabilities, strict=True)},
    }


def _finish(folder: Path, config: MicroConfig, clip_set: ClipSet, split: MicroSplit, fold: FoldData,
            result: FoldResult) -> None:
    """Write weights, pictures and records; the card comes last and makes the run whole."""
    from neurofer.plot.micro import stages_figure
    from neurofer.plot.training import confusion_figure

    run_folder.write_settings(folder, config)
    save_weights(folder / "model.safetensors", copy_weights(result.model))
    if fold.interpolator is not None:
        save_weights(folder / "interpolator.safetensors", copy_weights(fold.interpolator))
    write_text(folder / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in result.history))
    record = fold_record(config, clip_set, split, fold, result)
    _write_predictions(folder, clip_set.classes, record["predictions"])
    run_folder.save_figure(stages_figure(result.history, f"{config.backend}, seed {config.seed}"),
                           folder / "curves.png")
    if record["test"] is not None:
        found = record["test"]
        title = f"{config.backend}, tested subjects: UF1 {found['uf1']:.3f}, UAR {found['uar']:.3f}"
        run_folder.save_figure(confusion_figure(found["confusion"], clip_set.classes, title),
                               folder / "confusion.png")
    whole = {"format": "neurofer-run", "version": 1, "task": "micro", "seed": config.seed, "backend": config.backend,
             "data": {"name": clip_set.name, "digest": clip_set.digest, "clips": len(clip_set.clips)},
             **record, "epochs": len(result.history), "host": run_folder.host_facts()}
    write_text(folder / "run.json", json.dumps(whole, indent=1) + "\n")
    run_folder.write_card(folder, _card(config, clip_set, record, result))
    for name in CHECKPOINTS.values():
        (folder / name).unlink(missing_ok=True)


def _card(config: MicroConfig, clip_set: ClipSet, record: dict[str, Any], result: FoldResult) -> dict[str, Any]:
    """What the model is, and all that a new recording needs besides its weights."""
    scored = record["test"]
    return {
        "task": "micro", "backend": config.backend, "classes": list(clip_set.classes), "label": config.label,
        "channels": 3, "crop_px": (clip_set.clips[0].sensor or (SIZE_PX,))[0],
        "input": config.input.model_dump(mode="json"), "key": config.key.model_dump(mode="json"),
        "lag_us": record["key_frames"]["lag_us"], "statistics": record["statistics"], "alpha": record["alpha"],
        "data": {"name": clip_set.name, "digest": clip_set.digest},
        "protocol": {"name": record["protocol"], "subjects": record["subjects"]},
        "metrics": {"test": scored and {name: scored[name] for name in ("uf1", "uar", "accuracy", "interval")}},
        "parameters": sum(value.numel() for value in result.model.parameters()),
        "licence": "Apache-2.0",
    }


def _write_predictions(folder: Path, classes: tuple[str, ...], predictions: dict[str, Any]) -> None:
    lines: list[tuple[str, ...]] = [("clip", "subject", "truth", "predicted", *classes)]
    for name, said in predictions.items():
        odds = said["probabilities"]
        lines.append((name, said["subject"], said["truth"], classes[int(np.argmax(odds))],
                      *(f"{share:.6f}" for share in odds)))
    write_text(folder / "predictions.csv", csv_text(lines))


def _require_same(config: MicroConfig, data_digest: str, folder: Path) -> None:
    """Refuse to call a run finished that was made with other settings or data."""
    from neurofer.config import load_config

    done, card = load_config(MicroConfig, folder / "config.yaml"), run_folder.read_card(folder)
    other = [what for what, differs in (
        ("data", card["data"]["digest"] != data_digest),
        ("settings", run_folder.settings_digest(done) != run_folder.settings_digest(config))) if differs]
    if other:
        raise NeuroferError(f"{folder}: holds a finished run with other {' and other '.join(other)}; "
                            "replace it with --overwrite, or name another folder")
