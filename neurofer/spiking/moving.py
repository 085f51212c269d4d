"""Moving a trained network from one provider's neurons to another's, where both are exactly the CUBA neuron."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch

from neurofer.spiking.form_options import WITHOUT_SYNAPSE, departures
from neurofer.spiking.forms import NATIVE, NeuronSettings
from neurofer.spiking.network import SpikingNetwork


class Agreement(NamedTuple):
    """Spikes of two networks on the same input: how many the first one fired, and how many differ."""

    spikes: int
    different: int


def native_form(form: str) -> str:
    """The native neuron that a form stands for: ``lif`` without synaptic memory, else ``cuba``."""
    return "lif" if form in WITHOUT_SYNAPSE else "cuba"


def neuron_of(network: SpikingNetwork) -> NeuronSettings:
    """The neurons that all layers of a network have."""
    return network.spiking_layers()[0].neuron


def told(source: NeuronSettings, target: NeuronSettings, problems: list[str]) -> str:
    """The sentence of a refusal."""
    return (f"a network of {source.form} neurons cannot become one of {target.form} exactly:\n  - "
            + "\n  - ".join(problems))


def moving_problems(network: SpikingNetwork, source: NeuronSettings, target: NeuronSettings) -> list[str]:
    """Why the network would not fire the same spikes after the move, by layer; empty where it would.

    Args:
        network: With its trained decays; which of the two neurons it has does not matter.
        source: The neurons that it was trained with.
        target: Those that it shall have.
    """
    found = []
    for layer in network.spiking_layers():
        for settings in (source, target) if layer.spec.fires else ():
            found += [f"{layer.name}: {settings.form}: {reason}"
                      for reason in _reasons(settings)]
        alpha = float(layer.alpha.detach().max())
        if alpha > 0 and target.form in WITHOUT_SYNAPSE:
            found.append(f"{layer.name}: alpha is {alpha:.4g}, but {target.form} has no synaptic memory (choose cuba)")
    return found


def _reasons(settings: NeuronSettings) -> list[str]:
    found = departures(settings.form, settings.options)
    if settings.quantise and settings.form not in NATIVE:
        found.append("computes in float numbers, the network in a chip's integers (keep the native neurons)")
    return found


def move_network(network: SpikingNetwork, target: NeuronSettings) -> SpikingNetwork:
    """A new network with the same weights, decays and thresholds, whose neurons another provider computes.

    Fires the same spikes: to the last bit between the native neuron and snntorch, and but for rounding to and from
    norse, where a membrane within about 1e-6 of its threshold can tip.

    Args:
        network: Trained network; not changed.
        target: The neurons that the new one has.

    Raises:
        ValueError: the two neurons are not the same; every reason is listed, by layer.
        ImportError: the target's library is not installed.
    """
    source = neuron_of(network)
    problems = moving_problems(network, source, target)
    if problems:
        raise ValueError(told(source, target, problems))
    moved = SpikingNetwork(network.specs, network.input_shape, network.dropout, target, network.graded)
    weight = next(network.parameters())
    moved.to(weight.device, weight.dtype)
    moved.load_state_dict(network.state_dict())
    return moved.train(network.training)


def move_to_native(network: SpikingNetwork) -> SpikingNetwork:
    """The network with native neurons: ``lif`` for forms without synaptic memory, else ``cuba``; see ``move_network``.

    Raises:
        ValueError: its neurons are not exactly the native ones; every reason is listed, by layer.
    """
    settings = neuron_of(network)
    return move_network(network, replace(settings, form=native_form(settings.form), options={}))


@torch.no_grad()
def agreement(one: SpikingNetwork, other: SpikingNetwork, steps: int = 50, batch: int = 2,
              seed: int = 0) -> Agreement:
    """How far two networks fire alike, every firing layer counted, on random spikes in a tenth of the pixels."""
    weight = next(one.parameters())
    draw = torch.rand(steps, batch, *one.input_shape, generator=torch.Generator().manual_seed(seed))
    spikes = (draw < 0.1).to(weight.device, weight.dtype)
    pairs = [(fired, again) for spec, fired, again in
             zip(one.specs, one.activity(spikes)[0], other.activity(spikes)[0], strict=True) if spec.fires]
    return Agreement(sum(int(fired.count_nonzero()) for fired, _ in pairs),
                     sum(int((fired != again).sum()) for fired, again in pairs))
