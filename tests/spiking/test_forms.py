"""Neurons of other libraries beside the native one: what agrees, what is known to differ, what is refused."""

from __future__ import annotations

import sys
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor

from neurofer.spiking.form_options import OPTIONS, WITHOUT_SYNAPSE, departures
from neurofer.spiking.forms import FORMS, NeuronForm, NeuronSettings, neuron_form
from neurofer.spiking.neuron import CubaState, cuba_loop
from neurofer.spiking.parameter_maps import CubaParameters, from_slayer_registers, to_slayer_registers

LIBRARY = {"snntorch": "snntorch", "norse": "norse", "slayer": "lava.lib.dl"}
FLOAT = [form for form in OPTIONS if form != "slayer.cuba"]
SHAPE = (50, 3, 4, 5, 6)


def build(form: str, **settings: Any) -> NeuronForm:
    library = LIBRARY.get(form.split(".")[0])
    if library is not None:
        pytest.importorskip(library)
    return neuron_form(NeuronSettings(form, **settings))


def alpha_of(form: str) -> float:
    return 0.0 if form in WITHOUT_SYNAPSE else 0.75


def draw(*shape: int, seed: int = 0, scale: float = 0.6) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def some_state() -> CubaState:
    return CubaState(draw(*SHAPE[1:], seed=1, scale=1.0), draw(*SHAPE[1:], seed=2, scale=0.3))


def test_every_form_has_options_and_a_builder() -> None:
    assert set(FORMS) == set(OPTIONS)


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("form", FLOAT)
def test_spikes_are_equal_and_membranes_agree_over_50_steps(form: str, fresh: bool) -> None:
    run, alpha, state = build(form), alpha_of(form), None if fresh else some_state()
    current = draw(*SHAPE)
    spikes, found = run(current, state, alpha, 0.9, 1.0, "conv1")
    wanted_spikes, wanted = cuba_loop(current, state, alpha, 0.9, 1.0)
    assert int(wanted_spikes.sum()) > 500
    assert torch.equal(spikes, wanted_spikes)
    # norse adds changes where we multiply by decays, which rounds otherwise; all others are equal to the last bit.
    bound = 2e-5 if form.startswith("norse") else 0.0
    assert float((found.u - wanted.u).abs().max()) <= bound
    assert float((found.v - wanted.v).abs().max()) <= bound


@pytest.mark.parametrize("form", FLOAT)
def test_membranes_agree_at_every_step(form: str) -> None:
    run, alpha = build(form), alpha_of(form)
    current, state, wanted_state = draw(50, 2, 30), None, None
    for now in current.split(1):
        _, state = run(now, state, alpha, 0.9, 1.0, "dense1")
        _, wanted_state = cuba_loop(now, wanted_state, alpha, 0.9, 1.0)
        assert float((state.v - wanted_state.v).abs().max()) <= 2e-5  # as above


@pytest.mark.parametrize("form", FLOAT)
def test_decays_and_thresholds_of_each_channel(form: str) -> None:
    run = build(form, per_channel=True, learn_theta=True)
    alpha = torch.zeros(4) if form in WITHOUT_SYNAPSE else torch.tensor([0.0, 0.25, 0.5, 0.75])
    beta, theta = torch.tensor([0.5, 0.75, 0.875, 0.9]), torch.tensor([0.5, 0.75, 1.0, 1.25])
    current = draw(*SHAPE)[:, :, :, :, :]
    spikes, _ = run(current, None, alpha, beta, theta, "conv1")
    for channel in range(4):
        alone, _ = cuba_loop(current[:, :, channel], None, float(alpha[channel]), float(beta[channel]),
                             float(theta[channel]))
        assert torch.equal(spikes[:, :, channel], alone)


@pytest.mark.parametrize("form", OPTIONS)
def test_pieces_equal_the_whole_and_nothing_is_kept(form: str) -> None:
    run, alpha, current = build(form), alpha_of(form), draw(*SHAPE)
    whole, end = run(current, None, alpha, 0.9, 1.0, "conv1")
    first, state = run(current[:17], None, alpha, 0.9, 1.0, "conv1")
    nothing, state = run(current[17:17], state, alpha, 0.9, 1.0, "conv1")
    second, last = run(current[17:], state, alpha, 0.9, 1.0, "conv1")
    assert nothing.shape == (0, *SHAPE[1:])
    assert torch.equal(torch.cat([first, second]), whole)
    torch.testing.assert_close(last, end, rtol=0, atol=2e-6)  # norse's membrane changes its unit at the border
    again, _ = run(current, None, alpha, 0.9, 1.0, "conv1")
    assert torch.equal(again, whole)
    other, _ = run(current[:, :1], None, alpha, 0.9, 1.0, "conv1")
    assert torch.equal(other, whole[:, :1])


@pytest.mark.parametrize("form", OPTIONS)
def test_gradients_reach_input_and_decays(form: str) -> None:
    run = build(form)
    leaves = {"current": draw(20, 2, 3, 4, 4), "beta": torch.tensor(0.9)}
    if form not in WITHOUT_SYNAPSE:
        leaves["alpha"] = torch.tensor(0.75)
    leaves = {name: leaf.requires_grad_() for name, leaf in leaves.items()}
    spikes, _ = run(leaves["current"], None, leaves.get("alpha", 0.0), leaves["beta"], 1.0, "conv1")
    for name, gradient in zip(leaves, torch.autograd.grad(spikes.sum(), list(leaves.values())), strict=True):
        assert bool(gradient.isfinite().all()), name
        assert float(gradient.abs().sum()) > 0, name


def test_snntorch_has_our_surrogate() -> None:
    # One step from rest: no reset, so the gradient is the surrogate's alone.
    current = draw(1, 1, 40).requires_grad_()
    for surrogate in ("fast_sigmoid", "atan", "triangle"):
        grads = [torch.autograd.grad(build(form, surrogate=surrogate, slope=3.0)(
            current, None, 0.5, 0.9, 1.0, "dense1")[0].sum(), current)[0] for form in ("snntorch.synaptic", "cuba")]
        torch.testing.assert_close(*grads, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("form", "options"), [
    ("snntorch.synaptic", {"reset_delay": True}),
    ("snntorch.synaptic", {"reset_mechanism": "subtract"}),
    ("snntorch.leaky", {"reset_mechanism": "subtract"}),
    ("snntorch.leaky", {"reset_mechanism": "subtract", "reset_delay": True}),
    ("norse.lifbox", {"reset_method": "subtract"}),
])
def test_other_resets_are_another_neuron(form: str, options: dict[str, Any]) -> None:
    run, current = build(form, options=options), draw(*SHAPE)
    spikes, _ = run(current, None, alpha_of(form), 0.9, 1.0, "conv1")
    wanted, _ = cuba_loop(current, None, alpha_of(form), 0.9, 1.0)
    assert int((spikes != wanted).sum()) > 0.1 * int(wanted.sum())
    assert len(departures(form, options)) == 1


def test_snntorch_leaky_that_resets_late_fires_the_same_spikes() -> None:
    run, leaves, found = build("snntorch.leaky", options={"reset_delay": True}), [], []
    for form in (run, lambda current, state, *numbers: cuba_loop(current, state, *numbers[:-1])):
        leaves.append(draw(*SHAPE, scale=0.8).requires_grad_())
        first, state = form(leaves[-1][:17], None, 0.0, 0.9, 1.0, "conv1")
        second, state = form(leaves[-1][17:], state, 0.0, 0.9, 1.0, "conv1")
        found.append((torch.cat([first, second]), state.v, *torch.autograd.grad(second.sum(), leaves[-1])))
    assert int(found[0][0].sum()) > 500
    for late, native in zip(*found, strict=True):
        torch.testing.assert_close(late, native, rtol=0, atol=1e-6)  # gradients are summed in another order
    assert not departures("snntorch.leaky", {"reset_delay": True})


def fixed_point(current: Tensor, i_decay: int, v_decay: int, threshold: int) -> tuple[Tensor, Tensor]:
    """Loihi's arithmetic in whole numbers on weights in 1/64: spikes, and membranes before the reset."""
    u = v = torch.zeros(current.shape[1:], dtype=torch.int64)
    spikes, membranes = [], []
    for now in (current * 64).long():
        u, v = (torch.sign(part) * (part.abs() * (4096 - decay) >> 12) for part, decay in ((u, i_decay), (v, v_decay)))
        u = u + (now << 6)
        v = v + u
        fired = v > threshold << 6
        membranes.append(v)
        v = v.masked_fill(fired, 0)
        spikes.append(fired)
    return torch.stack(spikes), torch.stack(membranes)


@pytest.mark.parametrize(("alpha", "beta", "theta"), [(0.75, 0.9, 1.25), (0.0, 0.97, 1.0), (0.3, 0.5, 0.5)])
def test_slayer_is_loihis_fixed_point_without_delay(alpha: float, beta: float, theta: float) -> None:
    run = build("slayer.cuba")
    current = (draw(*SHAPE) * 64).round() / 64  # sums of weights that a chip can hold
    registers = to_slayer_registers(CubaParameters(alpha, beta, theta))
    spikes, state = run(current, None, alpha, beta, theta, "conv1")
    wanted, membranes = fixed_point(current, *registers)
    assert int(wanted.sum()) > 500
    assert torch.equal(spikes > 0, wanted)
    last = membranes[-1].masked_fill(wanted[-1], 0)
    assert torch.equal(state.v * 4096, last.float())


def test_slayer_equals_the_native_neuron_where_nothing_is_rounded() -> None:
    run, current = build("slayer.cuba"), (draw(50, 2, 40) * 64).round() / 64
    for alpha, beta in ((0.0, 0.0), (0.0, 1.0)):
        spikes, state = run(current, None, alpha, beta, 1.0, "dense1")
        wanted, end = cuba_loop(current, None, alpha, beta, 1.0)
        assert torch.equal(spikes, wanted)
        assert torch.equal(state.v, end.v)


def test_slayer_stays_near_the_native_neuron_on_its_grid() -> None:
    run, current = build("slayer.cuba"), (draw(*SHAPE) * 64).round() / 64
    grid = from_slayer_registers(to_slayer_registers(CubaParameters(0.75, 0.9, 1.0)))
    spikes, _ = run(current, None, *grid, "conv1")
    wanted, _ = cuba_loop(current, None, *grid)
    different = int((spikes != wanted).sum())
    assert 0 < different < 0.02 * int(wanted.sum())  # rounding toward zero tips a membrane near its threshold


@pytest.mark.parametrize("form", OPTIONS)
def test_a_state_that_does_not_fit_is_refused(form: str) -> None:
    state = CubaState(torch.zeros(3, 5), torch.zeros(3, 5))
    with pytest.raises(ValueError, match=r"dense1: state u is .* but the input needs \(2, 5\)"):
        build(form)(torch.zeros(4, 2, 5), state, 0.0, 0.9, 1.0, "dense1")


@pytest.mark.parametrize("form", OPTIONS)
def test_nothing_of_a_call_outlives_it(form: str) -> None:
    run = build(form)
    current = draw(5, 2, 3).requires_grad_()
    spikes, state = run(current, None, alpha_of(form), 0.9, 1.0, "dense1")
    gone = [weakref.ref(tensor) for tensor in (current, spikes, *state)]
    del current, spikes, state
    assert [ref() for ref in gone] == [None] * 4


def test_snntorch_neurons_are_not_hoarded() -> None:
    run = build("snntorch.leaky")
    import snntorch

    before = len(snntorch.SpikingNeuron.instances)
    run(torch.zeros(2, 1, 3), None, 0.0, 0.9, 1.0, "dense1")
    assert len(snntorch.SpikingNeuron.instances) == before


@pytest.mark.parametrize(("form", "settings", "told"), [
    ("snntorch.leaky", {"options": {"reset": "zero"}}, "unknown option reset; it has reset_mechanism, reset_delay"),
    ("snntorch.synaptic", {"options": {"reset_mechanism": "none", "reset_delay": 1}},
     "reset_mechanism must be one of zero, subtract, got 'none'; reset_delay must be true or false, got 1"),
    ("norse.lif", {"options": {"alpha": -1}}, "alpha must be a number above 0, got -1"),
    ("norse.lif", {"surrogate": "atan"}, "the library has its own; leave it and set the option method"),
    ("norse.lifbox", {"recompute_steps": 5}, "recompute_steps needs the native neuron"),
    ("slayer.cuba", {"per_channel": True, "learn_theta": True}, "per_channel and learn_theta cannot be followed"),
    ("cuba", {"options": {"reset_delay": True}}, "unknown option reset_delay; it has none"),
    ("snntorch.lif", {}, "unknown neuron 'snntorch.lif'; choose one of cuba, lif, snntorch.leaky"),
])
def test_wrong_settings_are_refused(form: str, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match="neuron") as refusal:
        neuron_form(NeuronSettings(form, **settings))
    assert told in str(refusal.value)


@pytest.mark.parametrize(("form", "module", "told"), [
    ("snntorch.leaky", "snntorch", "pip install 'neurofer[snn]'"),
    ("norse.lif", "norse.torch", "--ignore-requires-python norse==1.1.0 (see requirements-nodeps.txt)"),
    ("slayer.cuba", "lava.lib.dl.slayer.neuron", "lava-dl==0.6.0 lava-nc==0.10.0 (see requirements-nodeps.txt)"),
])
def test_a_missing_library_says_what_brings_it(form: str, module: str, told: str,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == module or name.startswith(f"{module}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError) as refusal:
        neuron_form(NeuronSettings(form))
    assert told in str(refusal.value)
