"""The weights of a spotter: moments of training videos, drawn anew each epoch, for a fixed number of epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neurofer.errors import NeuroferError
from neurofer.models.spotter import Spotter
from neurofer.progress import progress as shown
from neurofer.spotting.interval import KINDS, Interval, Kind
from neurofer.spotting.sampling import draw_samples, interval_labels, iou_labels
from neurofer.train.checkpoint import Progress, load_checkpoint, save_checkpoint
from neurofer.train.micro.stages import Checkpoint
from neurofer.train.spot.augment import changed
from neurofer.train.spot.config import SpotConfig
from neurofer.train.spot.inputs import Skips, SpotInputs, strided

History = list[dict[str, Any]]
FAST_FPS = 60.0
"""From here on, neighbouring frames tell so much the same that every fourth is learned from."""

_FAST_STRIDE = 4


class Samples(NamedTuple):
    """Moments to learn from, each of one type.

    Attributes:
        videos: ``(S,)`` numbers of the videos.
        numbers: ``(S,)`` their frames, of those used.
        kinds: ``(S,)`` 0 micro, 1 macro.
        labels: ``(S,)`` float32, 0..1.
    """

    videos: NDArray[np.int64]
    numbers: NDArray[np.int64]
    kinds: NDArray[np.int64]
    labels: NDArray[np.float32]


@dataclass(frozen=True)
class SpotData:
    """What a training reads.

    Attributes:
        inputs: Of all videos.
        truth: Intervals of each video, on the frames that are used.
        fps: Of those frames.
    """

    inputs: SpotInputs
    truth: tuple[tuple[Interval, ...], ...]
    fps: float


def spot_data(inputs: SpotInputs, truth: Mapping[str, Sequence[Interval]], names: Sequence[str],
              fps: float) -> SpotData:
    """Inputs and truth of the videos called ``names``, brought to the frames that are used."""
    stride = inputs.chosen.frame_stride
    return SpotData(inputs, tuple(strided(truth[name], stride, inputs.frames(number))
                                  for number, name in enumerate(names)), fps / stride)


def empty_spotter(config: SpotConfig) -> Spotter:
    """The network that the settings describe, to be given weights."""
    chosen, model = config.input, config.model
    events = chosen.kind == "events"
    lcn = not events if chosen.lcn is None else chosen.lcn
    return Spotter(4 if events else 1, 1 if events else 3, model.width, model.residual, model.dropout, lcn)


def epoch_samples(config: SpotConfig, data: SpotData, videos: NDArray[np.int64], skips: Skips,
                  random: np.random.Generator) -> Samples:
    """The moments of one epoch, micro before macro.

    Args:
        config: How they are chosen.
        data: What there is.
        videos: Numbers of the training videos.
        skips: Distances k, for labels by overlap.
        random: Source of the draws.
    """
    chosen = config.sample
    stride = chosen.stride or (1 if data.fps < FAST_FPS else _FAST_STRIDE)
    known = [(data.truth[video], data.inputs.frames(int(video))) for video in videos]
    parts = []
    for column, kind in enumerate(KINDS):
        places, numbers = draw_samples(random, known, kind, stride, chosen.negatives, chosen.most)
        labels = np.zeros(len(places), np.float32)
        for place in np.unique(places):
            mine = places == place
            labels[mine] = _labels(config, data.truth[videos[place]], kind, numbers[mine], skips[column])
        parts.append(Samples(videos[places], numbers, np.full(len(places), column), labels))
    return Samples(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def train_spotter(config: SpotConfig, data: SpotData, videos: NDArray[np.int64], skips: Skips,
                  entropy: tuple[int, int], checkpoint: Checkpoint | None = None,
                  what: str = "train") -> tuple[Spotter, History]:
    """A spotter trained on videos; what an epoch draws follows from entropy and its number alone.

    Args:
        config: The run.
        data: What is read.
        videos: Numbers of the training videos.
        skips: Distances k.
        entropy: Seed of the run, and which of its networks this is.
        checkpoint: Kept after every epoch.
        what: Name of the progress bar.

    Returns:
        The network in eval mode, and one row an epoch.

    Raises:
        NeuroferError: there is nothing to learn from, or the loss is no longer a number.
    """
    torch.manual_seed(_torch_seed(*entropy, 0))
    model, settings = empty_spotter(config), config.train
    optimiser: torch.optim.Optimizer
    if settings.optimiser == "adam":
        optimiser = torch.optim.Adam(model.parameters(), lr=settings.lr)
    else:
        optimiser = torch.optim.SGD(model.parameters(), lr=settings.lr, momentum=0.9)
    state = Progress()
    if checkpoint is not None and checkpoint.resume and checkpoint.path.exists():
        state = load_checkpoint(checkpoint.path, model, model, optimiser, checkpoint.identity)
    while state.epoch < settings.epochs:
        random = np.random.default_rng((*entropy, state.epoch))
        torch.manual_seed(_torch_seed(*entropy, state.epoch + 1))
        samples = epoch_samples(config, data, videos, skips, random)
        if not samples.labels.any():
            raise NeuroferError("train: the training videos show no expression from its onset on, so there is nothing "
                                "to learn; use another split, or a data set with more subjects")
        row = _epoch(model, optimiser, config, data, samples, skips, random, state.epoch, what)
        state.epoch += 1
        state.history.append({"epoch": state.epoch, **row})
        if checkpoint is not None:
            save_checkpoint(checkpoint.path, model, model, optimiser, state, checkpoint.identity)
    return model.eval(), state.history


def spot_loss(logits: Tensor, kinds: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Binary cross-entropy of both types added up, each a mean over its samples.

    Args:
        logits: ``(B,)``.
        kinds: ``(B,)`` 0 or 1.
        labels: ``(B,)`` in 0..1.
        weights: ``(2,)`` factor of the positives of each type.
    """
    each = functional.binary_cross_entropy_with_logits(logits, labels, pos_weight=weights[kinds], reduction="none")
    parts = [each[kinds == kind].mean() for kind in range(len(KINDS)) if bool((kinds == kind).any())]
    return torch.stack(parts).sum()


def positive_weights(samples: Samples) -> Tensor:
    """``(2,)`` what is not shown over what is shown, N0 / N1, for each type; 1 where nothing is."""
    ratios = []
    for kind in range(len(KINDS)):
        labels = samples.labels[samples.kinds == kind].astype(np.float64)
        shown_sum = float(labels.sum())
        ratios.append((len(labels) - shown_sum) / shown_sum if shown_sum else 1.0)
    return torch.tensor(ratios, dtype=torch.float32).clamp_min(1e-3)


def _epoch(model: Spotter, optimiser: torch.optim.Optimizer, config: SpotConfig, data: SpotData, samples: Samples,
           skips: Skips, random: np.random.Generator, epoch: int, what: str) -> dict[str, Any]:
    model.train()
    settings, distances = config.train, np.asarray(skips, np.int64)
    order = random.permutation(len(samples.videos))
    batches = np.array_split(order, max(1, math.ceil(len(order) / settings.batch)))
    weights, total = positive_weights(samples), 0.0
    for number, batch in enumerate(shown(batches, unit="step", desc=f"{what} {epoch + 1}/{settings.epochs}")):
        for group in optimiser.param_groups:
            group["lr"] = _rate(config, epoch + number / len(batches))
        kinds = samples.kinds[batch]
        stacks = data.inputs.stacks(samples.videos[batch], samples.numbers[batch], distances[kinds])
        stacks = changed(stacks, config.augment, random)
        logits = model(stacks, torch.from_numpy(kinds))
        loss = spot_loss(logits, torch.from_numpy(kinds), torch.from_numpy(samples.labels[batch]), weights)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise NeuroferError(f"training diverged: the loss is {value} in epoch {epoch + 1}; use a smaller train.lr "
                                f"than {settings.lr:g}")
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        total += value * len(batch)
    return {"loss": total / len(order), "samples": len(order)}


def _rate(config: SpotConfig, epochs_done: float) -> float:
    if config.train.schedule == "constant":
        return config.train.lr
    return config.train.lr * 0.5 * (1 + math.cos(math.pi * epochs_done / config.train.epochs))


def _labels(config: SpotConfig, intervals: Sequence[Interval], kind: Kind, numbers: NDArray[np.int64],
            skip: int) -> NDArray[np.float32]:
    if config.sample.label == "iou":
        return iou_labels(intervals, kind, numbers, skip)
    return interval_labels(intervals, kind, numbers)


def _torch_seed(*entropy: int) -> int:
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)
