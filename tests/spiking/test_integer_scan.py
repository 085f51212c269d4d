"""The integer neuron by hand, in every form, at its edges; its gradient is the float neuron's."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from neurofer.spiking import integer_scan as module
from neurofer.spiking.integer_scan import IntegerNeuron, integer_scan, integer_steps
from neurofer.spiking.neuron import CubaState
from neurofer.spiking.registers import Registers
from neurofer.spiking.scan import cuba_scan


def by_hand(current: list[int], registers: Registers, u: int = 0, v: int = 0) -> tuple[list[int], list[int], int, int]:
    """One neuron in Python's own integers: spikes, membranes before the reset, last u and v."""
    def toward_zero(value: int) -> int:
        return math.copysign(1, value) * (abs(value) >> 12)  # type: ignore[return-value]

    spikes, membranes = [], []
    for arriving in current:
        u = int(toward_zero(u * (4096 - registers.current_decay))) + (arriving << 6)
        u = u - (1 << 24) if u > 1 << 23 else u
        u = u + (1 << 24) if u <= -(1 << 23) else u
        v = int(toward_zero(v * (4096 - registers.voltage_decay))) + u
        v = max(min(v, (1 << 23) - 1), 1 - (1 << 23))
        membranes.append(v)
        spikes.append(int(v > registers.threshold << 6))
        v = 0 if spikes[-1] else v
    return spikes, membranes, u, v


@pytest.fixture(params=["compiled", "torch"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "torch":
        monkeypatch.setattr(module, "compiled_form_runs", lambda values: False)
    return str(request.param)


def run(current: Tensor, registers: Registers) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    membranes = torch.empty_like(current)
    zeros = torch.zeros(current.shape[1], dtype=torch.float64)
    spikes, u, v = integer_steps(current, zeros, zeros.clone(), registers, membranes)
    return spikes, membranes, u, v


def test_the_trace_of_the_specification(form: str) -> None:
    # alpha = beta = 0.5, theta 1 as 64 integers: x = 1 reaches the threshold and does not fire; 1.5 does, once.
    for first, fired in ((64, [0, 0, 0, 0]), (96, [1, 0, 0, 0])):
        current = torch.tensor([[first], [0], [0], [0]], dtype=torch.float32)
        spikes, membranes, *_ = run(current, Registers(2048, 2048, 64))
        assert spikes[:, 0].tolist() == fired
        wanted = [64 * 64, 64 * 64, 48 * 64, 32 * 64] if first == 64 else [96 * 64, 48 * 64, 48 * 64, 36 * 64]
        assert membranes[:, 0].tolist() == wanted


@pytest.mark.parametrize("registers", [Registers(1024, 410, 500), Registers(4096, 0, 3000), Registers(1, 4095, 1),
                                       Registers(4, 1, 131_071)])
@pytest.mark.parametrize("size", [30, 3_000, 100_000])
def test_equals_python_integers(form: str, registers: Registers, size: int) -> None:
    drawn = torch.randint(-size, size, (60, 50), generator=torch.Generator().manual_seed(size))
    spikes, membranes, u, v = run(drawn.float(), registers)
    for column in range(drawn.shape[1]):
        wanted = by_hand(drawn[:, column].tolist(), registers)
        assert (spikes[:, column].tolist(), membranes[:, column].tolist(), u[column], v[column]) == wanted


def test_the_current_wraps_and_the_membrane_saturates(form: str) -> None:
    rising = torch.full((40, 1), 20_000.0)
    _, membranes, *_ = run(rising, Registers(1, 4095, 131_071))
    assert membranes.max() > 0 > membranes.min()  # u went beyond 2^23 and came back from below
    _, membranes, *_ = run(-torch.full((40, 1), 1000.0), Registers(4096, 0, 131_071))
    falling = [int(value) for value in membranes[:, 0]]
    assert falling[-1] == -64 * 1000 * 40
    _, membranes, *_ = run(-torch.full((400, 1), 1000.0), Registers(4096, 0, 131_071))
    assert int(membranes[-1, 0]) == 1 - (1 << 23)


def test_pieces_equal_the_whole_in_any_layout(form: str) -> None:
    drawn = torch.randint(-900, 900, (30, 2, 3, 4, 4), generator=torch.Generator().manual_seed(0)).float()
    neuron = IntegerNeuron(Registers(1024, 410, 500), 100.0)
    numbers = (torch.tensor(0.75), torch.tensor(0.9), torch.tensor(5.0))
    whole, end = integer_scan(drawn, None, *numbers, neuron)
    last = drawn.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, (30, 2))
    first, state = integer_scan(last[:11], None, *numbers, neuron)
    second, state = integer_scan(last[11:], state, *numbers, neuron)
    assert whole.sum() > 50
    assert torch.equal(torch.cat([first, second]), whole)
    assert torch.equal(state.v, end.v)
    assert torch.equal(state.u, end.u)


def test_the_gradient_is_that_of_the_float_neuron(form: str) -> None:
    """At a fine grid the two neurons fire alike, and then every gradient is the same but for rounding."""
    scale, generator = 4096.0, torch.Generator().manual_seed(0)
    current = torch.randn(25, 2, 6, generator=generator, dtype=torch.float64) * 0.3
    whole = torch.round(current * scale)
    weights = torch.randn(25, 2, 6, generator=generator, dtype=torch.float64)
    ends = torch.randn(2, 2, 6, generator=generator, dtype=torch.float64)
    registers = Registers(1024, 512, 4096)
    found = []
    for integers in (False, True):
        unit = scale * 64 if integers else 1.0
        inputs = (whole if integers else whole / scale).clone().requires_grad_()
        first = CubaState(*(torch.round(0.1 * torch.ones(2, 6, dtype=torch.float64) * scale * 64) / (scale * 64) * unit
                            for _ in range(2)))
        first = CubaState(*(part.requires_grad_() for part in first))
        numbers = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.75, 0.875, 1.0)]
        if integers:
            out, last = integer_scan(inputs, first, *numbers, IntegerNeuron(registers, scale, slope=5.0))
        else:
            out, last = cuba_scan(inputs, first, *numbers, slope=5.0)
        ((out * weights).sum() + (last.u * ends[0]).sum() / unit + (last.v * ends[1]).sum() / unit).backward()
        grads = [inputs.grad * (scale if integers else 1.0), *(part.grad * unit for part in first),  # type: ignore[operator]
                 *(value.grad for value in numbers)]
        found.append((out.detach(), grads))
    assert found[0][0].sum() > 10
    assert torch.equal(found[0][0], found[1][0])
    for one, other in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(one, other, rtol=2e-3, atol=2e-3)  # membranes are rounded to 1 / 262,144


def test_a_state_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"conv1: state u is .* pass state=None"):
        integer_scan(torch.zeros(3, 2, 4), CubaState(torch.zeros(1, 4), torch.zeros(1, 4)), torch.tensor(0.5),
                     torch.tensor(0.5), torch.tensor(1.0), IntegerNeuron(Registers(1, 1, 1), 1.0), "conv1")
