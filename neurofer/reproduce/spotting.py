"""The cells of the spotter: a fold that leaves one subject out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from neurofer.data.long.pool import open_long_pool
from neurofer.data.long.store import LongSet
from neurofer.data.micro.split import leave_one_out
from neurofer.reproduce.cells import Cell, Job
from neurofer.reproduce.run import code_digest_of
from neurofer.reproduce.spotting_variants import BASE, settings_of
from neurofer.train.loop import make_repeatable
from neurofer.train.micro.stages import Checkpoint
from neurofer.train.run_folder import host_facts
from neurofer.train.spot.baselines import fold_baselines
from neurofer.train.spot.config import SpotConfig
from neurofer.train.spot.fold import fold_record, interval_rows, run_fold
from neurofer.train.spot.inputs import spot_inputs


def run_cell_fold(job: Job) -> dict[str, Any]:
    """Train on all but one subject, test on that one, in one thread; goes on where a killed run was.

    Returns:
        What ``fold_record`` gives, the machine, and of the first seed's base what the baselines spot.

    Raises:
        NeuroferError: nothing to learn from, or a loss that diverged.
        BadFileError: the store, or the place of the cache, cannot be used.
    """
    config = SpotConfig.model_validate_json(json.dumps(job.parameters["config"]))
    long_set = open_long_pool([job.source.data, *job.source.more])
    split = leave_one_out(long_set.clip_set, job.parameters["subject"])
    make_repeatable(config.seed, config.threads)
    job.folder.mkdir(parents=True, exist_ok=True)
    identity = {"cell": job.folder.name}  # its key: settings, data and code
    fold = run_fold(config, long_set, split, job.source.cache, lambda network: Checkpoint(
        job.folder / f"{network}.safetensors", {**identity, "network": network}, resume=True))
    record = {**fold_record(long_set, split, fold), "host": host_facts()}
    if job.parameters["variant"] == BASE and config.seed == 0:
        record["baselines"] = {name: {video: interval_rows(found) for video, found in videos.items()}
                               for name, videos in fold_baselines(config, long_set, split, job.source.cache).items()}
    return record


def warm_spotting(cells: Sequence[Cell], long_set: LongSet, cache: Path) -> None:
    """Make what folds share once, before several processes want it at the same time: frames and sums of events."""
    made: set[tuple[str, int, int]] = set()
    for cell in cells:
        chosen = settings_of(cell).input
        key = (chosen.kind, chosen.size_px, chosen.frame_stride)
        if key not in made:
            made.add(key)
            spot_inputs(long_set, chosen, cache)


def spotting_code_version() -> str:
    """A digest of the code that a fold's result depends on, without its comments.

    The code that prepares data sets is not in it: what it made is in the digest of the data.
    """
    return code_digest_of(_modules())


def _modules() -> tuple[ModuleType, ...]:
    import neurofer.spotting
    import neurofer.train.spot
    from neurofer import keyframes
    from neurofer.data import cache, clip, frames
    from neurofer.data.long import pool, store
    from neurofer.data.micro import split
    from neurofer.evaluate import interval_matching
    from neurofer.evaluate import spotting as metric
    from neurofer.events import noise
    from neurofer.models import depthwise, spotter, spotter_dense, spotter_kernel
    from neurofer.represent import prefetch, scatter
    from neurofer.reproduce import spotting
    from neurofer.train import checkpoint, loop
    from neurofer.train.micro import reads

    return (neurofer.train.spot, neurofer.spotting, spotter, spotter_dense, spotter_kernel, depthwise, keyframes, noise,
            prefetch, scatter, cache, clip, frames, pool, store, split, interval_matching, metric, spotting, checkpoint,
            loop, reads)
