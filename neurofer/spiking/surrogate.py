"""The spike and the smooth gradient that stands in for its missing one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

SURROGATE_SLOPE = 25.0
"""Steepness k of the fast sigmoid; 25 suits a threshold of 1."""


def fast_sigmoid_slope(over: Tensor, slope: float = SURROGATE_SLOPE) -> Tensor:
    """Surrogate gradient of the spike, ``1 / (1 + k * abs(over))^2``: 1 at the threshold, small far from it.

    Args:
        over: Membrane minus threshold, any shape.
        slope: Steepness k.

    Source:
        Zenke and Ganguli, Neural Computation 2018 (SuperSpike).
    """
    return (1.0 + slope * over.abs()).pow(-2)


class _FastSigmoidSpike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, over: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(over)
        ctx.slope = slope
        return (over > 0).to(over.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
        (over,) = ctx.saved_tensors
        return grads[0] * fast_sigmoid_slope(over, ctx.slope), None


def fast_sigmoid_spike(over: Tensor, slope: float = SURROGATE_SLOPE) -> Tensor:
    """Spikes: 1 where ``over > 0`` (strictly), else 0, with the fast sigmoid's gradient.

    Args:
        over: Membrane minus threshold, any shape.
        slope: Steepness k of the surrogate.

    Returns:
        Zeros and ones of the shape and dtype of ``over``.
    """
    spikes: Tensor = _FastSigmoidSpike.apply(over, slope)
    return spikes
