"""The two stages: pairs teach the trunk what differs between classes, then a head on it learns the classes."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from neurofer.errors import NeuroferError
from neurofer.models.siamese import ConvTrunk, MicroClassifier, Siamese, Similarity, Trunk, embed_each_once
from neurofer.models.spiking_trunk import SpikingTrunk
from neurofer.progress import progress as shown
from neurofer.train.checkpoint import Progress, load_checkpoint, save_checkpoint
from neurofer.train.micro.augment import change_flow, change_slices, draw_changes
from neurofer.train.micro.config import MicroAugmentConfig, MicroConfig
from neurofer.train.micro.inputs import MAPS, MicroInputs, Statistics, seen
from neurofer.train.micro.losses import Alpha, class_weights, contrastive_loss, focal_loss, similarity_loss
from neurofer.train.micro.pairs import draw_clips, draw_pairs
from neurofer.train.micro.reads import Reads

History = list[dict[str, Any]]
_PRIOR, _TARGET = 1, 2
_AT_ONCE = 32


@dataclass(frozen=True)
class MicroData:
    """What a training reads.

    Attributes:
        inputs: Maps of all clips.
        labels: ``(N,)`` class numbers.
        subjects: ``(N,)`` numbers of the subjects.
        classes: Class names.
        statistics: Of the training clips.
        reads: Where it is noted who was read.
    """

    inputs: MicroInputs
    labels: NDArray[np.int64]
    subjects: NDArray[np.int64]
    classes: tuple[str, ...]
    statistics: Statistics
    reads: Reads

    def batch(self, clips: NDArray[np.int64], augment: MicroAugmentConfig, generator: np.random.Generator) -> Tensor:
        """``(B, 3, 10, S, S)`` maps of training clips, each in a view and with a change of its own."""
        views = generator.integers(self.inputs.maps.shape[1], size=len(clips))
        maps = self.inputs.take(clips, views)
        changes = draw_changes(len(clips), augment.flip, augment.rotate_deg, augment.crop,
                               (augment.gain_low, augment.gain_high), generator)
        change = change_flow if self.inputs.kind == "flow" else change_slices
        return seen(self.inputs.kind, change(maps, changes), self.statistics)

    def plain(self, clips: NDArray[np.int64]) -> Tensor:
        """``(B, 3, 10, S, S)`` maps of clips as they are."""
        return seen(self.inputs.kind, self.inputs.take(clips), self.statistics)


class Checkpoint(NamedTuple):
    """Where a stage is kept while it is under way.

    Attributes:
        path: File to write after every epoch.
        identity: What a run that goes on must share.
        resume: Go on from the file if it is there.
    """

    path: Path
    identity: dict[str, Any]
    resume: bool


class Step(NamedTuple):
    """A batch's loss, and how many of its pairs or clips were told rightly."""

    loss: Tensor
    right: int
    samples: int


def build_trunk(config: MicroConfig, data: MicroData, train: NDArray[np.int64], seed: int) -> Trunk:
    """The backend's trunk with fresh weights; those of a spiking one fire on the training clips."""
    torch.manual_seed(_torch_seed(seed, 0, 0))
    trunk = _fresh_trunk(config)
    if isinstance(trunk, SpikingTrunk):
        typical = train[np.linspace(0, len(train) - 1, min(len(train), _AT_ONCE)).astype(np.int64)]
        trunk.start(data.plain(typical), config.snn.start_rate)
    return trunk


def empty_classifier(config: MicroConfig, classes: int) -> MicroClassifier:
    """The network of stage 2, to be given weights."""
    return MicroClassifier(_fresh_trunk(config), classes)


def _fresh_trunk(config: MicroConfig) -> Trunk:
    size_px, model, snn = config.input.size_px, config.model, config.snn
    if config.backend == "ann":
        return ConvTrunk(3, MAPS, size_px, model.width, model.features, model.dropout)
    return SpikingTrunk(3, size_px, snn.convolutions, model.features, snn.alpha, snn.beta, snn.dropout)


def train_prior(config: MicroConfig, data: MicroData, train: NDArray[np.int64], trunk: Trunk, seed: int,
                checkpoint: Checkpoint | None = None) -> History:
    """Stage 1: the trunk learns from pairs of training clips; fixed number of epochs.

    Args:
        config: The run; its ``prior.loss`` is not none.
        data: What is read.
        train: Numbers of the training clips.
        trunk: Changed in place.
        seed: Of the run.
        checkpoint: Kept after every epoch.

    Returns:
        One row an epoch.

    Raises:
        NeuroferError: no pairs to draw, or the loss is no longer a number.

    Source:
        Micro-expression specification, section 2.5.
    """
    prior = config.prior
    siamese = Siamese(trunk, config.model.projection)
    whole = nn.ModuleDict({"siamese": siamese, "similarity": Similarity(config.model.projection)})
    if prior.loss == "contrastive":
        del whole["similarity"]

    def batches(generator: np.random.Generator) -> Iterator[Any]:
        left = prior.pairs
        while left:
            count = min(prior.batch, left)
            left -= count
            among = draw_clips(data.labels, data.subjects, train, prior.clips, generator) if prior.clips else train
            pairs = draw_pairs(data.labels, data.subjects, among, count, generator)
            if prior.clips:
                clips, places = np.unique(np.concatenate(pairs[:2]), return_inverse=True)
            else:
                clips, places = np.concatenate(pairs[:2]), np.arange(2 * count)
            data.reads.note("stage1", clips)
            first, second = torch.from_numpy(places.reshape(2, -1))
            yield data.batch(clips, config.augment, generator), first, second, torch.from_numpy(pairs.same)

    def loss(batch: Any) -> Step:
        maps, first, second, same = batch
        one, other = embed_each_once(siamese, maps, first, second)
        if prior.loss == "contrastive":
            value = contrastive_loss(one, other, same, prior.margin)
            told = (one - other).norm(dim=1) < prior.margin / 2
        else:
            logits = whole["similarity"](one, other)
            value, told = similarity_loss(logits, same), logits > 0
        return Step(value, int((told == same).sum()), len(same))

    groups = [{"params": list(whole.parameters()), "lr": prior.lr}]
    return _epochs("stage 1", whole, groups, prior.epochs, -(-prior.pairs // prior.batch), batches, loss,
                   (seed, _PRIOR), checkpoint)


def train_target(config: MicroConfig, data: MicroData, train: NDArray[np.int64], trunk: Trunk, alpha: Alpha,
                 seed: int, checkpoint: Checkpoint | None = None, purpose: str = "stage2") -> tuple[MicroClassifier,
                                                                                                  History]:
    """Stage 2: a new head on the trunk, whose first convolutions stay as they are at first; fixed number of epochs.

    Args:
        config: The run.
        data: What is read.
        train: Numbers of the training clips.
        trunk: Of stage 1 or fresh; taken over and changed in place.
        alpha: How classes are weighed.
        seed: Of the run.
        checkpoint: Kept after every epoch.
        purpose: What clips are noted as read for.

    Returns:
        The network in eval mode, and one row an epoch.

    Raises:
        NeuroferError: the loss is no longer a number.

    Source:
        Micro-expression specification, section 2.5.
    """
    target = config.target
    torch.manual_seed(_torch_seed(seed, _TARGET, 0))
    model = MicroClassifier(trunk, len(data.classes))
    weights = torch.from_numpy(class_weights(data.labels[train], len(data.classes), alpha)).float()
    gamma = target.gamma if target.loss == "focal" else 0.0

    def batches(generator: np.random.Generator) -> Iterator[Any]:
        for clips in _parts(generator.permutation(train), target.batch):
            data.reads.note(purpose, clips)
            yield data.batch(clips, config.augment, generator), torch.from_numpy(data.labels[clips])

    def loss(batch: Any) -> Step:
        maps, labels = batch
        logits = model(maps)
        return Step(focal_loss(logits, labels, gamma, weights), int((logits.argmax(dim=1) == labels).sum()),
                    len(labels))

    def before(epoch: int) -> None:
        for module in trunk.early():
            module.requires_grad_(epoch >= target.frozen_epochs)
            if epoch < target.frozen_epochs:
                module.eval()  # batch norm, too, stays as it is

    groups = [{"params": list(trunk.parameters()), "lr": target.lr_trunk},
              {"params": list(model.head.parameters()), "lr": target.lr_head}]
    steps = len(_parts(train, target.batch))
    history = _epochs("stage 2", model, groups, target.epochs, steps, batches, loss, (seed, _TARGET), checkpoint,
                      before)
    return model, history


def train_head(config: MicroConfig, data: MicroData, train: NDArray[np.int64], trunk: Trunk, alpha: Alpha,
               seed: int) -> MicroClassifier:
    """A head alone on the features of a trunk that stays as it is, by full batches; quick, to compare ``alpha``."""
    target = config.target
    torch.manual_seed(_torch_seed(seed, _TARGET, 0))
    model = MicroClassifier(trunk, len(data.classes)).eval()
    features = features_of(trunk, data, train)
    labels = torch.from_numpy(data.labels[train])
    weights = torch.from_numpy(class_weights(data.labels[train], len(data.classes), alpha)).float()
    gamma = target.gamma if target.loss == "focal" else 0.0
    optimiser = torch.optim.Adam(model.head.parameters(), lr=1e-2)
    for _ in range(_HEAD_STEPS):
        optimiser.zero_grad(set_to_none=True)
        focal_loss(model.head(features), labels, gamma, weights).backward()
        optimiser.step()
    return model


_HEAD_STEPS = 200


@torch.no_grad()
def features_of(trunk: Trunk, data: MicroData, clips: NDArray[np.int64]) -> Tensor:
    """``(B, features)`` of plain clips, in eval mode."""
    trunk.eval()
    return torch.cat([trunk(data.plain(part)) for part in _parts(clips, _AT_ONCE)])


@torch.no_grad()
def probabilities_of(model: nn.Module, data: MicroData, clips: NDArray[np.int64]) -> NDArray[np.float64]:
    """``(B, K)`` of plain clips, in eval mode; a clip's do not depend on the others."""
    model.eval()
    logits = [model(data.plain(clips[place : place + 1])) for place in range(len(clips))]
    if not logits:
        return np.zeros((0, len(data.classes)))
    return np.asarray(functional.softmax(torch.cat(logits).double(), dim=1).numpy())


def _epochs(what: str, model: nn.Module, groups: list[dict[str, Any]], epochs: int, steps: int,
            batches: Callable[[np.random.Generator], Iterator[Any]], loss: Callable[[Any], Step],
            entropy: tuple[int, int], checkpoint: Checkpoint | None,
            before: Callable[[int], None] = lambda epoch: None) -> History:
    """All epochs of a stage by Adam; what an epoch draws follows from the seed, the stage and its number alone."""
    optimiser = torch.optim.Adam(groups)
    state = Progress()
    if checkpoint is not None and checkpoint.resume and checkpoint.path.exists():
        state = load_checkpoint(checkpoint.path, model, model, optimiser, checkpoint.identity)
    with shown(total=epochs * steps, unit="step", desc=what) as bar:
        bar.update(state.epoch * steps)
        while state.epoch < epochs:
            generator = np.random.default_rng((*entropy, state.epoch))
            torch.manual_seed(_torch_seed(*entropy, state.epoch + 1))
            model.train()
            before(state.epoch)
            total, right, count = 0.0, 0, 0
            for batch in batches(generator):
                optimiser.zero_grad(set_to_none=True)
                step = loss(batch)
                value = float(step.loss.detach())
                if not math.isfinite(value):
                    raise NeuroferError(f"{what} diverged: the loss is {value} in epoch {state.epoch + 1}; use a "
                                        f"smaller {'prior.lr' if entropy[1] == _PRIOR else 'target.lr_trunk'}")
                step.loss.backward()
                optimiser.step()
                total, right, count = total + value * step.samples, right + step.right, count + step.samples
                bar.update()
            state.epoch += 1
            state.history.append({"stage": entropy[1], "epoch": state.epoch, "loss": total / count,
                                  "accuracy": right / count})
            if checkpoint is not None:
                save_checkpoint(checkpoint.path, model, model, optimiser, state, checkpoint.identity)
    model.requires_grad_(True)
    model.eval()
    return state.history


def copied(trunk: Trunk) -> Trunk:
    """A trunk of its own with the same weights."""
    return copy.deepcopy(trunk)


def _parts(clips: NDArray[np.int64], batch: int) -> list[NDArray[np.int64]]:
    """Clips in batches of about equal size, none of one alone where there are more: batch norm needs two."""
    return list(np.array_split(clips, max(1, math.ceil(len(clips) / batch)))) if len(clips) else []


def _torch_seed(*entropy: int) -> int:
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)


def numbers_of(names: Sequence[str]) -> NDArray[np.int64]:
    """Place of each name among all different ones, sorted."""
    return np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)
