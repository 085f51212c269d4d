"""The fused scan against autograd's own way through the loop over the step."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurofer.spiking import scan
from neurofer.spiking.neuron import CubaState, cuba_loop
from neurofer.spiking.scan import cuba_scan

SHAPE = (50, 3, 4, 5, 6)


def gradients(form, dtype: torch.dtype, channels_last: bool = False) -> tuple[Tensor, CubaState, list[Tensor]]:
    """Spikes, last state, and gradients of a random sum of them to input, decays, threshold and first state."""
    generator = torch.Generator().manual_seed(3)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    current = 0.6 * draw(*SHAPE)
    if channels_last:
        folded = current.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        current = folded.unflatten(0, SHAPE[:2])
    state = CubaState(draw(*SHAPE[1:]), 0.3 * draw(*SHAPE[1:]))
    numbers = [torch.tensor(value, dtype=dtype) for value in (0.75, 0.9, 1.1)]
    leaves = [leaf.clone().requires_grad_() for leaf in (current, *numbers, *state)]
    spikes, last = form(leaves[0], CubaState(*leaves[4:]), *leaves[1:4])
    total = (spikes * draw(*SHAPE)).sum() + (last.u * draw(*SHAPE[1:])).sum() + (last.v * draw(*SHAPE[1:])).sum()
    return spikes.detach(), last.detach(), list(torch.autograd.grad(total, leaves))


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("form", ["compiled", "torch"])
def test_spikes_are_equal_and_gradients_agree_in_double_precision(form: str, channels_last: bool, monkeypatch) -> None:
    if form == "torch":
        monkeypatch.setattr(scan, "_compiled_form_runs", lambda values: False)
    spikes, last, found = gradients(cuba_scan, torch.float64, channels_last)
    wanted_spikes, wanted_last, wanted = gradients(cuba_loop, torch.float64, channels_last)
    assert 0.05 < float(spikes.mean()) < 0.5
    assert torch.equal(spikes, wanted_spikes)
    assert torch.equal(last.u, wanted_last.u)
    assert torch.equal(last.v, wanted_last.v)
    for one, other in zip(found, wanted, strict=True):
        # Relative to the largest: sums of 18,000 terms of either sign, taken in another order.
        assert float((one - other).abs().max() / other.abs().max()) <= 1e-12


def test_single_precision_gives_the_same_spikes() -> None:
    spikes, last, found = gradients(cuba_scan, torch.float32, channels_last=True)
    wanted_spikes, wanted_last, wanted = gradients(cuba_loop, torch.float32, channels_last=True)
    assert torch.equal(spikes, wanted_spikes)
    assert torch.equal(last.v, wanted_last.v)
    for one, other in zip(found, wanted, strict=True):
        # Rounding of single precision over 50 steps.
        assert float((one - other).abs().max() / other.abs().max()) <= 1e-5


def test_the_number_of_threads_changes_nothing(monkeypatch) -> None:
    from neurofer.spiking import scan_cpu

    alone = gradients(cuba_scan, torch.float32)
    monkeypatch.setattr(scan_cpu, "PARALLEL_FROM", 100)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    shared = gradients(cuba_scan, torch.float32)
    assert torch.equal(alone[0], shared[0])
    assert all(torch.equal(one, other) for one, other in zip(alone[2], shared[2], strict=True))


def test_the_memory_layout_of_the_input_is_kept() -> None:
    current = torch.randn(6, 8, 3, 3).contiguous(memory_format=torch.channels_last).unflatten(0, (3, 2))
    spikes, state = cuba_scan(current, None, 0.5, 0.9)
    assert spikes.stride() == current.stride()
    assert state.u.shape == (2, 8, 3, 3)


def test_frozen_decays_get_no_gradient() -> None:
    current = torch.randn(5, 2, 3, requires_grad=True)
    alpha = torch.tensor(0.5)
    spikes, _ = cuba_scan(current, None, alpha, 0.9)
    spikes.sum().backward()
    assert current.grad is not None
    assert alpha.grad is None


def test_no_steps_leave_the_state_as_it_was() -> None:
    state = CubaState(torch.ones(2, 3), torch.full((2, 3), 0.5))
    spikes, last = cuba_scan(torch.zeros(0, 2, 3), state, 0.5, 0.9)
    assert spikes.shape == (0, 2, 3)
    assert torch.equal(last.u, state.u)
    assert torch.equal(last.v, state.v)


def test_decays_per_channel_are_refused() -> None:
    with pytest.raises(ValueError, match=r"conv1: alpha must be one number for the layer, got shape \(3,\)"):
        cuba_scan(torch.zeros(4, 2, 3), None, torch.full((3,), 0.5), 0.9, who="conv1")
