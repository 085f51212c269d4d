"""Spiking networks in the grammar that every target can run: strided conv, flatten, dense, CUBA neurons after each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from neurofer.spiking.form_options import WITHOUT_SYNAPSE
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.layers import LayerSpec, Shape, SpikingLayer, conv, dense
from neurofer.spiking.neuron import CubaState

NetworkState = tuple[CubaState, ...]
"""One state a layer, from the input on."""

PRESETS: dict[str, tuple[LayerSpec, ...]] = {
    "tiny": (conv(4), conv(8)),
    "small": (conv(12, kernel=5), conv(24), conv(32), dense(64)),
    "base": (conv(16), conv(32), conv(64)),
}
"""Layers before the last dense one, whose size is the number of classes: unit tests, the demo, the full network."""


def preset_layers(preset: str, classes: int) -> tuple[LayerSpec, ...]:
    """Layers of a preset with ``classes`` outputs.

    Raises:
        ValueError: an unknown preset.
    """
    if preset not in PRESETS:
        raise ValueError(f"spiking network: unknown preset {preset!r}; choose one of {', '.join(PRESETS)}")
    return (*PRESETS[preset], dense(classes))


class SpikingNetwork(nn.Module):
    """A feed-forward spiking network; time is the first axis, state goes in and comes out.

    Attributes:
        specs: The layers as data.
        input_shape: ``(channels, height, width)`` of one step.
        layers: The modules, named ``conv1``, ``conv2``, ..., ``dense1``, ...
        graded: The input counts events, up to 255 a cell and step.
    """

    def __init__(self, specs: Sequence[LayerSpec], input_shape: Shape, dropout: float = 0.0,
                 neuron: NeuronSettings | None = None, graded: bool = False) -> None:
        """Build the layers with random weights.

        Args:
            specs: Layers from the input on; the last one is dense, its neurons are the classes, and it alone may be
                one that does not fire.
            input_shape: ``(channels, height, width)``.
            dropout: Share of inputs of each dense layer that is silent for a whole training sequence.
            neuron: Which neurons, and what of them is learned; those without synaptic memory make alpha 0.
            graded: The input counts events, up to 255 a cell and step; no chip takes that.

        Raises:
            ValueError: the layers do not fit together; every problem is listed, by layer.
        """
        super().__init__()
        if neuron is not None and neuron.form in WITHOUT_SYNAPSE:
            specs = [replace(spec, alpha=0.0) for spec in specs]
        self.specs, self.input_shape, self.dropout = tuple(specs), tuple(input_shape), dropout
        problems = _problems(self.specs, self.input_shape, dropout)
        if problems:
            raise ValueError("spiking network: these layers do not fit together:\n  - " + "\n  - ".join(problems))
        layers, shape = [], self.input_shape
        for spec, name in zip(self.specs, layer_names(self.specs), strict=True):
            layers.append(SpikingLayer(spec, shape, name, neuron))
            shape = layers[-1].output_shape
        layers[0].graded = self.graded = graded
        self.layers = nn.ModuleList(layers)

    @classmethod
    def build(
        cls, layers: Sequence[LayerSpec], input_shape: Shape = (2, 64, 64), dropout: float = 0.0,
        neuron: NeuronSettings | None = None, graded: bool = False,
    ) -> SpikingNetwork:
        """The network with these layers; see the constructor."""
        return cls(layers, input_shape, dropout, neuron, graded)

    @property
    def classes(self) -> int:
        """Neurons of the last layer."""
        return self.specs[-1].outputs

    @property
    def parameter_count(self) -> int:
        """Weights and decays."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def dense_macs(self) -> int:
        """Multiply-accumulates of one step and sample, were it an ordinary network: every weight used everywhere."""
        total = 0
        for layer in self.spiking_layers():
            places = math.prod(layer.output_shape[1:])
            total += layer.weight.numel() * places
        return total

    def forward(
        self, spikes: Tensor, state: NetworkState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, NetworkState]:
        """Spikes of the classes over time; their membranes where the last layer does not fire.

        Args:
            spikes: ``(T, B, C, H, W)`` zeros and ones, or counts, any number type.
            state: What the steps before left behind; None starts fresh.
            lengths: ``(B,)`` true number of steps of each padded sequence; spikes behind it are set to 0. The state
                returned is that after all T steps.

        Returns:
            ``(spikes, state)``: ``(T, B, classes)`` zeros and ones (or membranes), and the state for the steps that
            follow.

        Raises:
            ValueError: input of another shape, or a state of another batch, size, device or dtype.
        """
        activity, last = self.activity(spikes, state)
        out = activity[-1]
        if lengths is not None:
            out = out * step_mask(lengths, len(out)).to(out.dtype).unsqueeze(-1)
        return out, last

    def activity(self, spikes: Tensor, state: NetworkState | None = None) -> tuple[list[Tensor], NetworkState]:
        """Spikes of every layer, each ``(T, B, ...)``, and the state; arguments as ``forward``."""
        self._check(spikes, state)
        passing = spikes.to(self.spiking_layers()[0].weight.dtype)
        binary = spikes.dtype in (torch.bool, torch.uint8)
        found, states = [], []
        for number, layer in enumerate(self.spiking_layers()):
            if layer.spec.kind == "dense" and self.dropout and self.training:
                passing, binary = _drop_inputs(passing, self.dropout), False
            passing, after = layer(passing, None if state is None else state[number], binary)
            binary = True
            found.append(passing)
            states.append(after)
        return found, tuple(states)

    def spiking_layers(self) -> list[SpikingLayer]:
        """The layers, typed."""
        return [layer for layer in self.layers if isinstance(layer, SpikingLayer)]

    def _check(self, spikes: Tensor, state: NetworkState | None) -> None:
        if spikes.ndim != 5 or tuple(spikes.shape[2:]) != self.input_shape:
            raise ValueError(f"spiking network: input must be (T, B, {', '.join(map(str, self.input_shape))}), "
                             f"got {tuple(spikes.shape)}")
        if state is not None and len(state) != len(self.layers):
            raise ValueError(f"spiking network: the state has {len(state)} layers, the network {len(self.layers)}; "
                             "pass state=None at the start of a new recording")


def detached(state: NetworkState) -> NetworkState:
    """The same state without history, for truncated back-propagation."""
    return tuple(part.detach() for part in state)


def step_mask(lengths: Tensor, steps: int) -> Tensor:
    """``(T, B)`` True where a padded sequence has not ended, from its ``(B,)`` lengths."""
    return torch.arange(steps, device=lengths.device).unsqueeze(1) < lengths.unsqueeze(0)


def layer_names(specs: Sequence[LayerSpec]) -> list[str]:
    """``conv1, conv2, ..., dense1, ...``."""
    seen: dict[str, int] = {}
    names = []
    for spec in specs:
        seen[spec.kind] = seen.get(spec.kind, 0) + 1
        names.append(f"{spec.kind}{seen[spec.kind]}")
    return names


def _drop_inputs(spikes: Tensor, share: float) -> Tensor:
    """Silence the same random inputs at all steps and scale the others up."""
    return spikes * nn.functional.dropout(torch.ones_like(spikes[0]), share)


def _problems(specs: tuple[LayerSpec, ...], shape: Shape, dropout: float) -> list[str]:
    found = []
    if len(shape) != 3 or min(shape, default=0) < 1:
        return [f"input: must be (channels, height, width), got {shape}"]
    if not 0 <= dropout < 1:
        found.append(f"dropout: must be at least 0 and below 1, got {dropout}")
    if not specs or specs[-1].kind != "dense":
        found.append("the last layer must be dense; its neurons are the classes")
    found += [f"{name}: only the last layer may be one that does not fire (leave out fires=False)"
              for name, spec in list(zip(layer_names(specs), specs, strict=True))[:-1] if not spec.fires]
    for name, spec in zip(layer_names(specs), specs, strict=True):
        wrong = spec.problems(shape)
        found += [f"{name}: {problem}" for problem in wrong]
        if wrong:
            break
        shape = spec.output_shape(shape)
    return found
