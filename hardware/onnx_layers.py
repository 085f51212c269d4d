"""Ordinary networks as ONNX operators, written by hand: no exporter of another library stands between.

Weights keep the names that they have in ``model.safetensors``; gates of an LSTM are put into ONNX's order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurofer.hardware.onnx_graph import Axes, Graph, Operator

if TYPE_CHECKING:
    from torch import nn

    from neurofer.models.front import LearnedGrid, Scale
    from neurofer.models.recurrent import SequenceClassifier
    from neurofer.models.resnet import ResNet18

_TO_THE_END = np.iinfo(np.int64).max


def classifier_graph(model: SequenceClassifier) -> Graph:
    """A network that decides from windows, one decision for each.

    Inputs ``pictures`` ``(batch, windows, C, S, S)``, at least one window, and ``state`` ``(batch, context_windows - 1,
    E)``, the embeddings of the windows before; outputs ``logits`` and ``probabilities`` ``(batch, windows, K)`` and
    ``next_state``. The frame model, ``context_windows=1``, has no state.

    A state of fixed length always gives a decision for every window, so no operator ever sees an empty batch, on which
    runtimes fail. What comes before the first whole context is no decision.
    """
    width, before, side = model.encoder.embedding, model.context_windows - 1, model.encoder.size_px
    channels = model.front.channels if model.front is not None else model.encoder.channels
    answers: Axes = ("batch", "windows", model.classes)
    graph = Graph({"pictures": ("batch", "windows", channels, side, side)},
                  {"logits": answers, "probabilities": answers})
    if before:
        graph.inputs["state"] = graph.outputs["next_state"] = ("batch", before, width)
    layers = _Layers(graph, model)
    x = graph.add("Reshape", "pictures", graph.whole(-1, channels, side, side))
    if model.front is not None:
        x = _front(layers, x, model.front, side)
    batch_windows = graph.add("Shape", "pictures", start=0, end=2)
    shape = graph.add("Concat", batch_windows, graph.whole(width), axis=0)
    embeddings = graph.add("Reshape", _encoder(layers, x, len(model.encoder.blocks)), shape)
    if before:
        embeddings = graph.add("Concat", "state", embeddings, axis=1)
        graph.add("Slice", embeddings, graph.whole(-before), graph.whole(_TO_THE_END), graph.whole(1),
                  output="next_state")
    hidden = graph.add("Relu", layers.linear(_last_of_contexts(layers, embeddings, model), "head.0"))
    shape = graph.add("Concat", batch_windows, graph.whole(model.classes), axis=0)
    logits = graph.add("Reshape", layers.linear(hidden, "head.3"), shape, output="logits")
    graph.add("Softmax", logits, axis=-1, output="probabilities")
    return graph


def resnet_graph(model: ResNet18) -> Graph:
    """ResNet-18 over the frames of a whole clip: ``frames`` ``(batch, C, S, S)`` to ``(batch, K)``; no state."""
    trunk = model.trunk
    answers: Axes = ("batch", model.head.out_features)
    graph = Graph({"frames": ("batch", trunk.channels, trunk.size_px, trunk.size_px)},
                  {"logits": answers, "probabilities": answers})
    layers = _Layers(graph, model)
    x = graph.add("Relu", layers.norm(layers.conv("frames", "trunk.conv"), "trunk.norm"))
    x = graph.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for number, block in enumerate(trunk.blocks):
        name = f"trunk.blocks.{number}"
        inside = graph.add("Relu", layers.norm(layers.conv(x, f"{name}.conv1"), f"{name}.norm1"))
        inside = layers.norm(layers.conv(inside, f"{name}.conv2"), f"{name}.norm2")
        around = x if block.around is None else layers.norm(layers.conv(x, f"{name}.around.0"), f"{name}.around.1")
        x = graph.add("Relu", graph.add("Add", inside, around))
    pooled = graph.add("Flatten", graph.add("GlobalAveragePool", x), axis=1)
    graph.add("Softmax", layers.linear(pooled, "head", output="logits"), axis=-1, output="probabilities")
    return graph


class _Layers:
    """Appends the layers of a model, found by their names, to a graph; each gives the name of its output."""

    def __init__(self, graph: Graph, model: nn.Module) -> None:
        self.graph, self._model = graph, model

    def conv(self, x: str, name: str) -> str:
        layer: Any = self._model.get_submodule(name)
        pad_y, pad_x = layer.padding
        return self.graph.add("Conv", x, *self._weights(name, "weight", "bias"), strides=layer.stride,
                              dilations=layer.dilation, pads=[pad_y, pad_x, pad_y, pad_x], group=layer.groups,
                              kernel_shape=layer.kernel_size)

    def norm(self, x: str, name: str) -> str:
        """Batch norm with the statistics of training; nothing where the model has none."""
        layer: Any = self._model.get_submodule(name)
        if not hasattr(layer, "running_mean"):
            return x
        weights = self._weights(name, "weight", "bias", "running_mean", "running_var")
        return self.graph.add("BatchNormalization", x, *weights, epsilon=layer.eps)

    def linear(self, x: str, name: str, output: str = "") -> str:
        return self.graph.add("Gemm", x, *self._weights(name, "weight", "bias"), transB=1, output=output)

    def leaky_relu(self, x: str, name: str) -> str:
        layer: Any = self._model.get_submodule(name)
        return self.graph.add("LeakyRelu", x, alpha=layer.negative_slope)

    def lstm(self, sequence: str, name: str) -> str:
        """``(time, N, E)`` to ``(N, E)``, the last output of the last layer."""
        lstm: Any = self._model.get_submodule(name)
        last = ""
        for number in range(lstm.num_layers):
            gates = {part: _onnx_gates(getattr(lstm, f"{part}_l{number}").detach().cpu().numpy())
                     for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
            gates["bias"] = np.concatenate([gates["bias_ih"], gates["bias_hh"]])
            weights = [self.graph.weight(f"{name}.{part}_l{number}", gates[part][None])
                       for part in ("weight_ih", "weight_hh", "bias")]
            more = number + 1 < lstm.num_layers
            every, last = f"{name}_every_{number}" if more else "", f"{name}_last_{number}"
            self.graph.operators.append(Operator("LSTM", (sequence, *weights), (every, last),
                                                 {"hidden_size": lstm.hidden_size}))
            if more:
                sequence = self.graph.add("Squeeze", every, self.graph.whole(1))
        return self.graph.add("Squeeze", last, self.graph.whole(0))

    def _weights(self, name: str, *parts: str) -> list[str]:
        layer = self._model.get_submodule(name)
        found = {part: getattr(layer, part) for part in parts}
        return [self.graph.weight(f"{name}.{part}", value) for part, value in found.items() if value is not None]


def _encoder(layers: _Layers, x: str, blocks: int) -> str:
    for number in range(blocks):
        name = f"encoder.blocks.{number}"
        x = layers.leaky_relu(layers.norm(layers.conv(x, f"{name}.conv"), f"{name}.norm"), f"{name}.act")
    return layers.graph.add("Relu", layers.conv(x, "encoder.neck"))


def _front(layers: _Layers, pictures: str, front: Scale | LearnedGrid, side: int, name: str = "front") -> str:
    """A scale, or EST's grid: its learned kernel is the same for every picture, so it is a matrix here."""
    from neurofer.models.front import LearnedGrid

    graph = layers.graph
    if not isinstance(front, LearnedGrid):
        above = graph.add("Sub", pictures, graph.weight(f"{name}.empty", front.empty))
        return graph.add("Div", above, graph.weight(f"{name}.divisor", front.divisor))
    half = graph.weight(f"{name}.half", np.array(0.5))
    counts = graph.add("Add", graph.add("Mul", pictures, half), half)
    planes = graph.add("Reshape", counts, graph.whole(0, 2, front.steps, -1))
    cells = graph.add("MatMul", graph.weight(f"{name}.kernel", front.weights()), planes)
    grid = graph.add("Reshape", cells, graph.whole(-1, front.out_channels, side, side))
    return _front(layers, grid, front.scale, side, f"{name}.scale")


def _last_of_contexts(layers: _Layers, embeddings: str, model: SequenceClassifier) -> str:
    """What the head sees of every window: ``(batch * windows, E)``, the rows of a recording together."""
    graph, width, before = layers.graph, model.encoder.embedding, model.context_windows - 1
    steps = []
    for step in range(before + 1):
        part = embeddings if not before else graph.add(
            "Slice", embeddings, graph.whole(step), graph.whole(step - before or _TO_THE_END), graph.whole(1))
        steps.append(graph.add("Reshape", part, graph.whole(1, -1, width)))
    if model.lstm is None:
        return graph.add("Reshape", steps[-1], graph.whole(-1, width))
    return layers.lstm(graph.add("Concat", *steps, axis=0), "lstm")


def _onnx_gates(rows: NDArray[Any]) -> NDArray[Any]:
    """torch's order of gates (input, forget, cell, output) as ONNX's (input, output, forget, cell)."""
    entry, forget, cell, output = np.split(rows, 4)
    return np.concatenate([entry, output, forget, cell])
