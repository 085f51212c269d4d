"""The training loop that both backends share: epochs, schedule, validation, checkpoints, and nothing of either."""

from __future__ import annotations

import contextlib
import copy
import logging
import math
import os
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from neurofer.errors import BadFileError, NeuroferError
from neurofer.progress import progress as shown
from neurofer.train.checkpoint import Progress, copy_weights, load_checkpoint, save_checkpoint
from neurofer.train.config import OptimiseConfig
from neurofer.train.processes import ALL, Processes, Share, synchronised

_log = logging.getLogger(__name__)
Item = TypeVar("Item")
BeforeEpoch = Callable[[int, Sequence[nn.Module]], None]
"""Takes the number of an epoch, from 0, and the model and the running mean of its weights, or the model alone."""


class StepLoss(NamedTuple):
    """Loss of one batch, or of one part of it whose gradient is added to that of the others."""

    total: Tensor
    """What the step makes smaller, or this part's share of it."""
    plain: float
    """Mean cross-entropy of the decisions alone, which is what validation reports, too."""
    right: int
    """Right decisions."""
    samples: int
    """Decisions."""
    last: bool = True
    """Whether no further part follows; the scores of an epoch come from last parts alone."""


class Task(Protocol):
    """What a backend adds to the loop."""

    @property
    def steps(self) -> int:
        """Optimiser steps of one epoch."""
        ...

    def batches(self, generator: np.random.Generator, share: Share = ALL) -> Iterator[Any]:
        """This process's share of the batches of one epoch, ``steps`` of them; called in a thread of its own.

        Whatever is drawn is drawn for whole batches, so it does not depend on the number of processes.
        """
        ...

    def losses(self, model: nn.Module, batch: Any) -> Iterator[StepLoss]:
        """The loss of one batch, in parts; the gradient of each is taken before the next is asked for."""
        ...

    def parameter_groups(self, model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
        """Groups for the optimiser; ``scale`` multiplies a group's learning rate."""
        ...

    def validate(self, model: nn.Module, processes: Processes) -> dict[str, float]:
        """Validation scores: at least ``accuracy``, ``uar`` and ``loss``; the same in every process."""
        ...


def fit(
    model: nn.Module,
    task: Task,
    settings: OptimiseConfig,
    seed: int,
    folder: Path,
    identity: Mapping[str, Any],
    *,
    resume: bool,
    before_epoch: BeforeEpoch = lambda epoch, models: None,
    after_epoch: Callable[[Progress], None] = lambda progress: None,
    processes: Processes | None = None,
) -> Progress:
    """Train ``model`` and keep the weights of the best validation epoch.

    Random draws of an epoch come from ``(seed, epoch)`` alone, so a run that goes on after a kill draws what it would
    have drawn; dropout masks alone depend on the number of processes, because each draws those of its own samples. A
    checkpoint is written after every epoch, by the main process.

    Args:
        model: Changed in place, and moved to the processes' device; ends with its last weights, the best are in the
            result.
        task: Batches, loss and validation.
        settings: Epochs, learning rate and the like.
        seed: Of the run.
        folder: Where ``checkpoint.safetensors`` lies.
        identity: What a checkpoint must share with this run.
        resume: Go on from the folder's checkpoint, if it has one.
        before_epoch: Called in every process.
        after_epoch: Called, in the main process, when an epoch is checkpointed.
        processes: Who trains; by default those that the settings and the launcher say.

    Raises:
        NeuroferError: the loss is no longer a number.
        UsageError: a device that is not there, or a batch that is too small for so many processes.
        BadFileError: the checkpoint does not fit, is not where all processes see it, or cannot be written.
    """
    processes = processes or Processes(settings.device, settings.precision)
    model = synchronised(model.to(processes.device), processes)
    processes.equalise(model)
    optimiser = chosen_optimiser(task.parameter_groups(model, settings.weight_decay), settings)
    path = folder / "checkpoint.safetensors"
    averaged = copy.deepcopy(model).eval() if settings.average else model
    state = Progress()
    if resume and path.exists():
        state = load_checkpoint(path, model, averaged, optimiser, identity)
    if any(epoch != state.epoch for (epoch,) in processes.gather([state.epoch])):
        raise BadFileError(f"{path}: is not seen alike by all processes; put the run folder where every machine reads "
                           "the same files, under the same path")
    batches = ahead(all_batches(task, seed, state.epoch, settings.epochs, processes.share))
    with contextlib.closing(batches), shown(total=settings.epochs * task.steps, unit="step", desc="train") as bar:
        bar.update(state.epoch * task.steps)
        while state.epoch < settings.epochs:
            started = time.perf_counter()
            before_epoch(state.epoch, (model,) if averaged is model else (model, averaged))
            row = run_epoch(model, averaged, optimiser, task, batches, settings, seed, state.epoch, processes,
                            bar.update)
            scores = task.validate(averaged, processes)
            state.epoch += 1
            row |= {f"validation_{name}": value for name, value in scores.items()}
            score = (scores["accuracy"], scores["uar"], -scores["loss"])
            if not state.best_epoch or score > state.best_score:
                state.best_epoch, state.best_score = state.epoch, score
                state.best_weights = copy_weights(averaged)
            state.history.append(row | {"best_epoch": state.best_epoch, "seconds": time.perf_counter() - started})
            if processes.main:
                save_checkpoint(path, model, averaged, optimiser, state, identity)
                bar.note(f"epoch {state.epoch}: loss {row['train_loss']:.3f}, validation accuracy "
                         f"{scores['accuracy']:.3f} (best {state.best_score[0]:.3f})")
                after_epoch(state)
    return state


def chosen_optimiser(groups: list[dict[str, Any]], settings: OptimiseConfig) -> torch.optim.Optimizer:
    """AdamW, or SGD with momentum, of a task's parameter groups."""
    if settings.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=settings.lr, momentum=settings.momentum)
    return torch.optim.AdamW(groups, lr=settings.lr)


def make_repeatable(seed: int, threads: int = 0) -> None:
    """Seed torch and choose operations that give the same result every time.

    Args:
        seed: Of the run.
        threads: Of torch; 0 leaves its own choice.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if threads:
        torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)


def learning_rate(settings: OptimiseConfig, step: int, steps_per_epoch: int) -> float:
    """One epoch of linear warm-up, then a cosine to zero; or always the same."""
    if settings.schedule == "constant":
        return settings.lr
    total = settings.epochs * steps_per_epoch
    warm = min(steps_per_epoch, max(total // 10, 1))
    if step < warm:
        return settings.lr * (step + 1) / warm
    return settings.lr * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(total - warm, 1)))


def all_batches(task: Task, seed: int, first: int, last: int, share: Share) -> Iterator[Any]:
    """The batches of epochs ``first .. last - 1`` in a row, so that none starts with a wait for its first."""
    for epoch in range(first, last):
        yield from task.batches(np.random.default_rng((seed, epoch)), share)


def ahead(items: Iterator[Item], depth: int = 2) -> Generator[Item, None, None]:
    """The same items, made in a thread up to ``depth`` ahead; an error in the thread is raised here."""
    line: queue.Queue[tuple[bool, Any]] = queue.Queue(depth)
    stopped = threading.Event()

    def put(entry: tuple[bool, Any]) -> None:
        while not stopped.is_set():
            try:
                line.put(entry, timeout=0.1)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for item in items:
                put((True, item))
                if stopped.is_set():
                    return
            put((False, None))
        except BaseException as error:  # noqa: BLE001  handed to the reader, who raises it
            put((False, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            more, item = line.get()
            if more:
                yield item
            elif item is None:
                return
            else:
                raise item
    finally:
        stopped.set()
        thread.join()


@torch.no_grad()
def follow(averaged: nn.Module, model: nn.Module, keep: float) -> None:
    """Move every number of ``averaged`` towards ``model``'s by a share of ``1 - keep``; copy whole numbers.

    Equal ones stay as they are: a decay of 0 is the logit of minus infinity, which has no distance from itself.
    """
    for mean, value in zip(averaged.state_dict().values(), model.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.copy_(torch.where(mean == value, mean, mean.lerp(value, 1 - keep)))
        else:
            mean.copy_(value)


def run_epoch(model: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer, task: Task,
              batches: Iterator[Any], settings: OptimiseConfig, seed: int, epoch: int, processes: Processes,
              advance: Callable[[], None]) -> dict[str, Any]:
    """One epoch of steps.

    Args:
        model: Changed in place.
        averaged: The running mean of its weights, or the model itself.
        optimiser: Of the model.
        task: The loss.
        batches: Gives ``task.steps`` batches of this epoch, and then those of the next.
        settings: Learning rate and the like.
        seed: Of the run.
        epoch: Number of the epoch, from 0.
        processes: Who trains.
        advance: Called after every step.

    Returns:
        The epoch's row of metrics, from training alone.

    Raises:
        NeuroferError: the loss is no longer a number.
    """
    share = processes.share
    entropy = (seed, epoch, share.rank) if share.rank else (seed, epoch)
    torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1))
    model.train()
    total, right, samples, waited = 0.0, 0, 0, 0.0
    for number in range(task.steps):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        rate = learning_rate(settings, epoch * task.steps + number, task.steps)
        for group in optimiser.param_groups:
            group["lr"] = rate * group["scale"]
        optimiser.zero_grad(set_to_none=True)
        parts = task.losses(model, processes.place(batch))
        while True:
            with processes.autocast():
                loss = next(parts)
            summed, count = processes.sums(float(loss.total.detach()) * loss.samples, loss.samples)
            if not math.isfinite(summed):
                raise NeuroferError(f"training diverged: the loss is {summed / count} in epoch {epoch + 1}, "
                                    f"step {number + 1}; use a smaller train.lr than {settings.lr:g}")
            processes.backward(loss.total if share.of == 1 else loss.total * (loss.samples / count))
            if loss.last:
                break
        processes.step(optimiser, model.parameters(), settings.clip_gradient)
        if averaged is not model:
            # The mean starts short, so that the fresh weights are soon forgotten.
            done = epoch * task.steps + number
            follow(averaged, model, min(settings.average, (1 + done) / (10 + done)))
        total, right = total + loss.plain * loss.samples, right + loss.right
        samples += loss.samples
        advance()
    model.eval()
    of_all = processes.sums(total, right, samples)
    return {"epoch": epoch + 1, "lr": rate, "train_loss": of_all[0] / of_all[2],
            "train_accuracy": of_all[1] / of_all[2], "waited_seconds": waited}
