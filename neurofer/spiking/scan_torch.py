"""The time scan in torch, for every device and number type; one small operation after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from neurofer.spiking.surrogate import surrogate_gradient

if TYPE_CHECKING:
    from neurofer.spiking.scan import Rule


def forward(
    current: Tensor, u: Tensor, v: Tensor, alpha: Tensor, beta: Tensor, theta: Tensor, fires: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """``(spikes (T, N), last u (N), last v (N))``; the membranes before the reset take the place of the current.

    Args:
        current: ``(T, N)``, contiguous; written over.
        u: ``(N,)`` current before the first step.
        v: ``(N,)`` membrane before the first step.
        alpha: One number, or ``(N,)``; so are ``beta`` and ``theta``.
        beta: Decay of the membrane.
        theta: Threshold.
        fires: False leaves the spikes empty, ``(0, N)``, and the membrane without reset.
    """
    spikes = torch.empty_like(current) if fires else current[:0]
    for t, now in enumerate(current.unbind(0)):
        u = alpha * u + now
        v = beta * v + u
        now.copy_(v)
        if fires:
            over = v - theta > 0
            spikes[t].copy_(over)
            v = v.masked_fill(over, 0.0)
    return spikes, u.clone(), v.clone()


def backward(
    gradient_out: Tensor, gradient_u: Tensor, gradient_v: Tensor, membranes: Tensor, u: Tensor, v: Tensor,
    alpha: Tensor, beta: Tensor, theta: Tensor, rule: Rule, wanted: tuple[bool, ...],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of the current ``(T, N)``, of the first u and v ``(N,)``, and of alpha, beta, theta ``(3, N)``.

    Args:
        gradient_out: ``(T, N)`` gradient of the spikes, or of the membranes where the neurons do not fire.
        gradient_u: ``(N,)`` gradient of the last current.
        gradient_v: ``(N,)`` gradient of the last membrane.
        membranes: ``(T, N)`` as ``forward`` left them; the arguments behind them too are those of ``forward``.
        u: Current before the first step.
        v: Membrane before the first step.
        alpha: Decay of the current.
        beta: Decay of the membrane.
        theta: Threshold.
        rule: What the neurons do.
        wanted: Whose gradient is needed of alpha, beta and theta; the sums of the others mean nothing.
    """
    gradient_current = torch.empty_like(membranes)
    sums = membranes.new_zeros((3, membranes.shape[1]), dtype=torch.promote_types(membranes.dtype, torch.float32))
    for t in range(len(membranes) - 1, -1, -1):
        over = membranes[t] - theta
        through_spike = gradient_out[t]
        if rule.fires:
            through_spike = through_spike * surrogate_gradient(rule.surrogate, over, rule.slope)
        local = gradient_v.masked_fill(over > 0, 0.0) + through_spike
        gradient_u = gradient_u + local
        gradient_current[t] = gradient_u
        if any(wanted):
            v_in, u_in = _state_before(t, membranes, u, v, beta, theta)
            sums[0] += gradient_u * u_in
            sums[1] += local * v_in
            sums[2] -= through_spike
        gradient_u, gradient_v = alpha * gradient_u, beta * local
    return gradient_current, gradient_u.clone(), gradient_v.clone(), sums


def _state_before(
    t: int, membranes: Tensor, u: Tensor, v: Tensor, beta: Tensor, theta: Tensor
) -> tuple[Tensor, Tensor]:
    """``(v, u)`` that step t started from; u is found back from two membranes."""
    if t == 0:
        return v, u
    before = v if t == 1 else _after_reset(membranes[t - 2], theta)
    return _after_reset(membranes[t - 1], theta), membranes[t - 1] - beta * before


def _after_reset(membrane: Tensor, theta: Tensor) -> Tensor:
    return membrane.masked_fill(membrane - theta > 0, 0.0)
