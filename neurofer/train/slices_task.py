"""The recipe of Spiking-FER: a clip as a few binary frames, a spiking ResNet or its twin, cross-entropy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from neurofer.data.cache import ClipRows
from neurofer.errors import UsageError
from neurofer.train.augment import draw_holes, draw_maps, warp_spikes
from neurofer.train.config import TrainConfig
from neurofer.train.decisions import Decisions, decide_together, softmax, validation_scores
from neurofer.train.loop import StepLoss
from neurofer.train.processes import ALL, Processes, Share, device_of, place
from neurofer.train.slices import LiveSlices, unpack


class SliceBatch(NamedTuple):
    """Clips side by side as the network takes them."""

    frames: Tensor
    """Float32 zeros and ones: ``(T, B, 2, S, S)`` of the spiking network, ``(B, 2 T, S, S)`` of its twin, where frame
    after frame has its OFF and its ON channel."""
    labels: Tensor
    """``(B,)`` class numbers."""


class SlicesTask:
    """Batches, loss and decisions of a network that sees a clip as one sample.

    Each training clip comes once an epoch, with changed events where ``augment.events`` says so. Every weight decays,
    as published, those of batch norm included.

    Args:
        config: The run.
        slices: Packed frames of all clips.
        labels: ``(clips,)`` class numbers.
        train: Numbers of the training clips.
        validation: Numbers of the validation clips.
        live: Makes the frames of training clips from changed events; by default they are the cached ones.

    Raises:
        UsageError: a batch of one clip, of which batch norm knows no variance.
    """

    def __init__(self, config: TrainConfig, slices: ClipRows, labels: NDArray[np.int64], train: Sequence[int],
                 validation: Sequence[int], live: LiveSlices | None = None) -> None:
        self._config, self._slices, self._labels, self._live = config, slices, labels, live
        self._train = np.asarray(train, np.int64)
        self._validation = np.asarray(validation, np.int64)
        self._stacked = config.backend == "ann"
        self._size_px = config.model.size_px if self._stacked else config.snn.size_px
        if len(self._train) // self.steps < 2:
            raise UsageError(f"train.batch={config.train.batch}: {len(self._train)} training clips give a batch of "
                             "one, on which batch norm cannot learn; use another train.batch or more clips")

    @property
    def steps(self) -> int:
        """Optimiser steps of one epoch."""
        return -(-len(self._train) // self._config.train.batch)

    def batches(self, generator: np.random.Generator, share: Share = ALL) -> Iterator[SliceBatch]:
        """The training clips of one epoch, each once, in a drawn order."""
        augment = self._config.augment
        for clips in np.array_split(generator.permutation(self._train), self.steps):
            mine = share.mine(len(clips))
            changes = self._live.draw(generator, len(clips), mine) if self._live else ()
            maps = draw_maps(generator, augment, len(clips))[mine]
            holes = draw_holes(generator, augment, len(clips), self._size_px)[mine]
            frames = []
            for number, clip in enumerate(clips[mine].tolist()):
                whole = self._live.frames(clip, changes[number]) if self._live else self._cached(clip)
                moved = warp_spikes(whole, maps[number])
                left, top, right, bottom = holes[number]
                moved[..., top:bottom, left:right] = 0
                frames.append(moved)
            yield self._batch(frames, clips[mine])

    def losses(self, model: nn.Module, batch: SliceBatch) -> Iterator[StepLoss]:
        """Cross-entropy of one batch, in one part."""
        logits = model(batch.frames).float()
        plain = functional.cross_entropy(logits, batch.labels)
        smooth = self._config.train.label_smoothing
        total = functional.cross_entropy(logits, batch.labels, label_smoothing=smooth) if smooth else plain
        yield StepLoss(total, float(plain.detach()), int((logits.argmax(1) == batch.labels).sum()), len(batch.labels))

    def parameter_groups(self, model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
        """All weights in one group."""
        return [{"params": [value for value in model.parameters() if value.requires_grad],
                 "weight_decay": weight_decay, "scale": 1.0}]

    def validate(self, model: nn.Module, processes: Processes) -> dict[str, float]:
        """Scores per validation clip."""
        return validation_scores(decide_together(self.decide, model, self._validation, processes), self._labels)

    def decide(self, model: nn.Module, clips: Sequence[int] | NDArray[np.int64]) -> Decisions:
        """Decisions about clips by number; a clip is its own and only decision window."""
        numbers = np.asarray(clips, np.int64)
        found = []
        with torch.inference_mode():
            for part in np.array_split(numbers, -(-len(numbers) // self._config.train.batch)):
                found.append(model(place(self.gather(part), device_of(model)).frames).double().cpu().numpy())
        probabilities = softmax(np.concatenate(found))
        predicted = probabilities.argmax(axis=1)
        return Decisions(numbers, predicted, probabilities, np.arange(len(numbers)), predicted, probabilities)

    def gather(self, clips: NDArray[np.int64]) -> SliceBatch:
        """Some clips, unchanged, as one batch."""
        return self._batch([self._cached(clip) for clip in clips.tolist()], clips)

    def _cached(self, clip: int) -> NDArray[np.uint8]:
        return unpack(self._slices.of(clip), self._size_px)

    def _batch(self, frames: Sequence[NDArray[np.uint8]], clips: NDArray[np.int64]) -> SliceBatch:
        """Frames ``(T, 2, S, S)`` of these clips side by side."""
        whole = torch.from_numpy(np.stack(frames, axis=0 if self._stacked else 1)).float()
        return SliceBatch(whole.flatten(1, 2) if self._stacked else whole, torch.from_numpy(self._labels[clips]))
