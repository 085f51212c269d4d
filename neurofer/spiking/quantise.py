"""The grid of a chip's integers: what a layer's weights, decays and threshold become, with a gradient that passes.

Training, export and every simulator take their integers from here, so they cannot differ.

Source:
    Registers: lava-nc 0.10.0 ``proc/lif/models.py``. Even weights of mixed sign: lava-dl 0.6.0 ``netx`` and slayer.
    Straight-through gradient: Bengio et al., arXiv:1308.3432.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from neurofer.spiking.registers import WEIGHTS, Registers, nearest_registers

Arithmetic = Literal["none", "fake", "integer"]
"""``none``: float numbers. ``fake``: float state, numbers on the grid. ``integer``: the chip's own arithmetic."""

class LayerIntegers(NamedTuple):
    """One layer on the grid.

    Attributes:
        weight: Even whole numbers -256..254, in the shape and float type of the weights.
        scale: S, integers per unit of the weights.
        registers: Of the neurons.
    """

    weight: Tensor
    scale: float
    registers: Registers


@torch.no_grad()
def layer_integers(weight: Tensor, alpha: float, beta: float, theta: float,
                   scale: float | None = None) -> LayerIntegers:
    """A layer's weights and neurons as a chip's integers; halves go to the even neighbour.

    ``S = 254 / max|w|``, ``w_int = 2 clamp(round(w S / 2), -128, 127)``, ``iDecay = round(4096 (1 - alpha))``,
    ``vDecay = round(4096 (1 - beta))``, ``vThMant = round(theta S)``, each kept within its range.

    Args:
        weight: ``(outputs, ...)``.
        alpha: Decay of the current.
        beta: Decay of the membrane.
        theta: Threshold.
        scale: S, if it is given already; weights beyond it are cut off.
    """
    scale = scale or weight_scale(weight)
    low, high = WEIGHTS
    half = torch.round(weight.detach().double() * (scale / 2)).clamp_(low / 2, high / 2)
    return LayerIntegers((2 * half).to(weight.dtype), scale, nearest_registers(alpha, beta, theta, scale))


def weight_scale(weight: Tensor) -> float:
    """``254 / max|w|``, one scale for a layer; 1 where all weights are 0 or one is not finite."""
    largest = float(weight.detach().abs().max()) if weight.numel() else 0.0
    return WEIGHTS[1] / largest if 0 < largest < math.inf else 1.0


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, rounded: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return rounded.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None, None]:
        return grads[0] * ctx.factor, None, None


def straight_through(value: Tensor, rounded: Tensor | float, factor: float = 1.0) -> Tensor:
    """``rounded``, exactly, with a gradient to ``value`` as if it were ``factor`` times that."""
    found: Tensor = _Rounded.apply(value, torch.as_tensor(rounded, dtype=value.dtype, device=value.device), factor)
    return found
