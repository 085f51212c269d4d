"""A chip network on a GPU or a CPU, many recordings side by side: the arithmetic of ``simulate``, spike for spike.

Synaptic sums are whole numbers, exact in the number type that is chosen: single precision where no sum can reach 2^24,
else double. Convolutions on a GPU may use algorithms that round, so there sums are made in double precision and rounded
to whole numbers. The neurons are those that quantised training runs (``neurofer.spiking.integer_scan``); on a GPU a
stretch of steps is recorded once and replayed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import UsageError
from neurofer.hardware.cuda_graph import Replayed
from neurofer.hardware.network import ChipLayer, ChipNetwork, check_spikes, check_spikes_shape, no_spike

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from neurofer.spiking.neuron import CubaState

    BatchState = tuple[CubaState, ...]

CPU_NUMBERS, GPU_NUMBERS = 1 << 21, 1 << 26
"""Neurons, steps times batch, of the largest layer that are computed together: what a cache holds, what keeps a GPU
busy."""


def chosen_device(device: str) -> torch.device:
    """``cpu``, ``cuda``, or for ``auto`` a GPU where there is one.

    Raises:
        UsageError: another device, or a GPU that is not there.
    """
    import torch

    there = torch.cuda.is_available()
    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device: need auto, cpu or cuda, got {device!r}")
    if device == "cuda" and not there:
        raise UsageError("--device: no GPU that torch can use; use cpu, or auto")
    return torch.device("cuda" if there and device != "cpu" else "cpu")


class BatchSimulator:
    """Runs a chip network over batches; holds weights and no state.

    Args:
        network: To run.
        device: ``cpu``, ``cuda``, or ``auto`` for a GPU where there is one.

    Attributes:
        network: What is run.
        device: Where.

    Raises:
        UsageError: another device, or a GPU that is not there.
    """

    def __init__(self, network: ChipNetwork, device: str = "auto") -> None:
        self.network = network
        self.device = chosen_device(device)
        self._layers = [_Weights.of(layer, self.device) for layer in network.layers]
        largest = max(math.prod(shape) for shape in network.shapes)
        self._through = Replayed(self._all_layers) if self.device.type == "cuda" else self._all_layers
        self._numbers = (GPU_NUMBERS if self.device.type == "cuda" else CPU_NUMBERS) // largest

    def run(self, spikes: NDArray[Any] | Tensor, state: BatchState | None = None, *,
            every_layer: bool = False) -> tuple[list[Tensor], BatchState]:
        """Spikes over time, and the state after the last step; pieces with the state handed on equal the whole.

        Args:
            spikes: ``(T, B, C, H, W)`` zeros and ones.
            state: What an earlier call gave; None starts fresh.
            every_layer: Give the spikes of all layers instead of the last one's alone.

        Returns:
            ``(traces, state)``: ``(T, B, *neurons)`` uint8 on the device, of each layer or of the last.

        Raises:
            ValueError: ``spikes`` has another shape or other values, or the state is of another batch.
        """
        import torch

        from neurofer.spiking.neuron import CubaState

        given = _checked(self.network, spikes)
        steps, batch = given.shape[:2]
        after = self._fresh(batch) if state is None else list(state)
        self._check(after, batch)
        size = max(1, self._numbers // max(batch, 1))
        traces = [torch.empty(steps, batch, *shape, dtype=torch.uint8, device=self.device)
                  for shape in self.network.shapes[1:]][0 if every_layer else -1 :]
        with torch.inference_mode():
            for start in range(0, steps, size):
                piece = given[start : start + size].to(self.device)
                found = self._through((piece, *(part for layer in after for part in layer)))
                fired, parts = found[: len(after)], found[len(after) :]
                after = [CubaState(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]
                for trace, part in zip(traces, fired[-len(traces) :], strict=True):
                    trace[start : start + size] = part
        return traces, tuple(after)

    def _all_layers(self, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """``(spikes, u, v of each layer) -> (spikes of each layer, u, v of each layer)``."""
        from neurofer.spiking.neuron import CubaState

        passing, *parts = given
        traces, states = [], list[Any]()
        for number, weights in enumerate(self._layers):
            passing, state = weights.run(passing, CubaState(parts[2 * number], parts[2 * number + 1]))
            traces.append(passing)
            states += state
        return (*traces, *states)

    def _fresh(self, batch: int) -> list[CubaState]:
        import torch

        from neurofer.spiking.neuron import CubaState

        return [CubaState(*(torch.zeros(batch, *shape, dtype=torch.float64, device=self.device) for _ in range(2)))
                for shape in self.network.shapes[1:]]

    def _check(self, state: Sequence[CubaState], batch: int) -> None:
        wanted = [(batch, *shape) for shape in self.network.shapes[1:]]
        found = [tuple(part.v.shape) for part in state]
        if found != wanted:
            raise ValueError(f"chip network: the state is of {found}, the input needs {wanted}; pass state=None at the "
                             "start of new recordings")


def _checked(network: ChipNetwork, spikes: NDArray[Any] | Tensor) -> Tensor:
    """Input spikes as a tensor, checked as ``check_spikes`` does it; those on a GPU stay there, in any type."""
    import torch

    if not isinstance(spikes, torch.Tensor):
        return torch.from_numpy(check_spikes(network, spikes))
    check_spikes_shape(network, spikes.shape)
    wrong = (spikes != 0) & (spikes != 1)
    if bool(wrong.any()):
        place = wrong.nonzero()[0].tolist()
        raise no_spike(spikes[tuple(place)].item(), place)
    return spikes


class _Weights(NamedTuple):
    """A layer on a device."""

    layer: ChipLayer
    weight: Tensor

    @classmethod
    def of(cls, layer: ChipLayer, device: Any) -> _Weights:
        import torch

        single = device.type == "cpu" and layer.largest_drive < 1 << 24
        weight = torch.from_numpy(layer.weight.astype(np.float32 if single else np.float64)).to(device)
        if layer.kind == "conv":
            weight = weight.contiguous(memory_format=torch.channels_last)
        return cls(layer, weight)

    def run(self, spikes: Tensor, state: CubaState) -> tuple[Tensor, CubaState]:
        """``(T, B, ...)`` spikes of this layer, in the type of the weights, and its state."""
        from neurofer.spiking.integer_scan import integer_steps
        from neurofer.spiking.scan import over_columns_of

        registers = self.layer.registers
        return over_columns_of(self._sums(spikes), state,
                               lambda flat, u, v, columns: integer_steps(flat, u, v, registers))

    def _sums(self, spikes: Tensor) -> Tensor:
        import torch
        from torch.nn import functional

        if self.layer.kind == "dense":
            return functional.linear(spikes.flatten(2).to(self.weight.dtype), self.weight)
        steps, batch = spikes.shape[:2]
        folded = spikes.flatten(0, 1).to(self.weight.dtype).contiguous(memory_format=torch.channels_last)
        sums = functional.conv2d(folded, self.weight, None, self.layer.stride, self.layer.padding, self.layer.dilation)
        return sums.unflatten(0, (steps, batch))
