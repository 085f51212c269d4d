"""The compiled time scan for the CPU: forward and backward of a layer of CUBA neurons over all steps.

Arrays are ``(T, N)``, N neurons of all batch entries side by side; alpha, beta and theta are one number each, or all
three ``(N,)``. Columns are independent, so threads share them; sums over columns are kept per column, so the result
does not depend on how many threads there were. The loops are split so that the compiler can prove that each is free of
overlap and vectorise it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
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
    steps, columns = current.shape
    spikes = torch.empty_like(current if fires else current[:0])
    u_last, v_last = u.detach().clone(), v.detach().clone()
    arrays = [part.detach().numpy() for part in (current, u_last, v_last)]
    numbers = [_plain(number) for number in (alpha, beta, theta)]
    over_columns(forward_columns, *arrays, *numbers, spikes.numpy(), columns=columns, steps=steps)
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
    numbers = [_plain(value) for value in (alpha, beta, theta, membranes.new_tensor(rule.slope))]
    kind = SURROGATES.index(rule.surrogate) if rule.fires else NO_SURROGATE
    arrays = [part.detach().numpy() for part in (gradient_out, membranes, v, u)]
    results = [part.numpy() for part in (first_u, first_v, gradient_current, sums)]
    over_columns(backward_columns, *arrays, *numbers, kind, *results, *wanted, columns=columns, steps=steps)
    return gradient_current, first_u, first_v, sums


NO_SURROGATE = len(SURROGATES)
"""The number that stands for neurons that do not fire; the others are places in ``SURROGATES``."""


def _plain(value: Tensor) -> Any:
    """A numpy number of the tensor's own precision, or its array."""
    array = value.detach().numpy()
    return array if array.ndim else array[()]


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
    membranes: Floats, u: Floats, v: Floats, alpha: Any, beta: Any, theta: Any, spikes: Floats, low: int, high: int
) -> None:
    """Columns ``low..high``: ``membranes``, which come as currents, and ``spikes``; ``u`` and ``v`` become the last.

    With ``spikes`` of no steps, nothing fires.
    """
    fires = len(spikes) == len(membranes)
    for start in range(low, high, FORWARD_BLOCK):
        stop = min(start + FORWARD_BLOCK, high)
        u_part, v_part = u[start:stop], v[start:stop]
        alphas, betas, thetas = _part(alpha, start, stop), _part(beta, start, stop), _part(theta, start, stop)
        for t in range(membranes.shape[0]):
            membrane = membranes[t, start:stop]
            _leak_and_add(membrane, u_part, v_part, alphas, betas)
            if fires:
                _fire_and_reset(membrane, thetas, spikes[t, start:stop], v_part)
            else:
                _copy(membrane, v_part)


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
    want_beta: bool, want_theta: bool, low: int, high: int,
) -> None:
    """Columns ``low..high``: gradients of the current, of the first state, and per column of alpha, beta, theta.

    ``gradient_u`` and ``gradient_v`` hold the gradient of the last state and become that of the first.
    ``sums`` is ``(3, N)``, zeros, or ``(3, 0)`` where none is wanted.
    """
    through_spikes = np.empty(BACKWARD_BLOCK, membranes.dtype)
    for start in range(low, high, BACKWARD_BLOCK):
        stop = min(start + BACKWARD_BLOCK, high)
        alphas, betas, thetas = _part(alpha, start, stop), _part(beta, start, stop), _part(theta, start, stop)
        through_spike = through_spikes[: stop - start]
        u_part, through_v = gradient_u[start:stop], gradient_v[start:stop]
        for t in range(membranes.shape[0] - 1, -1, -1):
            membrane, through_u = membranes[t, start:stop], gradient_current[t, start:stop]
            _surrogate_gradient(kind, grads[t, start:stop], membrane, thetas, slope, through_spike)
            _past_reset(membrane, thetas, through_spike, through_v)
            _add(u_part, through_v, through_u)
            if want_theta:
                _subtract(through_spike, sums[2, start:stop])
            if want_beta and t:
                _add_beta(through_v, membranes[t - 1, start:stop], thetas, sums[1, start:stop])
            elif want_beta:
                _add_product(through_v, v_first[start:stop], sums[1, start:stop])
            if want_alpha and t > 1:
                _add_alpha(through_u, membranes[t - 1, start:stop], membranes[t - 2, start:stop], betas, thetas,
                           sums[0, start:stop])
            elif want_alpha and t:
                _add_second_alpha(through_u, membranes[0, start:stop], v_first[start:stop], betas, sums[0, start:stop])
            elif want_alpha:
                _add_product(through_u, u_first[start:stop], sums[0, start:stop])
            _scale(through_u, alphas, u_part)
            _scale(through_v, betas, through_v)


@compiled
def _surrogate_gradient(
    kind: int, grads: Floats, membrane: Floats, theta: Any, slope: Any, through_spike: Floats
) -> None:
    if kind == 0:
        _fast_sigmoid(grads, membrane, theta, slope, through_spike)
    elif kind == 1:
        _atan(grads, membrane, theta, slope, through_spike)
    elif kind == 2:
        _triangle(grads, membrane, theta, slope, through_spike)
    else:
        _copy(grads, through_spike)


@compiled
def _fast_sigmoid(grads: Floats, membrane: Floats, theta: Any, slope: Any, through_spike: Floats) -> None:
    one = membrane.dtype.type(1)
    for n in range(len(membrane)):
        width = one + slope * abs(membrane[n] - _at(theta, n))
        through_spike[n] = grads[n] / (width * width)


@compiled
def _atan(grads: Floats, membrane: Floats, theta: Any, slope: Any, through_spike: Floats) -> None:
    one, scale = membrane.dtype.type(1), membrane.dtype.type(np.pi / 2) * slope
    for n in range(len(membrane)):
        angle = scale * (membrane[n] - _at(theta, n))
        through_spike[n] = grads[n] / (one + angle * angle)


@compiled
def _triangle(grads: Floats, membrane: Floats, theta: Any, slope: Any, through_spike: Floats) -> None:
    zero, one = membrane.dtype.type(0), membrane.dtype.type(1)
    for n in range(len(membrane)):
        height = one - slope * abs(membrane[n] - _at(theta, n))
        through_spike[n] = grads[n] * (height if height > zero else zero)


@compiled
def _past_reset(membrane: Floats, theta: Any, through_spike: Floats, gradient_v: Floats) -> None:
    zero = membrane.dtype.type(0)
    for n in range(len(membrane)):
        gradient_v[n] = (zero if membrane[n] > _at(theta, n) else gradient_v[n]) + through_spike[n]


@compiled
def _copy(values: Floats, into: Floats) -> None:
    for n in range(len(values)):
        into[n] = values[n]


@compiled
def _add(first: Floats, second: Floats, total: Floats) -> None:
    for n in range(len(first)):
        total[n] = first[n] + second[n]


@compiled
def _scale(values: Floats, factor: Any, scaled: Floats) -> None:
    for n in range(len(values)):
        scaled[n] = _at(factor, n) * values[n]


@compiled
def _subtract(values: Floats, total: Floats) -> None:
    for n in range(len(values)):
        total[n] -= values[n]


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
