"""The chip network as an HDF5 file: netx's layout, which Lava opens as it is, and our own attributes beside it.

Format 1: attributes ``format="neurofer-chip"``, ``version``, ``dt_us``, ``steps``, ``decision_us``, ``rate_gain``,
``classes`` and ``source`` (JSON), ``target``, ``digest``; a group ``layer`` with ``0`` the input, then every conv,
flatten and dense layer, counted without gaps. Weights are int16, the even integers themselves.

Source:
    lava-dl 0.6.0 ``netx/hdf5.py``, for the names and shapes inside ``layer``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import BadFileError, name_some
from neurofer.files import atomic_path
from neurofer.hardware.network import ChipLayer, ChipNetwork, Pair
from neurofer.hdf5_tree import Tree, one_line, read_tree

FORMAT = "neurofer-chip"
VERSION = 1
AGAIN = "export it again with 'neurofer export'"


def write_chip(path: Path | str, network: ChipNetwork) -> None:
    """Write a chip network in one step; the same network gives the same arrays and digest.

    Raises:
        BadFileError: the place cannot be written.
    """
    import h5py

    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["format"] = FORMAT
        file.attrs["version"] = VERSION
        for name in ("dt_us", "steps", "decision_us", "rate_gain", "target", "digest"):
            file.attrs[name] = getattr(network, name)
        file.attrs["classes"] = json.dumps(list(network.classes))
        file.attrs["source"] = json.dumps(dict(network.source), sort_keys=True)
        for number, (kind, layer, shape) in enumerate(_entries(network)):
            group = file.create_group(f"layer/{number}")
            group["type"] = np.array([kind.encode()], "S10")
            group["shape"] = np.array(shape, np.int64)
            if layer is not None:
                _write_layer(group, layer)


def _entries(network: ChipNetwork) -> list[tuple[str, ChipLayer | None, tuple[int, ...]]]:
    """Kind, layer and output shape of everything that is written, flatten included."""
    shapes = network.shapes
    found: list[tuple[str, ChipLayer | None, tuple[int, ...]]] = [("input", None, network.input_shape)]
    for layer, before, after in zip(network.layers, shapes, shapes[1:], strict=False):
        if layer.kind == "dense" and len(before) == 3:
            found.append(("flatten", None, (layer.weight.shape[1],)))
        found.append((layer.kind, layer, after))
    return found


def _write_layer(group: Any, layer: ChipLayer) -> None:
    group.attrs["name"], group.attrs["scale"] = layer.name, layer.scale
    group["weight"] = np.ascontiguousarray(layer.weight, np.int16)
    if layer.kind == "conv":
        for name in ("stride", "padding", "dilation"):
            group[name] = np.array(getattr(layer, name), np.int64)
        group["groups"] = np.int64(1)
    neuron = group.create_group("neuron")
    neuron["type"], neuron["gradedSpike"] = "CUBA", False
    for name, value in (("iDecay", layer.current_decay), ("vDecay", layer.voltage_decay),
                        ("vThMant", layer.threshold), ("refDelay", 1)):
        neuron[name] = np.int64(value)


def read_chip(path: Path | str) -> ChipNetwork:
    """The chip network in a file, checked to be whole, unaltered, and one that a chip can hold.

    Raises:
        BadFileError: no such file, damaged, another format or version, altered, or outside what a chip can hold; one
            sentence, or one and a list.
    """
    tree = read_tree(path, "chip network", AGAIN, only=("layer",))
    said = tree.attributes
    if said.get("format") != FORMAT:
        raise BadFileError(f"{path}: is no chip network (its format is {said.get('format')!r}, need {FORMAT!r}); "
                           f"{AGAIN}")
    version = said.get("version")
    if not isinstance(version, int) or version < 1:
        raise BadFileError(f"{path}: version {version!r} is none; {AGAIN}")
    if version > VERSION:
        raise BadFileError(f"{path}: version {version} is newer than {VERSION}; update neurofer")
    try:
        network = _network(tree)
    except ValueError as error:
        raise BadFileError(f"{path}: {error}; {AGAIN}") from error
    if said.get("digest") != network.digest:
        raise BadFileError(f"{path}: was altered after export (its digest is not that of its content); {AGAIN}")
    return network


def _network(tree: Tree) -> ChipNetwork:
    said = tree.attributes
    entries = tree.groups["layer"].groups if "layer" in tree.groups else {}
    names = sorted(entries, key=lambda name: (len(name), name))
    if names != [str(number) for number in range(len(names))] or len(names) < 2:
        raise ValueError(f"its layers are numbered {one_line(name_some(names, 20)) or 'not at all'}, "
                         "need 0, 1, 2 without a gap")
    first, *rest = (entries[name] for name in names)
    if _word(first.values.get("type")) != "input":
        raise ValueError(f"layer/0 is of type {_word(first.values.get('type'))!r}, need 'input'")
    layers = []
    for number, entry in enumerate(rest, 1):
        where, kind = f"layer/{number}", _word(entry.values.get("type"))
        if kind in ("conv", "dense"):
            layers.append(_layer(entry, where, "conv" if kind == "conv" else "dense"))
        elif kind != "flatten":
            raise ValueError(f"{where} is of type {kind!r}, need conv, flatten or dense")
    network = ChipNetwork(
        tuple(_numbers(first, "layer/0", "shape", 3)), tuple(layers), _whole(said, "dt_us"), _whole(said, "steps"),
        _whole(said, "decision_us"), tuple(_json(said, "classes", list)), _real(said, "rate_gain"),
        _text(said, "target"), _json(said, "source", dict))
    _check_entries(network, [first, *rest])
    return network


def _check_entries(network: ChipNetwork, entries: Sequence[Tree]) -> None:
    """What Lava goes by and we do not need, such as where it is flattened, must be what we would write."""
    wanted = _entries(network)
    kinds, need = [_word(entry.values.get("type")) for entry in entries], [kind for kind, _, _ in wanted]
    if kinds != need:
        raise ValueError(f"its layers are {name_some(kinds, 20)}, need {name_some(need, 20)}")
    for number, (entry, (_, _, shape)) in enumerate(zip(entries, wanted, strict=True)):
        found = _numbers(entry, f"layer/{number}", "shape", len(shape))
        if tuple(found) != shape:
            raise ValueError(f"layer/{number}: shape is {' x '.join(map(str, found))}, but its neurons are "
                             f"{' x '.join(map(str, shape))}")


def _layer(entry: Tree, where: str, kind: Literal["conv", "dense"]) -> ChipLayer:
    name = entry.attributes.get("name")
    if not isinstance(name, str) or not name or not name.isprintable():
        raise ValueError(f"{where} has no name that can be printed")
    weight = _array(entry, where, "weight")
    if weight.dtype.kind != "i" or weight.dtype.itemsize > 2 and weight.size and (
            int(weight.min()) < -(1 << 15) or int(weight.max()) >= 1 << 15):
        raise ValueError(f"{where}: weight holds {weight.dtype}, need whole numbers of 16 bits")
    extra = sorted(set(entry.values) & {"bias", "delay", "weight_exponent"})
    if extra:
        raise ValueError(f"{where}: has {', '.join(extra)}, which no network of this format has")
    geometry: dict[str, Pair] = {}
    if kind == "conv":
        for what in ("stride", "padding", "dilation"):
            first, second = _numbers(entry, where, what, 2)
            geometry[what] = (first, second)
        if _numbers(entry, where, "groups", 1) != [1]:
            raise ValueError(f"{where}: groups must be 1")
    if "neuron" not in entry.groups:
        raise ValueError(f"{where}: has no neuron")
    neuron = entry.groups["neuron"]
    if _word(neuron.values.get("type")) != "CUBA":
        raise ValueError(f"{where}: its neurons are {_word(neuron.values.get('type'))!r}, need 'CUBA'")
    if _numbers(neuron, where, "refDelay", 1) != [1]:
        raise ValueError(f"{where}: refDelay must be 1")
    current, voltage, threshold = (_numbers(neuron, where, what, 1)[0] for what in ("iDecay", "vDecay", "vThMant"))
    return ChipLayer(name, kind, weight.astype(np.int16), current, voltage, threshold,
                     _real(entry.attributes, "scale"), **geometry)


def _array(entry: Tree, where: str, name: str) -> NDArray[Any]:
    value = entry.values.get(name)
    if not isinstance(value, np.ndarray):
        raise ValueError(f"{where}: {name} is missing or no array")
    return value


def _numbers(entry: Tree, where: str, name: str, count: int) -> list[int]:
    value = _array(entry, where, name)
    if value.size != count or value.dtype.kind not in "iu":
        raise ValueError(f"{where}: {name} must be {count} whole number{'s' if count > 1 else ''}")
    return [int(one) for one in value.ravel()]


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(said: dict[str, Any], name: str) -> int:
    value = said.get(name)
    return value if isinstance(value, int) else _absent(name, "a whole number", value)


def _real(said: dict[str, Any], name: str) -> float:
    value = said.get(name)
    return float(value) if isinstance(value, (int, float)) else _absent(name, "a number", value)


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else _absent(name, "a word", value)


def _json(said: dict[str, Any], name: str, kind: type) -> Any:
    """A list or mapping of words that an attribute holds as JSON."""
    try:
        value = json.loads(_text(said, name))
    except (ValueError, RecursionError):
        value = None
    words = value if isinstance(value, list) else list(value.items()) if isinstance(value, dict) else [None]
    if not isinstance(value, kind) or not all(isinstance(word, str) for pair in words
                                              for word in (pair if isinstance(pair, tuple) else (pair,))):
        _absent(name, "words as JSON", said.get(name))
    return value


def _absent(name: str, wanted: str, value: object) -> NoReturn:
    raise ValueError(f"attribute {name} must be {wanted}, got {str(value)[:80]!r}")
