"""Training on one process or many: what each does with its share, and how they agree. Accelerate brings them together.

Started by ``torchrun`` or ``accelerate launch``, every process runs the same recipe. It works on its share of every
batch; what is drawn is drawn for whole batches, so all draw alike. Losses are scaled so that the gradients of all
processes add up to those of the whole batch, batch norm and means look at the whole batch, and so every process takes
the same step. Only the main process writes files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn

from neurofer.errors import UsageError
from neurofer.launch import local_rank, processes_here
from neurofer.models.shared_norm import share_batch_norm

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["no", "bf16", "fp16"]
Item = TypeVar("Item")

_LONGEST_WAIT = timedelta(days=1)
"""Others wait while one makes caches, or reads the test subjects."""


class Share(NamedTuple):
    """One process's part of every batch."""

    rank: int = 0
    of: int = 1

    def mine(self, count: int) -> NDArray[np.int64]:
        """Places ``0 .. count - 1`` that this process works on.

        Raises:
            UsageError: there are fewer than processes.
        """
        if count < self.of:
            raise UsageError(f"train: {self.of} processes cannot share a batch of {count}; start fewer processes, "
                             "or set a larger train.batch")
        return np.arange(self.rank, count, self.of, dtype=np.int64)


ALL = Share()
"""What one process alone does: everything."""


class Processes:
    """The processes of a training, as ``accelerate launch`` or ``torchrun`` started them; one if nobody did.

    Attributes:
        device: Where this process computes.
        share: Its part of every batch.
        main: Whether it is the one that writes files and shows progress.
    """

    def __init__(self, device: Device = "auto", precision: Precision = "no") -> None:
        """Find the other processes, and choose the device.

        Args:
            device: ``auto`` takes a GPU where there is one; every process takes its own.
            precision: Of the network's arithmetic on a GPU; weights and sums stay in 32 bits.

        Raises:
            UsageError: there is no such device, or it lacks the precision.
        """
        from accelerate import PartialState

        _refuse(device, precision)
        wanted = chosen_device(device)
        state = PartialState(cpu=wanted.type == "cpu", timeout=_LONGEST_WAIT)
        self._state = state
        self.share = Share(int(state.process_index), int(state.num_processes))
        self.main = self.share.rank == 0
        # Alone, one run may use the GPU and the next the CPU; several processes stay where they were brought together.
        self.device: torch.device = state.device if self.share.of > 1 else wanted
        if self.device.type == "cuda" and precision == "no":
            torch.backends.cudnn.allow_tf32 = False  # 10 bits; the sums of a spiking network need 23
        self._dtype = {"no": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
        self._scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "fp16")

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Context in which the network computes in the chosen precision."""
        return contextlib.nullcontext() if self._dtype is None else torch.autocast(self.device.type, self._dtype)

    def place(self, batch: Any) -> Any:
        """A batch with its tensors where this process computes."""
        return place(batch, self.device)

    def backward(self, loss: Tensor) -> None:
        """Gradients of a loss, larger by a factor in ``fp16`` until ``step`` takes it away."""
        self._scaler.scale(loss).backward()

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Add up the gradients of all processes; with one there is nothing to do."""
        if self.share.of == 1:
            return
        with_gradient = [value for value in parameters if value.grad is not None]
        whole = torch.cat([value.grad.flatten() for value in with_gradient])  # type: ignore[union-attr]
        distributed.all_reduce(whole)
        place = 0
        for value in with_gradient:
            value.grad = whole[place : place + value.numel()].view_as(value)
            place += value.numel()

    def step(self, optimiser: torch.optim.Optimizer, parameters: Iterable[nn.Parameter],
             clip_gradient: float | None = None) -> None:
        """One step of the optimiser by the gradients of all processes.

        Args:
            optimiser: Takes the step.
            parameters: What ``backward`` gave gradients to, in the same order in every process.
            clip_gradient: Largest norm of all gradients together.
        """
        parameters = list(parameters)
        self.sum_gradients(parameters)
        self._scaler.unscale_(optimiser)
        if clip_gradient is not None:
            nn.utils.clip_grad_norm_(parameters, clip_gradient)
        self._scaler.step(optimiser)
        self._scaler.update()

    def sums(self, *numbers: float) -> list[float]:
        """Each number, added up over all processes."""
        if self.share.of == 1:
            return list(numbers)
        whole = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        distributed.all_reduce(whole)
        return [float(value) for value in whole]

    def gather(self, items: list[Item]) -> list[list[Item]]:
        """Lists of plain values of every process, in order of rank."""
        if self.share.of == 1:
            return [items]
        from accelerate.utils import gather_object

        return list(gather_object([items]))

    def equalise(self, model: nn.Module) -> None:
        """Give every process the main one's weights."""
        if self.share.of > 1:
            for value in model.state_dict().values():
                distributed.broadcast(value, 0)

    @contextlib.contextmanager
    def main_first(self) -> Iterator[None]:
        """The main process goes ahead, then the first of every machine, then all others: for caches on disk."""
        with self._state.main_process_first(), self._state.local_main_process_first():
            yield

    def wait(self) -> None:
        """Until all processes are here."""
        self._state.wait_for_everyone()


def chosen_device(device: Device) -> torch.device:
    """Where a process computes that was started alone or with others: the CPU, or a GPU of its own."""
    if device == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", local_rank())


def place(batch: Any, device: torch.device) -> Any:
    """A batch (tensors, in tuples or alone, beside anything else) with its tensors on a device."""
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, tuple):
        moved = [place(part, device) for part in batch]
        return type(batch)(*moved) if hasattr(batch, "_fields") else tuple(moved)
    return batch


def device_of(model: nn.Module) -> torch.device:
    """Where a model's weights are."""
    return next(model.parameters()).device


def synchronised(model: nn.Module, processes: Processes) -> nn.Module:
    """The model with batch norm over the batches of all processes; itself with one process.

    Changed in place; names of modules and weights stay.
    """
    return model if processes.share.of == 1 else share_batch_norm(model)


def _refuse(device: Device, precision: Precision) -> None:
    """Say no to what this machine cannot do.

    Raises:
        UsageError: see there.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "cuda" and not gpus:
        raise UsageError("train.device=cuda: this machine shows no CUDA device; use train.device=auto or cpu")
    if precision != "no" and (device == "cpu" or not gpus):
        raise UsageError(f"train.precision={precision} is for GPUs and this training is on the CPU; "
                         "use train.precision=no")
    if precision == "bf16" and not torch.cuda.is_bf16_supported():
        raise UsageError("train.precision=bf16: this GPU does not know it; use train.precision=fp16 or no")
    if device != "cpu" and gpus and (here := processes_here()) > gpus:
        raise UsageError(f"train: {here} processes on a machine with {gpus} GPU(s); start one for each, "
                         "or use train.device=cpu")

