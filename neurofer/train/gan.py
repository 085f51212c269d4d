"""The loop of the reconstruction GAN: a step of the discriminator, then one of the generator, for every batch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.evaluate.pictures import picture_scores
from neurofer.models.front import build_front
from neurofer.models.reconstruct import Discriminator, Generator, network_input
from neurofer.models.spiking_generator import SpikingGenerator
from neurofer.progress import progress as shown
from neurofer.train.build import front_settings
from neurofer.train.checkpoint import Progress, load_checkpoint, save_checkpoint
from neurofer.train.loop import ahead
from neurofer.train.pair_task import PairTask
from neurofer.train.pretrain_config import GanConfig, PretrainConfig, skip_count
from neurofer.train.processes import Processes, device_of, synchronised

LOSSES = ("discriminator", "adversarial", "l1", "real", "drawn")
"""What is recorded of each epoch: three losses, and how far the discriminator believes in real and in drawn faces."""

FaceGenerator = Generator | SpikingGenerator


class Gan(nn.Module):
    """Generator and discriminator, trained against each other; either's loss on a batch.

    Attributes:
        generator: ``(B, C, S, S)`` to faces ``(B, 3, S, S)``.
        discriminator: Judges what the generator saw together with a face.
        recorded: Names of what the losses say and an epoch's row holds.
    """

    def __init__(self, generator: FaceGenerator, discriminator: Discriminator) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.recorded: tuple[str, ...] = LOSSES

    def parameter_groups(self, lr: float) -> list[dict[str, Any]]:
        """Groups for the optimiser: everything at one learning rate."""
        return [{"params": list(self.parameters()), "lr": lr}]

    def discriminator_loss(self, pictures: Tensor, faces: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """``(BCE(D(x, y), 1) + BCE(D(x, G(x)), 0)) / 2``, and what is recorded of it; nothing flows back into G."""
        with torch.no_grad():
            seen = self.generator.seen(pictures)
            drawn = self.generator.draw(seen)
        real, false = self.discriminator(seen, faces).float(), self.discriminator(seen, drawn).float()
        loss = (_cross_entropy(real, 1.0) + _cross_entropy(false, 0.0)) / 2
        return loss, {"discriminator": loss.detach(), "real": real.detach().sigmoid().mean(),
                      "drawn": false.detach().sigmoid().mean()}

    def generator_loss(self, pictures: Tensor, faces: Tensor, weights: GanConfig) -> tuple[Tensor, dict[str, Tensor]]:
        """``BCE(D(x, G(x)), 1) + 100 L1(G(x), y)``, each with its weight, and what is recorded of it."""
        seen = self.generator.seen(pictures)
        return self.drawing_loss(seen, self.generator.draw(seen), faces, weights)

    def drawing_loss(self, seen: Tensor, drawn: Tensor, faces: Tensor,
                     weights: GanConfig) -> tuple[Tensor, dict[str, Tensor]]:
        """The generator's loss of faces that it has ``drawn`` for what it has ``seen``."""
        adversarial = _cross_entropy(self.discriminator(seen.detach(), drawn).float(), 1.0)
        l1 = functional.l1_loss(drawn.float(), faces)
        loss = weights.adversarial_weight * adversarial + weights.l1_weight * l1
        return loss, {"adversarial": adversarial.detach(), "l1": l1.detach()}


def build_gan(config: PretrainConfig, channels: int) -> Gan:
    """Both networks of a configuration, with fresh weights from torch's generator.

    Args:
        config: The run.
        channels: Channels of the representation; 2 of spikes.

    Raises:
        UsageError: an unknown representation or setting, or layers that cannot be drawn from.
    """
    if config.backend == "snn":
        from neurofer.train.spiking_gan import build_spiking_gan

        return build_spiking_gan(config.snn, channels)
    model, settings = config.model, front_settings(config.represent)
    front = build_front(settings["front"], channels, settings.get("front_bins", 9))
    seen = channels if front is None else front.out_channels
    try:
        generator = Generator(model.size_px, model.width, seen, dropout=model.dropout, front=front,
                              skips=skip_count(model.skips))
    except ValueError as error:
        raise UsageError(f"model: {error}") from error
    return Gan(generator, Discriminator(model.size_px, model.width, seen + 3))


def fit_gan(gan: Gan, task: PairTask, config: PretrainConfig, folder: Path, identity: Mapping[str, Any],
            processes: Processes, *, resume: bool,
            after_epoch: Callable[[Progress], None] = lambda progress: None) -> Progress:
    """Train both networks, a step of each for every batch.

    What an epoch draws comes from ``(seed, epoch)`` alone, and a checkpoint is written after every epoch, so a run that
    goes on after a kill ends with the weights that it would have had. Dropout alone depends on the number of processes.

    Args:
        gan: Changed in place, and moved to the processes' device.
        task: The pairs.
        config: The run.
        folder: Where ``checkpoint.safetensors`` lies.
        identity: What a checkpoint must share with this run.
        processes: Who trains.
        resume: Go on from the folder's checkpoint, if it has one.
        after_epoch: Called, in the main process, when an epoch is checkpointed.

    Raises:
        NeuroferError: a loss is no longer a number.
        UsageError: a batch has fewer pairs than there are processes.
        BadFileError: the checkpoint does not fit, is not where all processes see it, or cannot be written.
    """
    settings = config.train
    # Channels last is how convolutions are computed fastest, on CPU and GPU.
    gan.to(processes.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    synchronised(gan, processes)
    processes.equalise(gan)
    # One optimiser for both: a step leaves alone what has no gradient, and only one of the networks has.
    optimiser = torch.optim.Adam(gan.parameter_groups(settings.lr), betas=(settings.beta1, settings.beta2))
    path = folder / "checkpoint.safetensors"
    state = load_checkpoint(path, gan, gan, optimiser, identity) if resume and path.exists() else Progress()
    if any(epoch != state.epoch for (epoch,) in processes.gather([state.epoch])):
        raise BadFileError(f"{path}: is not seen alike by all processes; put the run folder where every machine reads "
                           "the same files, under the same path")
    with shown(total=settings.epochs * task.steps, unit="step", desc="pretrain") as bar:
        bar.update(state.epoch * task.steps)
        while state.epoch < settings.epochs:
            started = time.perf_counter()
            row = _epoch(gan, optimiser, task, config, state.epoch, processes, bar.update)
            state.epoch += 1
            if processes.main:
                scores = held_out_scores(gan.generator, task, settings.batch)
                row |= {f"held_out_{name}": value for name, value in scores.items()}
                state.history.append(row | {"seconds": time.perf_counter() - started})
                save_checkpoint(path, gan, gan, optimiser, state, identity)
                bar.note(f"epoch {state.epoch}: L1 {row['l1']:.3f}, held out: {told(scores)}")
                after_epoch(state)
            processes.wait()
    return state


@torch.no_grad()
def draw(generator: FaceGenerator, pictures: Tensor, others: Tensor | None = None) -> Tensor:
    """Faces ``(B, 3, S, S)`` in 0..1 of stored pictures, on the CPU, without dropout and with the means of training.

    Args:
        generator: Draws.
        pictures: ``(B, ...)`` as stored.
        others: Pictures whose embeddings take the place of those of ``pictures``.
    """
    was = generator.training
    generator.eval()
    device = device_of(generator)
    seen = generator.seen(generator.fed(pictures.to(device)))
    embedding = None if others is None else generator.encoder(generator.seen(generator.fed(others.to(device))))
    faces = generator.draw(seen, embedding)
    generator.train(was)
    return faces.float().add(1.0).div(2.0).clamp(0.0, 1.0).cpu()


def held_out_scores(generator: FaceGenerator, task: PairTask, batch: int) -> dict[str, float]:
    """Mean scores of the faces that are drawn for the held-out pairs; empty without any."""
    return _mean_scores(task, batch, lambda pictures, start: draw(generator, pictures))


def other_embedding_scores(generator: FaceGenerator, task: PairTask, batch: int) -> dict[str, float]:
    """What is scored when each face is drawn with the embedding of another clip's picture.

    The skips carry the rest. Where this is hardly worse than ``held_out_scores``, the decoder does without the
    embedding, which is all that a classifier takes over.
    """
    others = np.roll(task.held_out, len(task.held_out) // 2)
    return _mean_scores(task, batch, lambda pictures, start: draw(
        generator, pictures, task.read(others[start : start + batch])[0]))


def constant_scores(face: NDArray[np.float64], task: PairTask, batch: int) -> dict[str, float]:
    """What one face ``(1, S, S)`` in 0..255 scores for every held-out pair: what any reconstruction must pass."""
    same = torch.from_numpy(face).float().div(255.0).clamp(0.0, 1.0)
    return _mean_scores(task, batch, lambda pictures, start: same.expand(len(pictures), 3, -1, -1))


def told(scores: Mapping[str, float]) -> str:
    """The scores in a few words."""
    if not scores:
        return "no pairs"
    return f"PSNR {scores['psnr_db']:.2f} dB, SSIM {scores['ssim']:.3f}, MAE {scores['mae']:.3f}"


def _mean_scores(task: PairTask, batch: int, drawn_for: Callable[[Tensor, int], Tensor]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for start in range(0, len(task.held_out), batch):
        pictures, faces = task.read(task.held_out[start : start + batch])
        drawn = drawn_for(pictures, start)
        for name, values in picture_scores(drawn, faces.float().div(255.0).expand(drawn.shape)).items():
            sums[name] = sums.get(name, 0.0) + float(values.double().sum())
    return {name: value / len(task.held_out) for name, value in sums.items()}


def _epoch(gan: Gan, optimiser: torch.optim.Optimizer, task: PairTask, config: PretrainConfig, epoch: int,
           processes: Processes, advance: Callable[[], None]) -> dict[str, Any]:
    share = processes.share
    entropy = (config.seed, epoch, share.rank) if share.rank else (config.seed, epoch)
    torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1))
    gan.train()
    sums = torch.zeros(len(gan.recorded), device=processes.device)
    waited = 0.0
    batches = ahead(task.batches(np.random.default_rng((config.seed, epoch)), share))
    for _ in range(task.steps):
        asked = time.perf_counter()
        batch = processes.place(next(batches))
        waited += time.perf_counter() - asked
        pictures = gan.generator.fed(batch.pictures)
        if pictures.ndim == 4:
            pictures = pictures.contiguous(memory_format=torch.channels_last)
        faces = network_input(batch.faces).expand(-1, 3, -1, -1)
        recorded: dict[str, Tensor] = {}
        for network in (gan.discriminator, gan.generator):
            gan.discriminator.requires_grad_(network is gan.discriminator)
            with processes.autocast():
                if network is gan.discriminator:
                    loss, said = gan.discriminator_loss(pictures, faces)
                else:
                    loss, said = gan.generator_loss(pictures, faces, config.gan)
            optimiser.zero_grad(set_to_none=True)
            processes.backward(loss * batch.weight)
            processes.step(optimiser, network.parameters())
            recorded |= said
        sums += torch.stack([recorded[name] for name in gan.recorded]) * batch.weight
        advance()
    batches.close()
    gan.discriminator.requires_grad_(True)
    means = {name: value / task.steps for name, value in zip(gan.recorded, processes.sums(*sums.tolist()), strict=True)}
    if not all(math.isfinite(value) for value in means.values()):
        raise NeuroferError(f"pre-training diverged: a loss is no number any more in epoch {epoch + 1}; "
                            f"use a smaller train.lr than {config.train.lr:g}")
    return {"epoch": epoch + 1, **means, "waited_seconds": waited}


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))
