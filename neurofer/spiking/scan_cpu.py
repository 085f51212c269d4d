"""The compiled time scan for the CPU: forward and backward of a layer of CUBA neurons over all steps.

Arrays are ``(T, N)``, N neurons of all batch entries side by side; alpha, beta and theta are one number each, or all
three ``(N,)``. Columns are independent, so threads share them; sums over columns are kept per column, so the result
does not depend on how many threads there were. The loops are split so that the compiler can prove that each is free of
overlap and vectorise it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numba import types
from numba.extending import overload
from numpy.typing import NDArray
from torch import Tensor

from neurofer.compiled import compiled
from neurofer.spiking.surrogate import SURROGATES

if TYPE_CHECKING:
    from neurofer.spiking.scan import Rule

FORWARD_BLOCK, BACKWARD_BLOCK = 4096, 2048
"""Columns that go through all steps together: their state stays in the caches next to the core."""

PARALLEL_FROM = 1 << 18
"""Elements from which threads are worth starting."""

Floats = NDArray[Any]


def forward(
    current: Tensor, u: Tensor, v: Tensor, alpha: Tensor, beta: Tensor, theta: Tensor, fires: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """As ``scan_torch.forward``."""
    spikes = torch.empty_like(current if fires else current[:0])
    u_last, v_last = u.detach().clone(), v.detach().clone()
    nothing = current.new_empty((0, current.shape[1]), dtype=torch.uint8)
    forward_chunk(current, current[:0], u_last, v_last, plain(alpha, beta, theta), spikes, nothing)
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
    backward_chunk(gradient_out, membranes, u, v, plain(alpha, beta, theta), rule, first_u, first_v, gradient_current,
                   sums, wanted, 0, steps)
    return gradient_current, first_u, first_v, sums


def forward_chunk(
    current: Tensor, membranes: Tensor, u: Tensor, v: Tensor, numbers: Sequence[Any], spikes: Tensor, small: Tensor
) -> None:
    """Some steps, into memory that is there.

    Args:
        current: ``(k, N)``; becomes the membranes before the reset.
        membranes: ``(k, N)`` to copy them to, or ``(0, N)``.
        u: ``(N,)`` current before the first of these steps; becomes that after the last.
        v: ``(N,)`` membrane, likewise.
        numbers: Alpha, beta and theta, see ``plain``.
        spikes: ``(k, N)`` to fill, or ``(0, N)`` for neurons that do not fire.
        small: ``(k, N)`` uint8 to fill with the same spikes, or ``(0, N)``.
    """
    steps, columns = current.shape
    arrays = [part.detach().numpy() for part in (current, membranes, u, v)]
    over_columns(forward_columns, *arrays, *numbers, spikes.numpy(), small.numpy(), columns=columns, steps=steps)


def backward_chunk(
    gradient_out: Tensor, membranes: Tensor, u: Tensor, v: Tensor, numbers: Sequence[Any], rule: Rule,
    gradient_u: Tensor, gradient_v: Tensor, gradient_current: Tensor, sums: Tensor, wanted: tuple[bool, ...],
    start: int, stop: int,
) -> None:
    """Steps ``start..stop``, from the last to the first, into memory that is there.

    Args:
        gradient_out: ``(stop - start, N)`` gradient of the spikes, or of the membranes where the neurons do not fire.
        membranes: ``(T, N)`` of all steps.
        u: ``(N,)`` current before the first of all steps.
        v: ``(N,)`` membrane before it.
        numbers: Alpha, beta and theta, see ``plain``.
        rule: What the neurons do.
        gradient_u: ``(N,)`` gradient of the current after these steps; becomes that of the one before.
        gradient_v: ``(N,)`` likewise of the membrane.
        gradient_current: ``(T, N)`` to fill in these steps; may be the memory of ``membranes``.
        sums: ``(3, N)`` to which the shares of alpha, beta and theta are added, or ``(3, 0)``.
        wanted: Which of the three.
        start: First step.
        stop: Behind the last step.
    """
    slope = np.float32(rule.slope) if membranes.dtype == torch.float32 else np.float64(rule.slope)
    kind = SURROGATES.index(rule.surrogate) if rule.fires else NO_SURROGATE
    arrays = [part.detach().numpy() for part in (gradient_out, membranes, v, u)]
    results = [part.detach().numpy() for part in (gradient_u, gradient_v, gradient_current, sums)]
    over_columns(backward_columns, *arrays, *numbers, slope, kind, *results, *wanted, start, stop,
                 columns=membranes.shape[1], steps=stop - start)


NO_SURROGATE = len(SURROGATES)
"""The number that stands for neurons that do not fire; the others are places in ``SURROGATES``."""


def plain(*values: Tensor) -> list[Any]:
    """Numbers of the tensors' own precision, or arrays of those that have one a column."""
    arrays = [value.detach().numpy() for value in values]
    return [array if array.ndim else array[()] for array in arrays]


def _part(value: Any, start: int, stop: int) -> Any:
    """What belongs to columns ``start..stop`` of one number, or of one a column."""
    return value[start:stop] if isinstance(value, np.ndarray) else value


def _at(value: Any, n: int) -> Any:
    """The number of column n."""
    return value[n] if isinstance(value, np.ndarray) else value


@overload(_part, inline="always")
def _compiled_part(value: Any, start: int, stop: int) -> Callable[..., Any]:
    def slice_of(value: Any, start: int, stop: int) -> Any:
        return value[start:stop]

    def itself(value: Any, start: int, stop: int) -> Any:
        return value

    return slice_of if isinstance(value, types.Array) else itself


@overload(_at, inline="always")
def _compiled_at(value: Any, n: int) -> Callable[..., Any]:
    def element(value: Any, n: int) -> Any:
        return value[n]

    def itself(value: Any, n: int) -> Any:
        return value

    return element if isinstance(value, types.Array) else itself


@compiled
def forward_columns(
    current: Floats, membranes: Floats, u: Floats, v: Floats, alpha: Any, beta: Any, theta: Any, spikes: Floats,
    small: NDArray[np.uint8], low: int, high: int,
) -> None:
    """Columns ``low..high`` of ``forward_chunk``; what has no steps is left out."""
    fires, keeps, packs = len(spikes) > 0, len(membranes) > 0, len(small) > 0
    for start in range(low, high, FORWARD_BLOCK):
        stop = min(start + FORWARD_BLOCK, high)
        u_part, v_part = u[start:stop], v[start:stop]
        alphas, betas, thetas = _part(alpha, start, stop), _part(beta, start, stop), _part(theta, start, stop)
        for t in range(current.shape[0]):
            membrane = current[t, start:stop]
            _leak_and_add(membrane, u_part, v_part, alphas, betas)
            if keeps:
                _copy(membrane, membranes[t, start:stop])
            if fires:
                _fire_and_reset(membrane, thetas, spikes[t, start:stop], v_part)
            else:
                _copy(membrane, v_part)
            if packs:
                _to_bytes(membrane, thetas, small[t, start:stop])


@compiled
def _to_bytes(membrane: Floats, theta: Any, small: NDArray[np.uint8]) -> None:
    for n in range(len(membrane)):
        small[n] = membrane[n] > _at(theta, n)


@compiled
def _leak_and_add(membrane: Floats, u: Floats, v: Floats, alpha: Any, beta: Any) -> None:
    for n in range(len(membrane)):
        u[n] = _at(alpha, n) * u[n] + membrane[n]
        membrane[n] = _at(beta, n) * v[n] + u[n]


@compiled
def _fire_and_reset(membrane: Floats, theta: Any, spikes: Floats, v: Floats) -> None:
    zero, one = membrane.dtype.type(0), membrane.dtype.type(1)
    for n in range(len(membrane)):
        spikes[n] = one if membrane[n] > _at(theta, n) else zero
        v[n] = zero if membrane[n] > _at(theta, n) else membrane[n]


@compiled
def backward_columns(
    grads: Floats, membranes: Floats, v_first: Floats, u_first: Floats, alpha: Any, beta: Any, theta: Any, slope: Any,
    kind: int, gradient_u: Floats, gradient_v: Floats, gradient_current: Floats, sums: Floats, want_alpha: bool,
    want_beta: bool, want_theta: bool, first: int, last: int, low: int, high: int,
) -> None:
    """Columns ``low..high`` of ``backward_chunk``."""
    for start in range(low, high, BACKWARD_BLOCK):
        stop = min(start + BACKWARD_BLOCK, high)
        alphas, betas, thetas = _part(alpha, start, stop), _part(beta, start, stop), _part(theta, start, stop)
        u_part, through_v = gradient_u[start:stop], gradient_v[start:stop]
        for t in range(last - 1, first - 1, -1):
            grad, membrane = grads[t - first, start:stop], membranes[t, start:stop]
            through_u = gradient_current[t, start:stop]
            if want_theta:
                _add_theta(kind, grad, membrane, thetas, slope, sums[2, start:stop])
            _through_membrane(kind, grad, membrane, thetas, slope, through_v)
            # From here on the membrane of step t is not looked at: through_u may lie where it was.
            _through_current(through_v, alphas, u_part, through_u)
            if want_alpha and t > 1:
                _add_alpha(through_u, membranes[t - 1, start:stop], membranes[t - 2, start:stop], betas, thetas,
                           sums[0, start:stop])
            elif want_alpha and t:
                _add_second_alpha(through_u, membranes[0, start:stop], v_first[start:stop], betas, sums[0, start:stop])
            elif want_alpha:
                _add_product(through_u, u_first[start:stop], sums[0, start:stop])
            if want_beta and t:
                _add_beta(through_v, membranes[t - 1, start:stop], thetas, sums[1, start:stop])
            elif want_beta:
                _add_product(through_v, v_first[start:stop], sums[1, start:stop])
            _decay(through_v, betas)


@compiled
def _through_spike(kind: int, grad: Any, over: Any, slope: Any, one: Any, quarter: Any) -> Any:
    """A spike's gradient times its surrogate; the compiler takes the choice of surrogate out of the loop around it."""
    if kind == 0:
        width = one + slope * abs(over)
        return grad / (width * width)
    if kind == 1:
        angle = quarter * slope * over
        return grad / (one + angle * angle)
    if kind == 2:
        return grad * max(one - slope * abs(over), one - one)
    return grad


@compiled
def _through_membrane(kind: int, grad: Floats, membrane: Floats, theta: Any, slope: Any, gradient_v: Floats) -> None:
    zero, one, quarter = membrane.dtype.type(0), membrane.dtype.type(1), membrane.dtype.type(np.pi / 2)
    for n in range(len(membrane)):
        through_spike = _through_spike(kind, grad[n], membrane[n] - _at(theta, n), slope, one, quarter)
        gradient_v[n] = (zero if membrane[n] > _at(theta, n) else gradient_v[n]) + through_spike


@compiled
def _add_theta(kind: int, grad: Floats, membrane: Floats, theta: Any, slope: Any, total: Floats) -> None:
    one, quarter = membrane.dtype.type(1), membrane.dtype.type(np.pi / 2)
    for n in range(len(membrane)):
        total[n] -= _through_spike(kind, grad[n], membrane[n] - _at(theta, n), slope, one, quarter)


@compiled
def _through_current(through_v: Floats, alpha: Any, gradient_u: Floats, through_u: Floats) -> None:
    for n in range(len(through_v)):
        through_u[n] = gradient_u[n] + through_v[n]
        gradient_u[n] = _at(alpha, n) * through_u[n]


@compiled
def _copy(values: Floats, into: Floats) -> None:
    for n in range(len(values)):
        into[n] = values[n]


@compiled
def _decay(values: Floats, factor: Any) -> None:
    for n in range(len(values)):
        values[n] = _at(factor, n) * values[n]


@compiled
def _add_product(first: Floats, second: Floats, total: Floats) -> None:
    for n in range(len(first)):
        total[n] += first[n] * second[n]


@compiled
def _add_beta(through_v: Floats, before: Floats, theta: Any, total: Floats) -> None:
    """Add beta's share; ``before`` is the membrane one step earlier, not yet reset."""
    zero = before.dtype.type(0)
    for n in range(len(through_v)):
        total[n] += through_v[n] * (zero if before[n] > _at(theta, n) else before[n])


@compiled
def _add_alpha(through_u: Floats, before: Floats, earlier: Floats, beta: Any, theta: Any, total: Floats) -> None:
    """Add alpha's share; the current before the step is found back from the membranes one and two steps earlier."""
    zero = before.dtype.type(0)
    for n in range(len(through_u)):
        v_in = zero if earlier[n] > _at(theta, n) else earlier[n]
        total[n] += through_u[n] * (before[n] - _at(beta, n) * v_in)


@compiled
def _add_second_alpha(through_u: Floats, before: Floats, v_first: Floats, beta: Any, total: Floats) -> None:
    """The same at the second step, whose ``earlier`` is the first state."""
    for n in range(len(through_u)):
        total[n] += through_u[n] * (before[n] - _at(beta, n) * v_first[n])


def over_columns(kernel: Callable[..., None], *arguments: Any, columns: int, steps: int) -> None:
    """Call ``kernel(*arguments, low, high)`` until all columns are done, on torch's number of threads."""
    threads = min(torch.get_num_threads(), max(1, columns * steps // PARALLEL_FROM))
    if threads <= 1:
        kernel(*arguments, 0, columns)
        return
    edges = [columns * part // threads for part in range(threads + 1)]
    jobs = [_pool().submit(kernel, *arguments, low, high) for low, high in zip(edges[1:], edges[2:], strict=False)]
    kernel(*arguments, edges[0], edges[1])
    for job in jobs:
        job.result()


_POOLS: dict[int, ThreadPoolExecutor] = {}


def _pool() -> ThreadPoolExecutor:
    """This process's threads; a forked child makes its own."""
    process = os.getpid()
    if process not in _POOLS:
        _POOLS.clear()
        _POOLS[process] = ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="cuba-scan")
    return _POOLS[process]
