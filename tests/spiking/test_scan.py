"""The fused scans against autograd's own way through the loops over the step."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from neurofer.spiking import scan
from neurofer.spiking.neuron import CubaState, cuba_loop, membrane_loop
from neurofer.spiking.scan import cuba_scan, integrate_membrane
from neurofer.spiking.surrogate import SURROGATES, surrogate_gradient

SHAPE = (50, 3, 4, 5, 6)
ATOL_DOUBLE = 1e-12
"""Relative to the largest: sums of 18,000 terms of either sign, taken in another order."""


@pytest.fixture(params=["compiled", "torch"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who computes the scan."""
    if request.param == "torch":
        monkeypatch.setattr(scan, "compiled_form_runs", lambda values: False)
    return request.param


def gradients(neuron, dtype: torch.dtype = torch.float64, *, shape: tuple[int, ...] = SHAPE, per_channel: str = "",
              fresh: bool = False, channels_last: bool = False, numbers: int = 3,
              **settings: object) -> tuple[Tensor, CubaState, list[Tensor]]:
    """Output, last state, and gradients of a random sum of them to input, decays, threshold and first state."""
    generator = torch.Generator().manual_seed(3)

    def draw(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator, dtype=torch.float64).to(dtype)

    current = 0.6 * draw(*shape)
    if channels_last:
        folded = current.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        current = folded.unflatten(0, shape[:2])
    first = [draw(*shape[1:]), 0.3 * draw(*shape[1:])]
    values = [torch.tensor(value, dtype=dtype) for value in (0.75, 0.9, 1.1)[:numbers]]
    for place, name in enumerate(("alpha", "beta", "theta")[:numbers]):
        if name in per_channel:
            values[place] = values[place] - 0.1 * torch.rand(shape[2], generator=generator).to(dtype)
    leaves = [leaf.clone().requires_grad_() for leaf in (current, *values, *([] if fresh else first))]
    state = None if fresh else CubaState(*leaves[-2:])
    out, last = neuron(leaves[0], state, *leaves[1 : 1 + numbers], **settings)
    total = (out * draw(*shape)).sum() + (last.u * draw(*shape[1:])).sum() + (last.v * draw(*shape[1:])).sum()
    return out.detach(), last.detach(), list(torch.autograd.grad(total, leaves))


def agree(found: tuple[Tensor, CubaState, list[Tensor]], wanted: tuple[Tensor, CubaState, list[Tensor]],
          most: float = ATOL_DOUBLE) -> None:
    """Outputs and states to the last bit, gradients to ``most`` of the largest."""
    assert torch.equal(found[0], wanted[0])
    assert torch.equal(found[1].u, wanted[1].u)
    assert torch.equal(found[1].v, wanted[1].v)
    for one, other in zip(found[2], wanted[2], strict=True):
        assert one.shape == other.shape
        # One number for the layer is a sum of 18,000 terms that mostly cancel: its rounding shows more.
        assert float((one - other).abs().max() / other.abs().max()) <= (most if one.ndim else 3 * most)


@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize("per_channel", ["", "alpha beta theta", "beta", "theta"])
@pytest.mark.parametrize("fresh", [False, True])
def test_gradients_agree_in_double_precision(form: str, surrogate: str, per_channel: str, fresh: bool) -> None:
    words = {"per_channel": per_channel, "fresh": fresh, "surrogate": surrogate, "slope": 5.0}
    found = gradients(cuba_scan, **words)
    assert 0.05 < float(found[0].mean()) < 0.5
    assert all(float(gradient.abs().max()) > 0 for gradient in found[2])
    agree(found, gradients(cuba_loop, **words))


@pytest.mark.parametrize("per_channel", ["", "alpha beta theta"])
@pytest.mark.parametrize("shape", [(50, 3, 4), SHAPE])
def test_gradients_agree_in_every_memory_layout(form: str, per_channel: str, shape: tuple[int, ...]) -> None:
    for channels_last in (False, *([True] if len(shape) == 5 else [])):
        words = {"shape": shape, "per_channel": per_channel, "channels_last": channels_last}
        agree(gradients(cuba_scan, **words), gradients(cuba_loop, **words))


@pytest.mark.parametrize("per_channel", ["", "alpha beta"])
@pytest.mark.parametrize("fresh", [False, True])
def test_a_neuron_that_never_fires_agrees_as_well(form: str, per_channel: str, fresh: bool) -> None:
    words = {"per_channel": per_channel, "fresh": fresh, "numbers": 2, "channels_last": True}
    agree(gradients(integrate_membrane, **words), gradients(membrane_loop, **words))


@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize("per_channel", ["", "alpha beta theta"])
def test_single_precision_gives_the_same_spikes(form: str, surrogate: str, per_channel: str) -> None:
    words = {"channels_last": True, "surrogate": surrogate, "per_channel": per_channel, "slope": 5.0}
    # Against the loop in single precision itself, whose own sums are rounded at every step.
    agree(gradients(cuba_scan, torch.float32, **words), gradients(cuba_loop, torch.float32, **words), 1e-6)


def test_surrogates_by_hand() -> None:
    over = torch.tensor([0.0, 0.25, -0.5, 4.0], dtype=torch.float64)
    by_hand = {"fast_sigmoid": [1, 1 / 1.5**2, 1 / 4, 1 / 81],
               "atan": [1 / (1 + (math.pi * x) ** 2) for x in (0, 0.25, 0.5, 4)],
               "triangle": [1, 0.5, 0, 0]}
    for kind in SURROGATES:
        assert surrogate_gradient(kind, over, 2.0).tolist() == pytest.approx(by_hand[kind], rel=1e-15)
    with pytest.raises(ValueError, match="unknown surrogate 'box'; choose one of fast_sigmoid, atan, triangle"):
        surrogate_gradient("box", over)
    with pytest.raises(ValueError, match="conv1: unknown surrogate 'box'"):
        cuba_scan(torch.zeros(4, 2, 3), None, 0.5, 0.9, who="conv1", surrogate="box")


@pytest.mark.parametrize(("kind", "area"), [("fast_sigmoid", 2 / 5), ("atan", 2 / 5), ("triangle", 1 / 5)])
def test_surrogates_have_the_area_that_is_told(kind: str, area: float) -> None:
    over = torch.linspace(-400, 400, 4_000_001, dtype=torch.float64)
    # What lies beyond 400 is missing: 2 / (25 * 400) of the fast sigmoid's, less of the others'.
    assert float(surrogate_gradient(kind, over, 5.0).sum() * 2e-4) == pytest.approx(area, abs=3e-4)


def test_the_number_of_threads_changes_nothing(monkeypatch) -> None:
    from neurofer.spiking import scan_cpu

    alone = gradients(cuba_scan, torch.float32, per_channel="beta")
    monkeypatch.setattr(scan_cpu, "PARALLEL_FROM", 100)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    shared = gradients(cuba_scan, torch.float32, per_channel="beta")
    assert torch.equal(alone[0], shared[0])
    assert all(torch.equal(one, other) for one, other in zip(alone[2], shared[2], strict=True))


def test_the_memory_layout_of_the_input_is_kept() -> None:
    current = torch.randn(6, 8, 3, 3).contiguous(memory_format=torch.channels_last).unflatten(0, (3, 2))
    spikes, state = cuba_scan(current, None, 0.5, 0.9)
    assert spikes.stride() == current.stride()
    assert state.u.shape == (2, 8, 3, 3)


def test_equal_numbers_a_channel_are_one_number() -> None:
    current = torch.randn(30, 2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    each = [torch.full((3,), value) for value in (0.75, 0.9, 1.0)]
    spikes, state = cuba_scan(current, None, *each)
    wanted, last = cuba_scan(current, None, 0.75, 0.9, 1.0)
    assert torch.equal(spikes, wanted)
    assert torch.equal(state.v, last.v)


def test_a_channel_keeps_its_own_numbers() -> None:
    # Channel 0 forgets at once, channel 1 never does and fires on the third step, channel 2 on the second.
    current = torch.full((4, 1, 3), 0.5)
    spikes, _ = cuba_scan(current, None, torch.zeros(3), torch.tensor([0.0, 1.0, 1.0]), torch.tensor([1.0, 1.0, 0.8]))
    assert spikes[:, 0].T.tolist() == [[0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 1]]


def test_membranes_by_hand() -> None:
    for form in (membrane_loop, integrate_membrane):
        membranes, state = form(torch.tensor([[1.5], [0], [0], [0]]).unsqueeze(1), None, 0.5, 0.5)
        assert membranes[:, 0, 0].tolist() == [1.5, 1.5, 1.125, 0.75]
        assert (float(state.u), float(state.v)) == (0.1875, 0.75)


def test_frozen_decays_get_no_gradient() -> None:
    current = torch.randn(5, 2, 3, requires_grad=True)
    alpha = torch.tensor(0.5)
    spikes, _ = cuba_scan(current, None, alpha, 0.9)
    spikes.sum().backward()
    assert current.grad is not None
    assert alpha.grad is None


@pytest.mark.parametrize("steps_of", [cuba_scan, integrate_membrane])
def test_no_steps_leave_the_state_as_it_was(form: str, steps_of) -> None:
    state = CubaState(torch.ones(2, 3), torch.full((2, 3), 0.5))
    spikes, last = steps_of(torch.zeros(0, 2, 3), state, 0.5, 0.9)
    assert spikes.shape == (0, 2, 3)
    assert torch.equal(last.u, state.u)
    assert torch.equal(last.v, state.v)


def test_numbers_that_fit_no_channel_are_refused() -> None:
    current = torch.zeros(4, 2, 3, 5)
    with pytest.raises(ValueError, match=r"conv1: beta must be one number .* one a channel, \(\) or \(3,\), got .*5"):
        cuba_scan(current, None, 0.5, torch.full((5,), 0.9), who="conv1")
    with pytest.raises(ValueError, match=r"theta must be one number .*, got shape \(3, 1\)"):
        cuba_loop(current, None, 0.5, 0.9, torch.ones(3, 1))
    with pytest.raises(ValueError, match=r"alpha must be one number .*channel, \(\), got shape \(2,\)"):
        integrate_membrane(torch.zeros(4, 2), None, torch.ones(2), 0.9)
