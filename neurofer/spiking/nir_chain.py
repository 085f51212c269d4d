"""From the nodes of a NIR graph to layers: which follows which, and what each says."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurofer.spiking.layer_size import MOST_NEURONS
from neurofer.spiking.layers import LayerSpec, Shape
from neurofer.spiking.nir_file import NirFile, NirNode
from neurofer.spiking.nir_neuron import NEURONS, neuron_of_node

_FEW, _LARGE = 8, 1e9
"""Entries of a shape, a stride and the like, and what they stay below."""

_ELSEWHERE = {
    "AvgPool2d": "pooling (stride 2 in the convolution before)",
    "SumPool2d": "pooling (stride 2 in the convolution before)",
    "Conv1d": "a convolution over one dimension (Conv2d)",
    "IF": "a neuron without leak (LIF or CubaLIF)",
    "I": "an integrator, which never fires (LIF or CubaLIF)",
    "LI": "an integrator, which never fires (LIF or CubaLIF)",
    "CubaLI": "an integrator, which never fires (LIF or CubaLIF)",
    "Scale": "a factor of its own (multiply the weights before it)",
    "Threshold": "a threshold without membrane (LIF or CubaLIF)",
    "Delay": "a delay (leave it out)",
    "NIRGraph": "a graph inside the graph, a block or a recurrence (write a plain chain)",
}


@dataclass(frozen=True)
class Layer:
    """A weight layer with its neurons, threshold 1.

    Attributes:
        name: Of the weights' node.
        spec: The layer as data.
        weight: float32, ``(O, I, kH, kW)`` or ``(O, I)``.
        alpha: Decay of the current, ``()`` or ``(O,)``.
        beta: Decay of the membrane, likewise.
    """

    name: str
    spec: LayerSpec
    weight: NDArray[np.float32]
    alpha: NDArray[np.float64]
    beta: NDArray[np.float64]


def chain_order(file: NirFile, problems: list[str]) -> list[str]:
    """Names of the nodes from Input to Output, as far as they are a chain.

    Args:
        file: The graph.
        problems: Takes what is no chain.
    """
    edges = list(dict.fromkeys(file.edges))
    problems += [f"edge {shown(first)} -> {shown(second)}: there is no node {shown(name)}"
                 for first, second in edges for name in (first, second) if name not in file.nodes]
    for kind in ("Input", "Output"):
        many = [name for name, node in file.nodes.items() if node.kind == kind]
        if len(many) != 1:
            problems.append(f"graph: {len(many)} nodes of kind {kind} (one)")
    for side, what in ((0, "leads to"), (1, "comes from")):
        counts = Counter(edge[side] for edge in edges)
        problems += [f"{shown(name)}: {what} {count} nodes (a chain without branches, skips and recurrence)"
                     for name, count in counts.items() if count > 1 and name in file.nodes]
    following = dict(reversed(edges))  # the first of several
    order = [name for name, node in file.nodes.items() if node.kind == "Input"][:1]
    while order and (after := following.get(order[-1])) in file.nodes and after not in order:
        order.append(str(after))
    if order and order[-1] in following and following[order[-1]] in order:
        problems.append(f"{shown(order[-1])}: leads back to {shown(following[order[-1]])} (a chain without recurrence)")
    problems += [f"{shown(name)}: is not reached from the input" for name in file.nodes if order and name not in order]
    return order


def chain_layers(file: NirFile, order: list[str], dt_s: float, whole_current: bool, problems: list[str],
                 notes: list[str]) -> tuple[Shape | None, tuple[Layer, ...]]:
    """Shape of the input and the layers of a chain; of use only if no problem was found.

    Args:
        file: The graph.
        order: Names of its nodes along the chain.
        dt_s: Step that its time constants go with.
        whole_current: See ``neuron_of_node``.
        problems: Takes ``node: what (remedy)``.
        notes: Takes what was open, and how it was taken.
    """
    walk = _Walk(dt_s, whole_current, problems, notes)
    for name in order:
        walk.step(name, file.nodes[name])
    walk.end()
    for name, node in file.nodes.items():
        if name not in order:
            walk.unknown_kind(name, node)
    return walk.input_shape, tuple(walk.layers)


def shown(name: str) -> str:
    """A name from a file, fit for a message."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:80] or "''"


@dataclass(frozen=True)
class _Weights:
    name: str
    spec: LayerSpec
    weight: NDArray[np.float64]


class _Walk:
    """Goes along the chain; ``shape`` is what leaves the last node, None once that is not known."""

    def __init__(self, dt_s: float, whole_current: bool, problems: list[str], notes: list[str]) -> None:
        self.layers: list[Layer] = []
        self.input_shape: Shape | None = None
        self._shape: Shape | None = None
        self._waiting: _Weights | None = None
        self._dt_s, self._whole_current, self._problems, self._notes = dt_s, whole_current, problems, notes
        self._name = ""

    def step(self, name: str, node: NirNode) -> None:
        """Take the next node."""
        self._name = shown(name)
        if node.kind == "Input":
            self._input(node)
        elif node.kind == "Conv2d":
            self._conv(node)
        elif node.kind in ("Linear", "Affine"):
            self._dense(node)
        elif node.kind == "Flatten":
            self._flatten(node)
        elif node.kind in NEURONS:
            self._neurons(node)
        elif node.kind != "Output":
            self.unknown_kind(name, node)
            self._shape = None

    def end(self) -> None:
        """Say what is missing behind the last node."""
        if self._waiting is not None:
            self._tell("has no neurons behind it (LIF or CubaLIF after every weight layer)", self._waiting.name)
        elif not self.layers and not self._problems:
            self._tell("has no weight layer with neurons", "graph")
        elif self.layers and not self._problems and self.layers[-1].spec.kind != "dense":
            self._tell("is the last layer (a dense one, whose neurons are the classes)", self.layers[-1].name)

    def unknown_kind(self, name: str, node: NirNode) -> None:
        """Say what a node of another kind is."""
        if node.kind in ("Input", "Output", "Conv2d", "Linear", "Affine", "Flatten", *NEURONS):
            return
        known = _ELSEWHERE.get(node.kind)
        told = f"{node.kind}, {known}" if known else (
            f"{shown(node.kind)} is not known (Conv2d, Affine, Linear, Flatten, CubaLIF and LIF are)")
        self._tell(told, shown(name))

    def _tell(self, what: str, name: str | None = None) -> None:
        self._problems.append(f"{self._name if name is None else name}: {what}")

    def _input(self, node: NirNode) -> None:
        shape = self._whole(node, "shape")
        if shape is None:
            return
        if len(shape) in (2, 4):
            self._notes.append(f"{self._name}: shape {shape} begins with the batch, which is left out")
            shape = shape[1:]
        if len(shape) not in (1, 3) or min(shape) < 1 or math.prod(shape) > MOST_NEURONS:
            self._tell(f"shape {shape} (channels, height, width, or one number; without time)")
            return
        self.input_shape = self._shape = shape

    def _conv(self, node: NirNode) -> None:
        self._no_neurons_between()
        shape, self._shape = self._shape, None
        weight = self._weight(node, 4)
        window = self._window(node, None if weight is None else weight.shape[2:])
        groups = self._whole(node, "groups")
        if groups not in (None, (1,)):
            self._tell(f"groups {groups} (groups 1)")
        self._no_bias(node)
        if weight is None or window is None or shape is None:
            return
        if len(shape) != 3 or (groups == (1,) and weight.shape[1] != shape[0]):
            self._tell(f"weights {weight.shape} do not go with an input of {shape}")
            return
        said = self._whole(node, "input_shape") if "input_shape" in node.fields else None
        if said is not None and said != shape[1:]:
            self._tell(f"says its input is {said}, but {shape[1:]} comes")
        kernel = (int(weight.shape[2]), int(weight.shape[3]))
        stride, padding, dilation = window
        spec = LayerSpec("conv", int(weight.shape[0]), kernel, stride, padding, dilation)
        if wrong := spec.problems(shape):
            self._tell("; ".join(wrong))
            return
        self._put(_Weights(self._name, spec, weight), spec.output_shape(shape))

    def _dense(self, node: NirNode) -> None:
        self._no_neurons_between()
        shape, self._shape = self._shape, None
        weight = self._weight(node, 2)
        self._no_bias(node)
        if weight is None or shape is None:
            return
        if weight.shape[1] != math.prod(shape):
            self._tell(f"weights {weight.shape} do not go with an input of {shape}")
            return
        if len(shape) > 1:
            self._notes.append(f"{self._name}: no Flatten before it; taken as flattened in the order (C, H, W)")
        spec = LayerSpec("dense", int(weight.shape[0]))
        self._put(_Weights(self._name, spec, weight), spec.output_shape(shape))

    def _put(self, waiting: _Weights, shape: Shape) -> None:
        self._waiting, self._shape = waiting, shape

    def _flatten(self, node: NirNode) -> None:
        if self._waiting is not None:
            self._tell(f"stands between the weights {self._waiting.name} and their neurons (behind the neurons)")
        start, end = (self._whole(node, name) for name in ("start_dim", "end_dim"))
        if start is None or end is None or self._shape is None:
            return
        last = len(self._shape) - 1
        # 1 is what libraries write that count the batch; a dense layer behind it shows whether all was meant.
        if start[:1] not in ((0,), (1,)) or end[:1] not in ((-1,), (last,)):
            self._tell(f"flattens {start[:1]} to {end[:1]} of {self._shape} (all of it: start_dim=0, end_dim=-1)")
        self._shape = (math.prod(self._shape),)

    def _neurons(self, node: NirNode) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is None and self.input_shape is not None and (self._shape is not None or not self._problems):
            self._tell("neurons without weights before them (Conv2d, Linear or Affine)")
        if self._shape is None:
            return
        neuron = neuron_of_node(node, self._shape, self._dt_s, self._whole_current, self._tell)
        if waiting is None or neuron is None:
            return
        axes = (-1, *(1 for _ in waiting.weight.shape[1:])) if neuron.theta.ndim else ()
        with np.errstate(over="ignore"):
            weight = (waiting.weight / neuron.theta.reshape(axes)).astype(np.float32)
        if not np.isfinite(weight).all():
            self._tell("weights in units of the threshold are too large")
            return
        spec = replace(waiting.spec, alpha=float(neuron.alpha.mean()), beta=float(neuron.beta.mean()))
        self.layers.append(Layer(waiting.name, spec, weight, neuron.alpha, neuron.beta))

    def _no_neurons_between(self) -> None:
        if self._waiting is not None:
            self._tell("has no neurons behind it (LIF or CubaLIF after every weight layer)", self._waiting.name)
            self._waiting = None

    def _weight(self, node: NirNode, dimensions: int) -> NDArray[np.float64] | None:
        value = node.fields.get("weight")
        if value is None or isinstance(value, str) or value.ndim != dimensions or value.size == 0:
            told = "absent" if value is None else "text" if isinstance(value, str) else f"{value.shape}"
            self._tell(f"weight is {told} (an array of {dimensions} dimensions)")
            return None
        if not np.isfinite(value).all():
            self._tell("weights that are not finite")
            return None
        return np.asarray(value, np.float64)

    def _no_bias(self, node: NirNode) -> None:
        bias = node.fields.get("bias")
        if bias is not None and (isinstance(bias, str) or bool(np.any(bias != 0))):
            self._tell("bias (train with bias=False, or with zeros where an exporter needs one)")

    def _window(self, node: NirNode, kernel: tuple[int, ...] | None) -> tuple[tuple[int, int], ...] | None:
        """Stride, padding and dilation of a convolution, ``(y, x)`` each."""
        stride, dilation = (self._pair(node, name, 1) for name in ("stride", "dilation"))
        word = node.fields.get("padding")
        if isinstance(word, str):
            same = None if None in (stride, dilation, kernel) else self._same(stride, dilation, kernel)  # type: ignore[arg-type]
            padding = (0, 0) if word == "valid" else same if word == "same" else None
            if padding is None:
                self._tell(f"padding {shown(word)} (a number of zeros for each side)")
        else:
            padding = self._pair(node, "padding", 0)
        return None if stride is None or padding is None or dilation is None else (stride, padding, dilation)

    def _same(self, stride: tuple[int, int], dilation: tuple[int, int], kernel: tuple[int, ...]
              ) -> tuple[int, int] | None:
        over = [dilate * (side - 1) for dilate, side in zip(dilation, kernel, strict=True)]
        return (over[0] // 2, over[1] // 2) if stride == (1, 1) and not any(one % 2 for one in over) else None

    def _pair(self, node: NirNode, name: str, least: int) -> tuple[int, int] | None:
        numbers = self._whole(node, name)
        if numbers is None:
            return None
        if len(numbers) not in (1, 2) or min(numbers) < least:
            self._tell(f"{name} {numbers} (one or two whole numbers of at least {least})")
            return None
        return numbers[0], numbers[-1]

    def _whole(self, node: NirNode, name: str) -> tuple[int, ...] | None:
        """A field of few whole numbers; None, and a finding, if it is something else."""
        value = node.fields.get(name)
        if isinstance(value, np.ndarray) and 0 < value.size <= _FEW:
            numbers = [float(one) for one in value.ravel()]
            if all(one.is_integer() and abs(one) < _LARGE for one in numbers):
                return tuple(int(one) for one in numbers)
        self._tell(f"{name} is {'absent' if value is None else 'no list of whole numbers'} "
                   "(write it again with nir.write)")
        return None
