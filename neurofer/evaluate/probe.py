"""How much of the classes an encoder's stages tell: a linear model on each, beside an encoder left untrained."""

from __future__ import annotations

import json
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
from neurofer.train.ann import pictures_to_network, sequence_classifier
from neurofer.train.build import build_recogniser
from neurofer.train.config import TrainConfig
from neurofer.train.data import Prepared, chosen_label, prepare
from neurofer.train.front import freeze_untrained, measure_front
from neurofer.train.loop import make_repeatable
from neurofer.train.pretrain_config import PretrainConfig
from neurofer.train.transfer import load_encoder, take_encoder, wanted_encoder

PLACES = 2
"""Maps larger than this a side are averaged down to it."""

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
"""Inverse penalties that are tried; validation people choose."""


class StageScore(NamedTuple):
    """Accuracy of a linear model on one stage.

    Attributes:
        stage: Name: ``e1`` for the first block, and so on, ``neck`` for the embedding.
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

    A clip is the mean and the maximum over its windows of a stage's maps, each averaged down to two by two places. A
    logistic regression on the standardised numbers learns from the training people; its penalty is chosen on the
    validation people, the test people are read once. The parts are those of the pre-training.

    Args:
        run: Folder of a pre-training.
        data: The store; by default the one that the run names.
        epoch: A kept epoch; the last by default.
        cache: Where to keep network inputs; beside the store by default.

    Returns:
        ``pretrained`` and ``untrained``: a score of each stage, the first block first.

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
        network = sequence_classifier(build_recogniser(config, clip_set.classes, prepared.channels))
        if name == "pretrained" and taken is not None:
            take_encoder(network, taken, config)
        else:
            if network.front is not None:
                measure_front(network.front, prepared.rows, prepared.numbers["train"])
            freeze_untrained(network, prepared.rows, prepared.numbers["train"], by_batch=False)
        found[name] = _scores(network.eval(), prepared, name)
    return found


def stage_features(network: SequenceClassifier, windows: Tensor) -> list[NDArray[np.float64]]:
    """Of each stage, the mean and the maximum over windows ``(T, C, S, S)`` of its pooled maps: ``(2 n,)`` each."""
    with torch.inference_mode():
        seen = windows if network.front is None else network.front(windows)
        stages = network.encoder.features(seen)
        pooled = [functional.adaptive_avg_pool2d(maps, min(PLACES, maps.shape[-1])).flatten(1) for maps in stages]
    return [torch.cat([one.mean(0), one.amax(0)]).double().numpy() for one in pooled]


def _settings(said: PretrainConfig, run: Path, epoch: int | None, mode: str) -> TrainConfig:
    encoder = {"encoder_from": str(run), "encoder_epoch": epoch} if mode == "linear" else {}
    return TrainConfig.model_validate_json(json.dumps({
        "backend": "ann", "seed": said.seed, "label": said.label, "split": said.split.model_dump(mode="json"),
        "represent": said.represent.model_dump(mode="json"),
        "model": {"mode": mode, "size_px": said.model.size_px, "width": said.model.width, "context_windows": 1,
                  "lstm_layers": 0, **encoder}}))


def _scores(network: SequenceClassifier, prepared: Prepared, what: str) -> list[StageScore]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    parts = [prepared.numbers[part] for part in ("train", "validation", "test")]
    clips = progress(np.concatenate(parts), total=sum(map(len, parts)), unit="clip", desc=f"probe {what}")
    read = {int(clip): stage_features(network, pictures_to_network(prepared.rows.of(int(clip)))) for clip in clips}
    found = []
    names = [f"e{number + 1}" for number in range(len(network.encoder.blocks))] + ["neck"]
    for place, name in enumerate(names):
        train, validation, test = ((np.stack([read[int(clip)][place] for clip in part]), prepared.labels[part])
                                   for part in parts)
        tried = []
        for strength in STRENGTHS:
            model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000)).fit(*train)
            tried.append((float(model.score(*validation)), model))
        best, model = max(tried, key=lambda one: one[0])
        found.append(StageScore(name, train[0].shape[1], best, float(model.score(*test))))
    return found
