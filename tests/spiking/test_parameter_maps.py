"""Parameters in the words of other libraries and back, and the libraries' own neurons with them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from neurofer.spiking import parameter_maps as maps
from neurofer.spiking.neuron import cuba_loop
from neurofer.spiking.parameter_maps import CubaParameters

NEURONS = [CubaParameters(0.75, 0.9, 1.0), CubaParameters(0.0, 0.97, 1.25), CubaParameters(0.3, 0.5, 0.5)]
THERE_AND_BACK: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[float, ...]]] = {
    "snntorch": (maps.to_snntorch, maps.from_snntorch, ()),
    "norse": (maps.to_norse, maps.from_norse, (1e-3,)),
    "nir": (maps.to_nir, maps.from_nir, (1e-4,)),
    "lava": (maps.to_lava, maps.from_lava, ()),
    "slayer": (maps.to_slayer, maps.from_slayer, ()),
    "spikingjelly": (maps.to_spikingjelly, maps.from_spikingjelly, ()),
    "sinabs": (maps.to_sinabs, maps.from_sinabs, ()),
}


@pytest.mark.parametrize("name", THERE_AND_BACK)
@pytest.mark.parametrize("cuba", NEURONS)
def test_there_and_back(name: str, cuba: CubaParameters) -> None:
    there, back, step = THERE_AND_BACK[name]
    assert back(there(cuba, *step), *step) == pytest.approx(cuba, abs=1e-12)


@pytest.mark.parametrize("name", [name for name in THERE_AND_BACK if name != "sinabs"])
def test_tensors_pass_with_their_gradient(name: str) -> None:
    there, back, step = THERE_AND_BACK[name]
    beta = torch.tensor([0.5, 0.9], dtype=torch.float64, requires_grad=True)
    again = back(there(CubaParameters(0.25, beta, 1.0), *step), *step)
    (gradient,) = torch.autograd.grad(again.beta.sum(), beta)
    torch.testing.assert_close(gradient, torch.ones_like(beta))


def test_by_hand() -> None:
    half = CubaParameters(0.5, 0.75, 2.0)
    assert maps.to_norse(half, 0.5) == (1.0, 0.5, 0.5)
    assert maps.to_nir(half, 0.5) == (1.0, 2.0, 4.0, 2.0, 2.0)
    assert maps.to_lava(half) == (0.5, 0.25, 2.0)
    assert maps.to_slayer(half) == (2.0, 0.5, 0.25)
    tau_syn_steps, tau_mem_steps, threshold = maps.to_sinabs(half)
    assert (tau_syn_steps, tau_mem_steps) == pytest.approx((1 / math.log(2), -1 / math.log(0.75)))
    assert threshold == 1.0


def test_a_nir_graph_with_unit_gains_has_a_larger_threshold() -> None:
    found = maps.NirParameters(tau_syn_s=4e-3, tau_mem_s=10e-3, r=1.0, w_in=1.0, v_threshold=0.05)
    assert maps.from_nir(found, 1e-3) == pytest.approx((0.75, 0.9, 0.05 / (0.25 * 0.1)))


def test_registers_are_rounded_decays_and_a_cut_threshold() -> None:
    assert maps.to_slayer_registers(CubaParameters(0.75, 0.9, 1.25)) == (1024, 410, 80)
    assert maps.to_slayer_registers(CubaParameters(0.0, 1.0, 1.26)) == (4096, 0, 80)
    for registers in (maps.SlayerRegisters(1024, 410, 80), maps.SlayerRegisters(4096, 0, 1)):
        assert maps.to_slayer_registers(maps.from_slayer_registers(registers)) == registers


def test_what_has_no_time_constant_is_refused() -> None:
    with pytest.raises(ValueError, match="beta must be below 1 to have a time constant, got 1"):
        maps.to_nir(CubaParameters(0.5, 1.0, 1.0), 1e-3)
    with pytest.raises(ValueError, match="0 < beta < 1, got 0.5 and 0.0"):
        maps.to_sinabs(CubaParameters(0.5, 0.0, 1.0))
    with pytest.raises(ValueError, match="dt_s must be above 0, got 0"):
        maps.to_norse(CubaParameters(0.5, 0.5, 1.0), 0.0)


@pytest.mark.parametrize("cuba", NEURONS)
def test_spikingjelly_fires_the_same_spikes(cuba: CubaParameters) -> None:
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    current = torch.randn(50, 2, 30, generator=torch.Generator().manual_seed(0))
    told = maps.to_spikingjelly(cuba)
    node = neuron.CUBALIFNode(*told, v_reset=0.0)
    spikes = torch.stack([node(now) for now in current])
    assert torch.equal(spikes, cuba_loop(current, None, *cuba)[0])


@pytest.mark.parametrize("cuba", NEURONS)
def test_sinabs_fires_the_same_spikes(cuba: CubaParameters) -> None:
    pytest.importorskip("sinabs")
    from sinabs.activation import MembraneReset, SingleSpike
    from sinabs.layers import LIF

    current = torch.randn(50, 2, 30, generator=torch.Generator().manual_seed(0))
    tau_syn, tau_mem, threshold = maps.to_sinabs(cuba)
    layer = LIF(tau_mem, tau_syn, threshold, SingleSpike, MembraneReset(), norm_input=False)
    spikes = layer(current.transpose(0, 1)).transpose(0, 1)
    assert torch.equal(spikes, cuba_loop(current, None, *cuba)[0])


@pytest.mark.parametrize("cuba", NEURONS)
def test_lavas_float_neuron_by_its_equations(cuba: CubaParameters) -> None:
    # Lava's own process runs in processes of its own; its update is u (1 - du) + a, v (1 - dv) + u, spike v > vth.
    du, dv, vth = maps.to_lava(cuba)
    current = torch.randn(50, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    u = v = torch.zeros(30, dtype=torch.float64)
    fired = []
    for now in current:
        u = u * (1 - du) + now
        v = v * (1 - dv) + u
        fired.append(v > vth)
        v = v.masked_fill(fired[-1], 0.0)
    wanted = cuba_loop(current.unsqueeze(1), None, *cuba)[0].squeeze(1)
    assert torch.equal(torch.stack(fired), wanted > 0)
