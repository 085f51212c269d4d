"""The chip network in NIR's words: nodes, metadata, and what cannot be said.

Neurons are always ``CubaLIF`` with leak and reset 0 in steps of 1e-4 s, the one convention that snnTorch, norse and
spikingjelly all read. Numbers are those of the chip's grid, in the units of the trained weights and in single
precision, so integers come back by rounding; the metadata says what they mean.

Source:
    nir 1.0.8, for names and shapes of nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.hardware.network import ChipLayer, ChipNetwork, Shape
from neurofer.spiking.nir_file import NirNode, Value
from neurofer.spiking.parameter_maps import CubaParameters, to_nir

FORMAT = "neurofer-chip-nir"
VERSION = 1
GRAPH_DT_S = 1e-4
"""Step that time constants go with, because readers expect it; no length of a step of events."""

_ABOVE_THE_STEP = 1 + 1e-6
"""A time constant of just one step is kept so far above it: spikingjelly refuses less, single precision rounds down."""

GEOMETRY = ("stride", "padding", "dilation")
"""Of a convolution, ``(y, x)`` each."""


def nir_problems(network: ChipNetwork) -> list[str]:
    """What of a chip network NIR cannot say exactly, one sentence each; empty if it can be written."""
    from neurofer.hdf5_reader import MOST_ENTRIES

    found: list[str] = []
    for layer, before, after in zip(network.layers, network.shapes, network.shapes[1:], strict=False):
        found += _layer_problems(layer, before, after)
    names = [name for layer in network.layers for name in (layer.name, neurons_of(layer.name))]
    if len(names) + 3 > MOST_ENTRIES:
        found.append(f"network: {len(network.layers)} layers make more than the {MOST_ENTRIES} nodes that are read "
                     "(fewer layers)")
    taken = {"input", "output", "flatten"} & set(names) | {name for name in names if names.count(name) > 1}
    found += [f"{name}: is the name of another node, too (another name)" for name in sorted(taken)]
    for name in graph_metadata(network):
        if "/" in name:
            found.append(f"{name!r}: is no name of an entry in the metadata (without a slash)")
    return found


def graph_nodes(network: ChipNetwork) -> dict[str, NirNode]:
    """The nodes by name, from the input to the output; floating-point numbers in single precision.

    Raises:
        ValueError: a neuron without leak, which has no time constant.
    """
    nodes = {"input": NirNode("Input", {"shape": np.array(network.input_shape)})}
    for layer, before, after in zip(network.layers, network.shapes, network.shapes[1:], strict=False):
        if layer.kind == "dense" and len(before) > 1:
            nodes["flatten"] = NirNode("Flatten", {"input_type": np.array(before), "start_dim": np.array(0),
                                                   "end_dim": np.array(-1)})
        nodes[layer.name] = _weights(layer, before)
        nodes[neurons_of(layer.name)] = _neurons(layer, after)
    return {**nodes, "output": NirNode("Output", {"shape": np.array(network.shapes[-1])})}


def graph_metadata(network: ChipNetwork) -> dict[str, float | str]:
    """What the graph's numbers mean, one number or word each."""
    return {"format": FORMAT, "version": VERSION, "graph_dt_s": GRAPH_DT_S, "reset": "zero", "dt_us": network.dt_us,
            "steps": network.steps, "decision_us": network.decision_us, "rate_gain": network.rate_gain,
            "target": network.target, "digest": network.digest,
            **{f"class_{number}": name for number, name in enumerate(network.classes)},
            **{f"scale_{layer.name}": layer.scale for layer in network.layers},
            **{f"source_{name}": value for name, value in network.source.items()}}


def _layer_problems(layer: ChipLayer, before: Shape, after: Shape) -> Iterator[str]:
    if not layer.name.isidentifier():
        yield f"{layer.name!r}: is no name of a node (letters, digits and _)"
    if not layer.voltage_decay:
        yield f"{layer.name}: membranes without leak (vDecay 0) have no time constant (a beta below 1)"
    if layer.kind == "conv":
        high, wide = layer.weight.shape[2:]
        square = replace(layer, weight=np.empty((layer.outputs, 1, high, high), np.int16))
        if square.output_shape(before) != after:
            yield (f"{layer.name}: a kernel of {high} x {wide}, behind which NIR's own package expects another size "
                   "(a square kernel)")
    weight, theta = _on_grid(layer)
    if not (np.array_equal(rounded(weight, layer.scale), layer.weight)
            and rounded(theta, layer.scale) == layer.threshold):
        yield (f"{layer.name}: a scale of {layer.scale:g}, with which single precision does not hold the weights "
               "(trained weights nearer to 1)")


def _on_grid(layer: ChipLayer) -> tuple[NDArray[np.float32], np.float32]:
    """Weights and threshold in units of the trained weights."""
    with np.errstate(all="ignore"):  # what single precision does not hold is told by _layer_problems
        return (layer.weight.astype(np.float64) / layer.scale).astype(np.float32), np.float32(layer.theta)


def rounded(values: NDArray[Any] | np.floating, factor: float) -> NDArray[np.float64]:
    """``values * factor`` as the nearest whole numbers, without a warning where there are none."""
    with np.errstate(all="ignore"):
        return np.asarray(np.rint(np.asarray(values, np.float64) * factor))


def _weights(layer: ChipLayer, before: Shape) -> NirNode:
    fields: dict[str, Value] = {"weight": _on_grid(layer)[0], "bias": np.zeros(layer.outputs, np.float32)}
    if layer.kind == "dense":
        return NirNode("Affine", fields)
    geometry = {name: np.array(getattr(layer, name)) for name in GEOMETRY}
    return NirNode("Conv2d", {**fields, **geometry, "input_shape": np.array(before[1:]), "groups": np.array(1)})


def _neurons(layer: ChipLayer, shape: Shape) -> NirNode:
    """One number of each kind, seen in the shape of the neurons, as readers need it."""
    found = to_nir(CubaParameters(layer.alpha, layer.beta), GRAPH_DT_S)
    tau_syn = max(found.tau_syn_s, GRAPH_DT_S * _ABOVE_THE_STEP)
    values = {"tau_syn": tau_syn, "w_in": tau_syn / GRAPH_DT_S, "tau_mem": found.tau_mem_s, "r": found.r,
              "v_leak": 0.0, "v_reset": 0.0, "v_threshold": _on_grid(layer)[1]}
    return NirNode("CubaLIF", {name: np.broadcast_to(np.float32(value), shape) for name, value in values.items()})


def neurons_of(name: str) -> str:
    """Name of the neurons behind the weights of a name."""
    return f"{name}_neurons"


def chain_edges(names: Iterable[str]) -> list[tuple[str, str]]:
    """Edges from each node to the next."""
    row = list(names)
    return list(zip(row, row[1:], strict=False))
