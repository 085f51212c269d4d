"""The ANN recipe: triples of window pictures, an encoder, an LSTM over them, cross-entropy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from neurofer.data.cache import ClipRows
from neurofer.train.augment import draw_holes, draw_maps, warp_pictures
from neurofer.train.config import TrainConfig
from neurofer.train.decisions import Decisions, softmax, validation_scores
from neurofer.train.loop import StepLoss
from neurofer.train.processes import ALL, Share


class AnnTask:
    """Batches, loss and decisions of the ANN.

    An epoch draws ``sample.per_clip`` runs of ``sample.windows`` consecutive windows from each clip. Every triple (more
    exactly, every ``model.context_windows`` windows in a row) of a run gives class probabilities; their mean is the
    run's, as the mean over all triples is the clip's at test. The loss looks at that mean. In most clips the face is at
    rest for part of the time, and a triple of such windows says nothing about the class: this way it may say so,
    without anybody having to choose the triples that count.

    Where a run starts is drawn with odds ``events ** sample.event_power``: 0 draws evenly, 1 in proportion to the run's
    events. At test nothing is chosen.

    Args:
        config: The run.
        windows: Pictures of all clips.
        labels: ``(clips,)`` class numbers.
        train: Numbers of the training clips.
        validation: Numbers of the validation clips.
    """

    def __init__(self, config: TrainConfig, windows: ClipRows, labels: NDArray[np.int64], train: Sequence[int],
                 validation: Sequence[int]) -> None:
        self._config = config
        self._windows = windows
        self._labels = labels
        self._train = np.asarray(train, np.int64)
        self._validation = np.asarray(validation, np.int64)
        shortest = int(windows.lengths()[self._train].min())
        self._run = min(max(config.sample.windows, config.model.context_windows), shortest)

    @property
    def steps(self) -> int:
        """Optimiser steps of one epoch."""
        return -(-len(self._train) * self._config.sample.per_clip // self._config.train.batch)

    def batches(self, generator: np.random.Generator, share: Share = ALL) -> Iterator[tuple[Tensor, Tensor]]:
        """``(pictures (B, T, C, S, S) float32 in -1..1, labels (B,))`` of one epoch."""
        clips = np.repeat(self._train, self._config.sample.per_clip)
        starts = np.concatenate([self._draw_starts(clip, generator) for clip in self._train])
        empty = empty_value(self._windows.rows.dtype, self._windows.empty)
        for whole in np.array_split(generator.permutation(len(clips)), self.steps):
            mine = share.mine(len(whole))
            part = whole[mine]
            first = self._windows.first[clips[part]] + starts[part]
            pictures = pictures_to_network(self._windows.rows[first[:, None] + np.arange(self._run)])
            maps = draw_maps(generator, self._config.augment, len(whole))[mine]
            holes = draw_holes(generator, self._config.augment, len(whole), pictures.shape[-1])[mine]
            pictures = warp_pictures(pictures, maps, empty)
            for sequence, (left, top, right, bottom) in zip(pictures, holes, strict=True):
                sequence[..., top:bottom, left:right] = empty
            yield pictures, torch.from_numpy(self._labels[clips[part]])

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> StepLoss:
        """Cross-entropy of the mean probabilities of each run."""
        pictures, labels = batch
        logits, _ = model(pictures)
        mean = mean_log_probabilities(logits)
        smooth = self._config.train.label_smoothing
        plain = functional.nll_loss(mean, labels)
        total = (1 - smooth) * plain - smooth * mean.mean()
        return StepLoss(total, float(plain.detach()), int((mean.argmax(1) == labels).sum()), len(labels))

    def parameter_groups(self, model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
        """Weights with decay; biases and normalisation without."""
        trained = [value for value in model.parameters() if value.requires_grad]
        return [{"params": [value for value in trained if value.ndim > 1], "weight_decay": weight_decay, "scale": 1.0},
                {"params": [value for value in trained if value.ndim <= 1], "weight_decay": 0.0, "scale": 1.0}]

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Scores per validation clip."""
        return validation_scores(self.decide(model, self._validation), self._labels)

    def decide(self, model: nn.Module, clips: Sequence[int] | NDArray[np.int64]) -> Decisions:
        """Decisions about clips by number; every triple counts."""
        means, each, owner = [], [], []
        with torch.inference_mode():
            for place, clip in enumerate(clips):
                logits, _ = model(pictures_to_network(self._windows.of(clip))[None])
                probabilities = softmax(logits[0].numpy().astype(np.float64))
                means.append(probabilities.mean(axis=0))
                each.append(probabilities)
                owner.append(np.full(len(probabilities), place))
        clip, window = np.stack(means), np.concatenate(each)
        return Decisions(np.asarray(clips, np.int64), clip.argmax(axis=1), clip, np.concatenate(owner),
                         window.argmax(axis=1), window)

    def _draw_starts(self, clip: int, generator: np.random.Generator) -> NDArray[np.int64]:
        events = self._windows.counts_of(clip).sum(axis=1)
        sums = np.convolve(events, np.ones(self._run), mode="valid")
        odds = (sums + 1.0) ** self._config.sample.event_power
        draws = generator.choice(len(sums), self._config.sample.per_clip, p=odds / odds.sum())
        return np.asarray(draws, np.int64)


def mean_log_probabilities(logits: Tensor) -> Tensor:
    """Logarithm of the mean softmax over the decisions of a sequence: ``(B, D, K)`` to ``(B, K)``."""
    return torch.logsumexp(functional.log_softmax(logits, dim=-1), dim=1) - math.log(logits.shape[1])


def pictures_to_network(rows: NDArray[Any]) -> Tensor:
    """Pictures as the encoder takes them: bytes as ``v / 127.5 - 1``, floating point as it is."""
    if rows.dtype == np.uint8:
        return torch.from_numpy(np.array(rows)).float().div_(127.5).sub_(1.0)
    return torch.from_numpy(np.array(rows, np.float32))


def empty_value(dtype: np.dtype[Any], stored: float = 0.0) -> float:
    """What a pixel without events is in ``pictures_to_network``, if it is ``stored`` in the rows."""
    return stored / 127.5 - 1.0 if dtype == np.uint8 else stored
