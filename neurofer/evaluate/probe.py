"""How much of the classes an encoder's stages tell: a linear model on each, beside an encoder left untrained."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neurofer.config import load_config
from neurofer.data.cache import usable_cache
from neurofer.data.store import open_store
from neurofer.errors import UsageError
from neurofer.models.recurrent import SequenceClassifier
from neurofer.progress import progress
from neurofer.spiking.network import SpikingNetwork
from neurofer.train.ann import pictures_to_network, sequence_classifier
from neurofer.train.build import build_recogniser
from neurofer.train.config import TrainConfig
from neurofer.train.data import Prepared, chosen_label, prepare
from neurofer.train.front import freeze_untrained, measure_front
from neurofer.train.loop import make_repeatable
from neurofer.train.pretrain_config import PretrainConfig
from neurofer.train.snn import SnnTask, spiking_network
from neurofer.train.spiking_encoder import encoder_depth, start_rates
from neurofer.train.transfer import load_encoder, take_encoder, wanted_encoder

PLACES = 2
"""Maps larger than this a side are averaged down to it."""

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
"""Inverse penalties that are tried; validation people choose."""


class StageScore(NamedTuple):
    """Accuracy of a linear model on one stage.

    Attributes:
        stage: Name: ``e1`` for the first block, and so on, ``neck`` for the embedding; ``conv1`` and so on for spiking
            layers.
        features: Numbers that the linear model reads of a clip.
        validation: On the clips that chose the penalty.
        test: On the test clips.
    """

    stage: str
    features: int
    validation: float
    test: float


def probe_encoder(run: Path, data: Path | None = None, *, epoch: int | None = None,
                  cache: Path | None = None) -> dict[str, list[StageScore]]:
    """What a linear model reads from each stage of a pre-trained encoder, and of one with fresh weights.

    A clip is the mean and the maximum over its windows of a stage's maps, each averaged down to two by two places; the
    maps of a spiking layer are the spikes per step of its neurons, which run through the clip as a recogniser's do. A
    logistic regression on the standardised numbers learns from the training people; its penalty is chosen on the
    validation people, the test people are read once. The parts are those of the pre-training.

    Args:
        run: Folder of a pre-training.
        data: The store; by default the one that the run names.
        epoch: A kept epoch; the last by default.
        cache: Where to keep network inputs; beside the store by default.

    Returns:
        ``pretrained`` and ``untrained``: a score of each stage, the first block or layer first.

    Raises:
        UsageError: no store is known.
        NeuroferError: the store does not fit the run.
        BadFileError: the run or the store cannot be used.

    Source:
        Alain and Bengio, Understanding intermediate layers using linear classifier probes, 2016 (arXiv:1610.01644).
    """
    load_encoder(run, epoch)  # that there is one is told before anything else
    said = load_config(PretrainConfig, run / "config.yaml")
    place = data or (Path(said.data) if said.data else None)
    if place is None:
        raise UsageError(f"probe: {run} does not say where its data lies; give it with --data")
    clip_set = chosen_label(open_store(place), said.label)
    make_repeatable(said.seed, said.train.threads)
    settings = {mode: _settings(said, run, epoch, mode) for mode in ("linear", "random")}
    taken = wanted_encoder(settings["linear"], clip_set)
    prepared = prepare(settings["linear"], clip_set, None, usable_cache(cache, place, run / "cache"))
    found = {}
    for name, config in (("pretrained", settings["linear"]), ("untrained", settings["random"])):
        model = build_recogniser(config, clip_set.classes, prepared.channels)
        kept = taken if name == "pretrained" else None
        if kept is not None:
            take_encoder(model, kept, config)
        stages = (_spiking_stages(spiking_network(model), config, prepared, said.snn.window_us // said.snn.dt_us)
                  if said.backend == "snn" else _picture_stages(sequence_classifier(model), prepared, kept is None))
        found[name] = _scores(stages, prepared, name)
    return found


def stage_features(network: SequenceClassifier, windows: Tensor) -> list[NDArray[np.float64]]:
    """Of each stage, the mean and the maximum over windows ``(T, C, S, S)`` of its pooled maps: ``(2 n,)`` each."""
    with torch.inference_mode():
        seen = windows if network.front is None else network.front(windows)
        stages = network.encoder.features(seen)
        pooled = [functional.adaptive_avg_pool2d(maps, min(PLACES, maps.shape[-1])).flatten(1) for maps in stages]
    return [torch.cat([one.mean(0), one.amax(0)]).double().numpy() for one in pooled]


def layer_features(network: SpikingNetwork, depth: int, spikes: Tensor, window_steps: int) -> list[NDArray[np.float64]]:
    """Of each of the first ``depth`` layers, what ``stage_features`` takes of a stage, from spikes ``(T, C, S, S)``.

    A window's maps are the spikes per step in ``window_steps``; steps behind the last whole window are left out.
    """
    with torch.inference_mode():
        activity, _ = network.activity(spikes[:, None])
        windows = len(spikes) // window_steps
        rates = [layer[: windows * window_steps, 0].unflatten(0, (windows, window_steps)).mean(1)
                 for layer in activity[:depth]]
        pooled = [(functional.adaptive_avg_pool2d(maps, min(PLACES, maps.shape[-1])) if maps.ndim == 4 else maps
                   ).flatten(1) for maps in rates]
    return [torch.cat([one.mean(0), one.amax(0)]).double().numpy() for one in pooled]


class _Stages(NamedTuple):
    """Names of an encoder's stages, and the features that each gives of a clip, by its number."""

    names: list[str]
    of_clip: Callable[[int], list[NDArray[np.float64]]]


def _picture_stages(network: SequenceClassifier, prepared: Prepared, fresh: bool) -> _Stages:
    if fresh:
        if network.front is not None:
            measure_front(network.front, prepared.rows, prepared.numbers["train"])
        freeze_untrained(network, prepared.rows, prepared.numbers["train"], by_batch=False)
    network.eval()
    names = [f"e{number + 1}" for number in range(len(network.encoder.blocks))] + ["neck"]
    return _Stages(names, lambda clip: stage_features(network, pictures_to_network(prepared.rows.of(clip))))


def _spiking_stages(network: SpikingNetwork, config: TrainConfig, prepared: Prepared, window_steps: int) -> _Stages:
    task = prepared.task
    if not isinstance(task, SnnTask):
        raise TypeError(f"probe: need an SnnTask, got {type(task).__name__}")
    start_rates(network, task.typical_batch().spikes, config)
    network.eval()
    depth = encoder_depth(network, config.snn)
    names = [layer.name for layer in network.spiking_layers()[:depth]]
    return _Stages(names, lambda clip: layer_features(network, depth, task.gather(np.array([clip])).spikes[:, 0],
                                                      window_steps))


def _settings(said: PretrainConfig, run: Path, epoch: int | None, mode: str) -> TrainConfig:
    encoder = {"encoder_from": str(run), "encoder_epoch": epoch} if mode == "linear" else {}
    common = {"backend": said.backend, "seed": said.seed, "label": said.label,
              "split": said.split.model_dump(mode="json")}
    if said.backend == "snn":
        snn = said.snn.of_recogniser().model_dump(mode="json")
        return TrainConfig.model_validate_json(json.dumps({**common, "snn": snn, "model": {"mode": mode, **encoder}}))
    return TrainConfig.model_validate_json(json.dumps({
        **common,
        "represent": said.represent.model_dump(mode="json"),
        "model": {"mode": mode, "size_px": said.model.size_px, "width": said.model.width, "context_windows": 1,
                  "lstm_layers": 0, **encoder}}))


def _scores(stages: _Stages, prepared: Prepared, what: str) -> list[StageScore]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    parts = [prepared.numbers[part] for part in ("train", "validation", "test")]
    clips = progress(np.concatenate(parts), total=sum(map(len, parts)), unit="clip", desc=f"probe {what}")
    read = {int(clip): stages.of_clip(int(clip)) for clip in clips}
    found = []
    for place, name in enumerate(stages.names):
        train, validation, test = ((np.stack([read[int(clip)][place] for clip in part]), prepared.labels[part])
                                   for part in parts)
        tried = []
        for strength in STRENGTHS:
            model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000)).fit(*train)
            tried.append((float(model.score(*validation)), model))
        best, model = max(tried, key=lambda one: one[0])
        found.append(StageScore(name, train[0].shape[1], best, float(model.score(*test))))
    return found
