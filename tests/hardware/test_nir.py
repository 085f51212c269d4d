"""Chip networks as NIR graphs: by hand, the same integers back, every altered number found, all refusals at once."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurofer.errors import BadFileError, MissingExtraError, NeuroferError
from neurofer.hardware.network import ChipLayer, ChipNetwork, Shape
from neurofer.hardware.nir import chip_of_graph, read_nir_chip, write_nir
from neurofer.hardware.nir_nodes import chain_edges, graph_metadata, graph_nodes, nir_problems
from neurofer.spiking.nir_file import NirFile, NirNode, Value
from neurofer.spiking.nir_read import read_nir
from trees.nir_graphs import small_nodes, write_graph

nir = pytest.importorskip("nir")


def random_network(seed: int) -> ChipNetwork:
    """Up to three conv layers with square kernels and one or two dense ones; all registers over their whole range."""
    generator = np.random.default_rng(seed)

    def layer(name: str, kind: Any, weights: Shape, **geometry: Any) -> ChipLayer:
        current, voltage = (int(generator.choice([1, 2, generator.integers(1, 4096), 4095])) for _ in "uv")
        threshold = int(generator.choice([1, generator.integers(1, 131_072), 131_071]))
        weight = (2 * generator.integers(-128, 128, weights)).astype(np.int16)
        weight.flat[0] = -256
        return ChipLayer(name, kind, weight, current if seed % 3 else 4096, voltage, threshold,
                         float(10 ** generator.uniform(-6, 6)), **geometry)

    shape: Shape = (int(generator.integers(1, 4)), *map(int, generator.integers(5, 12, 2)))
    start, layers = shape, []
    for number in range(generator.integers(0, 4)):
        kernel = int(generator.integers(1, 4))
        made = layer(f"conv{number + 1}", "conv", (int(generator.integers(1, 5)), shape[0], kernel, kernel),
                     stride=tuple(map(int, generator.integers(1, 3, 2))),
                     padding=tuple(map(int, generator.integers(1, 3, 2))))
        layers.append(made)
        shape = made.output_shape(shape)
    for number in range(generator.integers(1, 3)):
        layers.append(layer(f"dense{number + 1}", "dense", (int(generator.integers(2, 6)), math.prod(shape))))
        shape = (layers[-1].outputs,)
    classes = tuple(f"class {number}" for number in range(shape[0]))
    return ChipNetwork(start, tuple(layers), 1000, 20, 5000, classes, float(generator.uniform(0.1, 30)), "loihi1",
                       {"run": "runs/snn"})


def graph_of(network: ChipNetwork) -> NirFile:
    """What is read of the network's file, without a file."""
    nodes = {name: NirNode(node.kind, {what: value if isinstance(value, str) else value.astype(
        np.float64 if value.dtype.kind == "f" else np.int64) for what, value in node.fields.items()})
        for name, node in graph_nodes(network).items()}
    said = {name: value if isinstance(value, str) else float(value) for name, value in graph_metadata(network).items()}
    return NirFile("1.0.8", nodes, tuple(chain_edges(nodes)), said)


def same(first: ChipNetwork, second: ChipNetwork) -> bool:
    return (first.digest, first.source) == (second.digest, second.source) and all(
        np.array_equal(one.weight, other.weight) and replace(one, weight=other.weight) == other
        for one, other in zip(first.layers, second.layers, strict=True))


def test_nodes_by_hand() -> None:
    weight = np.array([[2, -256], [254, 0]], np.int16)
    layer = ChipLayer("dense1", "dense", weight, 1024, 2048, 300, 200.0)  # alpha 0.75, beta 0.5
    nodes = graph_nodes(ChipNetwork((2, 1, 1), (layer,), 1000, 20, 5000, ("a", "b")))
    assert {name: node.kind for name, node in nodes.items()} == {
        "input": "Input", "flatten": "Flatten", "dense1": "Affine", "dense1_neurons": "CubaLIF", "output": "Output"}
    np.testing.assert_array_equal(nodes["dense1"].fields["weight"], np.float32([[0.01, -1.28], [1.27, 0]]))
    neurons = {name: set(np.asarray(value).tolist()) for name, value in nodes["dense1_neurons"].fields.items()}
    assert neurons == {"tau_syn": {np.float32(4e-4).item()}, "tau_mem": {np.float32(2e-4).item()}, "w_in": {4.0},
                       "r": {2.0}, "v_threshold": {1.5}, "v_leak": {0.0}, "v_reset": {0.0}}


def test_time_constants_of_one_step_are_kept_above_it() -> None:
    layer = ChipLayer("dense1", "dense", np.full((2, 2), 2, np.int16), 4096, 4095, 1)
    fields = graph_nodes(ChipNetwork((2, 1, 1), (layer,), 1000, 20, 5000, ("a", "b")))["dense1_neurons"].fields
    assert 1 < np.min(np.float64(fields["tau_syn"])) / 1e-4 < 1 + 2e-6
    assert np.min(np.float64(fields["tau_mem"])) > 1e-4


@pytest.mark.parametrize("seeds", [range(start, start + 50) for start in range(0, 200, 50)], ids=str)
def test_integers_come_back_exactly(seeds: range) -> None:
    for network in map(random_network, seeds):
        assert nir_problems(network) == []
        assert same(chip_of_graph(graph_of(network)), network)


@pytest.mark.parametrize("seed", range(6))
def test_integers_come_back_exactly_from_a_file(seed: int, tmp_path: Path) -> None:
    network, path = random_network(seed), tmp_path / "net.nir"
    write_nir(path, network)
    assert same(read_nir_chip(path), network)
    first = path.read_bytes()
    write_nir(path, read_nir_chip(path))
    assert path.read_bytes() == first
    assert read_nir(path).metadata["dt_us"] == 1000  # and import-nir takes it, too
    said = nir.read(path).metadata  # and NIR's own reader, which checks shapes
    assert {name: said[name] for name in ("graph_dt_s", "reset", "digest", "class_1")} == {
        "graph_dt_s": 1e-4, "reset": "zero", "digest": network.digest, "class_1": "class 1"}


def changes(file: NirFile) -> dict[str, NirFile]:
    """The graph with one number of one field changed as little as single precision allows, whole numbers by 1."""
    found = {}
    for name, node in file.nodes.items():
        for what, value in node.fields.items():
            other = np.array(value)
            last = other.reshape(-1)[-1:]
            last[:] = np.nextafter(last.astype(np.float32), np.float32(9)) if other.dtype.kind == "f" else last + 1
            fields: dict[str, Value] = {**node.fields, what: other}
            nodes = {**file.nodes, name: NirNode(node.kind, fields)}
            found[f"{name}: {what}"] = NirFile(file.version, nodes, file.edges, file.metadata)
    for name, word in file.metadata.items():
        said = {**file.metadata, name: f"{word}0" if isinstance(word, str) else np.nextafter(word, 1e9)}
        found[f"metadata: {name}"] = NirFile(file.version, file.nodes, file.edges, said)
    return found


@pytest.mark.parametrize("seed", [1, 3])
def test_every_changed_number_is_found(seed: int) -> None:
    altered = changes(graph_of(random_network(seed)))
    del altered["metadata: source_run"]  # no part of what is computed
    assert len(altered) >= 30
    for what, file in altered.items():
        if what in ("metadata: format", "metadata: version"):
            continue
        with pytest.raises(ValueError, match=r"(?s)was altered after export \(.*export it again"):
            chip_of_graph(file)
    with pytest.raises(ValueError, match=r"was altered after export \(dense1_neurons: r\);"):
        chip_of_graph(altered["dense1_neurons: r"])


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.nir"
    write_nir(path, random_network(1))
    with h5py.File(path, "r+") as file:
        weight = file["node/nodes/dense1/weight"]
        weight[0, 0] = np.nextafter(weight[0, 0], np.float32(9))
    with pytest.raises(BadFileError, match=r"net\.nir: was altered after export \(dense1: weight\); export it again"):
        read_nir_chip(path)


@pytest.mark.parametrize("part", ["node", "field", "kind", "edge"])
def test_other_nodes_and_edges_are_refused(part: str) -> None:
    file = graph_of(random_network(1))
    nodes, edges = dict(file.nodes), file.edges
    if part == "node":
        nodes["more"] = NirNode("Flatten", {})
    elif part == "field":
        nodes["dense1"] = NirNode("Affine", {**nodes["dense1"].fields, "delay": np.array(1)})
    elif part == "kind":
        nodes["dense1_neurons"] = NirNode("LIF", nodes["dense1_neurons"].fields)
    else:
        edges = edges[:-1]
    with pytest.raises(ValueError, match="was altered after export"):
        chip_of_graph(NirFile(file.version, nodes, edges, file.metadata))


@pytest.mark.parametrize("value", ["text", np.array(np.nan), np.array(np.inf), np.zeros(5 * (1,)), np.array(-1e300),
                                   np.array([1e300, -7]), np.array(1 << 62), np.zeros((0, 3)), np.array("x", object)],
                         ids=str)
def test_nonsense_in_any_field_is_refused(value: Value) -> None:
    file = graph_of(random_network(1))
    for name, node in file.nodes.items():
        for what in node.fields:
            nodes = {**file.nodes, name: NirNode(node.kind, {**node.fields, what: value})}
            with pytest.raises(ValueError, match="was altered after export"):
                chip_of_graph(NirFile(file.version, nodes, file.edges, file.metadata))
    odd = float(value.flat[0]) if isinstance(value, np.ndarray) and value.dtype == float and value.size else "odd"
    for name in file.metadata:
        if name not in ("format", "version", "source_run"):
            with pytest.raises(ValueError, match="was altered after export"):
                chip_of_graph(NirFile(file.version, file.nodes, file.edges, {**file.metadata, name: odd}))


def test_a_neuron_without_leak_hidden_in_a_file_is_refused() -> None:
    network = random_network(1)
    still = replace(network, layers=tuple(replace(layer, voltage_decay=0) for layer in network.layers))
    file = graph_of(network)
    nodes = {name: NirNode(node.kind, {**node.fields, "tau_mem": np.full_like(node.fields["tau_mem"], np.inf)})
             if node.kind == "CubaLIF" else node for name, node in file.nodes.items()}
    with pytest.raises(ValueError, match="was altered after export .*without leak"):
        chip_of_graph(NirFile(file.version, nodes, file.edges, {**file.metadata, "digest": still.digest}))


def test_everything_that_nir_cannot_say_is_told_at_once(tmp_path: Path) -> None:
    weight = np.full((2, 1, 3, 2), 2, np.int16)
    network = ChipNetwork((1, 6, 6), (
        ChipLayer("conv-1", "conv", weight, 4096, 0, 10, 1e-44),
        ChipLayer("output", "dense", np.full((2, 40), 2, np.int16), 4096, 410, 10)),
        1000, 20, 5000, ("a", "b"), source={"path/to": "run"})
    path = tmp_path / "net.nir"
    path.write_text("an earlier file")
    assert network.shapes[1] == (2, 4, 5)
    with pytest.raises(NeuroferError, match="NIR cannot say this network exactly") as told:
        write_nir(path, network)
    lines = str(told.value).splitlines()[1:]
    wanted = ["'conv-1': is no name of a node", "conv-1: membranes without leak", "conv-1: a kernel of 3 x 2",
              "conv-1: a scale of 1e-44", "output: is the name of another node", "'source_path/to': is no name"]
    assert len(lines) == len(wanted)
    for part in wanted:
        assert sum(part in line for line in lines) == 1
    assert path.read_text() == "an earlier file"


def test_a_kernel_that_is_not_square_is_written_where_shapes_agree(tmp_path: Path) -> None:
    layer = ChipLayer("conv1", "conv", np.full((2, 1, 3, 2), 2, np.int16), 4096, 410, 10, 1.0, (2, 2))
    network = ChipNetwork((1, 7, 7), (layer, ChipLayer("dense1", "dense", np.full((2, 18), 2, np.int16), 1, 410, 10)),
                          1000, 20, 5000, ("a", "b"))
    write_nir(tmp_path / "net.nir", network)
    assert same(read_nir_chip(tmp_path / "net.nir"), network)


def test_graphs_of_others_are_refused(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "theirs.nir", small_nodes())
    with pytest.raises(BadFileError, match=r"theirs\.nir: is no export of a chip network.*'neurofer import-nir'"):
        read_nir_chip(path)
    newer = write_graph(path, small_nodes(), metadata={"format": "neurofer-chip-nir", "version": 2})
    with pytest.raises(BadFileError, match=r"version 2\.0 is none that is read, need 1"):
        read_nir_chip(newer)
    claimed = write_graph(path, small_nodes(), metadata={"format": "neurofer-chip-nir", "version": 1})
    with pytest.raises(BadFileError, match="was altered after export"):
        read_nir_chip(claimed)
    with pytest.raises(BadFileError, match="no such file"):
        read_nir_chip(tmp_path / "absent.nir")


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nir", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'neurofer\[nir\]'"):
        write_nir(tmp_path / "net.nir", random_network(0))
