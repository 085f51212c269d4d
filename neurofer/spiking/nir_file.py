"""NIR files as plain nodes, edges and metadata: a file is data from somewhere, however it was made.

The HDF5 library runs for ever on some damaged files and ends the whole process on others, so it runs in a process of
its own, with bounded memory and time, that hands over plain arrays.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import BadFileError

TIMEOUT_S = 30.0
_COMMAND = ("-m", "neurofer.spiking.nir_child")

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
    path = Path(path)
    if not path.is_file():
        raise BadFileError(f"{path}: {'is no file, need one that nir.write made' if path.exists() else 'no such file'}")
    content, ending = _handed_over(path, timeout_s)
    head, _, rest = content.partition(b"\n")
    try:
        said = json.loads(head)
        if "error" in said:
            raise BadFileError(f"{path}: {said['error']}")
        return _unpacked(said, rest)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadFileError(f"{path}: is damaged, the HDF5 library gave up on it (exit {ending}); "
                           "write it again with nir.write") from error


def _handed_over(path: Path, timeout_s: float) -> tuple[bytes, int]:
    """What the process of its own writes about a file, and its exit code."""
    command = [sys.executable, *_COMMAND, str(path.resolve())]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise BadFileError(f"{path}: is damaged, reading it did not end within {timeout_s:.0f} s; "
                           "write it again with nir.write") from error
    return done.stdout, done.returncode


def _unpacked(said: dict[str, Any], data: bytes) -> NirFile:
    start = 0
    nodes = {}
    for name, node in said["nodes"].items():
        fields: dict[str, Value] = {}
        for key, value in node["fields"].items():
            if isinstance(value, str):
                fields[key] = value
                continue
            shape = tuple(value["shape"])
            kind = np.dtype(np.int64 if value["integers"] else np.float64)
            fields[key] = np.ndarray(shape, kind, data, start)
            start += math.prod(shape) * kind.itemsize
        nodes[name] = NirNode(node["kind"], fields, tuple(node["nested"]))
    return NirFile(said["version"], nodes, tuple((first, second) for first, second in said["edges"]), said["metadata"])
