"""The encoder of a spiking network: how many of its layers it is, and what becomes of them in a training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from neurofer.errors import UsageError
from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.layers import LayerSpec, SpikingLayer
from neurofer.spiking.network import SpikingNetwork
from neurofer.train.build import build_recogniser
from neurofer.train.config import ModelConfig, SnnConfig, TrainConfig


def encoder_depth(network: SpikingNetwork, snn: SnnConfig) -> int:
    """Layers of the encoder, from the input on: the convolutions, or everything before the classes.

    Raises:
        UsageError: there are none.
    """
    kinds = [spec.kind for spec in network.specs]
    depth = kinds.count("conv") if snn.encoder == "conv" else len(kinds) - 1
    if not depth:
        more = "; use snn.encoder=hidden" if len(kinds) > 1 else ""
        raise UsageError(f"snn.encoder={snn.encoder}: no layer of this network belongs to its encoder{more}")
    return depth


def encoder_settings(snn: SnnConfig) -> dict[str, Any]:
    """What two encoders must agree in for one to take the other's weights: key path and value.

    Decays are no part of it: they are weights. That a layer has no synaptic memory (``alpha`` 0) is.

    Raises:
        UsageError: the layers do not fit together, or none belongs to the encoder.
    """
    with torch.device("meta"):
        layers = "; ".join(_text(layer.spec) for layer in first_layers(snn))
    names = ("input", "size_px", "dt_us", "neuron", "neuron_options", "per_channel", "learn_theta")
    return {**{f"snn.{name}": getattr(snn, name) for name in names}, "snn.encoder": f"{snn.encoder} ({layers})"}


def first_layers(snn: SnnConfig) -> list[SpikingLayer]:
    """The layers of the encoder, with fresh weights from torch's generator.

    Raises:
        UsageError: the layers do not fit together, or none belongs to the encoder.
    """
    network = build_recogniser(TrainConfig(backend="snn", snn=snn), ("one", "other"), 2)
    if not isinstance(network, SpikingNetwork):
        raise UsageError(f"snn.preset={snn.preset} has no layers for an encoder; use another preset")
    return network.spiking_layers()[: encoder_depth(network, snn)]


def refuse_mode(config: TrainConfig) -> None:
    """Say no to a mode that a spiking network does not have.

    Raises:
        UsageError: the network is no list of layers.
    """
    if config.backend == "snn" and config.model.mode != "scratch" and config.snn.preset == "sew_resnet18":
        raise UsageError(f"model.mode={config.model.mode}: an encoder is the first of a list of layers, which "
                         "snn.preset=sew_resnet18 is not; use another preset, or model.mode=scratch")


def start_rates(network: SpikingNetwork, spikes: Tensor, config: TrainConfig) -> None:
    """Scale fresh layers until they fire; an encoder that was taken over stays as it is, one that is kept is frozen.

    Args:
        network: Changed in place.
        spikes: ``(T, B, C, H, W)`` a typical batch.
        config: The run.
    """
    mode = config.model.mode
    depth = 0 if mode == "scratch" else encoder_depth(network, config.snn)
    taken = depth if mode in ("linear", "finetune") else 0
    calibrate_rates(network, spikes, config.snn.start_rate, first=taken)
    if mode in ("linear", "random"):
        keep_encoder(network, depth)


def keep_encoder(network: SpikingNetwork, depth: int) -> None:
    """Train the first ``depth`` layers no longer: neither weights nor neurons."""
    for layer in network.spiking_layers()[:depth]:
        layer.requires_grad_(False)


def groups_of_mode(groups: list[dict[str, Any]], network: SpikingNetwork, config: TrainConfig) -> list[dict[str, Any]]:
    """An optimiser's groups as the mode wants them: without what is kept, a tuned encoder with a rate of its own.

    Args:
        groups: Of all parameters, each with its ``scale``.
        network: What they belong to.
        config: The run; with ``scratch`` the groups stay as they are.
    """
    mode: ModelConfig = config.model
    if mode.mode == "scratch":
        return groups
    layers: list[nn.Module] = [*network.spiking_layers()[: encoder_depth(network, config.snn)]]
    encoder = {id(value) for layer in layers for value in layer.parameters()}
    found = []
    for group in groups:
        for of_encoder in (True, False):
            mine = [value for value in group["params"] if value.requires_grad and (id(value) in encoder) == of_encoder]
            if mine:
                scale = group["scale"] * (mode.encoder_lr_scale if of_encoder else 1.0)
                found.append({**group, "params": mine, "scale": scale})
    return found


def _text(spec: LayerSpec) -> str:
    said = [f"{spec.kind} {spec.outputs}"]
    if spec.kind == "conv":
        said += [f"{name} {'x'.join(map(str, getattr(spec, name)))}"
                 for name in ("kernel", "stride", "padding", "dilation")]
    return " ".join([*said, f"theta {spec.theta:g}", *(["alpha 0"] if not spec.alpha else [])])
