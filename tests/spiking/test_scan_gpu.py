"""The Triton kernels in Triton's interpreter, on the CPU; on a real GPU where there is one."""

from __future__ import annotations

import importlib.util
import logging
import sys
from types import ModuleType

import pytest
import torch
from torch import Tensor

from neurofer import spiking
from neurofer.spiking import scan
from neurofer.spiking.neuron import CubaState, cuba_loop, membrane_loop
from neurofer.spiking.scan import cuba_scan, integrate_membrane
from neurofer.spiking.surrogate import SURROGATES


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the kernels, interpreted, in place of every other form."""
    pytest.importorskip("triton")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    where = importlib.util.find_spec("neurofer.spiking.scan_gpu").origin
    spec = importlib.util.spec_from_file_location("interpreted_scan_gpu", where)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "interpreted_scan_gpu", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(scan, "_form", lambda values: module)
    return module


def gradients(neuron, steps: int, per_channel: bool, device: str = "cpu", numbers: int = 3,
              **settings: object) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs, and gradients of a random sum of them to everything that goes in."""
    generator = torch.Generator().manual_seed(0)

    def draw(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator, dtype=torch.float64).to(device)

    values = [torch.tensor(value, dtype=torch.float64, device=device) for value in (0.75, 0.9, 0.8)[:numbers]]
    if per_channel:
        values = [value - 0.1 * torch.rand(5, generator=generator).to(device) for value in values]
    leaves = [draw(steps, 2, 5, 30), draw(2, 5, 30), 0.3 * draw(2, 5, 30), *values]
    leaves = [leaf.requires_grad_() for leaf in leaves]
    out, last = neuron(leaves[0], CubaState(*leaves[1:3]), *leaves[3:], **settings)
    total = sum((part * draw(*part.shape)).sum() for part in (out, *last))
    return [part.detach() for part in (out, *last)], list(torch.autograd.grad(total, leaves))


def agree(found: tuple[list[Tensor], list[Tensor]], wanted: tuple[list[Tensor], list[Tensor]]) -> None:
    assert all(torch.equal(one, other) for one, other in zip(found[0], wanted[0], strict=True))
    for one, other in zip(found[1], wanted[1], strict=True):
        # Double precision; the same sums in another order.
        assert float((one - other).abs().max()) <= 1e-12 * float(other.abs().max())


@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 9])
def test_the_kernels_equal_the_loop(kernels: ModuleType, surrogate: str, per_channel: bool, steps: int) -> None:
    words = {"surrogate": surrogate, "slope": 5.0}
    found = gradients(cuba_scan, steps, per_channel, **words)
    assert 0.05 < float(found[0][0].mean()) < 0.6
    agree(found, gradients(cuba_loop, steps, per_channel, **words))


def test_neurons_that_never_fire_equal_the_loop(kernels: ModuleType) -> None:
    agree(gradients(integrate_membrane, 7, True, numbers=2), gradients(membrane_loop, 7, True, numbers=2))


def test_no_steps_and_frozen_numbers(kernels: ModuleType) -> None:
    state = CubaState(torch.ones(2, 3), torch.full((2, 3), 0.5))
    spikes, last = cuba_scan(torch.zeros(0, 2, 3, requires_grad=True), state, 0.5, 0.9)
    assert spikes.shape == (0, 2, 3)
    assert torch.equal(last.u, state.u)
    current = torch.full((4, 2, 3), 0.6, requires_grad=True)
    cuba_scan(current, None, 0.5, 0.9)[0].sum().backward()
    assert float(current.grad.abs().sum()) > 0


def test_kernels_are_tried_before_they_are_used(kernels: ModuleType, monkeypatch, caplog) -> None:
    assert kernels.trouble(torch.device("cpu")) is None
    real = kernels.forward
    monkeypatch.setattr(kernels, "forward", lambda current, u, v, alpha, beta, theta, fires: real(
        current, u, v, alpha, beta, theta * 0.5, fires))
    assert kernels.trouble(torch.device("cpu")) == "spikes or states differ from those of torch"

    def broken(*arguments: object) -> None:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(kernels, "forward", broken)
    assert kernels.trouble(torch.device("cpu")) == "RuntimeError: no compiler"
    monkeypatch.setattr(spiking, "scan_gpu", kernels, raising=False)
    monkeypatch.setitem(sys.modules, "neurofer.spiking.scan_gpu", kernels)
    with caplog.at_level(logging.WARNING):
        assert not scan._triton_runs.__wrapped__(torch.device("cpu"))
    assert "neurons run in torch on cpu, slower: Triton does not work there (RuntimeError: no compiler)" in caplog.text


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("per_channel", [False, True])
def test_a_gpu_gives_what_the_cpu_gives(per_channel: bool) -> None:
    out, grads = gradients(cuba_scan, 50, per_channel, "cuda")
    wanted_out, wanted = gradients(cuba_scan, 50, per_channel)
    agree(([part.cpu() for part in out], [part.cpu() for part in grads]), (wanted_out, wanted))
