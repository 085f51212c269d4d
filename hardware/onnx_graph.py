"""A graph of ONNX operators, collected as plain data; ``Graph.model`` is the one place that needs the package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

OPSET = 17
"""Of September 2022, the newest that needs nothing newer than what is used here; onnxruntime reads it since 1.12."""

IR_VERSION = 8
"""Of the file, the one that belongs to the opset: newer ones are refused by older readers."""

Axes = tuple[str | int, ...]
"""Shape of an input or output; a word is an axis of any length."""


@dataclass(frozen=True)
class Operator:
    """One node: kind, names of inputs and outputs, attributes."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass
class Graph:
    """Operators in the order in which they are computed.

    Attributes:
        inputs: Axes by name, float32 all.
        outputs: Likewise.
        operators: What is computed.
        weights: Constants by name.
    """

    inputs: dict[str, Axes]
    outputs: dict[str, Axes]
    operators: list[Operator] = field(default_factory=list)
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)

    def weight(self, name: str, value: Tensor | NDArray[Any]) -> str:
        """Keep floating-point numbers under a name, and give the name."""
        array = value if isinstance(value, np.ndarray) else value.detach().cpu().numpy()
        self.weights[name] = np.ascontiguousarray(array, np.float32)
        return name

    def whole(self, *numbers: int) -> str:
        """The name of a row of whole numbers."""
        name = "whole_" + "_".join(str(number).replace("-", "m") for number in numbers)
        self.weights[name] = np.array(numbers, np.int64)
        return name

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Append an operator and give the name of its output."""
        name = output or f"{kind.lower()}_{len(self.operators)}"
        self.operators.append(Operator(kind, inputs, (name,), attributes))
        return name

    def model(self, name: str, metadata: Mapping[str, str]) -> Any:
        """The graph as an ``onnx.ModelProto``, checked.

        Args:
            name: Of the graph.
            metadata: Words that the file carries.

        Raises:
            onnx.checker.ValidationError: it is no valid graph.
        """
        from onnx import TensorProto, checker, helper, numpy_helper

        from neurofer import __version__

        nodes = [helper.make_node(one.kind, one.inputs, one.outputs, name=one.outputs[0], **one.attributes)
                 for one in self.operators]
        inputs, outputs = ([helper.make_tensor_value_info(end, TensorProto.FLOAT, axes) for end, axes in ends.items()]
                           for ends in (self.inputs, self.outputs))
        weights = [numpy_helper.from_array(array, each) for each, array in self.weights.items()]
        model = helper.make_model(helper.make_graph(nodes, name, inputs, outputs, weights), ir_version=IR_VERSION,
                                  opset_imports=[helper.make_opsetid("", OPSET)], producer_name="neurofer",
                                  producer_version=__version__)
        helper.set_model_props(model, dict(metadata))
        checker.check_model(model, full_check=True)
        return model
