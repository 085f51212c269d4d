"""The loop of the reconstruction GAN: a step of the discriminator, then one of the generator, for every batch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from neurofer.data.pairs import Pairs
from neurofer.errors import NeuroferError
from neurofer.evaluate.pictures import picture_scores
from neurofer.models.reconstruct import Discriminator, Generator
from neurofer.progress import progress as shown
from neurofer.train.checkpoint import Progress, load_checkpoint, save_checkpoint
from neurofer.train.loop import ahead
from neurofer.train.pretrain_config import PretrainConfig, PretrainOptimise
from neurofer.train.processes import ALL, Processes, Share

LOSSES = ("discriminator", "adversarial", "l1", "real", "drawn")
"""What is recorded of each epoch: losses, and the mean share that the discriminator believes of real and drawn ones."""


class Batch(NamedTuple):
    """Pairs of one step.

    Attributes:
        pictures: ``(B, C, S, S)`` as stored: bytes or floating point.
        faces: ``(B, 1, S, S)`` bytes.
        weight: This process's share of the whole batch.
    """

    pictures: Tensor
    faces: Tensor
    weight: float


class PairTask:
    """Which pairs an epoch shows, and those on which the generator is scored.

    Args:
        settings: Pairs of an epoch, batch and flips.
        pairs: Of all clips.
        train: Numbers of the clips to learn from.
        held_out: Numbers of the clips to score on; empty for none.
    """

    def __init__(self, settings: PretrainOptimise, pairs: Pairs, train: Sequence[int],
                 held_out: Sequence[int]) -> None:
        self._settings = settings
        self.pairs = pairs
        self.train = np.asarray(train, np.int64)
        self._rows = pairs.rows_of(self.train)
        wanted = pairs.rows_of(held_out)
        take = min(len(wanted), settings.held_out_pairs)
        # The middles of equal parts: every clip and every moment of a clip is there in the same measure.
        places = ((2 * np.arange(take) + 1) * len(wanted)) // (2 * take) if take else np.empty(0, np.int64)
        self.held_out = wanted[places]

    @property
    def steps(self) -> int:
        """Batches of one epoch."""
        return -(-self._epoch_pairs // self._settings.batch)

    def batches(self, generator: np.random.Generator, share: Share = ALL) -> Iterator[Batch]:
        """This process's share of the batches of one epoch; drawn for whole batches."""
        rows = generator.permutation(self._draw(generator))
        for whole in np.array_split(rows, self.steps):
            mirrored = generator.random(len(whole)) < self._settings.augment_flip
            mine = share.mine(len(whole))
            pictures, faces = self.read(np.asarray(whole)[mine])
            for number in np.flatnonzero(mirrored[mine]):
                pictures[number], faces[number] = pictures[number].flip(-1), faces[number].flip(-1)
            yield Batch(pictures, faces, len(mine) / len(whole))

    def read(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Pictures and faces of rows, as stored."""
        return (torch.from_numpy(np.array(self.pairs.pictures.rows[rows])),
                torch.from_numpy(np.array(self.pairs.faces.rows[rows])))

    @property
    def _epoch_pairs(self) -> int:
        lengths, most = self.pairs.pictures.lengths()[self.train], self._settings.pairs_per_clip
        return int(np.minimum(lengths, most).sum() if most else lengths.sum())

    def _draw(self, generator: np.random.Generator) -> NDArray[np.int64]:
        most = self._settings.pairs_per_clip
        if not most:
            return self._rows
        found = []
        for clip in self.train:
            events = self.pairs.pictures.counts_of(clip).sum(axis=1)
            odds = (events + 1.0) ** self._settings.event_power
            take = min(most, len(odds))
            found.append(self.pairs.pictures.first[clip]
                         + generator.choice(len(odds), take, replace=False, p=odds / odds.sum()))
        return np.concatenate(found)


def fit_gan(networks: nn.ModuleDict, task: PairTask, config: PretrainConfig, folder: Path,
            identity: Mapping[str, Any], processes: Processes, *, resume: bool,
            after_epoch: Callable[[Progress], None] = lambda progress: None) -> Progress:
    """Train ``generator`` and ``discriminator`` of ``networks`` in place.

    What an epoch draws comes from ``(seed, epoch)`` alone, and a checkpoint is written after every epoch, so a run that
    goes on after a kill ends with the weights that it would have had.

    Args:
        networks: The two networks, on the device of ``processes``.
        task: The pairs.
        config: The run.
        folder: Where ``checkpoint.safetensors`` lies.
        identity: What a checkpoint must share with this run.
        processes: Who trains.
        resume: Go on from the folder's checkpoint, if it has one.
        after_epoch: Called, in the main process, when an epoch is checkpointed.

    Raises:
        NeuroferError: a loss is no longer a number, or a batch has fewer pairs than there are processes.
        BadFileError: the checkpoint does not fit, or cannot be written.
    """
    settings = config.train
    if settings.batch < processes.share.of:
        raise NeuroferError(f"train.batch={settings.batch} cannot be shared by {processes.share.of} processes; "
                            "take a larger batch or fewer processes")
    # One optimiser for both: each step gives gradients to one network alone, and the other's weights are left alone.
    optimiser = torch.optim.Adam(networks.parameters(), lr=settings.lr, betas=(settings.beta1, settings.beta2))
    path = folder / "checkpoint.safetensors"
    state = load_checkpoint(path, networks, networks, optimiser, identity) if resume and path.exists() else Progress()
    with shown(total=settings.epochs * task.steps, unit="step", desc="pretrain") as bar:
        bar.update(state.epoch * task.steps)
        while state.epoch < settings.epochs:
            started = time.perf_counter()
            row = _epoch(networks, optimiser, task, config, state.epoch, processes, bar.update)
            state.epoch += 1
            if processes.main:
                scores = held_out_scores(networks["generator"], task, settings.batch, processes)
                row |= {f"held_out_{name}": value for name, value in scores.items()}
                state.history.append(row | {"seconds": time.perf_counter() - started})
                save_checkpoint(path, networks, networks, optimiser, state, identity)
                bar.note(f"epoch {state.epoch}: L1 {row['l1']:.3f}, {told(scores)}")
                after_epoch(state)
            processes.wait()
    return state


def losses(networks: nn.ModuleDict, pictures: Tensor, faces: Tensor, part: str, config: PretrainConfig,
           found: dict[str, Tensor]) -> Tensor:
    """The loss of one network on one batch, as means over it.

    Args:
        networks: Both.
        pictures: ``(B, C, S, S)``.
        faces: ``(B, 3, S, S)`` in -1..1.
        part: ``discriminator`` or ``generator``.
        config: The weights of the generator's loss.
        found: Gets what is recorded of it.
    """
    generator, discriminator = networks["generator"], networks["discriminator"]
    if part == "discriminator":
        with torch.no_grad():
            drawn = generator(pictures)
        real, false = discriminator(pictures, faces).float(), discriminator(pictures, drawn).float()
        loss = (_as_real(real) + _as_drawn(false)) / 2
        found |= {"discriminator": loss.detach(), "real": real.detach().sigmoid().mean(),
                  "drawn": false.detach().sigmoid().mean()}
        return loss
    drawn = generator(pictures)
    fooled = _as_real(discriminator(pictures, drawn).float())
    l1 = functional.l1_loss(drawn.float(), faces)
    found |= {"adversarial": fooled.detach(), "l1": l1.detach()}
    return config.gan.adversarial_weight * fooled + config.gan.l1_weight * l1


def pictures_in(pictures: Tensor, device: torch.device) -> Tensor:
    """Pictures as the networks take them: bytes as ``v / 127.5 - 1``, floating point as it is."""
    there = pictures.to(device, non_blocking=True)
    return there.float().div_(127.5).sub_(1.0) if pictures.dtype == torch.uint8 else there.float()


@torch.no_grad()
def draw(generator: nn.Module, pictures: Tensor, device: torch.device) -> Tensor:
    """Faces ``(B, 3, S, S)`` in 0..1 of stored pictures, on the CPU, without dropout and with the means of training."""
    was = generator.training
    generator.eval()
    faces = generator(pictures_in(pictures, device)).float().add(1.0).div(2.0).clamp(0.0, 1.0).cpu()
    generator.train(was)
    return faces


def held_out_scores(generator: nn.Module, task: PairTask, batch: int, processes: Processes) -> dict[str, float]:
    """Mean scores of the drawn faces of the held-out pairs; empty without any."""
    found: dict[str, list[Tensor]] = {}
    for rows in np.array_split(task.held_out, -(-len(task.held_out) // batch) or 1):
        if len(rows):
            pictures, faces = task.read(rows)
            drawn = draw(generator, pictures, processes.device)
            _add(found, picture_scores(drawn, faces.float().div(255.0).expand(drawn.shape)))
    return {name: float(torch.cat(values).mean()) for name, values in found.items()}


def constant_scores(face: NDArray[np.float64], task: PairTask) -> dict[str, float]:
    """What the same face for every picture scores: a bar that any reconstruction must pass.

    Args:
        face: ``(1, S, S)`` in 0..255.
        task: Its held-out pairs are scored.
    """
    found: dict[str, list[Tensor]] = {}
    same = torch.from_numpy(face).float().div(255.0).clamp(0.0, 1.0)
    for row in task.held_out:
        faces = task.read(np.array([row]))[1].float().div(255.0).expand(1, 3, -1, -1)
        _add(found, picture_scores(same.expand_as(faces), faces))
    return {name: float(torch.cat(values).mean()) for name, values in found.items()}


def told(scores: Mapping[str, float]) -> str:
    """The scores in a few words."""
    if not scores:
        return "nothing held out"
    return f"PSNR {scores['psnr_db']:.2f} dB, SSIM {scores['ssim']:.3f}, MAE {scores['mae']:.3f}"


def build_networks(config: PretrainConfig, channels: int) -> nn.ModuleDict:
    """Generator and discriminator of a configuration, for pictures of so many channels."""
    model = config.model
    return nn.ModuleDict({"generator": Generator(model.size_px, model.width, channels, dropout=model.dropout),
                          "discriminator": Discriminator(model.size_px, model.width, channels + 3)})


def _epoch(networks: nn.ModuleDict, optimiser: torch.optim.Optimizer, task: PairTask, config: PretrainConfig,
           epoch: int, processes: Processes, advance: Callable[[], None]) -> dict[str, Any]:
    # Dropout differs between processes; everything else is drawn alike.
    dropout_seed = np.random.SeedSequence((config.seed, epoch, processes.share.rank))
    torch.manual_seed(int(dropout_seed.generate_state(1, np.uint64)[0] >> 1))
    networks.train()
    sums = torch.zeros(len(LOSSES), device=processes.device)
    weight, waited = 0.0, 0.0
    batches = ahead(task.batches(np.random.default_rng((config.seed, epoch)), processes.share))
    for _ in range(task.steps):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        pictures = pictures_in(batch.pictures, processes.device)
        faces = pictures_in(batch.faces, processes.device).expand(-1, 3, -1, -1)
        found: dict[str, Tensor] = {}
        for part in ("discriminator", "generator"):
            networks["discriminator"].requires_grad_(part == "discriminator")
            optimiser.zero_grad(set_to_none=True)
            with processes.autocast():
                loss = losses(networks, pictures, faces, part, config, found)
            processes.backward(loss * batch.weight)
            processes.sum_gradients(networks[part].parameters())
            optimiser.step()
        sums += torch.stack([found[name] for name in LOSSES]) * batch.weight
        weight += batch.weight
        advance()
    batches.close()  # type: ignore[attr-defined]
    optimiser.zero_grad(set_to_none=True)
    networks["discriminator"].requires_grad_(True)
    means = dict(zip(LOSSES, (sums / weight).tolist(), strict=True))
    if not all(math.isfinite(value) for value in means.values()):
        raise NeuroferError(f"pre-training diverged: a loss is not a number any more in epoch {epoch + 1}; "
                            f"use a smaller train.lr than {config.train.lr:g}")
    return {"epoch": epoch + 1, **means, "waited_seconds": waited}


def _as_real(logits: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))


def _as_drawn(logits: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))


def _add(found: dict[str, list[Tensor]], scores: Mapping[str, Tensor]) -> None:
    for name, value in scores.items():
        found.setdefault(name, []).append(value)
