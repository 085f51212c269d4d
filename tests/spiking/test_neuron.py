"""The neuron by hand, as a law, in pieces, and what it refuses."""

from __future__ import annotations

import pytest
import torch

from neurofer.spiking.neuron import CubaState, cuba_loop, cuba_step
from neurofer.spiking.scan import cuba_scan

FORMS = [cuba_loop, cuba_scan]


def membranes(current: list[float], alpha: float, beta: float) -> tuple[list[float], list[float]]:
    """Membrane before the reset and spike at every step, one step at a time."""
    state = CubaState(torch.zeros(1), torch.zeros(1))
    before, fired = [], []
    for x in current:
        u = alpha * state.u + x
        before.append(float(beta * state.v + u))
        spikes, state = cuba_step(torch.tensor([x]), state, alpha=alpha, beta=beta)
        fired.append(float(spikes))
    return before, fired


def test_a_membrane_that_only_reaches_the_threshold_stays_silent() -> None:
    assert membranes([1.0, 0, 0, 0], 0.5, 0.5) == ([1.0, 1.0, 0.75, 0.5], [0, 0, 0, 0])


def test_a_membrane_above_the_threshold_fires_and_falls_to_zero_while_the_current_goes_on() -> None:
    assert membranes([1.5, 0, 0, 0], 0.5, 0.5) == ([1.5, 0.75, 0.75, 0.5625], [1, 0, 0, 0])


@pytest.mark.parametrize("form", FORMS)
def test_the_forms_over_time_fire_as_by_hand(form) -> None:
    current = torch.tensor([[1.0, 1.5], [0, 0], [0, 0], [0, 0]]).unsqueeze(1)
    spikes, state = form(current, None, 0.5, 0.5)
    assert spikes[:, 0].tolist() == [[0, 1], [0, 0], [0, 0], [0, 0]]
    assert state.u[0].tolist() == [0.125, 0.1875]
    assert state.v[0].tolist() == [0.5, 0.5625]


@pytest.mark.parametrize("form", FORMS)
def test_without_synaptic_memory_it_is_a_leaky_integrator(form) -> None:
    current = torch.full((3, 1, 1), 0.25)
    _, state = form(current, None, 0.0, 0.5)
    assert float(state.v) == 0.25 * (1 + 0.5 + 0.25)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cut", [0, 1, 17, 40])
def test_pieces_equal_the_whole(form, cut: int) -> None:
    current = torch.randn(40, 2, 3, 4, generator=torch.Generator().manual_seed(0))
    whole, end = form(current, None, 0.75, 0.9)
    first, state = form(current[:cut], None, 0.75, 0.9)
    second, last = form(current[cut:], state, 0.75, 0.9)
    assert torch.equal(torch.cat([first, second]), whole)
    assert torch.equal(last.u, end.u)
    assert torch.equal(last.v, end.v)


@pytest.mark.parametrize("form", FORMS)
def test_a_fresh_start_is_the_same_every_time(form) -> None:
    current = torch.randn(20, 2, 5, generator=torch.Generator().manual_seed(1))
    assert torch.equal(form(current, None, 0.5, 0.9)[0], form(current, None, 0.5, 0.9)[0])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("shape", "dtype"), [((3, 5), torch.float32), ((2, 4), torch.float32),
                                              ((2, 5), torch.float64)])
def test_a_state_that_does_not_fit_is_refused(form, shape: tuple[int, int], dtype: torch.dtype) -> None:
    state = CubaState(torch.zeros(shape, dtype=dtype), torch.zeros(shape, dtype=dtype))
    with pytest.raises(ValueError, match=r"state u is .* but the input needs \(2, 5\) float32 on cpu; pass state="):
        form(torch.zeros(4, 2, 5), state, 0.5, 0.9)


def test_a_state_on_another_device_is_refused() -> None:
    state = CubaState(torch.zeros(2, 5, device="meta"), torch.zeros(2, 5, device="meta"))
    with pytest.raises(ValueError, match="on meta but the input needs"):
        cuba_scan(torch.zeros(4, 2, 5), state, 0.5, 0.9)


def test_whole_numbers_and_lost_axes_are_refused() -> None:
    with pytest.raises(ValueError, match="must be floating point"):
        cuba_scan(torch.zeros(4, 2, 5, dtype=torch.int64), None, 0.5, 0.9)
    with pytest.raises(ValueError, match=r"\(T, B, ...\)"):
        cuba_loop(torch.zeros(4), None, 0.5, 0.9)
