"""What every target can say: strided convolutions without bias, flatten, dense, a CUBA neuron of scalars after each.

A network outside is refused, not approximated. The check is a function of specs, network and settings alone, so that
training asks it before the first epoch and an export asks it again with the trained numbers.

Source:
    Registers: lava-nc 0.10.0 ``proc/lif/models.py`` and lava-dl 0.6.0 ``netx``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn.utils import parametrize

from neurofer.errors import UsageError
from neurofer.spiking.form_options import OPTIONS, departures
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.layers import LayerSpec, SpikingLayer
from neurofer.spiking.network import SpikingNetwork, layer_names
from neurofer.spiking.registers import DECAY_ONE, THRESHOLD_MANTISSA, WEIGHTS

TARGETS = ("loihi1", "loihi2")
"""Chips that ``snn.target`` names."""

_PLAIN = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.Dropout, nn.Dropout2d, nn.Identity, nn.Flatten)
_BY_KIND: tuple[tuple[tuple[type[nn.Module], ...], str], ...] = (
    ((nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.LocalResponseNorm),
     "normalisation (train without it; a chip has no place for its shift)"),
    ((nn.modules.conv._ConvTransposeNd, nn.Upsample), "upsampling (a chip's layers only keep or reduce the size)"),
    ((nn.RNNBase, nn.RNNCellBase), "recurrence (leave it out; the neurons' own state is the memory)"),
    ((nn.Conv1d, nn.Conv3d), "a convolution of one or three dimensions (Conv2d)"),
)


def grammar_problems(
    network: nn.Module | Sequence[LayerSpec], neuron: NeuronSettings | None = None, spikes_in: str = "binary"
) -> list[str]:
    """Everything for which no target can run a network exactly, each as ``layer: what (remedy)``; empty if it can.

    Dropout is nothing to a finished network. Limits of a chip's size are not part of the grammar, and whether the
    current may wrap depends on the quantised weights.

    Args:
        network: Layers as data, or a network, whose learned decays, thresholds and weights then count.
        neuron: Its neurons; by default those of the network, else native ones.
        spikes_in: What it is fed: ``binary`` spikes, ``graded`` ones, or ``slices`` of a fixed number of events.
    """
    found = []
    if spikes_in == "graded" or getattr(network, "graded", False):
        found.append("input: graded spikes (snn.input=binary: one bit a step)")
    elif spikes_in != "binary":
        found.append(f"input: {spikes_in} instead of a spike stream (snn.input=binary)")
    if not isinstance(network, nn.Module):
        specs = tuple(network)
        found += _neuron_problems(neuron or NeuronSettings(), layer_names(specs))
        for name, spec in zip(layer_names(specs), specs, strict=True):
            found += _spec_problems(name, spec)
        return [*found, *_read_out_problems(specs)]
    if isinstance(network, SpikingNetwork):
        layers = network.spiking_layers()
        settings = neuron or (layers[0].neuron if layers else NeuronSettings())
        found += _neuron_problems(settings, [layer.name for layer in layers])
        for layer in layers:
            found += _layer_problems(layer)
        return [*found, *_read_out_problems(network.specs), *_foreign_problems(network)]
    found += _foreign_problems(network)
    return [*found, f"network: {type(network).__name__} is no chain of spiking layers (snn.preset=tiny, small or base, "
                    "or snn.layers)"]


def description_problems(names: Sequence[str], layers: Sequence[Mapping[str, Any]]) -> list[str]:
    """What layers written down say that ``LayerSpec`` has no word for, each as ``layer: what (remedy)``.

    Args:
        names: Of the layers.
        layers: As in ``snn.layers``.
    """
    found = []
    for name, layer in zip(names, layers, strict=True):
        if layer.get("bias"):
            found.append(f"{name}: bias (leave it out; a chip adds it to the membrane, not to the current)")
        if layer.get("groups", 1) != 1:
            found.append(f"{name}: groups {layer['groups']} (leave them out; every input reaches every output)")
        if layer.get("reset", "zero") != "zero":
            found.append(f"{name}: reset {layer['reset']!r} (leave it out; a neuron that fires goes to zero)")
        found += [f"{name}: {key} (leave it out)" for key in ("refractory", "delay", "recurrent", "batch_norm", "skip")
                  if layer.get(key)]
    return found


def refuse_outside(target: str, problems: Sequence[str], key: str = "snn.target") -> None:
    """Raise if a network has problems; the message lists all.

    Args:
        target: The chip.
        problems: Why it cannot run the network.
        key: Setting that names the chip, for the message.

    Raises:
        UsageError: ``problems`` is not empty.
    """
    if problems:
        raise UsageError(f"{key}={target}: it cannot run this network exactly:\n  - " + "\n  - ".join(problems))


def _neuron_problems(neuron: NeuronSettings, names: Sequence[str]) -> Iterator[str]:
    every = ", ".join(names) or "network"
    if neuron.form not in OPTIONS:
        yield f"{every}: neurons of {neuron.form}, for which no exact map to native ones is known (snn.neuron=cuba)"
    else:
        yield from (f"{every}: {neuron.form}: {why}" for why in departures(neuron.form, neuron.options))
    if neuron.per_channel:
        yield f"{every}: decays of each channel (one of each a layer: snn.per_channel=false)"


def _spec_problems(name: str, spec: LayerSpec) -> Iterator[str]:
    if spec.kind not in ("conv", "dense"):
        yield f"{name}: kind {spec.kind!r} ({_instead_of(spec.kind)})"
    yield from _decay_problems(name, [spec.alpha], [spec.beta])
    if not (spec.theta > 0 and math.isfinite(spec.theta)):
        yield f"{name}: theta {spec.theta:g} (a threshold above 0; 1 is usual)"


def _layer_problems(layer: SpikingLayer) -> Iterator[str]:
    if parametrize.is_parametrized(layer):
        yield f"{layer.name}: parametrised weights (make them plain with remove_parametrizations)"
    yield from _decay_problems(layer.name, _numbers(layer.alpha), _numbers(layer.beta))
    thresholds = _numbers(layer.theta)
    if layer.neuron.per_channel is False and max(len(thresholds), layer.alpha.numel(), layer.beta.numel()) > 1:
        yield f"{layer.name}: parameters of each channel (one of each a layer)"
    largest = float(layer.weight.detach().abs().max()) if layer.weight.numel() else 0.0
    if not math.isfinite(largest):
        yield f"{layer.name}: weights that are not finite (train it again with a smaller train.lr)"
    elif largest == 0:
        yield f"{layer.name}: all weights are 0 (a layer that says nothing cannot be scaled; leave it out)"
    else:
        unit = largest / WEIGHTS[1]
        wrong = [theta for theta in thresholds if not 1 <= round(min(theta / unit, 1e9)) <= THRESHOLD_MANTISSA[1]]
        if wrong:
            yield (f"{layer.name}: theta {wrong[0]:.4g} beside weights up to {largest:.4g} is outside the threshold "
                   f"register ({unit:.4g} to {THRESHOLD_MANTISSA[1] * unit:.4g})")


def _decay_problems(name: str, alphas: Sequence[float], betas: Sequence[float]) -> Iterator[str]:
    for alpha in alphas:
        if not (0 <= alpha <= 1 and round(DECAY_ONE * (1 - alpha)) >= 1):
            yield f"{name}: alpha {alpha:.6g} is outside register iDecay (0 to {1 - 1 / DECAY_ONE:.4f})"
            break
    for beta in betas:
        if not (0 <= beta <= 1 and round(DECAY_ONE * (1 - beta)) < DECAY_ONE):
            yield f"{name}: beta {beta:.6g} is outside register vDecay ({1 / DECAY_ONE:.4f} to 1)"
            break


def _read_out_problems(specs: Sequence[LayerSpec]) -> Iterator[str]:
    for name, spec in zip(layer_names(specs), specs, strict=True):
        if not getattr(spec, "fires", True):
            yield f"{name}: neurons that never fire (snn.readout=spikes: outputs are counted)"


def _foreign_problems(network: nn.Module) -> Iterator[str]:
    """Of every module that is no spiking layer, by its name.

    A module whose ``forward`` does what no submodule shows says so in ``beyond_grammar``, sentences of its own.
    """
    for path, module in network.named_modules():
        name = path or "network"
        for said in getattr(type(module), "beyond_grammar", ()):
            yield f"{name}: {said}"
        if isinstance(module, (SpikingNetwork, SpikingLayer, *_PLAIN)) or not path or ".parametrizations." in path:
            continue
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            yield from _weight_problems(name, module)
        elif wrong := _wrong_kind(module):
            yield f"{name}: {wrong}"


def _weight_problems(name: str, module: nn.Conv2d | nn.Linear) -> Iterator[str]:
    if module.bias is not None:
        yield f"{name}: bias (bias=False; a chip adds it to the membrane, not to the current)"
    if isinstance(module, nn.Conv2d):
        if module.groups != 1:
            yield f"{name}: groups {module.groups} (groups 1)"
        if module.padding_mode != "zeros" or isinstance(module.padding, str):
            yield f"{name}: padding {module.padding_mode!r}, {module.padding!r} (zeros, as many as numbers say)"


def _wrong_kind(module: nn.Module) -> str | None:
    kind = type(module).__name__
    for kinds, what in _BY_KIND:
        if isinstance(module, kinds):
            return f"{kind}, {what}"
    if "Pool" in kind:
        return f"{kind}, pooling (stride 2 in the convolution before)"
    if next(module.children(), None) is not None:
        return None
    return f"{kind} is none of convolution, flatten, dense and CUBA neuron (leave it out)"


def _instead_of(kind: str) -> str:
    if "pool" in kind.lower():
        return "stride 2 in the convolution before"
    return "conv or dense; flatten comes by itself before the first dense layer"


def _numbers(value: Tensor | float) -> list[float]:
    return [float(one) for one in value.detach().flatten()] if isinstance(value, Tensor) else [float(value)]
