"""The CUBA neuron over all time steps as one autograd function: fast, and equal to the loop over the step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurofer.spiking.neuron import CubaState, checked_state
from neurofer.spiking.surrogate import SURROGATE_SLOPE, fast_sigmoid_slope


def cuba_scan(
    current: Tensor,
    state: CubaState | None,
    alpha: Tensor | float,
    beta: Tensor | float,
    theta: Tensor | float = 1.0,
    slope: float = SURROGATE_SLOPE,
    who: str = "cuba",
) -> tuple[Tensor, CubaState]:
    """Spikes of a layer of CUBA neurons over time, and its state afterwards.

    The same numbers as ``cuba_loop``: spikes and state exactly, gradients to rounding. One membrane per step is kept
    for the backward pass, nothing else. Consecutive pieces of a recording with the state handed on equal the whole.

    Args:
        current: ``(T, B, ...)`` input current in any memory layout; dense layouts with time outermost are not copied.
        state: State before the first step, shaped ``(B, ...)``; None starts fresh.
        alpha: Decay of the current, 0..1, one number for the layer.
        beta: Decay of the membrane, 0..1, one number for the layer.
        theta: Threshold, above 0, one number for the layer.
        slope: Steepness of the surrogate gradient.
        who: Name of the layer for messages.

    Returns:
        ``(spikes, state)``: zeros and ones ``(T, B, ...)`` in the memory layout of ``current``, and the last state.

    Raises:
        ValueError: ``current`` has no time and batch axis, or ``state`` has another shape, device or dtype.
    """
    state = checked_state(current, state, who)
    order = _memory_order(current)
    flat = current.permute(order)
    shape = flat.shape
    inner = [axis - 1 for axis in order[1:]]
    u, v = (part.permute(inner).reshape(-1) for part in state)
    numbers = [torch.as_tensor(value, dtype=current.dtype, device=current.device) for value in (alpha, beta, theta)]
    for name, number in zip(("alpha", "beta", "theta"), numbers, strict=True):
        if number.ndim:
            raise ValueError(f"{who}: {name} must be one number for the layer, got shape {tuple(number.shape)}")
    spikes, u, v = CubaScan.apply(flat.flatten(1), u, v, *numbers, slope)
    back = [order.index(axis) for axis in range(len(order))]
    inner_back = [axis - 1 for axis in back[1:]]
    last = CubaState(u.reshape(shape[1:]).permute(inner_back), v.reshape(shape[1:]).permute(inner_back))
    return spikes.reshape(shape).permute(back), last


def _memory_order(current: Tensor) -> list[int]:
    """Axes from the slowest to the fastest in memory, time first."""
    rest = sorted(range(1, current.ndim), key=lambda axis: (-current.stride()[axis], axis))
    return [0, *rest]


class CubaScan(torch.autograd.Function):
    """``(current (T, N), u (N), v (N), alpha, beta, theta, slope) -> (spikes (T, N), u, v)``."""

    @staticmethod
    def forward(
        ctx: Any, current: Tensor, u: Tensor, v: Tensor, alpha: Tensor, beta: Tensor, theta: Tensor, slope: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        current = current.contiguous()
        if _compiled_form_runs(current):
            spikes, membranes, u_last, v_last = _forward_cpu(current, u, v, alpha, beta, theta)
        else:
            spikes, membranes, u_last, v_last = _forward_torch(current, u, v, alpha, beta, theta)
        ctx.save_for_backward(membranes, u, v, alpha, beta, theta)
        ctx.slope = slope
        return spikes, u_last, v_last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
        membranes, u, v, alpha, beta, theta = ctx.saved_tensors
        gradient_spikes, gradient_u, gradient_v = (grad.contiguous() for grad in grads)
        want_sums = any(ctx.needs_input_grad[3:6])
        backward = _backward_cpu if _compiled_form_runs(membranes) else _backward_torch
        current, first_u, first_v, sums = backward(
            gradient_spikes, gradient_u, gradient_v, membranes, u, v, alpha, beta, theta, ctx.slope, want_sums)
        parameters = [total if wanted else None for total, wanted in zip(sums, ctx.needs_input_grad[3:6], strict=True)]
        return current, first_u, first_v, *parameters, None


def _compiled_form_runs(values: Tensor) -> bool:
    return values.device.type == "cpu" and values.dtype in (torch.float32, torch.float64)


def _forward_cpu(
    current: Tensor, u: Tensor, v: Tensor, alpha: Tensor, beta: Tensor, theta: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    from neurofer.spiking.scan_cpu import forward_columns, over_columns

    steps, columns = current.shape
    membranes, spikes = torch.empty_like(current), torch.empty_like(current)
    u_last, v_last = u.detach().clone(), v.detach().clone()
    kind = np.float32 if current.dtype == torch.float32 else np.float64
    numbers = [kind(number.item()) for number in (alpha, beta, theta)]
    arrays = [part.detach().numpy() for part in (current, u_last, v_last)]
    over_columns(forward_columns, *arrays, *numbers, membranes.numpy(), spikes.numpy(), columns=columns, steps=steps)
    return spikes, membranes, u_last, v_last


def _backward_cpu(
    gradient_spikes: Tensor, gradient_u: Tensor, gradient_v: Tensor, membranes: Tensor, u: Tensor, v: Tensor,
    alpha: Tensor, beta: Tensor, theta: Tensor, slope: float, want_sums: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    from neurofer.spiking.scan_cpu import backward_columns, over_columns

    steps, columns = membranes.shape
    gradient_current = torch.empty_like(membranes)
    first_u, first_v = gradient_u.clone(), gradient_v.clone()
    sums = membranes.new_zeros((3, columns if want_sums else 0))
    kind = np.float32 if membranes.dtype == torch.float32 else np.float64
    numbers = [kind(value) for value in (alpha.item(), beta.item(), theta.item(), slope)]
    arrays = [part.detach().numpy() for part in (gradient_spikes, membranes, v.contiguous(), u.contiguous())]
    results = [part.numpy() for part in (first_u, first_v, gradient_current, sums)]
    over_columns(backward_columns, *arrays, *numbers, *results, columns=columns, steps=steps)
    return gradient_current, first_u, first_v, sums.double().sum(1).to(membranes.dtype)


def _forward_torch(
    current: Tensor, u: Tensor, v: Tensor, alpha: Tensor, beta: Tensor, theta: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    membranes, spikes = torch.empty_like(current), torch.empty_like(current)
    for now, membrane, fired in zip(current.unbind(0), membranes.unbind(0), spikes.unbind(0), strict=True):
        u = alpha * u + now
        v = beta * v + u
        membrane.copy_(v)
        over = v - theta > 0
        fired.copy_(over)
        v = v.masked_fill(over, 0.0)
    return spikes, membranes, u.clone(), v.clone()


def _backward_torch(
    gradient_spikes: Tensor, gradient_u: Tensor, gradient_v: Tensor, membranes: Tensor, u: Tensor, v: Tensor,
    alpha: Tensor, beta: Tensor, theta: Tensor, slope: float, want_sums: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    gradient_current = torch.empty_like(membranes)
    sums = membranes.new_zeros(3)
    for t in range(len(membranes) - 1, -1, -1):
        over = membranes[t] - theta
        surrogate = gradient_spikes[t] * fast_sigmoid_slope(over, slope)
        local = gradient_v.masked_fill(over > 0, 0.0) + surrogate
        gradient_u = gradient_u + local
        gradient_current[t] = gradient_u
        if want_sums:
            v_in, u_in = _state_before(t, membranes, u, v, beta, theta)
            sums += torch.stack([(gradient_u * u_in).sum(), (local * v_in).sum(), -surrogate.sum()])
        gradient_u, gradient_v = alpha * gradient_u, beta * local
    return gradient_current, gradient_u, gradient_v, sums


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
