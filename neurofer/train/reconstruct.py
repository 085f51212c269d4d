"""The recipe of pre-training: a store with frames and a configuration become a generator, its scores and its record."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.config import load_config
from neurofer.data import boxes, crop
from neurofer.data.cache import usable_cache
from neurofer.data.clip import ClipSet
from neurofer.data.pairs import mean_face, require_unseen
from neurofer.data.partition import Partition
from neurofer.data.store import open_store
from neurofer.data.windows import window_edges
from neurofer.errors import NeuroferError, UsageError
from neurofer.events.open import open_recording
from neurofer.files import write_text
from neurofer.train import run_folder
from neurofer.train.checkpoint import Progress, save_weights
from neurofer.train.data import chosen_label, partition_of
from neurofer.train.gan import Gan, build_gan, constant_scores, draw, fit_gan, other_embedding_scores, told
from neurofer.train.loop import make_repeatable
from neurofer.train.pair_task import PairTask
from neurofer.train.pretrain_config import PretrainConfig
from neurofer.train.pretrain_sides import Side, side_of
from neurofer.train.processes import Processes

_log = logging.getLogger(__name__)
SHEET_COLUMNS = 8


def pretrain(config: PretrainConfig, *, resume: bool = False, overwrite: bool = False,
             cache: Path | None = None) -> Path:
    """Train a generator on the training subjects and leave a finished run folder, for a classifier to start from.

    A killed run keeps its last whole epoch; with ``resume`` it goes on there and ends with the weights that it would
    have had. The generator learns from the training clips alone; faces of the validation clips are drawn, and scored,
    after each epoch. Several processes, started by ``torchrun`` or ``accelerate launch``, all call this and train
    together.

    Args:
        config: The run; ``data`` and ``out`` must be set.
        resume: Go on with the run in ``out``; a finished one is left as it is.
        overwrite: Replace the run in ``out``.
        cache: Where to keep pictures and faces; beside the store by default, in the run folder if that is read-only.

    Returns:
        The run folder.

    Raises:
        UsageError: ``data`` or ``out`` is missing, or a setting does not exist.
        NeuroferError: the store has no frames, it cannot be split, a test subject would be seen, the folder holds a
            run, or a loss diverged.
        BadFileError: the store, a recording or the run folder cannot be used.
    """
    if not config.data or not config.out:
        absent = " and ".join(f"--{name}" for name in ("data", "out") if not getattr(config, name))
        raise UsageError(f"pretrain: {absent} missing; give it on the command line or as a key of the configuration")
    folder, store = Path(config.out), Path(config.data)
    clip_set = chosen_label(open_store(store), config.label)
    processes = Processes(config.train.device, config.train.precision)
    if processes.main:
        run_folder.claim_folder(folder, resume=resume, overwrite=overwrite)
    processes.wait()
    identity = {"configuration": run_folder.settings_digest(config), "data": clip_set.digest}
    if resume and (folder / "card.json").exists():
        _require_same(config, clip_set.digest, folder)
        _log.info("%s is finished already", folder)
        return folder
    make_repeatable(config.seed, config.train.threads)
    # The published pre-training learns from the whole training part; its held-out pictures are those of the test part.
    partition = partition_of(config.split, clip_set, best_on_test=config.split.kind == "paper")
    caches = usable_cache(cache, store, folder / "cache")
    side = side_of(config)
    gan = build_gan(config, side.channels)
    with processes.main_first():
        task, left_out = prepare_pairs(config, clip_set, partition, caches)
    side.start(gan, task)
    baseline: dict[str, float] = {}
    if processes.main:
        if overwrite and not resume:
            run_folder.clear_folder(folder)
        run_folder.write_settings(folder, config, resume=resume)
        baseline = constant_scores(mean_face(task.pairs, task.train), task, config.train.batch)
    processes.wait()
    chosen = task.busiest(SHEET_COLUMNS)

    def after_epoch(progress: Progress) -> None:
        write_text(folder / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in progress.history))
        last = progress.epoch == config.train.epochs
        if last or _due(progress.epoch, config.train.keep_every):
            save_weights(folder / "epochs" / f"{progress.epoch:04d}.safetensors", gan.generator.state_dict())
        if len(chosen) and (last or _due(progress.epoch, config.train.sheet_every)):
            _save_sheet(folder, side, clip_set, task, gan, chosen, progress)

    progress = fit_gan(gan, task, config, folder, identity, processes, resume=resume, after_epoch=after_epoch)
    if processes.main:
        _finish(folder, config, side, clip_set, partition, task, gan, progress, baseline, left_out)
    processes.wait()
    return folder


def prepare_pairs(config: PretrainConfig, clip_set: ClipSet, partition: Partition,
                  cache: Path) -> tuple[PairTask, list[str]]:
    """The pairs of a run, and the clips of its training and validation parts that have no frames.

    Raises:
        UsageError: an unknown representation or setting.
        NeuroferError: no frames to learn from, a clip that is too short, or a test subject among the training clips.
        BadFileError: a recording, its frames or the cache cannot be used.
    """
    pairs = side_of(config).pairs(clip_set, cache)
    parts = [partition.numbers(clip_set, part) for part in ("train", "validation")]
    left_out = [clip_set.clips[clip].name for part in parts for clip in part if not pairs.framed[clip]]
    if left_out:
        _log.warning("%s: %d clip(s) without frames are left out (%s)", clip_set.name, len(left_out),
                     ", ".join(left_out[:3]))
    train, held_out = ([int(clip) for clip in part if pairs.framed[clip]] for part in parts)
    if not train:
        raise NeuroferError(f"data set {clip_set.name}: none of the {len(parts[0])} training clips has frames; "
                            "prepare it with its frames (prepare synthetic: --frames)")
    require_unseen(clip_set, partition, train)
    return PairTask(config.train, pairs, train, held_out), left_out


def _save_sheet(folder: Path, side: Side, clip_set: ClipSet, task: PairTask, gan: Gan,
                rows: NDArray[np.int64], progress: Progress) -> None:
    from neurofer.plot.reconstruction import Shown, reconstruction_sheet

    pictures, faces = task.read(rows)
    drawn = draw(gan.generator, pictures).numpy()
    columns = []
    for place, row in enumerate(rows):
        number = task.pairs.clip_of(int(row))
        clip, window = clip_set.clips[number], int(row - task.pairs.first[number])
        edges = window_edges(clip.start_us, clip.stop_us, side.window_us)
        with open_recording(clip.path) as recording:
            events = recording.between(clip.start_us, clip.stop_us)
            box = clip.box or boxes.find_box(events)
            part = events.between(int(edges[window]), int(edges[window + 1]))
        width, height = part.sensor
        counts = np.zeros((2, height, width), np.float32)
        np.add.at(counts, (part.p.astype(np.int64), part.y, part.x), 1.0)
        columns.append(Shown(f"{clip.subject}\n{clip.label}", crop.crop_resize(counts, box, side.size_px),
                             side.shown(pictures[place]), drawn[place], faces[place].numpy()))
    scores = _held_out(progress)
    figure = reconstruction_sheet(columns, f"held out, epoch {progress.epoch}: {told(scores)}", side.input_name)
    run_folder.save_figure(figure, folder / f"sheet-{progress.epoch:04d}.png")


def _finish(folder: Path, config: PretrainConfig, side: Side, clip_set: ClipSet, partition: Partition, task: PairTask,
            gan: Gan, progress: Progress, baseline: dict[str, float], left_out: list[str]) -> None:
    """Write weights, curves and records; the card comes last and makes the run whole."""
    from neurofer.plot.reconstruction import pretraining_curves

    run_folder.write_settings(folder, config)
    save_weights(folder / "model.safetensors", gan.generator.state_dict())
    save_weights(folder / "discriminator.safetensors", gan.discriminator.state_dict())
    title = f"pre-training on {clip_set.name}, seed {config.seed}"
    run_folder.save_figure(pretraining_curves(progress.history, baseline, title), folder / "curves.png")
    seen = sorted({clip_set.clips[clip].subject for clip in task.train})
    held_out = _held_out(progress)
    other = other_embedding_scores(gan.generator, task, config.train.batch)
    rows = task.pairs.rows_of(task.train)
    record: dict[str, Any] = {
        "format": "neurofer-run", "version": 1, "task": config.task, "seed": config.seed,
        "data": {"name": clip_set.name, "digest": clip_set.digest, "clips": len(clip_set.clips)},
        "split": partition.record(clip_set), "protocol": partition.protocol, "seen_subjects": seen,
        "seen_clips": [clip_set.clips[clip].name for clip in task.train],
        "pairs": {"train": len(rows), "held_out": len(task.held_out), "clips_without_frames": left_out},
        "epochs": progress.epoch, "held_out": held_out, "mean_face": baseline, "other_embedding": other,
        "host": run_folder.host_facts(),
    }
    write_text(folder / "run.json", json.dumps(record, indent=1) + "\n")
    networks = {"generator": gan.generator, "discriminator": gan.discriminator, "encoder": gan.generator.encoder}
    run_folder.write_card(folder, {
        "task": config.task, "backend": side.backend, **side.card(),
        "frame_at": config.frame_at, "epochs": progress.epoch,
        "parameters": {name: sum(value.numel() for value in network.parameters())
                       for name, network in networks.items()},
        "data": {"name": clip_set.name, "digest": clip_set.digest},
        "protocol": {"name": partition.protocol, "split": partition.record(clip_set)},
        "subjects": seen, "metrics": {"held_out": held_out, "mean_face": baseline, "other_embedding": other},
        "licence": "Apache-2.0",
    })
    (folder / "checkpoint.safetensors").unlink(missing_ok=True)


def _held_out(progress: Progress) -> dict[str, float]:
    """Held-out scores of the last epoch."""
    return {name.removeprefix("held_out_"): value for name, value in progress.history[-1].items()
            if name.startswith("held_out_")}


def _due(epoch: int, every: int) -> bool:
    return bool(every) and epoch % every == 0


def _require_same(config: PretrainConfig, data_digest: str, folder: Path) -> None:
    """Refuse to call a run finished that was made with other settings or data."""
    done = load_config(PretrainConfig, folder / "config.yaml")
    same_data = run_folder.read_card(folder)["data"]["digest"] == data_digest
    if not same_data or run_folder.settings_digest(done) != run_folder.settings_digest(config):
        raise NeuroferError(f"{folder}: holds a finished run with other {'settings' if same_data else 'data'}; "
                            "replace it with --overwrite, or name another folder")
