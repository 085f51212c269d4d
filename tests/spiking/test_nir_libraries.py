"""Networks of snnTorch, norse and spikingjelly, exported by their own exporters: read by us, they fire the same spikes.

Weights lie on a coarse grid, on which the order of summation changes nothing, and in double precision no other rounding
decides either. snnTorch's spikes are always single.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neurofer.errors import BadFileError
from neurofer.spiking.nir_read import NirNetwork, read_nir
from trees.nir_graphs import cuba, small_nodes, write_graph

STEPS, BATCH = 50, 3
pytestmark = pytest.mark.filterwarnings("ignore")


def spikes_in(dtype: torch.dtype = torch.float64) -> Tensor:
    torch.manual_seed(1)
    return (torch.rand(STEPS, BATCH, 2, 16, 16) < 0.2).to(dtype)


def conv_net(neurons: Callable[[tuple[int, ...]], nn.Module], gain: float) -> nn.Sequential:
    """Two strided convolutions and a dense layer with random weights, in single precision."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 4, 3, 2, 1, bias=False), neurons((4, 8, 8)),
                        nn.Conv2d(4, 8, 3, 2, 1, bias=False), neurons((8, 4, 4)),
                        nn.Flatten(), nn.Linear(128, 5, bias=False), neurons((5,)))
    randomise(net, gain)
    return net


@torch.no_grad()
def randomise(net: nn.Module, gain: float) -> None:
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(module.weight, std=gain / math.sqrt(module.weight[0].numel()))
            module.weight.copy_(torch.round(module.weight * 256) / 256)


def ours(network: NirNetwork, spikes: Tensor) -> Tensor:
    out, _ = network.build().to(spikes.dtype)(spikes)
    return out


def check(network: NirNetwork, spikes: Tensor, theirs: Tensor) -> None:
    assert theirs.shape == (STEPS, BATCH, 5)
    assert 10 < int(theirs.sum()) < theirs.numel() / 2  # it does fire, and not always
    assert torch.equal(ours(network, spikes), theirs)


def run_snntorch(net: nn.Module, spikes: Tensor) -> Tensor:
    utils = pytest.importorskip("snntorch.utils")
    utils.reset(net)
    with torch.no_grad():
        return torch.stack([net(step)[0] for step in spikes])


def export_snntorch(net: nn.Module, spikes: Tensor, path: Path, **more: Any) -> None:
    nir = pytest.importorskip("nir")
    export = pytest.importorskip("snntorch.export_nir").export_to_nir
    nir.write(path, export(net, spikes[0, :1], **more))


def snntorch_neurons(kind: str, **more: Any) -> Callable[[tuple[int, ...]], nn.Module]:
    snn = pytest.importorskip("snntorch")
    settings = {"reset_mechanism": "zero", "reset_delay": False, "init_hidden": True, **more}

    def make(shape: tuple[int, ...]) -> nn.Module:
        full = {name: torch.full(shape, value) for name, value in (("alpha", 0.7), ("beta", 0.85), ("threshold", 0.8))
                if name != "alpha" or kind == "Synaptic"}
        return getattr(snn, kind)(**full, **settings, output=shape == (5,))

    return make


@pytest.mark.parametrize(("kind", "gain"), [("Synaptic", 1.5), ("Leaky", 4.0)])
def test_snntorch(kind: str, gain: float, tmp_path: Path) -> None:
    spikes, path = spikes_in(torch.float32), tmp_path / "net.nir"
    net = conv_net(snntorch_neurons(kind), gain)
    export_snntorch(net, spikes, path, ignore_dims=[0])
    network = read_nir(path, "snntorch")
    assert network.input_shape == (2, 16, 16)
    assert [spec.kind for spec in network.specs] == ["conv", "conv", "dense"]
    assert "reset" in network.notes[-1]
    check(network, spikes, run_snntorch(net, spikes))


def test_what_snntorch_does_not_say_gives_other_spikes_and_is_noted(tmp_path: Path) -> None:
    spikes, path = spikes_in(torch.float32), tmp_path / "net.nir"
    net = conv_net(snntorch_neurons("Leaky", reset_mechanism="subtract"), 4.0)
    export_snntorch(net, spikes, path, ignore_dims=[0])
    network = read_nir(path, "snntorch")
    assert not torch.equal(ours(network, spikes), run_snntorch(net, spikes))
    assert "subtraction" in network.notes[-1]


def test_a_batch_in_the_shape_of_the_input_is_left_out(tmp_path: Path) -> None:
    spikes, path = spikes_in(torch.float32).flatten(2), tmp_path / "net.nir"
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(512, 5, bias=False), snntorch_neurons("Leaky")((5,)))
    randomise(net, 4.0)
    nir = pytest.importorskip("nir")
    export_snntorch(net, spikes, path, ignore_dims=[0])
    graph = nir.read(path)
    graph.nodes["input"] = nir.Input({"input": np.array([1, 512])})
    nir.write(path, nir.NIRGraph(graph.nodes, graph.edges, type_check=False))
    network = read_nir(path, "snntorch", input_shape=(2, 16, 16))
    assert "begins with the batch" in network.notes[0]
    assert network.input_shape == (2, 16, 16)


@pytest.mark.parametrize(("kind", "gain"), [("CUBALIFNode", 1.5), ("LIFNode", 8.0)])
def test_spikingjelly(kind: str, gain: float, tmp_path: Path) -> None:
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    exchange = pytest.importorskip("spikingjelly.activation_based.nir_exchange")
    functional = pytest.importorskip("spikingjelly.activation_based.functional")
    settings = {"c_decay": 0.7, "v_decay": 0.85} if kind == "CUBALIFNode" else {"tau": 4.0}
    spikes, path = spikes_in(), tmp_path / "net.nir"
    net = conv_net(lambda shape: getattr(neuron, kind)(**settings, v_threshold=0.8, v_reset=0.0), gain).double()
    exchange.export_to_nir(net, spikes[0], save_path=path)
    functional.reset_net(net)
    with torch.no_grad():
        theirs = torch.stack([net(step) for step in spikes])
    check(read_nir(path, "spikingjelly"), spikes, theirs)


def norse_cell(kind: str, *shape: int) -> nn.Module:
    norse = pytest.importorskip("norse.torch")

    def full(value: float) -> Tensor:
        return torch.full(shape, value, dtype=torch.float64)

    common = {"tau_mem_inv": full(150.0), "v_th": full(0.8), "v_leak": full(0.0)}
    if kind == "LIFBoxCell":
        return norse.LIFBoxCell(norse.LIFBoxParameters(**common))  # type: ignore[no-any-return]
    return norse.LIFCell(norse.LIFParameters(tau_syn_inv=full(300.0), **common))  # type: ignore[no-any-return]


def norse_net(kind: str, gain: float) -> nn.Module:
    norse = pytest.importorskip("norse.torch")
    torch.manual_seed(0)
    net = norse.SequentialState(nn.Linear(512, 30, bias=False), norse_cell(kind, 30), nn.Linear(30, 5, bias=False),
                                norse_cell(kind, 5))
    randomise(net, gain)
    return net.double()  # type: ignore[no-any-return]


def run_norse(net: nn.Module, spikes: Tensor) -> Tensor:
    state, out = None, []
    with torch.no_grad():
        for step in spikes:
            fired, state = net(step, state)
            out.append(fired)
    return torch.stack(out)


@pytest.mark.parametrize(("kind", "gain"), [("LIFBoxCell", 25.0), ("LIFCell", 8.0)])
@pytest.mark.parametrize("export_dt", [1.0, 1e-3])
def test_norse(kind: str, gain: float, export_dt: float, tmp_path: Path) -> None:
    nir = pytest.importorskip("nir")
    export = pytest.importorskip("norse.torch.utils.export_nir").to_nir
    spikes, path = spikes_in(), tmp_path / "net.nir"
    net = norse_net(kind, gain)
    flat = spikes.flatten(2)
    nir.write(path, export(net, flat[0, :1], dt=export_dt))
    theirs = run_norse(net, flat)
    given = None if export_dt == 1.0 else 1e-3 * export_dt  # cells step by 1 ms; dt=1.0 writes seconds
    network = read_nir(path, "norse", given, input_shape=(2, 16, 16))
    check(network, spikes, theirs)
    if kind == "LIFCell":  # w_in is left out; by NIR's own words that means another current
        assert not torch.equal(ours(read_nir(path, "nir", 1e-3 * export_dt, (2, 16, 16)), spikes), theirs)


def test_norse_s_own_step_of_the_export_is_told(tmp_path: Path) -> None:
    nir = pytest.importorskip("nir")
    export = pytest.importorskip("norse.torch.utils.export_nir").to_nir
    path = tmp_path / "net.nir"
    nir.write(path, export(norse_net("LIFCell", 8.0), spikes_in().flatten(2)[0, :1]))
    with pytest.raises(BadFileError, match="below the step of 0.001 s .*--graph-dt"):
        read_nir(path, "norse", input_shape=(2, 16, 16))


def test_norse_with_convolutions(tmp_path: Path) -> None:
    """Its exporter needs a bias in convolutions and leaves Flatten, the size of pictures and the batch to the user."""
    norse, nir = pytest.importorskip("norse.torch"), pytest.importorskip("nir")
    export = pytest.importorskip("norse.torch.utils.export_nir").to_nir
    spikes, path = spikes_in(), tmp_path / "net.nir"
    net = norse.SequentialState(*conv_net(lambda shape: norse_cell("LIFCell", *shape), 8.0)).double()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.bias = nn.Parameter(torch.zeros(len(module.weight), dtype=torch.float64))
    graph = export(net, spikes[0, :1], dt=1.0)
    graph.nodes["4"] = nir.Flatten(input_type={"input": np.array([8, 4, 4])}, start_dim=0, end_dim=-1)
    graph.nodes["input"] = nir.Input({"input": np.array([2, 16, 16])})
    graph.nodes["output"] = nir.Output({"output": np.array([5])})
    graph.infer_types()
    nir.write(path, graph)
    check(read_nir(path, "norse"), spikes, run_norse(net, spikes))


def test_what_is_written_for_all_three_is_read_by_all_three_and_us(tmp_path: Path) -> None:
    """The common convention, alpha 0 among it: snnTorch's own import of the file fires what ours does."""
    nir = pytest.importorskip("nir")
    imported = pytest.importorskip("snntorch.import_nir").import_from_nir
    nodes = small_nodes()
    nodes["cn"] = cuba((4, 8, 8), 0.0, 0.9)
    nodes["f"]["start_dim"] = 1  # snnTorch counts the batch
    path = write_graph(tmp_path / "net.nir", nodes)
    network, spikes = read_nir(path), spikes_in(torch.float32)
    assert network.specs[0].alpha == 0
    theirs, state, out = imported(nir.read(path, type_check=False)), None, []
    with torch.no_grad():
        for step in spikes:
            fired, state = theirs(step, state)
            out.append(fired)
    found = torch.stack(out)
    assert int(found.sum()) > 10
    assert torch.equal(network.build()(spikes)[0], found)
