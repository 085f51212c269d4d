"""NIR files for the tests: written with h5py in the layout of nir.write, so that anything can be put into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Node = dict[str, Any]
DT_S = 1e-4


def cuba(shape: Sequence[int], alpha: Any = 0.75, beta: Any = 0.9, theta: Any = 1.0, dt_s: float = DT_S) -> Node:
    """Neurons as snnTorch, norse and spikingjelly all read them; numbers may be arrays."""
    one = np.ones(tuple(shape), np.float32)
    tau_syn = np.maximum(dt_s / (1 - np.asarray(alpha)), dt_s * (1 + 1e-6))
    tau_mem = dt_s / (1 - np.asarray(beta))
    return {"type": "CubaLIF", "tau_syn": one * tau_syn, "tau_mem": one * tau_mem, "r": one * tau_mem / dt_s,
            "v_leak": 0 * one, "v_reset": 0 * one, "v_threshold": one * theta, "w_in": one * tau_syn / dt_s}


def conv(weight: Any, size: Sequence[int], **more: Any) -> Node:
    """A strided convolution without bias."""
    return {"type": "Conv2d", "weight": weight, "input_shape": np.array(size), "stride": np.array([2, 2]),
            "padding": np.array([1, 1]), "dilation": np.array([1, 1]), "groups": 1,
            "bias": np.zeros(len(weight), np.float32), **more}


def flatten(shape: Sequence[int], **more: Any) -> Node:
    """All of a shape in one row."""
    return {"type": "Flatten", "input_type": np.array(shape), "start_dim": 0, "end_dim": -1, **more}


def small_nodes(seed: int = 0) -> dict[str, Node]:
    """A conv layer and a dense one on 2 x 16 x 16, five outputs; fires."""
    generator = np.random.default_rng(seed)
    return {
        "input": {"type": "Input", "shape": np.array([2, 16, 16])},
        "c": conv(generator.normal(0, 0.4, (4, 2, 3, 3)).astype(np.float32), (16, 16)), "cn": cuba((4, 8, 8)),
        "f": flatten((4, 8, 8)),
        "d": {"type": "Linear", "weight": generator.normal(0, 0.2, (5, 256)).astype(np.float32)}, "dn": cuba((5,)),
        "output": {"type": "Output", "shape": np.array([5])},
    }


def chain(nodes: Mapping[str, Node]) -> list[tuple[str, str]]:
    """Edges from each node to the next."""
    names = list(nodes)
    return list(zip(names, names[1:], strict=False))


def write_graph(path: Path, nodes: Mapping[str, Node], edges: Sequence[tuple[str, str]] | None = None,
                metadata: Mapping[str, Any] | None = None) -> Path:
    """A file of these nodes; a dict in a node becomes a group."""
    with h5py.File(path, "w") as file:
        file["version"] = "1.0.8"
        root = file.create_group("node")
        root["type"] = "NIRGraph"
        root.create_group("nodes")
        for name, node in nodes.items():
            _put(root["nodes"].create_group(name), node)
        root["edges"] = np.array(chain(nodes) if edges is None else list(edges), dtype=h5py.string_dtype())
        if metadata:
            _put(root.create_group("metadata"), metadata)
    return path


def _put(group: h5py.Group, fields: Mapping[str, Any]) -> None:
    for key, value in fields.items():
        if isinstance(value, Mapping):
            _put(group.create_group(key), value)
        elif isinstance(value, np.ndarray) and value.ndim:
            group.create_dataset(key, data=value, compression="gzip")
        else:
            group[key] = value
