"""The process that reads a NIR file: ``python -m neurofer.spiking.nir_child FILE`` writes what it holds.

First a line of JSON, either ``{"error": sentence}`` or version, nodes, edges, metadata and the shapes of all arrays,
then the arrays' bytes. It imports little, so that it starts quickly. Links to elsewhere, virtual and external data sets
are not followed, and sizes are checked before anything is allocated.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

MOST_NODES = 1_000
MOST_BYTES = 1 << 29
"""Of all arrays of a graph together."""

MEMORY_BYTES = 4 << 30
CPU_S = 30
TEXT_LENGTH = 200

_BROKEN = (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, OverflowError, MemoryError)
"""What h5py raises on a damaged file."""


class Unreadable(Exception):  # noqa: N818  a sentence, not a state
    """Why a file is no NIR graph that can be read."""


def hand_over(path: str, out: BinaryIO) -> None:
    """Read a NIR file and write its content to ``out``."""
    reader = Reader()
    try:
        with h5py.File(path, "r") as file:
            said = reader.graph(file)
    except Unreadable as error:
        said = {"error": str(error)}
    except _BROKEN as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        said = {"error": f"is not a readable NIR file ({why[:TEXT_LENGTH]}); write it again with nir.write"}
    out.write(json.dumps(said).encode() + b"\n")
    if "error" not in said:
        for array in reader.arrays:
            out.write(array.tobytes())
    out.flush()


def limit_itself() -> None:
    """Bound the memory and the time of this process, where the system can."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Reader:
    """Turns an open file into plain values; arrays are set aside in ``arrays`` and named by their place there."""

    def __init__(self) -> None:
        self.arrays: list[NDArray[Any]] = []
        self._bytes = 0

    def graph(self, file: Any) -> dict[str, Any]:
        """Version, nodes, edges and metadata.

        Raises:
            Unreadable: it is no NIR graph, too large, or lies in several files.
        """
        version = self._value(file, "version") if "version" in file else ""
        root = self._group(file, "node")
        kind = self._value(root, "type")
        if kind != "NIRGraph":
            raise Unreadable(f"holds a single {kind!r}, need a NIRGraph")
        nodes = self._group(root, "nodes")
        return {"version": version, "nodes": {name: self._node(self._group(nodes, name)) for name in nodes},
                "edges": self._edges(root), "metadata": self._metadata(root)}

    def _node(self, group: Any) -> dict[str, Any]:
        fields, nested = {}, []
        for key in group:
            if key == "metadata":
                continue
            if self._is_group(group, key):
                nested.append(key)
            else:
                fields[key] = self._value(group, key)
        kind = fields.pop("type", None)
        if not isinstance(kind, str):
            raise Unreadable(f"node {group.name} has no type")
        return {"kind": kind, "fields": fields, "nested": nested}

    def _edges(self, root: Any) -> list[tuple[str, str]]:
        data = self._dataset(root, "edges")
        if data.size == 0:
            return []
        if data.ndim != 2 or data.shape[1] != 2 or len(data) > 10 * MOST_NODES or not _is_text(data):
            raise Unreadable(f"its edges are {data.dtype} {data.shape}, need at most {10 * MOST_NODES} pairs of names")
        return [(_word(first), _word(second)) for first, second in data[()]]

    def _metadata(self, root: Any) -> dict[str, Any]:
        """Numbers and words of the graph's metadata; anything else is left out."""
        if "metadata" not in root or not self._is_group(root, "metadata"):
            return {}
        group = self._group(root, "metadata")
        found: dict[str, float | str] = {}
        for key in group:
            if self._is_group(group, key) or (data := self._dataset(group, key)).size != 1:
                continue
            raw = np.asarray(data[()]).ravel()[0]
            if _is_text(data):
                found[key] = _word(raw)
            elif data.dtype.kind in "biuf":
                found[key] = float(raw)
        return found

    def _value(self, parent: Any, name: str) -> str | dict[str, Any]:
        """A word, or shape, type and number of an array of real numbers."""
        data = self._dataset(parent, name)
        if _is_text(data):
            return _word(data[()]) if data.shape == () else ""
        if data.dtype.kind not in "biuf":
            raise Unreadable(f"{data.name} is {data.dtype}, need real numbers")
        kept = np.float64 if data.dtype.kind == "f" else np.int64
        self.arrays.append(np.asarray(data[()]).astype(kept))
        return {"shape": list(data.shape), "integers": kept is np.int64}

    def _group(self, parent: Any, name: str) -> Any:
        if not self._is_group(parent, name):
            raise Unreadable(f"{_place(parent, name)} is no group, so this is no NIR graph")
        group = parent[name]
        if len(group) > MOST_NODES:
            raise Unreadable(f"{group.name} holds {len(group)} entries, at most {MOST_NODES} are read")
        return group

    def _is_group(self, parent: Any, name: str) -> bool:
        if name not in parent:
            raise Unreadable(f"{_place(parent, name)} is missing, so this is no NIR graph")
        if not isinstance(parent.get(name, getlink=True), h5py.HardLink):
            raise Unreadable(f"{_place(parent, name)} is a link; write the graph into one file")
        return isinstance(parent[name], h5py.Group)

    def _dataset(self, parent: Any, name: str) -> Any:
        """A data set whose bytes may be read: of a size within bounds, all of it inside this file."""
        if self._is_group(parent, name) or not isinstance(parent[name], h5py.Dataset):
            raise Unreadable(f"{_place(parent, name)} is no data set, so this is no NIR graph")
        data = parent[name]
        if data.is_virtual or data.external:
            raise Unreadable(f"{data.name} lies in another file; write the graph into one file")
        if data.shape is None:
            raise Unreadable(f"{data.name} is empty; write it again with nir.write")
        self._bytes += math.prod(data.shape) * max(data.dtype.itemsize, 8)
        if self._bytes > MOST_BYTES:
            raise Unreadable(f"its arrays are larger than {MOST_BYTES >> 20} MiB at {data.name} {data.shape}; "
                             "no network of this size is read")
        return data


def _is_text(data: Any) -> bool:
    return h5py.check_string_dtype(data.dtype) is not None


def _word(raw: Any) -> str:
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    return text[:TEXT_LENGTH]


def _place(parent: Any, name: str) -> str:
    return f"{parent.name.rstrip('/')}/{name}"


if __name__ == "__main__":
    limit_itself()
    hand_over(sys.argv[1], sys.stdout.buffer)
