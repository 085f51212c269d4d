"""The CUBA neuron over all time steps as one autograd function: fast, and equal to the loop over the step."""

from __future__ import annotations

import importlib.util
import logging
import math
from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurofer.spiking.neuron import CubaState, checked_parameters, checked_state
from neurofer.spiking.surrogate import SURROGATE_SLOPE, SURROGATES, Surrogate

_log = logging.getLogger(__name__)


def cuba_scan(
    current: Tensor,
    state: CubaState | None,
    alpha: Tensor | float,
    beta: Tensor | float,
    theta: Tensor | float = 1.0,
    slope: float = SURROGATE_SLOPE,
    who: str = "cuba",
    *,
    surrogate: Surrogate = "fast_sigmoid",
    in_place: bool = False,
) -> tuple[Tensor, CubaState]:
    """Spikes of a layer of CUBA neurons over time, and its state afterwards.

    The same numbers as ``cuba_loop``: spikes and state exactly, gradients to rounding. One membrane per step is kept
    for the backward pass, nothing else. Consecutive pieces of a recording with the state handed on equal the whole.

    Args:
        current: ``(T, B, ...)`` input current in any memory layout; dense layouts with time outermost are not copied.
        state: State before the first step, shaped ``(B, ...)``; None starts fresh.
        alpha: Decay of the current, 0..1; one number for the layer or ``(C,)``, one a channel (axis 2 of ``current``).
        beta: Decay of the membrane, 0..1; likewise.
        theta: Threshold, above 0; likewise.
        slope: Steepness of the surrogate gradient.
        who: Name of the layer for messages.
        surrogate: Which surrogate, see ``surrogate_gradient``.
        in_place: The current may be written over: nobody looks at it afterwards, nor does whatever made it in its
            backward pass (a convolution does not).

    Returns:
        ``(spikes, state)``: zeros and ones ``(T, B, ...)`` in the memory layout of ``current``, and the last state.

    Raises:
        ValueError: ``current`` has no time and batch axis, the state or the parameters do not fit it, or the surrogate
            is unknown.
    """
    if surrogate not in SURROGATES:
        raise ValueError(f"{who}: unknown surrogate {surrogate!r}; choose one of {', '.join(SURROGATES)}")
    state = checked_state(current, state, who)
    numbers = checked_parameters(current, alpha, beta, theta, who=who)
    return _over_time(current, state, numbers, Rule(True, surrogate, slope, in_place))


def integrate_membrane(
    current: Tensor, state: CubaState | None, alpha: Tensor | float, beta: Tensor | float, who: str = "cuba"
) -> tuple[Tensor, CubaState]:
    """Membranes of neurons that never fire and are never reset, and their state afterwards.

    Args:
        current: ``(T, B, ...)`` input current in any memory layout.
        state: State before the first step, shaped ``(B, ...)``; None starts fresh.
        alpha: Decay of the current, 0..1; one number for the layer or ``(C,)``, one a channel (axis 2 of ``current``).
        beta: Decay of the membrane, 0..1; likewise.
        who: Name of the layer for messages.

    Returns:
        ``(membranes, state)``: ``(T, B, ...)`` in the memory layout of ``current``, and the last state.

    Raises:
        ValueError: ``current`` has no time and batch axis, or the state or the parameters do not fit it.
    """
    state = checked_state(current, state, who)
    numbers = checked_parameters(current, alpha, beta, who=who)
    return _over_time(current, state, (*numbers, current.new_tensor(math.inf)), Rule(False))


class Rule(NamedTuple):
    """What a neuron does with its membrane; no part of it is learned."""

    fires: bool
    surrogate: Surrogate = "fast_sigmoid"
    slope: float = SURROGATE_SLOPE
    in_place: bool = False


class Columns(NamedTuple):
    """How the neurons ``(B, ...)`` of a layer lie side by side in memory, the channel axis among them."""

    before: int
    channels: int
    after: int

    def spread(self, value: Tensor) -> Tensor:
        """``(C,)`` -> ``(N,)``."""
        shape = (self.before, self.channels, self.after)
        return value.view(1, -1, 1).expand(shape).reshape(-1)

    def gather(self, sums: Tensor, like: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
        """Rows of ``(3, N)`` summed over all columns, or over each channel's: gradients of the wanted parameters."""
        wide = sums.double() if any(wanted) else sums
        found: list[Tensor | None] = []
        for number, (parameter, needed) in enumerate(zip(like, wanted, strict=True)):
            if not needed:
                found.append(None)
            elif not parameter.ndim:
                found.append(wide.sum(1)[number].to(parameter.dtype))
            else:
                each = wide[number].view(self.before, self.channels, self.after).sum((0, 2))
                found.append(each.to(parameter.dtype))
        return found


def over_columns_of(
    current: Tensor, state: CubaState,
    run: Callable[[Tensor, Tensor, Tensor, Columns], tuple[Tensor, Tensor, Tensor]],
) -> tuple[Tensor, CubaState]:
    """What a scan over ``(T, N)`` says of a layer, whatever its shape and layout in memory.

    Args:
        current: ``(T, B, ...)`` input current; dense layouts with time outermost are not copied.
        state: State before the first step.
        run: Takes the current ``(T, N)``, u ``(N,)``, v ``(N,)`` and how the neurons lie; gives the output and the last
            u and v in the same shapes.
    """
    order = _memory_order(current)
    flat = current.permute(order)
    shape = flat.shape
    inner = [axis - 1 for axis in order[1:]]
    u, v = (part.permute(inner).reshape(-1) for part in state)
    place = order.index(2) if current.ndim > 2 else len(order)
    columns = Columns(math.prod(shape[1:place]), math.prod(shape[place : place + 1]), math.prod(shape[place + 1 :]))
    out, u, v = run(flat.flatten(1), u, v, columns)
    back = [order.index(axis) for axis in range(len(order))]
    inner_back = [axis - 1 for axis in back[1:]]
    last = CubaState(u.reshape(shape[1:]).permute(inner_back), v.reshape(shape[1:]).permute(inner_back))
    return out.reshape(shape).permute(back), last


def _over_time(
    current: Tensor, state: CubaState, numbers: tuple[Tensor, ...], rule: Rule
) -> tuple[Tensor, CubaState]:
    return over_columns_of(current, state,
                           lambda flat, u, v, columns: CubaScan.apply(flat, u, v, *numbers, columns, rule))


def _memory_order(current: Tensor) -> list[int]:
    """Axes from the slowest to the fastest in memory, time first."""
    rest = sorted(range(1, current.ndim), key=lambda axis: (-current.stride()[axis], axis))
    return [0, *rest]


class CubaScan(torch.autograd.Function):
    """``(current (T, N), u (N), v (N), alpha, beta, theta, columns, rule) -> (spikes or membranes (T, N), u, v)``."""

    @staticmethod
    def forward(
        ctx: Any, current: Tensor, u: Tensor, v: Tensor, alpha: Tensor, beta: Tensor, theta: Tensor,
        columns: Columns, rule: Rule,
    ) -> tuple[Tensor, Tensor, Tensor]:
        dense = current.contiguous()
        membranes = dense.detach() if rule.in_place or dense is not current else dense.clone()
        numbers = same_shape(columns, alpha, beta, theta)
        spikes, u_last, v_last = _form(membranes).forward(membranes, u, v, *numbers, rule.fires)
        ctx.save_for_backward(membranes, u, v, alpha, beta, theta)
        ctx.columns, ctx.rule = columns, rule
        return (spikes if rule.fires else membranes), u_last, v_last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
        membranes, u, v, *parameters = ctx.saved_tensors
        wanted = tuple(ctx.needs_input_grad[3:6])
        numbers = same_shape(ctx.columns, *parameters)
        current, first_u, first_v, sums = _form(membranes).backward(
            *(grad.contiguous() for grad in grads), membranes, u.contiguous(), v.contiguous(), *numbers, ctx.rule,
            wanted)
        shares = ctx.columns.gather(sums, parameters, wanted)
        return current, first_u, first_v, *shares, None, None


def same_shape(columns: Columns, *parameters: Tensor) -> list[Tensor]:
    """All one number, or all one a column."""
    if all(not parameter.ndim for parameter in parameters):
        return list(parameters)
    return [columns.spread(value if value.ndim else value.expand(columns.channels)) for value in parameters]


def backward_form(membranes: Tensor) -> Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]]:
    """The backward pass of whoever computes on these numbers, as ``scan_torch.backward``."""
    form: Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]] = _form(membranes).backward
    return form


def _form(values: Tensor) -> ModuleType:
    """Who computes, in single or double precision: the compiled form on the CPU, Triton on CUDA; torch elsewhere."""
    if compiled_form_runs(values):
        from neurofer.spiking import scan_cpu

        return scan_cpu
    if values.is_cuda and values.dtype in _EXACT and _triton_runs(values.device):
        from neurofer.spiking import scan_gpu

        return scan_gpu
    from neurofer.spiking import scan_torch

    return scan_torch


_EXACT = (torch.float32, torch.float64)


def compiled_form_runs(values: Tensor) -> bool:
    """Whether the compiled form takes these numbers."""
    return values.device.type == "cpu" and values.dtype in _EXACT


@cache
def _triton_runs(device: torch.device) -> bool:
    if importlib.util.find_spec("triton") is None:
        return False
    from neurofer.spiking import scan_gpu

    trouble = scan_gpu.trouble(device)
    if trouble is not None:
        _log.warning("spiking neurons run in torch on %s, slower: Triton does not work there (%s)", device, trouble)
    return trouble is None
