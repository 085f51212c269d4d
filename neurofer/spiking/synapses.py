"""Weights applied to spikes, remembering for the backward pass one byte a spike instead of a number."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional


class Window(NamedTuple):
    """How a convolution goes over its input, ``(y, x)`` each."""

    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]


def convolve(spikes: Tensor, weight: Tensor, window: Window, binary: bool = False) -> Tensor:
    """Convolution without bias.

    Args:
        spikes: ``(N, C, H, W)``.
        weight: ``(outputs, C, kernel y, kernel x)``.
        window: Stride, padding and dilation.
        binary: The input holds whole numbers from 0 to 255 for sure, so a byte of each is enough to remember.

    Returns:
        ``(N, outputs, height, width)``; gradients are those of ``torch.nn.functional.conv2d``.
    """
    if not (binary and _worth_it(weight)):
        return functional.conv2d(spikes, weight, None, *window)
    current: Tensor = _Convolve.apply(spikes, weight, window)
    return current


def connect(spikes: Tensor, weight: Tensor, binary: bool = False) -> Tensor:
    """Every neuron to every other: ``(T, B, N)`` and ``(outputs, N)`` -> ``(T, B, outputs)``.

    Args:
        spikes: What comes in.
        weight: One row an output.
        binary: As in ``convolve``.
    """
    if not (binary and _worth_it(weight)):
        return functional.linear(spikes, weight)
    current: Tensor = _Connect.apply(spikes, weight)
    return current


def _worth_it(weight: Tensor) -> bool:
    """Something is remembered at all, and the numbers are those of the weights (mixed precision has its own ways)."""
    return torch.is_grad_enabled() and weight.requires_grad and not torch.is_autocast_enabled(weight.device.type)


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, spikes: Tensor, weight: Tensor, window: Window) -> Tensor:
        ctx.save_for_backward(spikes.to(torch.uint8), weight)
        ctx.window = window
        return functional.conv2d(spikes, weight, None, *window)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, Tensor | None, None]:
        spikes, weight = ctx.saved_tensors
        window: Window = ctx.window
        wanted = [*ctx.needs_input_grad[:2], False]
        before, weights, _ = torch.ops.aten.convolution_backward(
            grads[0], spikes.to(weight.dtype), weight, None, window.stride, window.padding, window.dilation, False,
            (0, 0), 1, wanted)
        return before, weights, None


class _Connect(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, spikes: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(spikes.to(torch.uint8), weight)
        return functional.linear(spikes, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, Tensor | None]:
        spikes, weight = ctx.saved_tensors
        flat = grads[0].flatten(0, -2)
        before = flat.mm(weight).unflatten(0, grads[0].shape[:-1]) if ctx.needs_input_grad[0] else None
        weights = flat.t().mm(spikes.flatten(0, -2).to(weight.dtype)) if ctx.needs_input_grad[1] else None
        return before, weights
