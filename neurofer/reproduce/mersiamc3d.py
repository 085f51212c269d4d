"""The cells of MERSiamC3D: a fold that leaves one subject out, and how well apexes are found in events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from neurofer.data.clip import ClipSet
from neurofer.data.micro.pool import frames_of, labelled, open_pool
from neurofer.data.micro.split import leave_one_out
from neurofer.reproduce.cells import Cell, Job
from neurofer.reproduce.mersiamc3d_variants import settings_of, without_apex
from neurofer.reproduce.run import code_digest_of
from neurofer.train.loop import make_repeatable
from neurofer.train.micro.config import EventKeyConfig, KeyConfig, MicroConfig
from neurofer.train.micro.fold import fold_data, train_fold
from neurofer.train.micro.inputs import micro_inputs
from neurofer.train.micro.instants import clip_events, clip_instants, detections, lag_of
from neurofer.train.micro.recipe import CHECKPOINTS, chosen_split, fold_record
from neurofer.train.micro.stages import Checkpoint
from neurofer.train.run_folder import host_facts

MOMENTS = ("onset_us", "apex_us", "offset_us")


def run_fold(job: Job) -> dict[str, Any]:
    """Train on all but one subject, test on that one, in one thread; goes on where a killed run was.

    Returns:
        What ``fold_record`` gives; the classes, the last epoch of each stage, the number of parameters, the machine.

    Raises:
        NeuroferError: a class without a training clip, or a loss that diverged.
        BadFileError: the store, or the place of the cache, cannot be used.
    """
    config = MicroConfig.model_validate_json(json.dumps(job.parameters["config"]))
    clip_set = labelled(open_pool([job.source.data, *job.source.more]), config.label)
    split = chosen_split(clip_set, config.split)
    make_repeatable(config.seed, config.threads)
    job.folder.mkdir(parents=True, exist_ok=True)
    fold = fold_data(config, clip_set, split, job.source.cache)
    identity = {"cell": job.folder.name}  # its key: settings, data and code
    result = train_fold(config, clip_set, fold, lambda stage: Checkpoint(
        job.folder / CHECKPOINTS[stage], {**identity, "stage": stage}, resume=True))
    last = {str(row["stage"]): row for row in result.history}
    return {**fold_record(config, clip_set, split, fold, result), "classes": list(clip_set.classes),
            "last_epochs": last, "parameters": sum(value.numel() for value in result.model.parameters()),
            "host": host_facts()}


def run_apex(job: Job) -> dict[str, Any]:
    """Onset, apex and offset found in the events of every clip, beside annotation, midpoint and largest displacement.

    The lag of onsets is that of the clips of all other subjects. Clips whose apex nobody annotated are counted only.

    Returns:
        ``{"clips": {name: {"subject", "dataset", "true_us", "found_us", "midpoint_us", "flow_us", "frame_us",
        "lag_us", "events"}}, "no_apex": {data set: clips}}``; ``found_us`` is None where the clip was refused.
    """
    event = EventKeyConfig.model_validate_json(json.dumps(job.parameters["event"]))
    clip_set = labelled(open_pool([job.source.data, *job.source.more]), job.parameters["label"])
    found_us = detections(clip_set, event, job.source.cache)
    other = {apex: clip_instants(clip_set, KeyConfig(apex=apex, views=1), event, job.source.cache).moments[:, 1]
             for apex in ("midpoint", "flow")}
    lags_us = {subject: lag_of(clip_set, found_us, leave_one_out(clip_set, subject).numbers(clip_set, "train").tolist(),
                               event.bin_us) for subject in clip_set.subjects}
    clips: dict[str, Any] = {}
    absent: dict[str, int] = {}
    for number, clip in enumerate(clip_set.clips):
        if clip.facts.get("apex_source") == "midpoint":
            absent[clip.dataset] = absent.get(clip.dataset, 0) + 1
            continue
        times_us = frames_of(clip).times_us
        found = found_us[number]
        clips[clip.name] = {
            "subject": clip.subject, "dataset": clip.dataset, "true_us": [clip.truth[name] for name in MOMENTS],
            "found_us": found.tolist() if np.isfinite(found).all() else None,
            **{f"{apex}_us": int(times_us[int(frames[number])]) for apex, frames in other.items()},
            "frame_us": 1e6 / float(clip.facts["fps"]), "lag_us": lags_us[clip.subject],
            "events": len(clip_events(clip).t)}
    return {"clips": clips, "no_apex": absent, "host": host_facts()}


def warm_micro(cells: Sequence[Cell], clip_set: ClipSet, cache: Path) -> None:
    """Make what folds share once, before several processes want it at the same time: detections, instants, maps.

    Maps whose frames a network of one fold draws belong to that fold alone and are left to it.
    """
    made: set[str] = set()
    for cell in without_apex(cells):
        config = settings_of(cell)
        lag_us = 0
        if config.key.kind == "event" and config.event.calibrate:
            train = chosen_split(clip_set, config.split).numbers(clip_set, "train").tolist()
            lag_us = lag_of(clip_set, detections(clip_set, config.event, cache), train, config.event.bin_us)
        said = [config.key.model_dump(mode="json"), config.event.model_dump(mode="json"),
                config.input.model_dump(mode="json"), lag_us]
        key = json.dumps(said, sort_keys=True)
        if key in made:
            continue
        made.add(key)
        instants = clip_instants(clip_set, config.key, config.event, cache, lag_us)
        if config.key.kind != "interp_cnn":
            micro_inputs(clip_set, config.input, config.key.kind, instants, cache)


def micro_code_version() -> str:
    """A digest of the code that a fold's result depends on, without its comments.

    The code that prepares data sets is not in it: what it made is in the digest of the data.
    """
    return code_digest_of(_modules())


def _modules() -> tuple[ModuleType, ...]:
    import neurofer.train.micro
    from neurofer import keyframes, models, spiking
    from neurofer.data import cache, clip, folds, frames, splits
    from neurofer.data.micro import pool, record, split
    from neurofer.evaluate import intervals, metrics, micro, micro_baselines
    from neurofer.events import noise
    from neurofer.reproduce import mersiamc3d
    from neurofer.train import checkpoint, loop

    return (neurofer.train.micro, keyframes, models, spiking, cache, clip, folds, frames, splits, noise, pool,
            record, split, intervals, metrics, micro, micro_baselines, mersiamc3d, checkpoint, loop)
