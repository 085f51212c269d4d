"""The time scan for CUDA in Triton: one kernel each way, a neuron's state stays in registers over all steps.

Needs the optional package ``triton``, which CUDA builds of torch bring along; without it ``scan_torch`` does the same.
Multiplications and additions are kept apart (no fused multiply-add) as in the other forms, so spikes agree.

These kernels have been run in Triton's interpreter only (``TRITON_INTERPRET=1``), where they equal the loop over the
step, and compiled for compute capability 9.0; on a GPU they have not been run or timed yet. Therefore ``trouble`` tries
them on a device before they are used there.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl
from torch import Tensor

from neurofer.spiking.surrogate import SURROGATES

if TYPE_CHECKING:
    from neurofer.spiking.scan import Rule

BLOCK = 128
"""Columns of one program."""


def forward(
    current: Tensor, u: Tensor, v: Tensor, alpha: Tensor, beta: Tensor, theta: Tensor, fires: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """As ``scan_torch.forward``."""
    steps, columns = current.shape
    spikes = torch.empty_like(current if fires else current[:0])
    u_last, v_last = u.detach().clone(), v.detach().clone()
    with torch.cuda.device_of(current):
        _forward[_programs(columns)](
            current, spikes, u_last, v_last, *_plain(alpha, beta, theta), steps, columns, each=alpha.ndim == 1,
            fires=fires, block=BLOCK, enable_fp_fusion=False)
    return spikes, u_last, v_last


def backward(
    gradient_out: Tensor, gradient_u: Tensor, gradient_v: Tensor, membranes: Tensor, u: Tensor, v: Tensor,
    alpha: Tensor, beta: Tensor, theta: Tensor, rule: Rule, wanted: tuple[bool, ...],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As ``scan_torch.backward``."""
    steps, columns = membranes.shape
    gradient_current = torch.empty_like(membranes)
    first_u, first_v = gradient_u.clone(), gradient_v.clone()
    sums = membranes.new_zeros((3, columns if any(wanted) else 0))
    with torch.cuda.device_of(membranes):
        _backward[_programs(columns)](
            gradient_out, membranes, *_plain(u, v, alpha, beta, theta), membranes.new_tensor(rule.slope),
            gradient_current, first_u, first_v, sums, steps, columns, each=alpha.ndim == 1,
            kind=SURROGATES.index(rule.surrogate) if rule.fires else len(SURROGATES), sum_up=any(wanted),
            block=BLOCK, enable_fp_fusion=False)
    return gradient_current, first_u, first_v, sums


def trouble(device: torch.device) -> str | None:
    """Why the kernels cannot be used on a device, found by trying them on a few neurons; None if they can."""
    from neurofer.spiking import scan_torch
    from neurofer.spiking.scan import Rule

    generator = torch.Generator().manual_seed(0)
    current = torch.randn(20, 70, generator=generator).to(device)
    u, v = torch.zeros(70, device=device), torch.zeros(70, device=device)
    numbers = [torch.full((70,), value, device=device) for value in (0.75, 0.9, 1.0)]
    found = []
    for form in (sys.modules[__name__], scan_torch):
        membranes = current.clone()
        try:
            spikes, last_u, last_v = form.forward(membranes, u, v, *numbers, True)
            gradient, *_ = form.backward(current, u, v, membranes, u, v, *numbers, Rule(True), (True, True, True))
        except Exception as error:  # noqa: BLE001 - whatever stops a compiler or a driver is a reason
            return f"{type(error).__name__}: {error}"
        found.append((spikes, last_u, last_v, gradient))
    if not all(torch.equal(one, other) for one, other in zip(found[0][:3], found[1][:3], strict=True)):
        return "spikes or states differ from those of torch"
    if not torch.allclose(found[0][3], found[1][3], rtol=1e-5, atol=1e-5):
        return "gradients differ from those of torch"
    return None


def _programs(columns: int) -> tuple[int]:
    return (max(1, -(-columns // BLOCK)),)


def _plain(*values: Tensor) -> list[Tensor]:
    return [value.detach().contiguous() for value in values]


@triton.jit
def _forward(  # type: ignore[no-untyped-def]
    membranes, spikes, u_state, v_state, alphas, betas, thetas, steps, columns,
    each: tl.constexpr, fires: tl.constexpr, block: tl.constexpr,
):
    """``membranes`` come as currents; the states come as the first and go as the last."""
    place = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    inside = place < columns
    own = place if each else place * 0
    alpha, beta = tl.load(alphas + own, mask=inside, other=0.0), tl.load(betas + own, mask=inside, other=0.0)
    theta = tl.load(thetas + own, mask=inside, other=0.0)
    u, v = tl.load(u_state + place, mask=inside, other=0.0), tl.load(v_state + place, mask=inside, other=0.0)
    at = place
    for _ in range(steps):
        u = alpha * u + tl.load(membranes + at, mask=inside, other=0.0)
        v = beta * v + u
        tl.store(membranes + at, v, mask=inside)
        if fires:
            over = v > theta
            tl.store(spikes + at, tl.where(over, 1.0, 0.0).to(v.dtype), mask=inside)
            v = tl.where(over, 0.0, v)
        at += columns
    tl.store(u_state + place, u, mask=inside)
    tl.store(v_state + place, v, mask=inside)


@triton.jit
def _backward(  # type: ignore[no-untyped-def]
    grads, membranes, u_first, v_first, alphas, betas, thetas, slopes, gradient_current, gradient_u, gradient_v, sums,
    steps, columns, each: tl.constexpr, kind: tl.constexpr, sum_up: tl.constexpr, block: tl.constexpr,
):
    """The gradients of the state come as those of the last and go as those of the first."""
    place = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    inside = place < columns
    own = place if each else place * 0
    alpha, beta = tl.load(alphas + own, mask=inside, other=0.0), tl.load(betas + own, mask=inside, other=0.0)
    theta, slope = tl.load(thetas + own, mask=inside, other=0.0), tl.load(slopes)
    through_u = tl.load(gradient_u + place, mask=inside, other=0.0)
    through_v = tl.load(gradient_v + place, mask=inside, other=0.0)
    u_start = tl.load(u_first + place, mask=inside, other=0.0)
    v_start = tl.load(v_first + place, mask=inside, other=0.0)
    alpha_sum = tl.full([block], 0.0, through_u.dtype)
    beta_sum, theta_sum = alpha_sum, alpha_sum
    # Vectors, so that neither a product overflows 32 bits nor a mask is a number where a size is 1.
    t, row = place * 0 + steps - 1, place * 0 + columns
    at = place + t * row
    membrane = tl.load(membranes + at, mask=inside & (t >= 0), other=0.0)
    before = tl.load(membranes + at - row, mask=inside & (t >= 1), other=0.0)
    for _ in range(steps):
        earlier = tl.load(membranes + at - 2 * row, mask=inside & (t >= 2), other=0.0)
        through_spike = tl.load(grads + at, mask=inside, other=0.0)
        over = membrane - theta
        if kind == 0:
            width = 1.0 + slope * tl.abs(over)
            through_spike = through_spike / (width * width)
        elif kind == 1:
            angle = 1.5707963267948966 * slope * over
            through_spike = through_spike / (1.0 + angle * angle)
        elif kind == 2:
            height = 1.0 - slope * tl.abs(over)
            through_spike = through_spike * tl.where(height > 0.0, height, 0.0)
        through_v = tl.where(membrane > theta, 0.0, through_v) + through_spike
        through_u = through_u + through_v
        tl.store(gradient_current + at, through_u, mask=inside)
        if sum_up:
            v_before = tl.where(t > 1, tl.where(earlier > theta, 0.0, earlier), v_start)
            u_in = tl.where(t > 0, before - beta * v_before, u_start)
            v_in = tl.where(t > 0, tl.where(before > theta, 0.0, before), v_start)
            alpha_sum += through_u * u_in
            beta_sum += through_v * v_in
            theta_sum -= through_spike
        through_u, through_v = alpha * through_u, beta * through_v
        membrane, before = before, earlier
        at -= row
        t -= 1
    tl.store(gradient_u + place, through_u, mask=inside)
    tl.store(gradient_v + place, through_v, mask=inside)
    if sum_up:
        tl.store(sums + place, alpha_sum, mask=inside)
        tl.store(sums + columns + place, beta_sum, mask=inside)
        tl.store(sums + 2 * columns + place, theta_sum, mask=inside)
