"""What the membranes of some neurons do while a network runs: step by step, with the state in the open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurofer.spiking.forms import NATIVE
from neurofer.spiking.layers import SpikingLayer
from neurofer.spiking.maps import refuse_batch
from neurofer.spiking.network import NetworkState, SpikingNetwork
from neurofer.spiking.neuron import CubaState, along_channels
from neurofer.spiking.registers import DECAY_ONE, INPUT_SHIFT, STATE_LIMIT


class MembraneTraces(NamedTuple):
    """Some neurons of one layer over time.

    Attributes:
        layer: Its name.
        neurons: ``(N,)`` places in the flattened layer.
        membranes: ``(T, N)`` float64 potential before the reset, in units of the threshold: a neuron fires above 1. Of
            a layer that never fires, in the weights' own units.
        spikes: ``(T, N)`` bool.
        output: ``(T, K)`` what the network said, the same as ``network(spikes)`` says.
        state: After the last step.
    """

    layer: str
    neurons: NDArray[np.int64]
    membranes: NDArray[np.float64]
    spikes: NDArray[np.bool_]
    output: NDArray[np.float32]
    state: NetworkState


@torch.no_grad()
def membrane_traces(network: SpikingNetwork, spikes: Tensor, layer: str, neurons: Sequence[int] | int = 4,
                    state: NetworkState | None = None) -> MembraneTraces:
    """Membranes and spikes of neurons of a layer, as the network computes them on one sequence.

    A membrane that fires is reset within the step, so its height is computed again from the state before: in the chip's
    own integers where the network computes in them.

    Args:
        network: Of native neurons; in eval mode, or without dropout.
        spikes: ``(T, 1, C, H, W)`` zeros and ones, or counts, T at least 1.
        layer: Name of a layer, such as ``conv1`` or ``dense1``.
        neurons: Places in the flattened layer, or how many: those that fire most, the first of equals.
        state: What the steps before left behind; None starts fresh.

    Raises:
        ValueError: no such layer or neuron, not one sequence of at least one step, dropout in training, or neurons of
            another library.
    """
    layers = {one.name: one for one in network.spiking_layers()}
    if layer not in layers:
        raise ValueError(f"membrane_traces: no layer {layer!r}; choose one of {', '.join(layers)}")
    refuse_batch("membrane_traces", spikes)
    form = layers[layer].neuron.form
    if form not in NATIVE or (network.training and network.dropout):
        raise ValueError(f"membrane_traces: need native neurons and no dropout, got neuron {form}"
                         f"{' in training mode' if network.training else ''}; call network.eval() first")
    chosen = _chosen(network, spikes, layer, neurons, state)
    heights, fired, output = [], [], []
    last: NetworkState = state or ()
    for now in spikes.split(1):
        passing, after = now.to(layers[layer].weight.dtype), []
        binary = now.dtype in (torch.bool, torch.uint8)
        for number, one in enumerate(layers.values()):
            before = last[number] if last else None
            passing, new = one(passing, before, binary)
            if one.name == layer:
                height = _height(one, before, new, passing)
                heights.append(height.flatten()[chosen].double())
                fired.append(passing.flatten()[chosen] > 0 if one.spec.fires else torch.zeros(len(chosen)).bool())
            after.append(new)
            binary = True
        last = tuple(after)
        output.append(passing[0, 0])
    return MembraneTraces(layer, chosen.numpy(), torch.stack(heights).cpu().numpy(), torch.stack(fired).cpu().numpy(),
                          torch.stack(output).float().cpu().numpy(), last)


def _chosen(network: SpikingNetwork, spikes: Tensor, layer: str, neurons: Sequence[int] | int,
            state: NetworkState | None) -> Tensor:
    place = [one.name for one in network.spiking_layers()].index(layer)
    size = int(np.prod(network.spiking_layers()[place].output_shape))
    if isinstance(neurons, int):
        if not 1 <= neurons <= size:
            raise ValueError(f"membrane_traces: {layer} has {size} neurons, so cannot show {neurons}")
        found, _ = network.activity(spikes, state)
        return torch.argsort(found[place].sum(0).flatten(), descending=True, stable=True)[:neurons].cpu()
    chosen = torch.as_tensor(list(neurons), dtype=torch.int64)
    if not len(chosen) or int(chosen.min()) < 0 or int(chosen.max()) >= size:
        raise ValueError(f"membrane_traces: neurons of {layer} are 0..{size - 1}, got {list(neurons)}")
    return chosen


def _height(layer: SpikingLayer, before: CubaState | None, after: CubaState, spikes: Tensor) -> Tensor:
    """Membranes before the reset, in units of the threshold; those of a layer that never fires as they are."""
    if not layer.spec.fires:
        return after.v
    old = torch.zeros_like(after.v) if before is None else before.v
    if layer.arithmetic == "integer":
        registers = layer.integers().registers
        whole = (torch.trunc(old.double() * (DECAY_ONE - registers.voltage_decay) / DECAY_ONE) + after.u.double())
        reached = torch.where(spikes[0] > 0, whole.clamp(-STATE_LIMIT, STATE_LIMIT - 1), after.v.double())
        return reached / (registers.threshold << INPUT_SHIFT)
    used = layer.used()
    reached = torch.where(spikes[0] > 0, along_channels(used.beta, old.ndim) * old + after.u, after.v)
    return reached / along_channels(used.theta, old.ndim)
