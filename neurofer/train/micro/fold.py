"""One fold: key frames, statistics, both stages and class weights, all learned from the training people alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from neurofer.data.clip import ClipSet
from neurofer.data.micro.pool import frames_of
from neurofer.data.micro.split import MicroSplit
from neurofer.errors import NeuroferError
from neurofer.keyframes.frames import Midpoint
from neurofer.models.siamese import MicroClassifier, Trunk
from neurofer.train.micro.alpha import search_alpha
from neurofer.train.micro.config import MicroConfig
from neurofer.train.micro.inputs import micro_inputs, statistics_of
from neurofer.train.micro.instants import ClipInstants, clip_instants, detections, lag_of
from neurofer.train.micro.losses import Alpha
from neurofer.train.micro.reads import Reads
from neurofer.train.micro.stages import (
    Checkpoint,
    History,
    MicroData,
    build_trunk,
    numbers_of,
    probabilities_of,
    train_prior,
    train_target,
)
from neurofer.train.pair_task import spread

MOST_FILMS = 256
"""That the network of ``interp_cnn`` learns from, evenly spread over the training clips."""


@dataclass(frozen=True)
class FoldData:
    """What a fold is trained on and tested with.

    Attributes:
        data: Maps, labels, statistics.
        train: Numbers of the training clips.
        test: Numbers of the tested clips.
        instants: Key instants of all clips.
        interpolator: The network of ``interp_cnn``, else None.
        interpolator_record: How it was trained, else None.
    """

    data: MicroData
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    instants: ClipInstants
    interpolator: nn.Module | None
    interpolator_record: dict[str, Any] | None


@dataclass(frozen=True)
class FoldResult:
    """A trained fold.

    Attributes:
        model: In eval mode.
        alpha: How its focal loss weighed classes.
        alpha_record: The search for that, None where it was given.
        history: One row an epoch of both stages.
        probabilities: ``(T, K)`` of the tested clips.
    """

    model: MicroClassifier
    alpha: Alpha
    alpha_record: dict[str, Any] | None
    history: History
    probabilities: NDArray[np.float64]


def fold_data(config: MicroConfig, clip_set: ClipSet, split: MicroSplit, cache: Path) -> FoldData:
    """Key frames, maps and statistics of a fold.

    Args:
        config: The run.
        clip_set: Clips under the label that is learned.
        split: Who trains and who is tested.
        cache: Where maps are kept.

    Raises:
        NeuroferError: a class without a training clip.
        BadFileError: the store, or the place of the cache, cannot be used.
    """
    reads = Reads(clip_set)
    labels = np.array([clip_set.label_number(clip) for clip in clip_set.clips], np.int64)
    train, test = split.numbers(clip_set, "train"), split.numbers(clip_set, "test")
    absent = [name for number, name in enumerate(clip_set.classes) if number not in labels[train]]
    if absent:
        raise NeuroferError(f"data set {clip_set.name}: no training clip shows {', '.join(absent)}; "
                            "use another split, or a data set with more subjects")
    lag_us = 0
    if config.key.kind == "event" and config.event.calibrate:
        reads.note("lag", train)
        lag_us = lag_of(clip_set, detections(clip_set, config.event, cache), train.tolist(), config.event.bin_us)
    instants = clip_instants(clip_set, config.key, config.event, cache, lag_us)
    network, said, midpoint = None, None, None
    if config.key.kind == "interp_cnn":
        network, said, midpoint = _interpolator(config, clip_set, train, reads)
    inputs = micro_inputs(clip_set, config.input, config.key.kind, instants, None if midpoint else cache, midpoint)
    reads.note("statistics", train)
    data = MicroData(inputs, labels, numbers_of([clip.subject for clip in clip_set.clips]), clip_set.classes,
                     statistics_of(inputs, train), reads)
    return FoldData(data, train, test, instants, network, said)


def train_fold(config: MicroConfig, clip_set: ClipSet, fold: FoldData,
               checkpoint: Callable[[str], Checkpoint] | None = None) -> FoldResult:
    """Both stages on the training clips, and one look at the tested ones.

    Args:
        config: The run.
        clip_set: As for ``fold_data``.
        fold: By ``fold_data``.
        checkpoint: Gives where ``prior`` and ``target`` are kept while they are under way.

    Raises:
        NeuroferError: no pairs to draw, too few people for the inner folds, or a loss that is no longer a number.
    """
    data, train, seed = fold.data, fold.train, config.seed
    kept = checkpoint or (lambda stage: None)  # type: ignore[return-value]
    trunk = build_trunk(config, data, train, seed)
    history: History = []
    if config.prior.loss != "none":
        history += train_prior(config, data, train, trunk, seed, kept("prior"))
    alpha, record = _alpha(config, data, clip_set, train, trunk)
    model, rows = train_target(config, data, train, trunk, alpha, seed, kept("target"))
    data.reads.note("test", fold.test)
    return FoldResult(model, alpha, record, history + rows, probabilities_of(model, data, fold.test))


def _alpha(config: MicroConfig, data: MicroData, clip_set: ClipSet, train: NDArray[np.int64],
           trunk: Trunk) -> tuple[Alpha, dict[str, Any] | None]:
    wanted = config.target.alpha
    if wanted != "search":
        return wanted, None
    return search_alpha(config, data, clip_set, train, trunk, config.seed)


def _interpolator(config: MicroConfig, clip_set: ClipSet, train: NDArray[np.int64],
                  reads: Reads) -> tuple[nn.Module, dict[str, Any], Midpoint]:
    """A network that draws midpoints, trained on films of the training people; each of them is an open file."""
    from neurofer.models.interpolate import interpolate_midpoint
    from neurofer.train.micro.interpolate import train_interpolator

    clips = [clip_set.clips[number] for number in train[spread(len(train), MOST_FILMS)]]
    network, said = train_interpolator([(clip.subject, frames_of(clip).pictures) for clip in clips],
                                       config.interpolate, config.seed, config.threads)
    reads.note_subjects("interpolator", said["subjects"])
    return network, said, interpolate_midpoint(network)
