"""A network of another library, written as a NIR graph, as one of ours.

What can be read is a chain ``Input -> (Conv2d | Affine | Linear | Flatten | CubaLIF | LIF)* -> Output`` in the grammar
of ``neurofer.spiking.grammar``; anything else is refused, with all findings by the name of their node. Thresholds
become 1 and the weights take their factor, so decays and spikes stay what they were.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurofer.errors import BadFileError, UsageError
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.layers import LayerSpec, Shape
from neurofer.spiking.network import SpikingNetwork
from neurofer.spiking.nir_chain import Layer, chain_layers, chain_order
from neurofer.spiking.nir_file import read_nir_file

STEPS_S = {"nir": 1e-4, "snntorch": 1e-4, "spikingjelly": 1e-4, "norse": 1e-3}
"""Who writes graphs, and the step that their time constants go with, unless said otherwise."""

SHOWN = 50
"""Findings told of one file."""


@dataclass(frozen=True)
class NirNetwork:
    """A network read from a graph, thresholds 1.

    Attributes:
        layers: Weights and neurons from the input on.
        input_shape: ``(channels, height, width)`` of one step.
        graph_dt_s: Step that the graph's time constants were read with.
        metadata: Numbers and words that the graph carries.
        notes: What the graph leaves open, and how it was taken.
    """

    layers: tuple[Layer, ...]
    input_shape: Shape
    graph_dt_s: float
    metadata: dict[str, float | str]
    notes: tuple[str, ...]

    @property
    def per_channel(self) -> bool:
        """Whether channels of a layer have decays of their own."""
        return any(part.ndim for layer in self.layers for part in (layer.alpha, layer.beta))

    @property
    def specs(self) -> tuple[LayerSpec, ...]:
        """The layers as data; decays of each channel are given as their mean."""
        return tuple(layer.spec for layer in self.layers)

    def build(self) -> SpikingNetwork:
        """The network with its weights and decays, in eval mode."""
        import torch

        network = SpikingNetwork(self.specs, self.input_shape, 0.0, NeuronSettings(per_channel=self.per_channel))
        with torch.no_grad():
            for module, layer in zip(network.spiking_layers(), self.layers, strict=True):
                module.weight.copy_(torch.from_numpy(layer.weight))
                for logit, decay in ((module.alpha_logit, layer.alpha), (module.beta_logit, layer.beta)):
                    wanted = np.array(np.broadcast_to(decay, tuple(logit.shape)))
                    logit.copy_(torch.logit(torch.from_numpy(wanted)))
        return network.eval()


def read_nir(path: Path | str, written_by: str = "nir", graph_dt_s: float | None = None,
             input_shape: Shape | None = None) -> NirNetwork:
    """The network in a NIR file.

    Args:
        path: The file.
        written_by: A key of ``STEPS_S``: whose export it is. norse's says no ``w_in``; its input currents count whole.
        graph_dt_s: Step that the time constants go with; by default ``graph_dt_s`` of the graph's metadata, else that
            of ``STEPS_S``. It is no part of NIR and need not be the length of a step that the network is run with.
        input_shape: ``(channels, height, width)`` of a graph whose input is flat already; by default ``(N, 1, 1)``.

    Raises:
        UsageError: an unknown writer, or a step that is not above 0.
        BadFileError: damaged, or outside the grammar; every finding is listed.
    """
    if written_by not in STEPS_S:
        raise UsageError(f"NIR: unknown writer {written_by!r}; choose one of {', '.join(STEPS_S)}")
    file = read_nir_file(path)
    said = file.metadata.get("graph_dt_s")
    dt_s = graph_dt_s if graph_dt_s is not None else said if isinstance(said, float) else STEPS_S[written_by]
    if not (dt_s > 0 and math.isfinite(dt_s)):
        raise UsageError(f"NIR: the step of the graph must be above 0, got {dt_s}")
    problems: list[str] = []
    notes: list[str] = []
    order = chain_order(file, problems)
    shape, layers = chain_layers(file, order, dt_s, written_by == "norse", problems, notes)
    if shape is not None and input_shape is not None and (
            math.prod(shape) != math.prod(input_shape) if len(shape) == 1 else shape != input_shape):
        problems.append(f"input: takes {shape}, not {input_shape}")
    if problems or shape is None:
        more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        raise BadFileError(f"{path}: cannot be taken over exactly:\n  - " + "\n  - ".join(problems[:SHOWN] + more))
    if len(shape) == 1:
        shape = input_shape or (shape[0], 1, 1)
    if file.metadata.get("reset") != "zero":
        notes.append("NIR does not say how a neuron resets; taken as reset to zero in the step of the spike, so a "
                     "network that reset by subtraction or one step later gives other spikes here")
    return NirNetwork(layers, shape, dt_s, file.metadata, tuple(notes))

