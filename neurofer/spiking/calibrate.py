"""Scaling fresh weights so that every layer fires from the first training step on."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from neurofer.spiking.layers import SpikingLayer
from neurofer.spiking.scan import cuba_scan


class Layered(Protocol):
    """A spiking network, or the first layers of one."""

    def spiking_layers(self) -> list[SpikingLayer]:
        """The layers, from the input on."""
        ...


@torch.no_grad()
def calibrate_rates(network: Layered, spikes: Tensor, rate: float = 0.1, tries: int = 16,
                    first: int = 0) -> list[float]:
    """Scale each layer's weights, from the input on, until it fires at ``rate`` on a real batch.

    A layer that never fires passes no useful gradient, and one that fires at every step neither; how far the raw
    weights are from there depends on how many events a recording has. Same network and batch, same result. A read-out
    that does not fire is scaled as if it did: its membranes then reach about the threshold of its specification.

    Args:
        network: Network with fresh weights; changed in place.
        spikes: ``(T, B, C, H, W)`` a typical batch.
        rate: Wanted spikes per neuron and step, between 0 and 1.
        tries: Halvings of the search interval, a factor of 10,000 wide.
        first: Layers before this one, from 0, stay as they are.

    Returns:
        The rates reached, one a layer that fires.

    Raises:
        ValueError: ``rate`` out of range, or no spike reaches a layer.
    """
    if not 0 < rate < 1:
        raise ValueError(f"calibrate_rates: rate must lie between 0 and 1, got {rate}")
    layers = network.spiking_layers()
    passing = spikes.to(layers[0].weight.dtype)
    reached = []
    for number, layer in enumerate(layers):
        if number < first:
            passing, _ = layer(passing)
            reached.append(float(passing.mean()))
            continue
        current = layer.current(passing)
        if not bool(current.any()):
            raise ValueError(f"calibrate_rates: no spike reaches layer {layer.name}; give a batch that holds events")
        low, high = -2.0, 2.0
        for _ in range(tries):
            middle = (low + high) / 2
            fired, _ = cuba_scan(current * 10**middle, None, layer.alpha, layer.beta, layer.theta)
            low, high = (middle, high) if float(fired.mean()) < rate else (low, middle)
        layer.weight.mul_(10 ** ((low + high) / 2))
        if layer.spec.fires:
            passing, _ = layer(passing)
            reached.append(float(passing.mean()))
    return reached
