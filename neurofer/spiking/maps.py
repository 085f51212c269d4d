"""When and how often the neurons of a spiking network fire over a clip: trains and maps."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurofer.eval_mode import deciding
from neurofer.spiking.network import NetworkState, SpikingNetwork

STRETCH_STEPS = 100
"""Steps that are kept together, so that memory does not grow with the clip."""


@torch.inference_mode()
def spike_maps(network: SpikingNetwork, spikes: Tensor) -> dict[str, NDArray[np.float32]]:
    """Spikes per neuron over one sequence, layer by layer, as the network decides; it is left as it was.

    Args:
        network: Any; of a last layer that does not fire the maps hold the sums of its membranes.
        spikes: ``(T, 1, C, H, W)`` zeros and ones, or counts, T at least 1.

    Returns:
        By name, first ``input``: ``(C, H, W)``, of dense layers ``(N, 1, 1)``.

    Raises:
        ValueError: not one sequence of at least one step, or another shape than the network takes.
    """
    refuse_batch("spike_maps", spikes)
    sums: list[Tensor] = [spikes.double().sum(0)[0]]
    state: NetworkState | None = None
    with deciding(network):
        for stretch in spikes.split(STRETCH_STEPS):
            sums, state = _further(network, stretch, sums, state)
    names = ["input", *(layer.name for layer in network.spiking_layers())]
    return {name: one.reshape(*one.shape, *[1] * (3 - one.ndim)).float().cpu().numpy()
            for name, one in zip(names, sums, strict=True)}


def _further(network: SpikingNetwork, stretch: Tensor, sums: list[Tensor],
             state: NetworkState | None) -> tuple[list[Tensor], NetworkState]:
    found, after = network.activity(stretch, state)
    new = [one.double().sum(0)[0] for one in found]
    before = sums[1:] or [torch.zeros_like(one) for one in new]
    return [sums[0], *(one + other for one, other in zip(before, new, strict=True))], after


@torch.inference_mode()
def spike_trains(network: SpikingNetwork, spikes: Tensor) -> dict[str, NDArray[np.bool_]]:
    """Which neurons fire when, layer by layer, as the network decides; for a raster. The network is left as it was.

    Args:
        network: Its last layer fires.
        spikes: ``(T, 1, C, H, W)`` zeros and ones, or counts, T at least 1.

    Returns:
        ``(T, N)`` by name of the layer, neurons in the order (C, H, W).

    Raises:
        ValueError: not one sequence of at least one step, another shape than the network takes, or a last layer that
            never fires.
    """
    refuse_batch("spike_trains", spikes)
    if not network.specs[-1].fires:
        raise ValueError("spike_trains: the last layer never fires; see membrane_traces for its membranes")
    with deciding(network):
        found, _ = network.activity(spikes)
    return {layer.name: (one[:, 0].flatten(1) > 0).cpu().numpy()
            for layer, one in zip(network.spiking_layers(), found, strict=True)}


def refuse_batch(who: str, spikes: Tensor) -> None:
    """Refuse all but one sequence ``(T, 1, C, H, W)`` of at least one step.

    Raises:
        ValueError: says who needs it, and what came.
    """
    if spikes.ndim != 5 or spikes.shape[1] != 1 or not len(spikes):
        raise ValueError(f"{who}: need one sequence (T, 1, C, H, W) with T >= 1, got {tuple(spikes.shape)}")
