"""The integer neuron compiled for the CPU; see ``neurofer.spiking.integer_scan`` for what it computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurofer.compiled import compiled
from neurofer.spiking.registers import INPUT_SHIFT, STATE_LIMIT, Registers
from neurofer.spiking.scan_cpu import FORWARD_BLOCK, over_columns

_EDGE, _ROUND = float(STATE_LIMIT), float(2 * STATE_LIMIT)
_SHIFT = float(1 << INPUT_SHIFT)

Doubles = NDArray[np.float64]


def forward(current: Tensor, u: Tensor, v: Tensor, registers: Registers,
            membranes: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """As ``integer_scan.integer_steps``."""
    steps, columns = current.shape
    spikes = torch.empty_like(current)
    kept = current[:0] if membranes is None else membranes
    last_u, last_v = u.clone(), v.clone()
    arrays = [part.detach().numpy() for part in (current.contiguous(), kept, last_u, last_v, spikes)]
    # 1 - n / 4096 is exact, and so is its product with 24 bits, before it is cut off.
    numbers = registers.alpha, registers.beta, float(registers.threshold << INPUT_SHIFT)
    over_columns(_columns, *arrays, *numbers, columns=columns, steps=steps)
    return spikes, last_u, last_v


@compiled
def _columns(current: Any, membranes: Any, u: Doubles, v: Doubles, spikes: Any, keep_u: float, keep_v: float,
             threshold: float, low: int, high: int) -> None:
    for start in range(low, high, FORWARD_BLOCK):
        stop = min(start + FORWARD_BLOCK, high)
        u_part, v_part = u[start:stop], v[start:stop]
        for t in range(current.shape[0]):
            _step(current[t, start:stop], u_part, v_part, keep_u, keep_v)
            if len(membranes):
                _copy(v_part, membranes[t, start:stop])
            _fire(v_part, threshold, spikes[t, start:stop])


@compiled
def _step(current: Any, u: Doubles, v: Doubles, keep_u: float, keep_v: float) -> None:
    for n in range(len(current)):
        here = np.trunc(u[n] * keep_u) + np.rint(np.float64(current[n])) * _SHIFT
        here = here - _ROUND if here > _EDGE else here
        here = here + _ROUND if here <= -_EDGE else here
        u[n] = here
        v[n] = min(max(np.trunc(v[n] * keep_v) + here, 1.0 - _EDGE), _EDGE - 1.0)


@compiled
def _copy(values: Doubles, into: Any) -> None:
    for n in range(len(values)):
        into[n] = values[n]


@compiled
def _fire(v: Doubles, threshold: float, spikes: Any) -> None:
    one, zero = spikes.dtype.type(1), spikes.dtype.type(0)
    for n in range(len(v)):
        spikes[n] = one if v[n] > threshold else zero
        v[n] = 0.0 if v[n] > threshold else v[n]
