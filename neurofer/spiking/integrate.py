"""The integrate-and-fire neuron without leak, as in SEW-ResNet: hard reset, arctangent surrogate."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

ATAN_WIDTH = 2.0
"""Steepness a of the surrogate."""


class _AtanSpike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, over: Tensor) -> Tensor:
        ctx.save_for_backward(over)
        return (over >= 0).to(over.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Tensor:
        (over,) = ctx.saved_tensors
        slope: Tensor = grads[0] * (ATAN_WIDTH / 2) / (1 + (math.pi / 2 * ATAN_WIDTH * over).square())
        return slope


def integrate_step(current: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Add, fire at 1 or above, reset to 0; the gradient does not pass the reset.

    Args:
        current: ``(B, ...)`` input current, in units of the threshold.
        v: Membrane before the step.

    Returns:
        ``(spikes, v)``: zeros and ones, and the membrane after the step.

    Source:
        Fang et al., NeurIPS 2021 (arXiv:2102.04159); surrogate of Fang et al., ICCV 2021.
    """
    v = v + current
    spikes: Tensor = _AtanSpike.apply(v - 1.0)
    return spikes, v * (1.0 - spikes.detach())


def integrate(current: Tensor, v: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The neuron over time.

    Args:
        current: ``(T, B, ...)`` input current.
        v: Membrane before the first step; None starts at 0.

    Returns:
        ``(spikes (T, B, ...), v)``.
    """
    state = torch.zeros_like(current[0]) if v is None else v
    spikes = []
    for step in current:
        fired, state = integrate_step(step, state)
        spikes.append(fired)
    return torch.stack(spikes), state
