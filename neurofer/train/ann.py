"""The ANN recipe: triples of window pictures, an encoder, an LSTM over them, cross-entropy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from neurofer.data.cache import ClipRows
from neurofer.models.recurrent import SequenceClassifier
from neurofer.train.augment import draw_holes, draw_maps, warp_pictures
from neurofer.train.config import TrainConfig
from neurofer.train.decisions import Decisions, decide_together, softmax, validation_scores
from neurofer.train.live import LivePictures
from neurofer.train.loop import StepLoss
from neurofer.train.processes import ALL, Processes, Share, chosen_device, device_of

ENCODER_PARTS = ("encoder.", "front.")
"""How the names of the weights begin that make an embedding of a picture."""


class Inputs(Protocol):
    """What the network gets of windows: their pictures, or embeddings that were made of these before."""

    def drawn(self, clips: NDArray[np.int64], windows: NDArray[np.int64], mine: NDArray[np.int64],
              generator: np.random.Generator) -> Tensor:
        """Changed training samples, as a batch.

        Args:
            clips: ``(B,)`` numbers of the samples' clips.
            windows: ``(B, T)`` which windows of their clip.
            mine: Places of the samples to read; draws are made for all.
            generator: Source of the draws.
        """
        ...

    def logits(self, model: nn.Module, inputs: Tensor) -> Tensor:
        """``(B, D, K)`` logits of a drawn batch."""
        ...

    def embeddings(self, model: nn.Module, clip: int) -> Tensor:
        """``(1, T, E)`` embeddings of all windows of a clip, unchanged."""
        ...


class Pictures:
    """Window pictures, changed by one draw for a whole sample, or for each picture with ``augment_per_frame``.

    Args:
        config: The run.
        windows: Pictures of all clips.
        live: Makes those of training samples from changed events; by default they are the cached ones.
    """

    def __init__(self, config: TrainConfig, windows: ClipRows, live: LivePictures | None = None) -> None:
        self._augment, self._per_frame, self._windows = config.augment, config.parity.augment_per_frame, windows
        self._device = chosen_device(config.train.device)
        self._live = live

    def drawn(self, clips: NDArray[np.int64], windows: NDArray[np.int64], mine: NDArray[np.int64],
              generator: np.random.Generator) -> Tensor:
        """``(B, T, C, S, S)`` float32, moved and erased where the network computes."""
        if self._live:
            rows = self._live.drawn(clips, windows, mine, generator)
        else:
            rows = self._windows.rows[self._windows.first[clips[mine], None] + windows[mine]]
        pictures = pictures_to_network(rows, self._device)
        empty = empty_value(self._windows.rows.dtype, self._windows.empty)
        draws = windows.shape[1] if self._per_frame else 1
        size_px = pictures.shape[-1]
        maps = draw_maps(generator, self._augment, len(clips) * draws).reshape(len(clips), draws, 2, 3)
        holes = draw_holes(generator, self._augment, len(clips) * draws, size_px).reshape(len(clips), draws, 4)
        changed = pictures.reshape(len(mine) * draws, -1, *pictures.shape[2:])
        changed = warp_pictures(changed, maps[mine].reshape(-1, 2, 3), empty)
        for sequence, (left, top, right, bottom) in zip(changed, holes[mine].reshape(-1, 4), strict=True):
            sequence[..., top:bottom, left:right] = empty
        return changed.reshape(pictures.shape)

    def logits(self, model: nn.Module, inputs: Tensor) -> Tensor:
        """``(B, D, K)``."""
        logits: Tensor = model(inputs)[0]
        return logits

    def embeddings(self, model: nn.Module, clip: int) -> Tensor:
        """``(1, T, E)``."""
        pictures = pictures_to_network(self._windows.of(clip), device_of(model))
        return sequence_classifier(model).embed(pictures[None])


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
        inputs: What the network gets of a window; its picture by default.
    """

    def __init__(self, config: TrainConfig, windows: ClipRows, labels: NDArray[np.int64], train: Sequence[int],
                 validation: Sequence[int], inputs: Inputs | None = None) -> None:
        self._config = config
        self._inputs = inputs or Pictures(config, windows)
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
        """``(inputs, labels (B,))`` of one epoch; of pictures, inputs are ``(B, T, C, S, S)`` float32 in -1..1."""
        clips, windows = self._samples(generator)
        for whole in np.array_split(generator.permutation(len(clips)), self.steps):
            mine = share.mine(len(whole))
            inputs = self._inputs.drawn(clips[whole], windows[whole], mine, generator)
            yield inputs, torch.from_numpy(self._labels[clips[whole[mine]]])

    def losses(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Iterator[StepLoss]:
        """The loss of one batch, in one part."""
        yield self.loss(model, batch)

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> StepLoss:
        """Cross-entropy of the mean probabilities of each run."""
        inputs, labels = batch
        mean = mean_log_probabilities(self._inputs.logits(model, inputs))
        smooth = self._config.train.label_smoothing
        plain = functional.nll_loss(mean, labels)
        total = (1 - smooth) * plain - smooth * mean.mean()
        return StepLoss(total, float(plain.detach()), int((mean.argmax(1) == labels).sum()), len(labels))

    def parameter_groups(self, model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
        """Weights with decay; biases and normalisation without; an encoder that is tuned has a rate of its own."""
        tuned = ENCODER_PARTS if self._config.model.mode == "finetune" else ()
        trained = [(name.startswith(tuned), value) for name, value in model.named_parameters() if value.requires_grad]
        groups = []
        for of_encoder in (False, True) if tuned else (False,):
            scale = self._config.model.encoder_lr_scale if of_encoder else 1.0
            mine = [value for there, value in trained if there == of_encoder]
            groups += [
                {"params": [value for value in mine if value.ndim > 1], "weight_decay": weight_decay, "scale": scale},
                {"params": [value for value in mine if value.ndim <= 1], "weight_decay": 0.0, "scale": scale}]
        return groups

    def validate(self, model: nn.Module, processes: Processes) -> dict[str, float]:
        """Scores per validation clip."""
        return validation_scores(decide_together(self.decide, model, self._validation, processes), self._labels)

    def decide(self, model: nn.Module, clips: Sequence[int] | NDArray[np.int64]) -> Decisions:
        """Decisions about clips by number; every triple counts."""
        means, each, owner = [], [], []
        with torch.inference_mode():
            for place, clip in enumerate(clips):
                logits = self._logits_of_clip(model, self._inputs.embeddings(model, clip))
                probabilities = softmax(logits.cpu().numpy().astype(np.float64))
                means.append(probabilities.mean(axis=0))
                each.append(probabilities)
                owner.append(np.full(len(probabilities), place))
        clip, window = np.stack(means), np.concatenate(each)
        return Decisions(np.asarray(clips, np.int64), clip.argmax(axis=1), clip, np.concatenate(owner),
                         window.argmax(axis=1), window)

    def _samples(self, generator: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The samples of an epoch: numbers of their clips ``(N,)``, and which windows of these ``(N, T)``."""
        clips = np.repeat(self._train, self._config.sample.per_clip)
        starts = np.concatenate([self._draw_starts(clip, generator) for clip in self._train])
        return clips, starts[:, None] + np.arange(self._run)

    def _logits_of_clip(self, model: nn.Module, embeddings: Tensor) -> Tensor:
        """``(D, K)`` logits of the decisions about a clip, from ``(1, T, E)``."""
        return sequence_classifier(model).decide(embeddings)[0][0]

    def _draw_starts(self, clip: int, generator: np.random.Generator) -> NDArray[np.int64]:
        events = self._windows.counts_of(clip).sum(axis=1)
        sums = np.convolve(events, np.ones(self._run), mode="valid")
        odds = (sums + 1.0) ** self._config.sample.event_power
        draws = generator.choice(len(sums), self._config.sample.per_clip, p=odds / odds.sum())
        return np.asarray(draws, np.int64)


def sequence_classifier(model: nn.Module) -> SequenceClassifier:
    """The model, if it is the ANN.

    Raises:
        TypeError: it is another.
    """
    if not isinstance(model, SequenceClassifier):
        raise TypeError(f"AnnTask: need a SequenceClassifier, got {type(model).__name__}")
    return model


def mean_log_probabilities(logits: Tensor) -> Tensor:
    """Logarithm of the mean softmax over the decisions of a sequence: ``(B, D, K)`` to ``(B, K)``."""
    return torch.logsumexp(functional.log_softmax(logits, dim=-1), dim=1) - math.log(logits.shape[1])


def pictures_to_network(rows: NDArray[Any], device: torch.device | None = None) -> Tensor:
    """Pictures as the encoder takes them: bytes as ``v / 127.5 - 1``, floating point as it is; on the CPU by default.
    """
    if rows.dtype == np.uint8:
        return torch.from_numpy(np.array(rows)).to(device).float().div_(127.5).sub_(1.0)
    return torch.from_numpy(np.array(rows, np.float32)).to(device)


def empty_value(dtype: np.dtype[Any], stored: float = 0.0) -> float:
    """What a pixel without events is in ``pictures_to_network``, if it is ``stored`` in the rows."""
    return stored / 127.5 - 1.0 if dtype == np.uint8 else stored
