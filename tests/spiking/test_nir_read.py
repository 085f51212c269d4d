"""A NIR graph becomes exactly our network, or every reason why not is told; a broken file costs bounded time."""

from __future__ import annotations

import contextlib
import io
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from neurofer import hdf5_child, hdf5_tree
from neurofer.errors import BadFileError, UsageError
from neurofer.spiking import nir_file
from neurofer.spiking.nir_read import read_nir
from trees.nir_graphs import DT_S, Node, chain, conv, cuba, flatten, small_nodes, write_graph

Nodes = dict[str, Node]


@pytest.fixture
def own_process() -> None:
    """The file is read as always: in a process of its own."""


@pytest.fixture(autouse=True)
def in_this_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are whole are read in this process, which is quicker."""
    def read(path: Path, most_bytes: int, levels: int, only: tuple[str, ...], *_: object) -> tuple[bytes, int]:
        out = io.BytesIO()
        hdf5_child.hand_over(str(path), out, most_bytes, levels, only)
        return out.getvalue(), 0

    if "own_process" not in request.fixturenames:
        monkeypatch.setattr(hdf5_tree, "_handed_over", read)


def refused(path: Path, **more: Any) -> list[str]:
    with pytest.raises(BadFileError) as told:
        read_nir(path, **more)
    first, *rest = str(told.value).splitlines()
    assert first == f"{path}: cannot be taken over exactly:"
    return [line.removeprefix("  - ") for line in rest]


def test_weights_decays_and_geometry_are_those_of_the_graph(tmp_path: Path, own_process: None) -> None:
    nodes = small_nodes()
    nodes["c"] = conv(np.ones((4, 2, 5, 3), np.float32), (16, 16), stride=np.array([2, 1]), padding=np.array([2, 0]),
                      dilation=np.array([1, 2]))
    nodes["cn"] = cuba((4, 8, 12), 0.5, 0.8)
    nodes["f"] = flatten((4, 8, 12))
    nodes["d"]["weight"] = np.arange(5 * 384, dtype=np.float32).reshape(5, 384)
    network = read_nir(write_graph(tmp_path / "g.nir", nodes, metadata={"dt_us": 2000, "made": "by hand"}))
    first, second = network.specs
    assert (first.kernel, first.stride, first.padding, first.dilation) == ((5, 3), (2, 1), (2, 0), (1, 2))
    assert (first.alpha, first.beta, first.theta) == pytest.approx((0.5, 0.8, 1.0), abs=1e-6)
    assert (second.kind, second.outputs, second.alpha) == ("dense", 5, pytest.approx(0.75, abs=1e-6))
    assert network.metadata == {"dt_us": 2000.0, "made": "by hand"}
    built = network.build()
    assert [layer.name for layer in network.layers] == ["c", "d"]
    np.testing.assert_array_equal(built.spiking_layers()[1].weight.detach(), nodes["d"]["weight"])
    assert built.spiking_layers()[0].alpha.item() == pytest.approx(0.5, abs=1e-6)
    assert built.spiking_layers()[0].beta.item() == pytest.approx(0.8, abs=1e-6)


def test_the_hand_trace(tmp_path: Path) -> None:
    # alpha = beta = 0.5, theta 2: input 3, 0, 0, 0 through a weight of 1 gives v = 3 (fires), 1.5, 1.5, 1.125.
    nodes = {"input": {"type": "Input", "shape": np.array([1])}, "d": {"type": "Linear", "weight": np.ones((1, 1))},
             "n": cuba((1,), 0.5, 0.5, 2.0), "output": {"type": "Output", "shape": np.array([1])}}
    network = read_nir(write_graph(tmp_path / "g.nir", nodes))
    assert network.input_shape == (1, 1, 1)
    assert network.layers[0].weight == pytest.approx(0.5)  # in units of the threshold
    spikes = torch.tensor([3.0, 0, 0, 0]).view(4, 1, 1, 1, 1)
    fired, state = network.build()(spikes)
    assert fired.flatten().tolist() == [1, 0, 0, 0]
    assert state[0].v.item() == pytest.approx(1.125 / 2)


@pytest.mark.parametrize(("gains", "theta"), [({"r": 1.0, "w_in": 1.0}, 1.0), ({"r": 7.0, "w_in": 0.25}, 0.3)])
def test_gains_and_thresholds_are_one_factor_on_the_weights(gains: dict[str, float], theta: float,
                                                            tmp_path: Path) -> None:
    nodes = small_nodes()
    alpha, beta = 0.75, 0.9
    nodes["dn"] = cuba((5,), alpha, beta, theta) | {name: np.full(5, value) for name, value in gains.items()}
    network = read_nir(write_graph(tmp_path / "g.nir", nodes))
    wanted = theta / (gains["w_in"] * (1 - alpha) * gains["r"] * (1 - beta))  # what the graph's own Euler step needs
    np.testing.assert_allclose(network.layers[1].weight * wanted, nodes["d"]["weight"], rtol=1e-5)


def test_a_lif_node_has_no_synapse_and_alpha_0_survives_single_precision(tmp_path: Path) -> None:
    nodes = small_nodes()
    nodes["cn"] = cuba((4, 8, 8), 0.0, 0.9)
    one = np.ones(5, np.float32)
    nodes["dn"] = {"type": "LIF", "tau": one * DT_S / 0.2, "r": one * 2, "v_leak": 0 * one, "v_threshold": one * 0.8}
    network = read_nir(write_graph(tmp_path / "g.nir", nodes))
    assert [spec.alpha for spec in network.specs] == [0, 0]
    assert network.specs[1].beta == pytest.approx(0.8)
    np.testing.assert_allclose(network.layers[1].weight * (0.8 / (2 * 0.2)), nodes["d"]["weight"], rtol=1e-5)
    assert float(network.build().spiking_layers()[0].alpha) == 0


def test_decays_and_thresholds_of_each_channel(tmp_path: Path) -> None:
    nodes = small_nodes()
    alphas, thetas = np.array([0.1, 0.2, 0.3, 0.4]), np.array([1.0, 2.0, 0.5, 1.0])
    nodes["cn"] = cuba((4, 8, 8), alphas[:, None, None], 0.9, thetas[:, None, None])
    network = read_nir(write_graph(tmp_path / "g.nir", nodes))
    assert network.per_channel
    np.testing.assert_allclose(network.layers[0].alpha, alphas, atol=1e-6)
    np.testing.assert_allclose(network.layers[0].weight * thetas[:, None, None, None], nodes["c"]["weight"], rtol=1e-6)
    built = network.build()
    np.testing.assert_allclose(built.spiking_layers()[0].alpha.detach(), alphas, atol=1e-6)
    assert built.spiking_layers()[1].alpha.shape == (5,)


def test_numbers_of_each_neuron_of_a_map_are_refused(tmp_path: Path) -> None:
    nodes = small_nodes()
    theta = np.ones((4, 8, 8))
    theta[1, 2, 3] = 1.5
    nodes["cn"] = cuba((4, 8, 8), theta=theta)
    assert refused(write_graph(tmp_path / "g.nir", nodes)) == [
        "cn: v_threshold differs between the neurons of a channel (one for a layer or a channel)"]


def test_the_step_comes_from_the_argument_the_metadata_or_the_writer(tmp_path: Path) -> None:
    nodes = small_nodes()
    nodes["cn"], nodes["dn"] = cuba((4, 8, 8), 0.6, dt_s=1e-3), cuba((5,), dt_s=1e-3)
    plain = write_graph(tmp_path / "a.nir", nodes)
    said = write_graph(tmp_path / "b.nir", nodes, metadata={"graph_dt_s": 1e-3})
    for network in (read_nir(plain, graph_dt_s=1e-3), read_nir(said), read_nir(plain, "norse")):
        assert network.specs[0].alpha == pytest.approx(0.6, abs=1e-6)
    assert read_nir(said, graph_dt_s=2e-3).specs[0].alpha == pytest.approx(0.2, abs=1e-6)
    assert "is the step right" in refused(said, graph_dt_s=1e-2)[0]
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="step"):
            read_nir(plain, graph_dt_s=wrong)
    with pytest.raises(UsageError, match="lava.*snntorch"):
        read_nir(plain, "lava")


def test_a_graph_that_says_how_it_resets_has_nothing_open(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "g.nir", small_nodes(), metadata={"reset": "zero"})
    assert read_nir(path).notes == ()


def change(**nodes: Node) -> Callable[[Nodes], Nodes]:
    return lambda given: {**given, **{name: {**given[name], **fields} for name, fields in nodes.items()}}


def swap(name: str, node: Node) -> Callable[[Nodes], Nodes]:
    return lambda given: {**given, name: node}


def drop(*names: str) -> Callable[[Nodes], Nodes]:
    return lambda given: {name: node for name, node in given.items() if name not in names}


def without(name: str, key: str) -> Callable[[Nodes], Nodes]:
    return lambda given: {**given, name: {field: value for field, value in given[name].items() if field != key}}


ZERO = np.zeros((4, 8, 8))


@pytest.mark.parametrize(("changed", "where", "what"), [
    (change(c={"bias": np.ones(4)}), "c", "bias"),
    (change(c={"groups": 2}), "c", "groups"),
    (change(c={"stride": np.array([0, 1])}), "c", "stride"),
    (change(c={"stride": np.array([1.5, 1])}), "c", "whole numbers"),
    (change(c={"padding": np.array([-1, 0])}), "c", "padding"),
    (change(c={"padding": "reflect"}), "c", "padding"),
    (change(c={"padding": "same"}), "c", "padding"),  # with a stride of 2 nobody agrees on it
    (change(c={"padding": np.array([10**8, 10**8])}), "c", "more than"),
    (change(c={"input_shape": np.array([8, 8])}), "c", "says its input"),
    (change(c={"weight": np.ones((4, 3, 3, 3))}), "c", "do not go with"),
    (change(c={"weight": np.ones((4, 2, 40, 40))}), "c", "larger than its input"),
    (change(c={"weight": np.ones((4, 2, 3))}), "c", "4 dimensions"),
    (change(c={"weight": np.full((4, 2, 3, 3), np.nan)}), "c", "not finite"),
    (change(c={"weight": "words"}), "c", "text"),
    (without("c", "weight"), "c", "absent"),
    (without("c", "stride"), "c", "absent"),
    (change(d={"weight": np.ones((5, 255))}), "d", "do not go with"),
    (change(f={"end_dim": 1}), "f", "flattens"),
    (change(f={"start_dim": 2}), "f", "flattens"),
    (change(cn={"v_leak": ZERO + 0.1}), "cn", "v_leak is not 0"),
    (change(cn={"v_reset": ZERO - 0.1}), "cn", "v_reset is not 0"),
    (change(cn={"v_threshold": ZERO}), "cn", "v_threshold must be above 0"),
    (change(cn={"r": ZERO - 1}), "cn", "r must be above 0"),
    (change(cn={"tau_syn": ZERO + np.inf}), "cn", "not finite"),
    (change(cn={"tau_syn": ZERO + DT_S / 2}), "cn", "below the step"),
    (change(cn={"tau_mem": ZERO + DT_S}), "cn", "keeps nothing"),
    (change(cn={"tau_mem": ZERO + 1e12}), "cn", "no leak"),
    (change(cn={"v_threshold": ZERO + 1e300, "r": ZERO + 1e-300}), "cn", "threshold"),
    (change(cn={"v_threshold": np.ones((4, 8))}), "cn", "the neurons are (4, 8, 8)"),
    (change(cn={"tau_mem": "soon"}), "cn", "text"),
    (without("cn", "tau_mem"), "cn", "without tau_mem"),
    (swap("cn", {"type": "IF", "r": ZERO + 1, "v_threshold": ZERO + 1}), "cn", "without leak"),
    (swap("dn", {"type": "CubaLI"}), "dn", "never fires"),
    (swap("f", {"type": "AvgPool2d"}), "f", "stride 2"),
    (swap("f", {"type": "os.system"}), "f", "is not known"),
    (swap("cn", {"type": "NIRGraph", "nodes": {}}), "cn", "graph inside the graph"),
    (drop("dn"), "d", "no neurons behind it"),
    (drop("c"), "cn", "without weights"),
    (drop("cn"), "f", "stands between"),
    (drop("d", "dn"), "c", "is the last layer"),
    (drop("c", "cn", "f", "d", "dn"), "graph", "no weight layer"),
    (drop("input"), "graph", "0 nodes of kind Input"),
    (drop("output"), "graph", "0 nodes of kind Output"),
    (change(input={"shape": np.array([50, 3, 2, 16, 16])}), "input", "without time"),
    (change(input={"shape": np.array([2, 0, 16])}), "input", "channels, height, width"),
    (change(input={"shape": np.array([2, 10**6, 10**6])}), "input", "channels, height, width"),
])
def test_what_a_chain_of_ours_cannot_say(changed: Callable[[Nodes], Nodes], where: str, what: str,
                                         tmp_path: Path) -> None:
    found = refused(write_graph(tmp_path / "g.nir", changed(small_nodes())))
    assert any(line.startswith(f"{where}: ") and what in line for line in found), found


@pytest.mark.parametrize(("more", "what"), [
    ([("cn", "c")], "cn: leads to 2 nodes"),  # recurrence
    ([("cn", "d")], "d: comes from 2 nodes"),  # a skip
    ([("dn", "nowhere")], "there is no node nowhere"),
    ([("dn", "dn")], "dn: leads to 2 nodes"),
])
def test_edges_that_are_no_chain(more: list[tuple[str, str]], what: str, tmp_path: Path) -> None:
    nodes = small_nodes()
    found = refused(write_graph(tmp_path / "g.nir", nodes, [*chain(nodes), *more]))
    assert any(what in line for line in found), found


def test_a_ring_ends(tmp_path: Path) -> None:
    nodes = small_nodes()
    edges = [*chain(nodes)[:-1], ("dn", "c")]
    found = refused(write_graph(tmp_path / "g.nir", nodes, edges))
    assert "dn: leads back to c (a chain without recurrence)" in found
    assert "output: is not reached from the input" in found


def test_all_findings_come_together_by_node(tmp_path: Path) -> None:
    nodes = change(c={"bias": np.ones(4), "groups": 2}, cn={"v_leak": ZERO + 1, "v_reset": ZERO + 1},
                   d={"bias": np.ones(5)})(small_nodes()) | {"pool": {"type": "SumPool2d"}}
    found = refused(write_graph(tmp_path / "g.nir", nodes, chain(small_nodes())))
    assert [line.partition(" ")[0] for line in found] == ["pool:", "c:", "c:", "cn:", "cn:", "d:", "pool:"]


def test_a_flat_input_needs_a_shape_that_holds_it(tmp_path: Path) -> None:
    nodes = {"input": {"type": "Input", "shape": np.array([512])}, "d": {"type": "Linear", "weight": np.ones((3, 512))},
             "n": cuba((3,)), "output": {"type": "Output", "shape": np.array([3])}}
    path = write_graph(tmp_path / "g.nir", nodes)
    assert read_nir(path, input_shape=(2, 16, 16)).input_shape == (2, 16, 16)
    assert refused(path, input_shape=(2, 8, 8)) == ["input: takes (512,), not (2, 8, 8)"]


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes(500), b"a,b,c\n" * 100])
def test_no_hdf5_file(content: bytes, tmp_path: Path, own_process: None) -> None:
    path = tmp_path / "g.nir"
    path.write_bytes(content)
    with pytest.raises(BadFileError, match=r"g\.nir: "):
        read_nir(path)


def test_no_file_and_no_graph(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="no such file"):
        read_nir(tmp_path / "none.nir")
    for fields in ({}, {"node": 3}, {"node/nodes": 3}, {"node/type": "LIF"}, {"node/type": 3},
                   {"node/type": "NIRGraph", "node/nodes": 3}, {"node/type": "NIRGraph", "node/nodes/a/b": 3}):
        path = tmp_path / "g.nir"
        with h5py.File(path, "w") as file:
            for name, value in fields.items():
                file[name] = value
        with pytest.raises(BadFileError, match=r"g\.nir: "):
            read_nir(path)


def broken(tmp_path: Path, spoil: Callable[[h5py.File], None]) -> str:
    path = write_graph(tmp_path / "g.nir", small_nodes())
    with h5py.File(path, "a") as file:
        del file["node/nodes/d/weight"]
        spoil(file)
    with pytest.raises(BadFileError) as told:
        read_nir(path)
    return str(told.value)


def test_parts_that_lie_elsewhere_are_not_followed(tmp_path: Path, own_process: None) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(5 * 256 * 8))
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["weight"] = np.ones((5, 256))

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((5, 256), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "weight", (5, 256))
        file.create_virtual_dataset("node/nodes/d/weight", layout)

    assert "is a link" in broken(tmp_path, lambda file: file["node/nodes/d"].__setitem__(
        "weight", h5py.ExternalLink(str(tmp_path / "other.h5"), "weight")))
    assert "is a link" in broken(tmp_path, lambda file: file["node/nodes"].__setitem__("x", h5py.SoftLink("/node")))
    assert "another file" in broken(tmp_path, virtual)
    assert "another file" in broken(tmp_path, lambda file: file.create_dataset(
        "node/nodes/d/weight", (5, 256), "f8", external=[(str(secret), 0, h5py.h5f.UNLIMITED)]))


def test_huge_declared_sizes_allocate_nothing(tmp_path: Path) -> None:
    told = broken(tmp_path, lambda file: file.create_dataset("node/nodes/d/weight", (10**9, 10**6), "f8",
                                                             chunks=(100, 100), compression="gzip"))
    assert "larger than 512 MiB" in told

    def many(file: h5py.File) -> None:
        for number in range(1001):
            file.create_group(f"node/nodes/n{number}")

    assert "at most 1000" in broken(tmp_path, many)


@pytest.mark.parametrize("value", [np.array([1 + 2j]), np.array([(1, 2.0)], "i4,f8"), h5py.Empty("f8")])
def test_values_that_are_no_numbers(value: Any, tmp_path: Path) -> None:
    assert "/node/nodes/d/weight" in broken(tmp_path, lambda file: file.__setitem__("node/nodes/d/weight", value))


def test_a_graph_inside_itself_ends(tmp_path: Path) -> None:
    told = broken(tmp_path, lambda file: file["node/nodes/d"].__setitem__("weight", file["node"]))
    assert "d: weight is absent" in told


def test_names_from_the_file_cannot_write_over_the_screen(tmp_path: Path) -> None:
    nodes = {**small_nodes(), "\x1b[2J\nevil": {"type": "\x1b[31mScale"}}
    found = refused(write_graph(tmp_path / "g.nir", nodes, chain(small_nodes())))
    assert "\x1b" not in "".join(found)
    assert any("?[2J?evil" in line for line in found)


def test_flipped_bits_and_cut_ends_are_told_or_do_no_harm(tmp_path: Path, own_process: None) -> None:
    path = write_graph(tmp_path / "g.nir", small_nodes())
    whole, draw = path.read_bytes(), random.Random(0)
    for number in range(6):
        data = bytearray(whole[: draw.randrange(len(whole))] if number % 2 else whole)
        for _ in range(20):
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path.write_bytes(data)
        with contextlib.suppress(BadFileError):
            assert read_nir(path).input_shape == (2, 16, 16)


def test_a_file_on_which_the_library_never_ends_is_given_up(tmp_path: Path, own_process: None,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_graph(tmp_path / "g.nir", small_nodes())
    child = tmp_path / "child.py"
    for body, what in (("while True: pass", "did not end within 1 s"), ("import os; os.abort()", "gave up"),
                       ("print('nonsense')", "gave up"), ("print('[]')", "gave up")):
        child.write_text(body)
        monkeypatch.setattr(hdf5_tree, "_COMMAND", (sys.executable, str(child)))
        with pytest.raises(BadFileError, match=what):
            nir_file.read_nir_file(path, timeout_s=1.0 if "while" in body else 30.0)
