"""Graphs that we write, in the libraries that read NIR: they fire what our float network on the same grid fires.

Weights over a power of two are summed without rounding, and odd thresholds and decays keep membranes off the threshold
itself, where libraries differ by intent. None rounds decays as a chip does, so the integers may fire otherwise;
``pytest -s -k integers`` prints how often.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurofer.hardware.network import ChipLayer, ChipNetwork, Shape
from neurofer.hardware.nir import write_nir
from neurofer.hardware.simulate import simulate
from neurofer.spiking.nir_read import read_nir
from trees.chips import even_weights

nir = pytest.importorskip("nir")
pytestmark = pytest.mark.filterwarnings("ignore")
STEPS, BATCH = 50, 3
MEMORY, NO_MEMORY = 1021, 4096
"""Registers iDecay: a current that keeps three quarters in a step, and one that keeps nothing."""


def alike_chip(seed: int, current_decay: int) -> ChipNetwork:
    """Two strided convolutions and a dense layer on 2 x 16 x 16."""
    generator = np.random.default_rng(seed)

    def layer(name: str, kind: Any, shape: Shape, voltage_decay: int, threshold: int, **geometry: Any) -> ChipLayer:
        size = 220 if current_decay == NO_MEMORY else 90
        weight = even_weights(generator.normal(0.1, 1, shape) / np.sqrt(np.prod(shape[1:]) / 3), size)
        return ChipLayer(name, kind, weight, current_decay, voltage_decay, threshold, 256.0, **geometry)

    stride = {"stride": (2, 2), "padding": (1, 1)}
    return ChipNetwork((2, 16, 16), (layer("conv1", "conv", (4, 2, 3, 3), 411, 201, **stride),
                                     layer("conv2", "conv", (8, 4, 3, 3), 821, 151, **stride),
                                     layer("dense1", "dense", (5, 128), 411, 151)),
                       1000, 20, 100_000, ("a", "b", "c", "d", "e"))


def of_snntorch(graph: Any) -> nn.Module:
    graph.nodes["flatten"].start_dim = 1  # it counts the batch, which NIR does not
    made: nn.Module = pytest.importorskip("snntorch.import_nir").import_from_nir(graph)
    return made


def of_norse(graph: Any) -> nn.Module:
    graph.nodes["flatten"].start_dim = 1
    made: nn.Module = pytest.importorskip("norse.torch").from_nir(graph, dt=1e-4)
    return made


def of_spikingjelly(graph: Any) -> nn.Module:
    made: nn.Module = pytest.importorskip("spikingjelly.activation_based.nir_exchange").import_from_nir(graph, dt=1e-4)
    return made


@torch.no_grad()
def run(network: nn.Module, spikes: Tensor) -> Tensor:
    state, out = None, []
    for step in spikes:
        fired, state = network(step, state)
        out.append(fired)
    return torch.stack(out)


def some_spikes() -> NDArray[np.uint8]:
    return (np.random.default_rng(9).random((STEPS, BATCH, 2, 16, 16)) < 0.2).astype(np.uint8)


@torch.no_grad()
def ours(path: Path, spikes: NDArray[np.uint8]) -> Tensor:
    return read_nir(path).build().double()(torch.from_numpy(spikes).double())[0].float()


@pytest.mark.parametrize("current_decay", [MEMORY, NO_MEMORY])
@pytest.mark.parametrize("read_by", [of_snntorch, of_norse, of_spikingjelly])
def test_libraries_fire_what_we_fire(read_by: Callable[[Any], nn.Module], current_decay: int, tmp_path: Path) -> None:
    path, spikes = tmp_path / "net.nir", some_spikes()
    write_nir(path, alike_chip(0, current_decay))
    theirs = run(read_by(nir.read(path)), torch.from_numpy(spikes).float())
    assert 100 < theirs.sum() < theirs.numel() / 2  # it does fire, and not always
    assert torch.equal(theirs, ours(path, spikes))


@pytest.mark.parametrize("current_decay", [MEMORY, NO_MEMORY])
def test_integers_fire_nearly_the_same(current_decay: int, tmp_path: Path) -> None:
    fired, different = 0, 0
    for seed in range(8):
        path, chip = tmp_path / f"{seed}.nir", alike_chip(seed, current_decay)
        write_nir(path, chip)
        integers = simulate(chip, some_spikes())[0][-1]
        fired += int(integers.sum())
        different += int(np.count_nonzero(integers != ours(path, some_spikes()).numpy()))
    print(f"iDecay {current_decay}: {different} of {fired} output spikes of the chip differ from the graph's")
    # Rounding toward zero in every step moves a spike now and then; another network differs in half of them.
    assert 0 < different < 0.05 * fired


def test_sinabs_has_no_neuron_for_it(tmp_path: Path) -> None:
    """Its reader knows no CubaLIF, and fails on the first; it is not written for."""
    read = pytest.importorskip("sinabs.nir").from_nir
    write_nir(tmp_path / "net.nir", alike_chip(0, NO_MEMORY))
    with pytest.raises(KeyError, match="conv1_neurons"):
        read(nir.read(tmp_path / "net.nir"), batch_size=BATCH)
