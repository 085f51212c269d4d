"""What the spiking ResNet does, counted from real spikes, and where it still multiplies."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurofer.models.resnet import SewResNet18


@dataclass(frozen=True)
class ResnetLayer:
    """Counts of one convolution and of the neurons behind it, summed over all steps and samples.

    Attributes:
        name: Of the convolution's weights.
        neurons: Neurons behind it.
        spikes: Spikes that these sent.
        synaptic_operations: Spikes that came in, each times the synapses that it reached. A sum of n spikes, as the
            skip connections make them, counts n times.
        events: Likewise, but every input that is not 0 counts once, whatever its value.
        dense_macs: What an ordinary network would multiply in as many steps.
        updates: Neuron updates, neurons times steps times samples.
    """

    name: str
    neurons: int
    spikes: int
    synaptic_operations: int
    events: int
    dense_macs: int
    updates: int

    @property
    def rate(self) -> float:
        """Spikes per neuron and step."""
        return self.spikes / self.updates if self.updates else 0.0


@dataclass(frozen=True)
class ResnetActivity:
    """Counts of one run of the network.

    Batch norm is a part of the weights after training; sums of skip connections, pooling and the integrator's additions
    are counted nowhere, neither here nor in the twin's multiply-accumulates.

    Attributes:
        layers: One entry a convolution, from the input on.
        macs: Multiply-accumulates of the two linear layers, whose inputs are means and potentials, not spikes.
        input_spikes: Ones in the frames.
        steps: Steps T of a sample.
        samples: Samples.
    """

    layers: tuple[ResnetLayer, ...]
    macs: int
    input_spikes: int
    steps: int
    samples: int

    @property
    def neurons(self) -> int:
        """Neurons that can fire."""
        return sum(layer.neurons for layer in self.layers)

    @property
    def spikes(self) -> int:
        """Sent by all neurons."""
        return sum(layer.spikes for layer in self.layers)

    @property
    def synaptic_operations(self) -> int:
        """Over all layers."""
        return sum(layer.synaptic_operations for layer in self.layers)

    @property
    def events(self) -> int:
        """Over all layers."""
        return sum(layer.events for layer in self.layers)

    @property
    def dense_macs(self) -> int:
        """Over all layers, linear ones included."""
        return sum(layer.dense_macs for layer in self.layers) + self.macs

    @property
    def updates(self) -> int:
        """Over all layers."""
        return sum(layer.updates for layer in self.layers)

    @property
    def rate(self) -> float:
        """Spikes per neuron and step over the whole network."""
        return self.spikes / self.updates if self.updates else 0.0

    def __add__(self, other: ResnetActivity) -> ResnetActivity:
        """Counts of two runs of the same network together."""
        layers = tuple(ResnetLayer(a.name, a.neurons, a.spikes + b.spikes,
                                   a.synaptic_operations + b.synaptic_operations, a.events + b.events,
                                   a.dense_macs + b.dense_macs, a.updates + b.updates)
                       for a, b in zip(self.layers, other.layers, strict=True))
        return ResnetActivity(layers, self.macs + other.macs, self.input_spikes + other.input_spikes, self.steps,
                              self.samples + other.samples)


@torch.no_grad()
def count_resnet(network: SewResNet18, frames: Tensor) -> tuple[Tensor, ResnetActivity]:
    """Run the network and count.

    Args:
        network: Network to run; its mode is left as it is.
        frames: ``(T, B, C, S, S)`` zeros and ones.

    Returns:
        ``(logits (B, K), counts)``.
    """
    arrived: list[tuple[nn.Conv2d, int, int]] = []
    fired: list[Tensor] = []

    def meet(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if isinstance(layer, nn.Conv2d):
            arrived.append((layer, _reached(layer, inputs[0]), _reached(layer, (inputs[0] != 0).float())))

    hooks = [layer.register_forward_pre_hook(meet) for layer in network.trunk.modules()
             if isinstance(layer, nn.Conv2d)]
    try:
        logits = network(frames, lambda spikes: fired.append(spikes))
    finally:
        for hook in hooks:
            hook.remove()
    names = {id(layer): name for name, layer in network.named_modules()}
    steps, samples = frames.shape[:2]
    layers = []
    for (layer, values, events), spikes in zip(arrived, fired, strict=True):  # one layer of neurons a convolution
        neurons = math.prod(spikes.shape[1:])
        layers.append(ResnetLayer(names[id(layer)], neurons, int(torch.count_nonzero(spikes)), values, events,
                                  layer.weight.numel() * math.prod(spikes.shape[2:]) * steps * samples,
                                  neurons * steps * samples))
    macs = (network.hidden.weight.numel() * steps + network.head.weight.numel()) * samples
    return logits, ResnetActivity(tuple(layers), macs, int(torch.count_nonzero(frames)), steps, samples)


def _reached(layer: nn.Conv2d, values: Tensor) -> int:
    """Values ``(N, C, H, W)`` that come in, each times the synapses that it reaches."""
    whole = values.sum((0, 1), dtype=torch.float64)[None, None]
    ones = torch.ones(1, 1, *layer.kernel_size, dtype=torch.float64, device=values.device)
    return round(float(functional.conv2d(whole, ones, None, layer.stride, layer.padding).sum())) * layer.out_channels
