"""What runs a chip network over windows of recordings that each bring a state of their own, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import NeuroferError
from neurofer.hardware.network import ChipNetwork
from neurofer.hardware.simulate import simulate

State = Any
"""Of one recording: for each layer a named tuple with u and v, ``(1, *neurons)``; None at its start."""


class Engine(Protocol):
    """Runs a chip network."""

    network: ChipNetwork

    def __call__(self, spikes: NDArray[np.uint8], states: Sequence[State]) -> tuple[NDArray[np.uint8], list[State]]:
        """Output spikes ``(T, B, K)`` of input spikes ``(T, B, C, H, W)``, and the states after them."""


class SimulateEngine:
    """The integer simulator in numpy.

    Attributes:
        where: Device, in words.
    """

    where = "numpy, cpu"

    def __init__(self, network: ChipNetwork) -> None:
        self.network = network

    def __call__(self, spikes: NDArray[np.uint8], states: Sequence[State]) -> tuple[NDArray[np.uint8], list[State]]:
        traces, after = self.run(spikes, joined(states, np.concatenate, np.zeros_like))
        return traces[-1], apart(after, len(states))

    def run(self, spikes: NDArray[np.uint8], state: State, *,
            every_layer: bool = False) -> tuple[list[NDArray[np.uint8]], State]:
        """Spikes ``(T, B, *neurons)`` of the last layer, or of all, and the state of the whole batch after them."""
        traces, after = simulate(self.network, spikes, state)
        return traces if every_layer else traces[-1:], after


class GpuEngine:
    """The batched simulator in torch, on a GPU or a CPU.

    Args:
        network: To run.
        device: ``auto``, ``cpu`` or ``cuda``.
        remedy: What to do if the memory does not suffice.

    Attributes:
        where: Device, in words.

    Raises:
        UsageError: a device that is unknown or not there.
    """

    def __init__(self, network: ChipNetwork, device: str = "auto", remedy: str = "take a smaller --batch") -> None:
        from neurofer.hardware.gpu import BatchSimulator

        self.network = network
        self._simulator = BatchSimulator(network, device)
        self._remedy = remedy
        self.where = f"torch, {self._simulator.device.type}"

    def __call__(self, spikes: NDArray[np.uint8], states: Sequence[State]) -> tuple[NDArray[np.uint8], list[State]]:
        import torch

        traces, after = self.run(spikes, joined(states, torch.cat, torch.zeros_like))
        return traces[-1], apart(after, len(states))

    def run(self, spikes: NDArray[np.uint8], state: State, *,
            every_layer: bool = False) -> tuple[list[NDArray[np.uint8]], State]:
        """As that of ``SimulateEngine``.

        Raises:
            NeuroferError: the memory does not hold the batch.
        """
        import torch

        try:
            traces, after = self._simulator.run(spikes, state, every_layer=every_layer)
            return [trace.cpu().numpy() for trace in traces], after
        except torch.OutOfMemoryError as error:
            raise NeuroferError(f"the GPU's memory does not hold {spikes.shape[1]} recordings side by side; "
                                f"{self._remedy}") from error


def joined(states: Sequence[State], concatenate: Callable[[list[Any]], Any], zeros_like: Callable[[Any], Any]) -> State:
    """The states of several recordings as that of one batch, zeros for those that start; None where all start.

    Args:
        states: One a recording.
        concatenate: Joins arrays, or tensors, along their first axis.
        zeros_like: Zeros in the shape of an array, or a tensor.
    """
    shown = next((state for state in states if state is not None), None)
    if shown is None:
        return None
    blank = tuple(layer._replace(u=zeros_like(layer.u), v=zeros_like(layer.v)) for layer in shown)
    by_layer = zip(*(blank if state is None else state for state in states), strict=True)
    return tuple(layers[0]._replace(u=concatenate([layer.u for layer in layers]),
                                    v=concatenate([layer.v for layer in layers])) for layers in by_layer)


def apart(state: State, count: int) -> list[State]:
    """The state of a batch as those of its recordings."""
    return [tuple(layer._replace(u=layer.u[n : n + 1], v=layer.v[n : n + 1]) for layer in state) for n in range(count)]
