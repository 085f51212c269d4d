"""What ``snn.target`` refuses, before anything is prepared: a network that the chip cannot run exactly."""

from __future__ import annotations

from neurofer.errors import UsageError
from neurofer.train.config import TrainConfig


def refuse_outside_target(config: TrainConfig, classes: tuple[str, ...]) -> None:
    """Raise if the network of a run is outside the grammar of its ``snn.target``; without a target nothing is asked.

    Builds the network once and throws it away, which draws from torch's generator: seed it afterwards.

    Args:
        config: The run.
        classes: Class names.

    Raises:
        UsageError: every reason, by layer; or the network cannot be built at all.
    """
    if config.backend != "snn" or config.snn.target is None:
        return
    from neurofer.spiking.grammar import grammar_problems, refuse_outside
    from neurofer.train.build import build_recogniser

    try:
        network = build_recogniser(config, classes, channels=2)
    except UsageError:
        refuse_outside(config.snn.target, _described_problems(config))
        raise
    refuse_outside(config.snn.target, grammar_problems(network, spikes_in=config.snn.input))


def _described_problems(config: TrainConfig) -> list[str]:
    """What the grammar says about ``snn.layers`` as they are written, for a network that cannot be built."""
    from neurofer.spiking.grammar import description_problems, grammar_problems
    from neurofer.spiking.layers import LayerSpec
    from neurofer.spiking.network import layer_names
    from neurofer.train.build import neuron_settings

    snn = config.snn
    layers = snn.layers or []
    known = set(LayerSpec.__dataclass_fields__)
    start = {"kind": "none", "outputs": 1, "alpha": snn.alpha, "beta": snn.beta}
    try:
        specs = [LayerSpec.from_dict({**start, **{name: value for name, value in layer.items() if name in known}})
                 for layer in layers]
        return [*grammar_problems(specs, neuron_settings(snn), snn.input),
                *description_problems(layer_names(specs), layers)]
    except (TypeError, ValueError):  # values of another type, which building told already
        return []

