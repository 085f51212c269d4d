"""The recipe: stores of long videos and a configuration become a run folder with a spotter, its scores and record."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from neurofer.config import load_config
from neurofer.data.cache import usable_cache
from neurofer.data.long.pool import fps_of, open_long_pool
from neurofer.data.long.store import LongSet
from neurofer.data.micro.split import MicroSplit
from neurofer.data.store import read_store_index
from neurofer.errors import NeuroferError, UsageError
from neurofer.files import write_text
from neurofer.keyframes.film_events import THRESHOLD
from neurofer.spotting.csv import write_intervals
from neurofer.train import run_folder
from neurofer.train.checkpoint import copy_weights, save_weights
from neurofer.train.loop import make_repeatable
from neurofer.train.micro.recipe import chosen_split
from neurofer.train.micro.stages import Checkpoint
from neurofer.train.spot.config import SpotConfig
from neurofer.train.spot.fold import FoldResult, fold_record, run_fold

_log = logging.getLogger(__name__)
CHECKPOINTS = {"spotter": "checkpoint.safetensors", "inner0": "checkpoint-inner0.safetensors",
               "inner1": "checkpoint-inner1.safetensors"}


def train_spot(config: SpotConfig, *, resume: bool = False, overwrite: bool = False, cache: Path | None = None) -> Path:
    """Train a spotter and leave a finished run folder.

    The number of epochs is fixed, thresholds are chosen on training subjects, and the tested subjects are read once, at
    the end. A killed run keeps its last whole epoch; with ``resume`` it ends with the weights it would have had.

    Args:
        config: The run; ``data`` and ``out`` must be set.
        resume: Go on with the run in ``out``; a finished one is left as it is.
        overwrite: Replace the run in ``out``.
        cache: Where to keep what is read of videos; beside the first store by default.

    Returns:
        The run folder.

    Raises:
        UsageError: ``data`` or ``out`` is missing, or a subject does not exist.
        NeuroferError: the data cannot be split, the folder holds a run, or the loss diverged.
        BadFileError: a store or the run folder cannot be used.
    """
    if not config.data or not config.out:
        absent = " and ".join(f"--{name}" for name in ("data", "out") if not getattr(config, name))
        raise UsageError(f"train: {absent} missing; give it on the command line or as a key of the configuration")
    folder, stores = Path(config.out), [Path(store) for store in config.data]
    long_set = open_long_pool(stores)
    split = chosen_split(long_set.clip_set, config.split)
    _event_threshold(config)  # refused before hours of training
    run_folder.claim_folder(folder, resume=resume, overwrite=overwrite)
    if resume and (folder / "card.json").exists():
        _require_same(config, long_set.clip_set.digest, folder)
        _log.info("%s is finished already", folder)
        return folder
    make_repeatable(config.seed, config.threads)
    if overwrite and not resume:
        run_folder.clear_folder(folder)
    run_folder.write_settings(folder, config, resume=resume)
    identity = {"configuration": run_folder.settings_digest(config), "data": long_set.clip_set.digest}
    kept_in = usable_cache(cache, stores[0], folder / "cache")
    result = run_fold(config, long_set, split, kept_in, lambda network: Checkpoint(
        folder / CHECKPOINTS[network], {**identity, "network": network}, resume))
    _finish(folder, config, long_set, split, result)
    return folder


def _finish(folder: Path, config: SpotConfig, long_set: LongSet, split: MicroSplit, result: FoldResult) -> None:
    """Write weights, intervals, pictures and records; the card comes last and makes the run whole."""
    from neurofer.plot.spotting import timeline_figure
    from neurofer.plot.training import loss_figure

    run_folder.write_settings(folder, config)
    save_weights(folder / "model.safetensors", copy_weights(result.model))
    write_text(folder / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in result.history))
    found = [one for video in result.predicted["base"].values() for one in video]
    truth = [one for name in result.scores for one in long_set.truth[name]]
    write_intervals(folder / "predictions.csv", found, more=("apex", "score"))
    write_intervals(folder / "truth.csv", truth, more=("apex", "emotion"))
    title = f"{config.input.kind}, seed {config.seed}"
    run_folder.save_figure(loss_figure([row["loss"] for row in result.history], title), folder / "curves.png")
    if result.scores:
        name = _most_told(result, long_set)
        figure = timeline_figure(result.scores[name], fps_of(long_set), result.predicted["base"][name],
                                 long_set.truth[name], result.decodings, f"{name}, {title}")
        run_folder.save_figure(figure, folder / "timeline.png")
    record = fold_record(long_set, split, result)
    data = {"name": long_set.clip_set.name, "digest": long_set.clip_set.digest, "clips": len(long_set.videos)}
    whole = {"format": "neurofer-run", "version": 1, "task": "spot", "seed": config.seed, "backend": config.backend,
             "data": data, **record, "host": run_folder.host_facts()}
    write_text(folder / "run.json", json.dumps(whole, indent=1) + "\n")
    run_folder.write_card(folder, {**_card(config, long_set, record), "threshold": _event_threshold(config)})
    for name in CHECKPOINTS.values():
        (folder / name).unlink(missing_ok=True)


def _card(config: SpotConfig, long_set: LongSet, record: dict[str, Any]) -> dict[str, Any]:
    """What the model is, and all that a new recording needs besides its weights."""
    first = long_set.videos[0]
    return {
        "task": "spot", "backend": config.backend, "classes": ["micro", "macro"],
        "channels": 4 if config.input.kind == "events" else 1, "crop_px": (first.sensor or (112,))[0],
        "fps": fps_of(long_set), "input": config.input.model_dump(mode="json"), "skips": record["skips"],
        "decodings": record["decodings"], "veto": config.input.kind == "events" and config.decode.veto,
        "data": {"name": long_set.clip_set.name, "digest": long_set.clip_set.digest},
        "protocol": {"name": record["protocol"], "subjects": record["subjects"]},
        "metrics": {"test": record["scores"]}, "parameters": record["parameters"], "licence": "Apache-2.0",
    }


def _event_threshold(config: SpotConfig) -> float:
    """The change of the logarithm of light that made the events of the stores.

    Raises:
        NeuroferError: they differ, and the run looks at events.
    """
    found = {float(read_store_index(store).parameters.get("threshold", THRESHOLD)) for store in config.data or ()}
    if len(found) > 1 and config.input.kind == "events":
        raise NeuroferError(f"{', '.join(config.data or ())}: events were made at thresholds of "
                            f"{', '.join(f'{one:g}' for one in sorted(found))}; prepare all with one --threshold")
    return max(found)


def _most_told(result: FoldResult, long_set: LongSet) -> str:
    """The tested video that shows the most expressions; the first of equal ones."""
    return max(sorted(result.scores), key=lambda name: len(long_set.truth[name]))


def _require_same(config: SpotConfig, data_digest: str, folder: Path) -> None:
    """Refuse to call a run finished that was made with other settings or data.

    Raises:
        NeuroferError: see there.
    """
    done, card = load_config(SpotConfig, folder / "config.yaml"), run_folder.read_card(folder)
    other = [what for what, differs in (
        ("data", card["data"]["digest"] != data_digest),
        ("settings", run_folder.settings_digest(done) != run_folder.settings_digest(config))) if differs]
    if other:
        raise NeuroferError(f"{folder}: holds a finished run with other {' and other '.join(other)}; "
                            "replace it with --overwrite, or name another folder")
