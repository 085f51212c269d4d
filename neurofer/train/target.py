"""What is refused before anything is prepared: a network that cannot be built, or that its chip cannot run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from neurofer.errors import UsageError
from neurofer.train.config import TrainConfig


def refuse_outside_target(config: TrainConfig, classes: tuple[str, ...]) -> None:
    """Raise if a spiking network cannot be built, or is outside what its chip can run, if it is for one.

    Builds the network once and throws it away, which draws from torch's generator: seed it afterwards.

    Args:
        config: The run.
        classes: Class names.

    Raises:
        UsageError: every reason, by layer.
        MissingExtraError: the library of its neurons is not installed.
    """
    if config.backend != "snn":
        return
    from neurofer.spiking.chip_size import chip_problems
    from neurofer.spiking.grammar import grammar_problems, refuse_outside
    from neurofer.spiking.network import SpikingNetwork
    from neurofer.train.build import build_recogniser

    key = "snn.target" if config.snn.quantise == "none" else "snn.quantise"
    try:
        network = build_recogniser(config, classes, channels=2)
    except UsageError:
        if config.snn.chip is not None:
            refuse_outside(config.snn.chip, _described_problems(config, len(classes)), key)
        raise
    if config.snn.chip is not None:
        problems = grammar_problems(network, spikes_in=config.snn.input)
        if isinstance(network, SpikingNetwork):
            problems += chip_problems(config.snn.chip, network.specs, network.input_shape)
        refuse_outside(config.snn.chip, problems, key)


def _described_problems(config: TrainConfig, classes: int) -> list[str]:
    """What the grammar says about the layers as they are written, for a network that cannot be built."""
    from neurofer.spiking.grammar import description_problems, grammar_problems
    from neurofer.spiking.layers import LayerSpec, dense
    from neurofer.spiking.network import layer_names, preset_layers
    from neurofer.train.build import neuron_settings

    snn = config.snn
    layers = snn.layers or []
    known = set(LayerSpec.__dataclass_fields__)
    decays: dict[str, Any] = {"alpha": snn.alpha, "beta": snn.beta}
    start = {"kind": "none", "outputs": 1, **decays}
    try:
        if snn.layers is None:
            specs = [replace(spec, **decays) for spec in preset_layers(snn.preset, classes)]
        else:
            specs = [LayerSpec.from_dict({**start, **{name: value for name, value in layer.items() if name in known}})
                     for layer in layers] + [dense(classes, **decays)]
        specs[-1] = replace(specs[-1], fires=snn.readout == "spikes")
        return [*grammar_problems(specs, neuron_settings(snn), snn.input),
                *description_problems(layer_names(specs)[: len(layers)], layers)]
    except (TypeError, ValueError):  # what building told already
        return []
