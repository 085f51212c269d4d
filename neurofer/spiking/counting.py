"""What a spiking network does, counted from real spikes: rates, synaptic operations, neuron updates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from neurofer.spiking.layers import SpikingLayer
from neurofer.spiking.network import NetworkState, SpikingNetwork, step_mask


@dataclass(frozen=True)
class LayerCount:
    """Counts of one layer, summed over all steps and samples.

    Attributes:
        name: Layer name.
        neurons: Neurons of the layer.
        spikes: Spikes that the layer sent; none of a read-out that never fires.
        synaptic_operations: Spikes that came in, each times the synapses it reached.
        dense_macs: What an ordinary network would multiply in as many steps.
        updates: Neuron updates, neurons times steps times samples.
    """

    name: str
    neurons: int
    spikes: int
    synaptic_operations: int
    dense_macs: int
    updates: int

    @property
    def rate(self) -> float:
        """Spikes per neuron and step."""
        return self.spikes / self.updates if self.updates else 0.0


@dataclass(frozen=True)
class Activity:
    """Counts of one run of a network.

    Attributes:
        layers: One entry a weight layer, from the input on.
        input_spikes: Ones in the input.
        sample_steps: Steps counted, summed over the samples.
    """

    layers: tuple[LayerCount, ...]
    input_spikes: int
    sample_steps: int

    @property
    def synaptic_operations(self) -> int:
        """Over all layers."""
        return sum(layer.synaptic_operations for layer in self.layers)

    @property
    def dense_macs(self) -> int:
        """Over all layers."""
        return sum(layer.dense_macs for layer in self.layers)

    @property
    def updates(self) -> int:
        """Over all layers."""
        return sum(layer.updates for layer in self.layers)

    @property
    def rate(self) -> float:
        """Spikes per neuron and step over the whole network."""
        return sum(layer.spikes for layer in self.layers) / self.updates if self.updates else 0.0

    def __add__(self, other: Activity) -> Activity:
        """Counts of two runs of the same network together."""
        layers = tuple(
            LayerCount(a.name, a.neurons, a.spikes + b.spikes, a.synaptic_operations + b.synaptic_operations,
                       a.dense_macs + b.dense_macs, a.updates + b.updates)
            for a, b in zip(self.layers, other.layers, strict=True))
        return Activity(layers, self.input_spikes + other.input_spikes, self.sample_steps + other.sample_steps)


@torch.no_grad()
def count_activity(
    network: SpikingNetwork, spikes: Tensor, state: NetworkState | None = None, lengths: Tensor | None = None
) -> tuple[Tensor, NetworkState, Activity]:
    """Run the network and count.

    Args:
        network: Network to run; its mode is left as it is.
        spikes: ``(T, B, C, H, W)`` zeros and ones.
        state: State before the first step.
        lengths: ``(B,)`` true steps of padded sequences; nothing behind them is counted.

    Returns:
        ``(out spikes (T, B, K), state, counts)``.
    """
    found, last = network.activity(spikes, state)
    steps, batch = spikes.shape[:2]
    kept = torch.ones(steps, batch, dtype=torch.bool, device=spikes.device)
    if lengths is not None:
        kept = step_mask(lengths, steps)
    sample_steps = int(kept.sum())
    masked = [part * kept.view(steps, batch, *[1] * (part.ndim - 2)).to(part.dtype) for part in (spikes, *found)]
    counts = []
    for layer, before, after in zip(network.spiking_layers(), masked, masked[1:], strict=False):
        neurons = math.prod(layer.output_shape)
        macs = layer.weight.numel() * math.prod(layer.output_shape[1:])
        sent = _count(after) if layer.spec.fires else 0
        counts.append(LayerCount(layer.name, neurons, sent, synaptic_operations(layer, before),
                                 macs * sample_steps, neurons * sample_steps))
    return masked[-1], last, Activity(tuple(counts), _count(masked[0]), sample_steps)


def synaptic_operations(layer: SpikingLayer, spikes: Tensor) -> int:
    """Synapses that the spikes ``(T, B, ...)`` coming into a layer reach, over all steps and samples.

    The same as ``conv(spikes != 0, ones_like(weight)).sum()``, by the fan-out of every input.
    """
    hits = (spikes != 0).flatten(0, 1).sum(0, dtype=torch.float64).reshape(layer.input_shape)
    return round(float((hits * fan_out(layer).to(hits.device)).sum()))


def fan_out(layer: SpikingLayer) -> Tensor:
    """Neurons that each input of a layer reaches, ``input_shape``, float64; less at the border of a conv layer."""
    if layer.spec.kind == "dense":
        return torch.full(layer.input_shape, float(layer.spec.outputs), dtype=torch.float64)
    spec = layer.spec
    with torch.inference_mode(False), torch.enable_grad():
        here = torch.zeros(1, 1, *layer.input_shape[1:], dtype=torch.float64, requires_grad=True)
        ones = torch.ones(1, 1, *spec.kernel, dtype=torch.float64)
        reached = functional.conv2d(here, ones, None, spec.stride, spec.padding, spec.dilation).sum()
        (places,) = torch.autograd.grad(reached, here)
    return places[0].expand(layer.input_shape) * spec.outputs


def _count(spikes: Tensor) -> int:
    return int(torch.count_nonzero(spikes))
