"""The chip network as a NIR file, which snnTorch, norse and spikingjelly read, and back to the same integers.

A simulator in floating point does not round decays as the chip does, so its spikes may differ from the chip's;
``neurofer.hardware.simulate`` is what the chip says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import BadFileError, NeuroferError, missing_extra, name_some
from neurofer.files import atomic_path
from neurofer.hardware.network import ChipLayer, ChipNetwork, Pair
from neurofer.hardware.nir_nodes import (
    FORMAT,
    GEOMETRY,
    GRAPH_DT_S,
    VERSION,
    chain_edges,
    graph_metadata,
    graph_nodes,
    neurons_of,
    nir_problems,
    rounded,
)
from neurofer.hdf5_tree import one_line
from neurofer.spiking.nir_file import NirFile, NirNode, read_nir_file
from neurofer.spiking.registers import DECAY_ONE

AGAIN = "export it again with 'neurofer export'"


def write_nir(path: Path | str, network: ChipNetwork) -> None:
    """Write a chip network as a NIR graph, in one step; the same network gives the same bytes.

    The file is read back before it takes its place.

    Raises:
        MissingExtraError: ``nir`` is not installed.
        NeuroferError: NIR cannot say this network exactly; every reason is listed.
        BadFileError: the place cannot be written.
    """
    try:
        import nir
    except ImportError as error:
        raise missing_extra("NIR graphs", "nir", error) from error
    if found := nir_problems(network):
        raise NeuroferError(f"{path}: NIR cannot say this network exactly:\n  - " + "\n  - ".join(found))
    nodes = graph_nodes(network)
    graph = nir.NIRGraph({name: nir.dict2NIRNode({"type": node.kind, **_plain(node)}) for name, node in nodes.items()},
                         chain_edges(nodes), metadata=graph_metadata(network))
    with atomic_path(path) as temporary:
        nir.write(temporary, graph)
        try:
            read_nir_chip(temporary)
        except BadFileError as error:
            why = str(error).replace(str(temporary), "the graph")
            raise NeuroferError(f"{path}: was not written, as it would not be read back: {why}") from error


def read_nir_chip(path: Path | str) -> ChipNetwork:
    """The chip network in a file that ``write_nir`` made.

    Raises:
        BadFileError: no such file, damaged, a graph of another origin, a newer version, altered.
    """
    file = read_nir_file(path)
    try:
        return chip_of_graph(file)
    except ValueError as error:
        raise BadFileError(f"{path}: {error}") from error


def chip_of_graph(file: NirFile) -> ChipNetwork:
    """The chip network in a graph that ``write_nir`` made: the same integers, or a refusal.

    Every number of the graph is compared with what the integers give, so one that was changed is found.

    Raises:
        ValueError: a graph of another origin, a newer version, altered; one sentence, or one and a list.
    """
    said = file.metadata
    if said.get("format") != FORMAT:
        raise ValueError("is no export of a chip network, so its weights lie on no known grid of integers; take it "
                         "over with 'neurofer import-nir' and export that run with --after-training")
    if said.get("version") != VERSION:
        raise ValueError(f"version {one_line(str(said.get('version')))} is none that is read, need {VERSION}; update "
                         "neurofer, or export it again")
    try:
        network = _network(file)
        wrong = nir_problems(network) or list(_altered(file, network))
    except ValueError as error:
        raise ValueError(f"was altered after export ({error}); {AGAIN}") from error
    if wrong:
        raise ValueError(f"was altered after export ({name_some(wrong, 3)}); {AGAIN}")
    return network


def _plain(node: NirNode) -> dict[str, Any]:
    """Fields as NIR's constructors take them: single numbers as numbers."""
    return {name: value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else np.array(value)
            for name, value in node.fields.items()}


def _network(file: NirFile) -> ChipNetwork:
    """The network that a graph says.

    Raises:
        ValueError: it says none.
    """
    said = file.metadata
    layers = [_layer(file, name) for name in _order(file) if file.nodes[name].kind in ("Conv2d", "Affine")]
    shape = tuple(_whole(one, "input: shape") for one in _array(file, "input", "shape").ravel())
    classes = [said[name] for number in range(len(said)) if (name := f"class_{number}") in said]
    prefix = "source_"
    dt_us, steps, decision_us = (_whole(said.get(name), name) for name in ("dt_us", "steps", "decision_us"))
    return ChipNetwork(
        shape, tuple(layers), dt_us, steps, decision_us, tuple(map(str, classes)), _real(said, "rate_gain"),
        str(said.get("target")),
        {name.removeprefix(prefix): str(value) for name, value in said.items() if name.startswith(prefix)})


def _order(file: NirFile) -> list[str]:
    """Names of nodes as they follow each other from the input, as far as they do.

    Raises:
        ValueError: a name that no node of ours has.
    """
    following, found = dict(file.edges), ["input"]
    while (name := following.get(found[-1], "")) in file.nodes and name not in found:
        if not name.isidentifier():
            raise ValueError(f"{one_line(name)}: is no name of a node")
        found.append(name)
    return found[1:]


def _layer(file: NirFile, name: str) -> ChipLayer:
    kind: Literal["conv", "dense"] = "conv" if file.nodes[name].kind == "Conv2d" else "dense"
    scale, neurons = _real(file.metadata, f"scale_{name}"), neurons_of(name)
    weight = rounded(_array(file, name, "weight"), scale)
    if not np.all(np.abs(weight) < 1 << 15):
        raise ValueError(f"{name}: weight holds no integers of 16 bits")
    current, voltage = (_whole(rounded(_share_of_a_step(file, neurons, tau), DECAY_ONE), f"{neurons}: {tau}")
                        for tau in ("tau_syn", "tau_mem"))
    threshold = _whole(rounded(_first(file, neurons, "v_threshold"), scale), f"{neurons}: v_threshold")
    geometry: dict[str, Pair] = {}
    if kind == "conv":
        for what in GEOMETRY:
            first, second = (_whole(one, f"{name}: {what}") for one in np.resize(_array(file, name, what), 2))
            geometry[what] = (first, second)
    return ChipLayer(name, kind, weight.astype(np.int16), current, voltage, threshold, scale, **geometry)


def _array(file: NirFile, name: str, what: str) -> NDArray[Any]:
    value = file.nodes[name].fields.get(what) if name in file.nodes else None
    if not isinstance(value, np.ndarray) or not value.size:
        raise ValueError(f"{one_line(name)}: {what} is missing or no array")
    return value


def _first(file: NirFile, name: str, what: str) -> np.float64:
    """The number that all neurons have, if the file is unaltered."""
    return np.float64(_array(file, name, what).flat[0])


def _share_of_a_step(file: NirFile, name: str, tau: str) -> np.float64:
    with np.errstate(all="ignore"):
        return np.float64(GRAPH_DT_S / _first(file, name, tau))


def _whole(value: Any, what: str) -> int:
    if value is None or isinstance(value, str) or not float(value).is_integer():
        raise ValueError(f"{what} is no whole number")
    return int(value)


def _real(said: dict[str, float | str], name: str) -> float:
    value = said.get(name)
    if not isinstance(value, float):
        raise ValueError(f"{name} is no number")
    return value


def _altered(file: NirFile, network: ChipNetwork) -> Iterator[str]:
    """What of a graph is not as the network gives it, by name."""
    metadata, nodes = graph_metadata(network), graph_nodes(network)
    yield from (f"metadata: {one_line(name)}" for name in sorted({*metadata, *file.metadata})
                if metadata.get(name) != file.metadata.get(name))
    if set(file.edges) != set(chain_edges(nodes)):
        yield "the order of the nodes"
    for name in sorted({*nodes, *file.nodes}):
        if name not in nodes or name not in file.nodes or nodes[name].kind != file.nodes[name].kind or (
                file.nodes[name].nested):
            yield one_line(name)
            continue
        wanted, found = nodes[name].fields, file.nodes[name].fields
        yield from (f"{one_line(name)}: {one_line(what)}" for what in sorted({*wanted, *found})
                    if what not in wanted or what not in found or not np.array_equal(wanted[what], found[what]))
