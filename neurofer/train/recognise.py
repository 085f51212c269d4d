"""The recipe: a store and a configuration become a run folder with a model, its scores and its record."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from neurofer.config import load_config
from neurofer.data.cache import usable_cache
from neurofer.data.splits import PARTS
from neurofer.data.store import open_store
from neurofer.errors import NeuroferError, UsageError
from neurofer.evaluate.anytime import shown_clip
from neurofer.evaluate.recognition import assess
from neurofer.files import csv_text, write_text
from neurofer.models.recurrent import SequenceClassifier
from neurofer.spiking.network import SpikingNetwork
from neurofer.train import run_folder
from neurofer.train.build import build_recogniser
from neurofer.train.checkpoint import Progress, save_weights
from neurofer.train.config import TrainConfig
from neurofer.train.data import Prepared, chosen_label, prepare
from neurofer.train.decisions import Decisions
from neurofer.train.distill import Teacher, taught_probabilities, wanted_teacher
from neurofer.train.front import freeze_untrained, measure_front
from neurofer.train.frozen import frozen_task, keeps_embeddings
from neurofer.train.loop import fit, make_repeatable
from neurofer.train.processes import Processes
from neurofer.train.quantised import arithmetic_by_epoch, compare_with_float
from neurofer.train.slices_config import card_of_slices, reads_slices
from neurofer.train.snn import SnnTask, read_out
from neurofer.train.spike_rows import SpikeRows
from neurofer.train.spiking_encoder import start_rates
from neurofer.train.target import refuse_outside_target
from neurofer.train.transfer import PretrainedEncoder, load_encoder, take_encoder, wanted_encoder

_log = logging.getLogger(__name__)


def train_recogniser(
    config: TrainConfig, *, resume: bool = False, overwrite: bool = False, cache: Path | None = None
) -> Path:
    """Train a recogniser and leave a finished run folder.

    A killed run keeps its last whole epoch; with ``resume`` it goes on there and ends with the weights that it would
    have had. The test subjects are read once, after the last epoch (unless ``parity.best_on_test``). Several
    processes, started by ``torchrun`` or ``accelerate launch``, all call this and train together; every machine must
    see store and run folder under the same path.

    Args:
        config: The run; ``data`` and ``out`` must be set.
        resume: Go on with the run in ``out``; a finished one is left as it is.
        overwrite: Replace the run in ``out``.
        cache: Where to keep network inputs; beside the store by default, in the run folder if that is read-only.

    Returns:
        The run folder.

    Raises:
        UsageError: ``data`` or ``out`` is missing, or a setting, device or precision does not exist.
        NeuroferError: the data cannot be split, the folder holds a run, or the loss diverged.
        BadFileError: the store, a recording or the run folder cannot be used.
    """
    if not config.data or not config.out:
        absent = " and ".join(f"--{name}" for name in ("data", "out") if not getattr(config, name))
        raise UsageError(f"train: {absent} missing; give it on the command line or as a key of the configuration")
    folder, store = Path(config.out), Path(config.data)
    processes = Processes(config.train.device, config.train.precision)
    if config.backend == "snn":
        torch.backends.cudnn.allow_tf32 = False  # in any precision of training, decisions are exact
    clip_set = chosen_label(open_store(store), config.label)
    refuse_outside_target(config, clip_set.classes)
    if processes.main:
        run_folder.claim_folder(folder, resume=resume, overwrite=overwrite)
    processes.wait()
    if resume and (folder / "card.json").exists():
        _require_same(config, clip_set.digest, folder)
        _log.info("%s is finished already", folder)
        return folder
    make_repeatable(config.seed, config.train.threads)
    taken, teacher = wanted_encoder(config, clip_set), wanted_teacher(config, clip_set)
    caches = usable_cache(cache, store, folder / "cache")
    with processes.main_first():
        prepared = prepare(config, clip_set, None, caches)
    if (read := _input_events(config, prepared)) is not None:
        _log.info("%s input: %d events in the face boxes, %d of them not told apart from others", read["kind"],
                  read["events"], read["clipped"])
    model = build_recogniser(config, clip_set.classes, prepared.channels)
    if taken is not None:
        take_encoder(model, taken, config)
    elif isinstance(model, SequenceClassifier) and model.front is not None:
        measure_front(model.front, prepared.rows, prepared.numbers["train"])
    if isinstance(model, SequenceClassifier) and config.model.mode == "random":
        freeze_untrained(model, prepared.rows, prepared.numbers["train"], config.parity.bn_train)
    if isinstance(model, SpikingNetwork) and isinstance(prepared.task, SnnTask):
        start_rates(model, prepared.task.typical_batch().spikes, config)
    if teacher is not None and isinstance(prepared.task, SnnTask):
        prepared.task.teach(taught_probabilities(teacher, clip_set, prepared.partition, caches, processes))
    task = prepared.task
    if keeps_embeddings(config):
        with processes.main_first():
            task = frozen_task(config, prepared, model.to(processes.device), caches)
    if processes.main:
        if overwrite and not resume:
            run_folder.clear_folder(folder)
        run_folder.write_settings(folder, config, resume=resume)

    def record_epoch(progress: Progress) -> None:
        lines = "".join(json.dumps(row) + "\n" for row in progress.history)
        write_text(folder / "metrics.jsonl", lines)

    identity = {"configuration": run_folder.settings_digest(config), "data": clip_set.digest}
    if taken is not None:
        identity["encoder"] = taken.digest
    if teacher is not None:
        identity["teacher"] = teacher.digest
    progress = fit(model, task, config.train, config.seed, folder, identity, resume=resume,
                   before_epoch=arithmetic_by_epoch(config), after_epoch=record_epoch, processes=processes)
    if processes.main:
        model.load_state_dict(progress.best_weights)
        model.eval()
        _finish(folder, config, prepared, model, progress, taken, teacher)
    processes.wait()
    return folder


def _finish(folder: Path, config: TrainConfig, prepared: Prepared, model: nn.Module, progress: Progress,
            taken: PretrainedEncoder | None, teacher: Teacher | None) -> None:
    """Read the test subjects, write weights, pictures and records; the card comes last and makes the run whole."""
    from neurofer.plot.training import confusion_figure, curves_figure

    run_folder.write_settings(folder, config)
    save_weights(folder / "model.safetensors", progress.best_weights)
    write_text(folder / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in progress.history))
    said = prepared.task.decide(model, prepared.numbers["test"])
    _write_predictions(folder, prepared, said)
    quantised = compare_with_float(config, prepared, model, said)
    found = assess(config, prepared, model, "test", said)
    clips = found["metrics"]["clip"]
    title = f"{config.backend}, test subjects: accuracy {clips['accuracy']:.1%}, UAR {clips['uar']:.1%}"
    for name, figure in (("confusion", confusion_figure(found["confusion"], prepared.clip_set.classes, title)),
                         ("curves", curves_figure(progress.history, f"{config.backend}, seed {config.seed}"))):
        run_folder.save_figure(figure, folder / f"{name}.png")
    _draw_time(folder / "anytime.png", config, prepared, model, said, found)
    record: dict[str, Any] = {
        "format": "neurofer-run", "version": 1, "seed": config.seed, "backend": config.backend,
        "data": {"name": prepared.clip_set.name, "digest": prepared.clip_set.digest,
                 "clips": len(prepared.clip_set.clips), "used": {part: len(prepared.numbers[part]) for part in PARTS}},
        "split": prepared.partition.record(prepared.clip_set), "protocol": prepared.partition.protocol,
        "input": _input_events(config, prepared),
        "epochs": progress.epoch, "best_epoch": progress.best_epoch,
        "encoder": None if taken is None else {"mode": config.model.mode, **taken.said()},
        "teacher": None if teacher is None else teacher.said(),
        "quantised": quantised,
        "test": _test_reads(config, progress) | {"result": found},
        "host": run_folder.host_facts(),
    }
    write_text(folder / "run.json", json.dumps(record, indent=1) + "\n")
    told = {name: record[name] for name in ("encoder", "teacher", "quantised")}
    card = _card(config, prepared, progress, found) | told
    if reads_slices(config):
        card |= card_of_slices(config)
    run_folder.write_card(folder, card)
    (folder / "checkpoint.safetensors").unlink(missing_ok=True)


def _draw_time(path: Path, config: TrainConfig, prepared: Prepared, model: nn.Module, said: Decisions,
               found: dict[str, Any]) -> None:
    """How early it is right, and how a spiking network gets there; nothing for one that sees a clip as one sample."""
    from neurofer.plot.spiking import Example, time_figure

    if found["anytime"] is None:
        return
    example, layers = None, found["operations"].get("layers", ())
    if isinstance(prepared.task, SnnTask):
        clip, output, running = shown_clip(prepared.task, model, said, prepared.labels[said.clips])
        example = Example(prepared.clip_set.clips[clip].name, int(prepared.labels[clip]), config.snn.dt_us / 1000,
                          output, running, prepared.task.read_out.kind == "spikes")
    title = f"{config.backend}, test subjects, over time"
    figure = time_figure(found["anytime"], found["baselines"]["majority"]["accuracy"], layers, example,
                         prepared.clip_set.classes, title)
    run_folder.save_figure(figure, path)


def _write_predictions(folder: Path, prepared: Prepared, said: Decisions) -> None:
    """What was said about every test clip, and about every decision window inside it, from 0."""
    classes, clips = prepared.clip_set.classes, [prepared.clip_set.clips[number] for number in said.clips]
    lines: list[tuple[str, ...]] = [("clip", "subject", "truth", "predicted", *classes)]
    for clip, predicted, odds in zip(clips, said.predicted, said.probabilities, strict=True):
        lines.append((clip.name, clip.subject, clip.label, classes[predicted], *(f"{share:.6f}" for share in odds)))
    write_text(folder / "predictions.csv", csv_text(lines))
    windows = [("clip", "window", "predicted")]
    first = np.searchsorted(said.window_clips, np.arange(len(clips)))  # decisions of a clip lie together
    for number, (place, predicted) in enumerate(zip(said.window_clips, said.window_predicted, strict=True)):
        windows.append((clips[place].name, str(number - first[place]), classes[predicted]))
    write_text(folder / "windows.csv", csv_text(windows))


def _test_reads(config: TrainConfig, progress: Progress) -> dict[str, Any]:
    if config.parity.best_on_test:
        return {"reads": progress.epoch + 1, "when": "after every epoch, to choose the best, and after the last"}
    return {"reads": 1, "when": "after the last epoch"}


def _card(config: TrainConfig, prepared: Prepared, progress: Progress, found: dict[str, Any]) -> dict[str, Any]:
    ann = config.backend == "ann"
    clip_set = prepared.clip_set
    sensor = next((clip.sensor for clip in clip_set.clips if clip.sensor), None)
    score = {name: found["metrics"]["clip"][name] for name in ("accuracy", "uar", "macro_f1", "interval")}
    return {
        "task": config.task,
        "backend": config.backend,
        "classes": list(clip_set.classes),
        "channels": prepared.channels,
        "representation": {"kind": config.represent.kind, "settings": config.represent.settings} if ann else None,
        "window_us": config.represent.window_us if ann else config.snn.decision_us,
        "context_windows": config.model.context_windows if ann else 1,
        "dt_us": None if ann else config.snn.dt_us,
        "readout_us": None if ann else config.snn.readout_us,
        "input": None if ann else config.snn.input,
        "input_events": _input_events(config, prepared),
        "readout": None if ann else config.snn.readout,
        "rate_gain": None if ann else read_out(config.snn).gain,
        "size_px": config.model.size_px if ann else config.snn.size_px,
        "sensor": list(sensor) if sensor else None,
        "box": "the clip's own, else found from its events",
        "data": {"name": clip_set.name, "digest": clip_set.digest},
        "protocol": {"name": prepared.partition.protocol, "split": prepared.partition.record(clip_set)},
        "metrics": {"test": score, "validation_accuracy": progress.best_score[0], "best_epoch": progress.best_epoch},
        "parameters": found["parameters"],
        "operations": found["operations"],
        "anytime": found["anytime"] and {key: value for key, value in found["anytime"].items() if key != "curve"},
        "licence": "Apache-2.0",
    }


def _input_events(config: TrainConfig, prepared: Prepared) -> dict[str, Any] | None:
    """``{"kind", "events", "clipped"}``: events inside the face boxes of the clips used, and those that no spike shows;
    None where the network takes no spikes of steps."""
    if not isinstance(prepared.rows, SpikeRows):
        return None
    used = np.concatenate([prepared.numbers[part] for part in PARTS])
    return {"kind": config.snn.input, **prepared.rows.clipping(used)}


def _require_same(config: TrainConfig, data_digest: str, folder: Path) -> None:
    """Refuse to call a run finished that was made with other settings or data."""
    done = load_config(TrainConfig, folder / "config.yaml")
    card = run_folder.read_card(folder)
    other = []
    if card["data"]["digest"] != data_digest:
        other.append("data")
    if run_folder.settings_digest(done) != run_folder.settings_digest(config):
        other.append("settings")
    elif config.model.encoder_from is not None and Path(config.model.encoder_from).exists():
        found = load_encoder(config.model.encoder_from, config.model.encoder_epoch)
        if found.digest != (card.get("encoder") or {}).get("digest"):
            other.append("weights of its encoder")
    if "settings" not in other and config.distill.run is not None and Path(config.distill.run).exists():
        teacher = run_folder.read_card(Path(config.distill.run)).get("digest")
        if teacher != (card.get("teacher") or {}).get("digest"):
            other.append("weights of its teacher")
    if other:
        raise NeuroferError(f"{folder}: holds a finished run with other {' and other '.join(other)}; "
                            "replace it with --overwrite, or name another folder")
