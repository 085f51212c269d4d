"""The spike and the smooth gradients that can stand in for its missing one."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import torch
from torch import Tensor

Surrogate = Literal["fast_sigmoid", "atan", "triangle"]

SURROGATES: tuple[Surrogate, ...] = get_args(Surrogate)

SURROGATE_SLOPE = 25.0
"""Steepness k of the fast sigmoid; 25 suits a threshold of 1."""


def surrogate_gradient(kind: Surrogate, over: Tensor, slope: float = SURROGATE_SLOPE) -> Tensor:
    """Stand-in for the derivative of the spike: 1 at the threshold, falling on both sides the faster the larger k is.

    ============  ============================  =============================================================
    fast_sigmoid  ``1 / (1 + k * abs(x))^2``    long tails, reaches neurons far from firing; area ``2 / k``
    atan          ``1 / (1 + (pi/2 * k*x)^2)``  flat top, shorter tails; area ``2 / k``
    triangle      ``max(0, 1 - k * abs(x))``    nothing beyond ``1 / k`` of the threshold; area ``1 / k``
    ============  ============================  =============================================================

    Args:
        kind: Which of these.
        over: x, membrane minus threshold, any shape.
        slope: Steepness k, above 0.

    Raises:
        ValueError: an unknown kind.

    Source:
        Fast sigmoid: Zenke and Ganguli, Neural Computation 2018 (SuperSpike). Arctangent: Fang et al., ICCV 2021, with
        its alpha as k, divided by ``alpha / 2`` so that its top is 1. Triangle: Bellec et al., NeurIPS 2018, at k = 1
        and without its damping factor.
    """
    if kind == "fast_sigmoid":
        return (1.0 + slope * over.abs()).pow(-2)
    if kind == "atan":
        return 1.0 / (1.0 + (math.pi / 2 * slope * over).square())
    if kind == "triangle":
        return (1.0 - slope * over.abs()).clamp(min=0.0)
    raise ValueError(f"unknown surrogate {kind!r}; choose one of {', '.join(SURROGATES)}")


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, over: Tensor, kind: Surrogate, slope: float) -> Tensor:
        ctx.save_for_backward(over)
        ctx.kind, ctx.slope = kind, slope
        return (over > 0).to(over.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None, None]:
        (over,) = ctx.saved_tensors
        return grads[0] * surrogate_gradient(ctx.kind, over, ctx.slope), None, None


def surrogate_spike(over: Tensor, kind: Surrogate = "fast_sigmoid", slope: float = SURROGATE_SLOPE) -> Tensor:
    """Spikes: 1 where ``over > 0`` (strictly), else 0, with a surrogate's gradient.

    Args:
        over: Membrane minus threshold, any shape.
        kind: Name of the surrogate.
        slope: Its steepness k.

    Returns:
        Zeros and ones of the shape and dtype of ``over``.
    """
    spikes: Tensor = _Spike.apply(over, kind, slope)
    return spikes
