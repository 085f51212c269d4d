"""Spiking networks in the grammar that every target can run: strided conv, flatten, dense, CUBA neurons after each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from neurofer.spiking.conv_stack import run_stack, stackable
from neurofer.spiking.form_options import WITHOUT_SYNAPSE
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.layers import LayerSpec, Shape, SpikingLayer, conv, dense
from neurofer.spiking.neuron import CubaState
from neurofer.spiking.quantise import Arithmetic

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
        recompute_steps: In training, keep the state every so many steps alone and compute forward again in the backward
            pass; 0 keeps everything.
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
        self.recompute_steps = neuron.recompute_steps if neuron else 0
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
            ValueError: input of another shape, a state of another batch, size, device or dtype, or lengths of another
                batch.
        """
        if lengths is not None and spikes.ndim == 5 and tuple(lengths.shape) != (spikes.shape[1],):
            raise ValueError(f"spiking network: lengths must be ({spikes.shape[1]},), one for each sequence, got "
                             f"{tuple(lengths.shape)}")
        (out,), last = self._over_chunks(spikes, state, 1)
        if lengths is not None:
            out = out * step_mask(lengths, len(out)).to(out.dtype).unsqueeze(-1)
        return out, last

    def activity(self, spikes: Tensor, state: NetworkState | None = None,
                 layers: int | None = None) -> tuple[list[Tensor], NetworkState]:
        """Spikes of every layer, each ``(T, B, ...)``, and the state.

        Args:
            spikes: As ``forward``.
            state: As ``forward``.
            layers: Only of the last so many, which keeps less in memory.
        """
        return self._over_chunks(spikes, state, layers or len(self.layers))

    def _over_chunks(self, spikes: Tensor, state: NetworkState | None,
                     layers: int) -> tuple[list[Tensor], NetworkState]:
        """What the last so many layers say, and the state of all.

        With ``recompute_steps``, a training pass goes through all layers one chunk of steps after the other. Of each
        chunk only its input and the state before it are kept; the rest is computed again when the backward pass comes
        to it. Dropped inputs are drawn before, once for all chunks and both passes.
        """
        self._check(spikes, state)
        dropped = self._draw_dropped(spikes)
        size = self.recompute_steps
        if not (size and torch.is_grad_enabled() and len(spikes) > size):
            return self._through_layers(spikes, state, dropped, layers)
        run = partial(checkpoint, self._through_layers, use_reentrant=False, preserve_rng_state=False)
        first, *rest = spikes.split(size)
        found, last = run(first, state, dropped, layers)
        chunks = [found]
        for chunk in rest:
            found, last = run(chunk, last, dropped, layers)
            chunks.append(found)
        return [torch.cat(parts) for parts in zip(*chunks, strict=True)], last

    def _through_layers(self, spikes: Tensor, state: NetworkState | None, dropped: dict[int, Tensor],
                        layers: int) -> tuple[list[Tensor], NetworkState]:
        every = self.spiking_layers()
        stacked = stackable(every) if spikes.shape[1] else 0
        before = state or (None,) * len(every)
        found: list[Tensor] = []
        states: list[CubaState] = []
        if stacked:
            found, states = run_stack(every[:stacked], spikes, before[:stacked],
                                      min(stacked, max(1, layers - len(every) + stacked)))
        passing = found[-1] if found else spikes.to(every[0].weight.dtype)
        binary = bool(found) or spikes.dtype in (torch.bool, torch.uint8)
        for number, layer in enumerate(every[stacked:], stacked):
            if number in dropped:
                passing, binary = passing * dropped[number], False
            passing, after = layer(passing, before[number], binary)
            # What a layer says is zeros and ones.
            binary = True
            found = [*found[max(len(found) - layers + 1, 0) :], passing]
            states.append(after)
        return found, tuple(states)

    def _draw_dropped(self, spikes: Tensor) -> dict[int, Tensor]:
        """For each layer whose inputs are dropped, ``(B, ...)``: 0 for those that are silent at all steps."""
        if not (self.dropout and self.training):
            return {}
        first = self.spiking_layers()[0].weight
        drawn = {}
        for number, layer in enumerate(self.spiking_layers()):
            if layer.spec.kind == "dense":
                ones = first.new_ones((spikes.shape[1], *layer.input_shape))
                if number and len(layer.input_shape) == 3:
                    # As the convolution before it leaves its spikes.
                    ones = ones.contiguous(memory_format=torch.channels_last)
                drawn[number] = nn.functional.dropout(ones, self.dropout)
        return drawn

    def spiking_layers(self) -> list[SpikingLayer]:
        """The layers, typed."""
        return [layer for layer in self.layers if isinstance(layer, SpikingLayer)]

    def compute_in(self, arithmetic: Arithmetic) -> None:
        """Train a network with ``NeuronSettings.quantise`` in this arithmetic from now on; in eval mode it computes in
        integers, unless this is ``none``."""
        for layer in self.spiking_layers():
            layer.training_arithmetic = arithmetic

    def settled(self) -> SpikingNetwork:
        """A copy for inference alone, which rounds its weights once and not at every call; it says the same, exactly.

        It no longer follows its parameters, and is not for training.
        """
        copy = deepcopy(self)
        for layer in copy.spiking_layers():
            layer.settle()
        return copy.eval()

    def keep_scales(self, like: SpikingNetwork | None = None) -> None:
        """From now on the integers of the weights keep their scale, or that of another network with these layers."""
        for layer, other in zip(self.spiking_layers(), (like or self).spiking_layers(), strict=True):
            layer.keep_scale(None if other is layer else float(other.kept_scale))

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
