"""The compiled time scan for the CPU: forward and backward of a layer of CUBA neurons over all steps.

Arrays are ``(T, N)``, N neurons of all batch entries side by side. Columns are independent, so threads share them;
sums over columns are kept per column, so the result does not depend on how many threads there were. The loops are
split so that the compiler can prove that each is free of overlap and vectorise it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurofer.compiled import compiled

BLOCK = 4096
"""Columns that go through all steps together: their state stays in the first-level cache."""

PARALLEL_FROM = 1 << 18
"""Elements from which threads are worth starting."""

Floats = NDArray[Any]


@compiled
def forward_columns(
    current: Floats, u: Floats, v: Floats, alpha: Any, beta: Any, theta: Any, membranes: Floats, spikes: Floats,
    low: int, high: int,
) -> None:
    """Columns ``low..high``: fills ``membranes`` (before the reset) and ``spikes``; ``u`` and ``v`` become the last."""
    for start in range(low, high, BLOCK):
        stop = min(start + BLOCK, high)
        u_part, v_part = u[start:stop], v[start:stop]
        for t in range(current.shape[0]):
            membrane = membranes[t, start:stop]
            _leak_and_add(current[t, start:stop], u_part, v_part, alpha, beta, membrane)
            _fire(membrane, theta, spikes[t, start:stop])
            _reset(membrane, theta, v_part)


@compiled
def _leak_and_add(current: Floats, u: Floats, v: Floats, alpha: Any, beta: Any, membrane: Floats) -> None:
    for n in range(len(current)):
        u[n] = alpha * u[n] + current[n]
        membrane[n] = beta * v[n] + u[n]


@compiled
def _fire(membrane: Floats, theta: Any, spikes: Floats) -> None:
    zero, one = theta - theta, theta / theta
    for n in range(len(membrane)):
        spikes[n] = one if membrane[n] > theta else zero


@compiled
def _reset(membrane: Floats, theta: Any, v: Floats) -> None:
    zero = theta - theta
    for n in range(len(membrane)):
        v[n] = zero if membrane[n] > theta else membrane[n]


@compiled
def backward_columns(
    grads: Floats, membranes: Floats, v_first: Floats, u_first: Floats, alpha: Any, beta: Any, theta: Any, slope: Any,
    gradient_u: Floats, gradient_v: Floats, gradient_current: Floats, sums: Floats, low: int, high: int,
) -> None:
    """Columns ``low..high``: gradients of the current, of the first state, and per column of alpha, beta, theta.

    ``gradient_u`` and ``gradient_v`` hold the gradient of the last state and become that of the first.
    ``sums`` is ``(3, N)``, zeros; with no columns (``(3, 0)``) the parameter sums are left out.
    """
    want_sums = sums.shape[1] == membranes.shape[1]
    surrogate, local = np.empty(BLOCK, membranes.dtype), np.empty(BLOCK, membranes.dtype)
    v_in, v_before = np.empty(BLOCK, membranes.dtype), np.empty(BLOCK, membranes.dtype)
    for start in range(low, high, BLOCK):
        stop = min(start + BLOCK, high)
        size = stop - start
        through_spike, through_v = surrogate[:size], local[:size]
        for t in range(membranes.shape[0] - 1, -1, -1):
            through_u = gradient_current[t, start:stop]
            _surrogate_gradient(grads[t, start:stop], membranes[t, start:stop], theta, slope, through_spike)
            _past_reset(membranes[t, start:stop], gradient_v[start:stop], through_spike, theta, through_v)
            _accumulate(through_v, alpha, gradient_u[start:stop], through_u)
            _scale(through_v, beta, gradient_v[start:stop])
            if want_sums:
                _subtract(through_spike, sums[2, start:stop])
                if t == 0:
                    _add_product(through_v, v_first[start:stop], sums[1, start:stop])
                    _add_product(through_u, u_first[start:stop], sums[0, start:stop])
                    continue
                _reset(membranes[t - 1, start:stop], theta, v_in[:size])
                _add_product(through_v, v_in[:size], sums[1, start:stop])
                if t == 1:
                    _add_product_with_u(through_u, membranes[0, start:stop], v_first[start:stop], beta,
                                        sums[0, start:stop])
                else:
                    _reset(membranes[t - 2, start:stop], theta, v_before[:size])
                    _add_product_with_u(through_u, membranes[t - 1, start:stop], v_before[:size], beta,
                                        sums[0, start:stop])


@compiled
def _surrogate_gradient(grads: Floats, membrane: Floats, theta: Any, slope: Any, through_spike: Floats) -> None:
    one = theta / theta
    for n in range(len(membrane)):
        width = one + slope * abs(membrane[n] - theta)
        through_spike[n] = grads[n] / (width * width)


@compiled
def _past_reset(membrane: Floats, gradient_v: Floats, through_spike: Floats, theta: Any, through_v: Floats) -> None:
    zero = theta - theta
    for n in range(len(membrane)):
        through_v[n] = (zero if membrane[n] > theta else gradient_v[n]) + through_spike[n]


@compiled
def _accumulate(through_v: Floats, alpha: Any, gradient_u: Floats, through_u: Floats) -> None:
    for n in range(len(through_v)):
        through_u[n] = gradient_u[n] + through_v[n]
        gradient_u[n] = alpha * through_u[n]


@compiled
def _scale(values: Floats, factor: Any, scaled: Floats) -> None:
    for n in range(len(values)):
        scaled[n] = factor * values[n]


@compiled
def _subtract(values: Floats, total: Floats) -> None:
    for n in range(len(values)):
        total[n] -= values[n]


@compiled
def _add_product(first: Floats, second: Floats, total: Floats) -> None:
    for n in range(len(first)):
        total[n] += first[n] * second[n]


@compiled
def _add_product_with_u(through_u: Floats, membrane: Floats, v_in: Floats, beta: Any, total: Floats) -> None:
    """Add the share of alpha; the current before the step is found back from the membrane and what it started from."""
    for n in range(len(through_u)):
        total[n] += through_u[n] * (membrane[n] - beta * v_in[n])


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
