"""A trained spiking network as a chip network, or a refusal that names every layer which no chip can say exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from neurofer.errors import NeuroferError
from neurofer.hardware.network import ChipLayer, ChipNetwork

if TYPE_CHECKING:
    from torch import nn

    from neurofer.spiking.layers import SpikingLayer
    from neurofer.spiking.network import SpikingNetwork


@dataclass(frozen=True)
class Reading:
    """How events become input and output becomes decisions; see ``ChipNetwork`` for the fields."""

    dt_us: int
    steps: int
    decision_us: int
    classes: tuple[str, ...]
    rate_gain: float = 10.0

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> Reading:
        """From the card of a spiking run.

        Raises:
            NeuroferError: the card is of a network that does not read steps of time.
        """
        if card.get("backend") != "snn" or not card.get("dt_us") or card.get("rate_gain") is None:
            raise NeuroferError("chip network: this run is no spiking recogniser fed with steps of time")
        dt_us, window_us = int(card["dt_us"]), int(card["window_us"])
        return cls(dt_us, int(card.get("readout_us") or window_us) // dt_us, window_us, tuple(card["classes"]),
                   float(card["rate_gain"]))


class CannotSay(NeuroferError):  # noqa: N818  a sentence, not a state
    """A chip cannot run a network exactly; ``problems`` holds every reason, by layer."""

    def __init__(self, target: str, problems: Sequence[str]) -> None:
        self.target, self.problems = target, tuple(problems)
        super().__init__(f"{target} cannot run this network exactly:\n  - " + "\n  - ".join(problems))


def chip_network(network: nn.Module, reading: Reading, target: str = "loihi2", *, after_training: bool = False,
                 source: Mapping[str, str] | None = None) -> ChipNetwork:
    """The integers of a trained network.

    Of a network trained with ``snn.quantise`` these are what it computed with, so the chip fires its spikes. Any other
    is refused, unless it may be rounded now: then the chip fires nearly what it fired.

    Args:
        network: Trained network.
        reading: How it is fed and read.
        target: Chip, a key of ``neurofer.hardware.limits.CHIPS``.
        after_training: Round a network that was trained in float numbers.
        source: Words that go into the file.

    Raises:
        CannotSay: every reason, by layer.
    """
    from neurofer.spiking.chip_size import chip_problems
    from neurofer.spiking.grammar import grammar_problems

    chain = spiking_chain(network, target)
    problems = grammar_problems(chain) + chip_problems(target, chain.specs, chain.input_shape)
    layers = chain.spiking_layers()
    quantised = all(layer.neuron.quantise for layer in layers)
    if not quantised and not after_training:
        names = ", ".join(layer.name for layer in layers)
        problems.append(f"{names}: trained in float numbers, so the chip would fire other spikes (train with "
                        f"snn.quantise={target}, or round it now with --after-training)")
    if problems:
        raise CannotSay(target, problems)
    trained = "in integers" if quantised else "in float numbers, rounded afterwards"
    try:
        return ChipNetwork(chain.input_shape, tuple(_layer(layer) for layer in layers), reading.dt_us, reading.steps,
                           reading.decision_us, reading.classes, reading.rate_gain, target,
                           {**(source or {}), "trained": trained})
    except ValueError as error:
        raise CannotSay(target, str(error).split("\n  - ")[1:] or [str(error)]) from error


def spiking_chain(network: nn.Module, target: str) -> SpikingNetwork:
    """The network, if it is a chain of spiking layers.

    Raises:
        CannotSay: it is none; everything in it that no chip can say is listed, by module.
    """
    from neurofer.spiking.grammar import grammar_problems
    from neurofer.spiking.network import SpikingNetwork

    if not isinstance(network, SpikingNetwork):
        raise CannotSay(target, grammar_problems(network))
    return network


def in_integers(network: SpikingNetwork) -> SpikingNetwork:
    """A network that fires what its chip network fires: itself where it was trained so, else its rounded copy."""
    from neurofer.spiking.network import SpikingNetwork

    first = network.spiking_layers()[0]
    if first.neuron.quantise:
        return network
    rounded = SpikingNetwork(network.specs, network.input_shape, network.dropout,
                             replace(first.neuron, quantise=True), network.graded)
    rounded.to(first.weight.device, first.weight.dtype)
    rounded.load_state_dict(network.state_dict(), strict=False)  # no scale was kept
    return rounded.eval()


def _layer(layer: SpikingLayer) -> ChipLayer:
    found, spec = layer.integers(), layer.spec
    weight = found.weight.cpu().numpy().astype(np.int16)
    if spec.kind == "dense":
        return ChipLayer(layer.name, "dense", weight, *found.registers, found.scale)
    return ChipLayer(layer.name, "conv", weight, *found.registers, found.scale, spec.stride, spec.padding,
                     spec.dilation)
