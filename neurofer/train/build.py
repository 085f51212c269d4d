"""From a configuration to a network with fresh weights; the last place where a configuration is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch import nn

from neurofer.train.config import RepresentConfig, SnnConfig, TrainConfig
from neurofer.train.slices_config import reads_slices

if TYPE_CHECKING:
    from neurofer.spiking.forms import NeuronSettings
    from neurofer.spiking.layers import LayerSpec


def build_recogniser(config: TrainConfig, classes: tuple[str, ...], channels: int) -> nn.Module:
    """The network of a run.

    Args:
        config: The run.
        classes: Class names; their number is the number of outputs.
        channels: Channels of the input.

    Raises:
        UsageError: an unknown preset or a size that cannot be built.
    """
    from neurofer.models.build import build_model

    if reads_slices(config):
        return _resnet(config, len(classes), channels)
    if config.backend == "snn":
        return _snn(config, len(classes))
    ann = config.model
    return build_model("ann", classes=len(classes), channels=channels, size_px=ann.size_px, width=ann.width,
                       context_windows=ann.context_windows, lstm_layers=ann.lstm_layers, dropout=ann.dropout,
                       **front_settings(config.represent))


def front_settings(represent: RepresentConfig) -> dict[str, Any]:
    """The front that a representation needs, as ``build_ann`` takes it: full-range pictures need none.

    Raises:
        UsageError: an unknown representation or setting.
    """
    from neurofer.represent import build_representation
    from neurofer.represent.est import Est

    representation = build_representation(represent.kind, **represent.settings)
    if isinstance(representation, Est):
        return {"front": "est", "front_bins": representation.bins}
    return {"front": "none" if representation.is_picture else "scale"}


def _resnet(config: TrainConfig, classes: int, channels: int) -> nn.Module:
    from neurofer.errors import UsageError
    from neurofer.models.resnet import ResNet18, SewResNet18

    try:
        if config.backend == "snn":
            return SewResNet18(classes, channels, config.snn.dropout, config.snn.size_px, config.snn.width)
        ann = config.model
        return ResNet18(classes, channels, ann.size_px, ann.width, ann.dropout)
    except ValueError as error:
        raise UsageError(f"{config.backend}: {error}") from error


def neuron_settings(snn: SnnConfig) -> NeuronSettings:
    """The neurons of a spiking run."""
    from neurofer.spiking.forms import NeuronSettings

    return NeuronSettings(snn.neuron, snn.surrogate, snn.slope, snn.per_channel, snn.learn_theta, snn.recompute_steps,
                          snn.quantise != "none", snn.neuron_options)


def _snn(config: TrainConfig, classes: int) -> nn.Module:
    from neurofer.errors import UsageError
    from neurofer.spiking.layers import dense
    from neurofer.spiking.network import SpikingNetwork, preset_layers

    snn = config.snn
    try:
        if snn.layers is None:
            specs = [replace(layer, alpha=snn.alpha, beta=snn.beta) for layer in preset_layers(snn.preset, classes)]
        else:
            start: dict[str, Any] = {"alpha": snn.alpha, "beta": snn.beta}
            specs = [*_layers_written(snn.layers, start), dense(classes, **start)]
        specs[-1] = replace(specs[-1], fires=snn.readout == "spikes")
        return SpikingNetwork.build(specs, (2, snn.size_px, snn.size_px), snn.dropout, neuron_settings(snn),
                                    snn.input == "graded")
    except ValueError as error:
        raise UsageError(f"snn: {error}") from error


def _layers_written(layers: Sequence[Mapping[str, Any]], start: Mapping[str, Any]) -> list[LayerSpec]:
    """``snn.layers`` as data, or all that is wrong with them in one error."""
    from neurofer.spiking.layers import LayerSpec

    specs, problems = [], []
    for number, layer in enumerate(layers):
        try:
            specs.append(LayerSpec.from_dict({**start, **layer}))
        except ValueError as error:
            problems.append(f"snn.layers[{number}]: {error}")
    if problems:
        raise ValueError("\n  - ".join(["layers that cannot be read:", *problems]))
    return specs
