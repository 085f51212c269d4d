"""NIR files as plain nodes, edges and metadata: a file is data from somewhere, however it was made."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import BadFileError
from neurofer.hdf5_tree import TIMEOUT_S, Tree, one_line, read_tree

_WHAT, _AGAIN = "NIR graph", "write it again with nir.write"
_LEVELS = 4
"""The file, ``node``, ``nodes`` and each of them; what lies deeper is only named."""

_FACTOR = 2_064
"""Equal numbers in single precision, read in double: gzip packs them to a 1032nd at best."""

_TEXT_LENGTH = 200

Value = NDArray[Any] | str


@dataclass(frozen=True)
class NirNode:
    """One node of a graph.

    Attributes:
        kind: Its type, such as ``Conv2d``.
        fields: Arrays (float64 or int64) and words by name.
        nested: Names of fields that are groups.
    """

    kind: str
    fields: dict[str, Value] = field(default_factory=dict)
    nested: tuple[str, ...] = ()


@dataclass(frozen=True)
class NirFile:
    """What a NIR file holds.

    Attributes:
        version: Of NIR, as written.
        nodes: By name.
        edges: ``(from, to)``, names that need not exist.
        metadata: Numbers and words of the graph.
    """

    version: str
    nodes: dict[str, NirNode]
    edges: tuple[tuple[str, str], ...]
    metadata: dict[str, float | str]


def read_nir_file(path: Path | str, timeout_s: float = TIMEOUT_S) -> NirFile:
    """The content of a NIR file, checked to be whole and of bounded size; nothing of its meaning is checked.

    Raises:
        BadFileError: no such file, no NIR graph, damaged, too large, or with parts that lie elsewhere.
    """
    tree = read_tree(path, _WHAT, _AGAIN, only=("node",), timeout_s=timeout_s, factor=_FACTOR, levels=_LEVELS)
    try:
        root = _group(tree, "node", "")
        if (kind := _word(root.values.get("type"))) != "NIRGraph":
            raise ValueError(f"/node is of type {kind!r}, need 'NIRGraph'")
        nodes = _group(root, "nodes", "/node")
        if nodes.values:
            raise ValueError(f"/node/nodes/{min(nodes.values)} is no group")
        return NirFile(_word(tree.values.get("version")),
                       {name: _node(node, f"/node/nodes/{name}") for name, node in nodes.groups.items()},
                       _edges(root.values.get("edges")), _metadata(root.groups.get("metadata", Tree())))
    except ValueError as error:
        raise BadFileError(f"{path}: is no {_WHAT}: {one_line(str(error))}; {_AGAIN}") from error


def _group(tree: Tree, name: str, place: str) -> Tree:
    if name not in tree.groups:
        raise ValueError(f"{place}/{name} is {'no group' if name in tree.values else 'missing'}")
    return tree.groups[name]


def _node(node: Tree, place: str) -> NirNode:
    kind = _word(node.values.get("type"))
    if not kind:
        raise ValueError(f"{place} has no type")
    fields = {name: _field(value) for name, value in node.values.items() if name not in ("type", "metadata")}
    return NirNode(kind, fields, tuple(name for name in node.groups if name != "metadata"))


def _field(value: Value) -> Value:
    if isinstance(value, str) or value.dtype == object:
        return _word(value)
    return value if value.dtype.kind == "f" else value.astype(np.int64)


def _word(value: Value | None) -> str:
    """A word, not too long; empty for anything else."""
    return value[:_TEXT_LENGTH] if isinstance(value, str) else ""


def _edges(value: Value | None) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, np.ndarray):
        raise ValueError(f"/node/edges is {'missing' if value is None else 'a word'}")
    if value.size == 0:
        return ()
    if value.dtype != object or value.ndim != 2 or value.shape[1] != 2:
        raise ValueError(f"/node/edges is {value.dtype} {value.shape}, need pairs of names")
    return tuple((first, second) for first, second in value.tolist())


def _metadata(group: Tree) -> dict[str, float | str]:
    """Numbers and words; anything else is left out."""
    found: dict[str, float | str] = {}
    for name, value in group.values.items():
        one = value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
        if isinstance(one, str):
            found[name] = one[:_TEXT_LENGTH]
        elif not isinstance(one, np.ndarray):
            found[name] = float(one)
    return found
