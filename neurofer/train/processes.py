"""Training on one process or many: what each does with its share, and how they agree. Accelerate does the talking."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["no", "bf16", "fp16"]
Item = TypeVar("Item")


class Share(NamedTuple):
    """One process's part of every batch."""

    rank: int = 0
    of: int = 1

    def mine(self, count: int) -> NDArray[np.int64]:
        """Places ``0 .. count - 1`` that this process works on."""
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
        from accelerate import Accelerator

        self._accelerator = Accelerator(cpu=device == "cpu", mixed_precision=precision)
        self.device: torch.device = self._accelerator.device
        self.share = Share(self._accelerator.process_index, self._accelerator.num_processes)
        self.main: bool = self._accelerator.is_main_process

    def autocast(self) -> Any:
        """Context in which the network computes in the chosen precision."""
        return self._accelerator.autocast()

    def backward(self, loss: Tensor) -> None:
        """Gradients of a loss."""
        self._accelerator.backward(loss)

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Add up the gradients of all processes; with one there is nothing to do."""
        if self.share.of == 1:
            return
        with_gradient = [value for value in parameters if value.grad is not None]
        whole = torch.cat([value.grad.flatten() for value in with_gradient])  # type: ignore[union-attr]
        whole = self._accelerator.reduce(whole, reduction="sum")
        place = 0
        for value in with_gradient:
            value.grad = whole[place : place + value.numel()].view_as(value)
            place += value.numel()

    def gather(self, items: list[Item]) -> list[list[Item]]:
        """Lists of plain values of every process, in order of rank."""
        if self.share.of == 1:
            return [items]
        from accelerate.utils import gather_object

        return list(gather_object([items]))

    def wait(self) -> None:
        """Until all processes are here."""
        self._accelerator.wait_for_everyone()
