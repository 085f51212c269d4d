"""The neuron as Loihi computes it, in integers, over all steps: what a quantised network is trained and judged with.

``a`` is the synaptic input of a step, a whole number; u and v are whole numbers within 24 bits, decays round toward
zero::

    u = toward_zero(u (4096 - iDecay)) + 64 a         beyond 24 bits u wraps around
    v = toward_zero(v (4096 - vDecay)) + u            beyond 24 bits v stays at the edge
    spike where v > 64 vThMant, then v = 0

Whole numbers travel as floating point: up to 2^24 single precision holds them all, and the products, below 2^36, are
computed in double precision. The gradient is that of the float neuron with the same numbers, in the float neuron's
units: a surrogate for the spike, none for wrapping and rounding; where v stays at the edge, alpha's share is rough, as
the current is found back from the membrane. A chip's synapses deliver one step late; without
biases that only shifts each layer by a step, so it is left out here.

Source:
    lava-nc 0.10.0 ``proc/lif/models.py``, lava-dl 0.6.0 ``netx``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurofer.spiking.neuron import CubaState, checked_state
from neurofer.spiking.registers import INPUT_SHIFT, STATE_LIMIT, Registers
from neurofer.spiking.scan import Columns, Rule, backward_form, compiled_form_runs, over_columns_of, same_shape
from neurofer.spiking.surrogate import SURROGATE_SLOPE, Surrogate


@dataclass(frozen=True)
class IntegerNeuron:
    """Neurons of a layer in integers, and what their gradient takes.

    Attributes:
        registers: Of the neurons.
        scale: Integers per unit of the trained weights.
        surrogate: Smooth gradient that stands in for the spike's.
        slope: Its steepness, for a membrane in units of the trained weights.
    """

    registers: Registers
    scale: float
    surrogate: Surrogate = "fast_sigmoid"
    slope: float = SURROGATE_SLOPE

    @property
    def unit(self) -> float:
        """Integers of u and v per unit of the float neuron's."""
        return float(self.scale * (1 << INPUT_SHIFT))


def integer_scan(current: Tensor, state: CubaState | None, alpha: Tensor, beta: Tensor, theta: Tensor,
                 neuron: IntegerNeuron, who: str = "cuba") -> tuple[Tensor, CubaState]:
    """Spikes of a layer over time, and its state, both in whole numbers.

    Args:
        current: ``(T, B, ...)`` sums of integer weights, as floating point; rounded to whole numbers.
        state: u and v before the first step, whole numbers; None starts fresh.
        alpha: Decay of the current on the grid, ``()``; takes the gradient, as ``beta`` and ``theta`` do.
        beta: Decay of the membrane on the grid.
        theta: Threshold on the grid, in units of the trained weights.
        neuron: What is computed.
        who: Name of the layer for messages.

    Returns:
        ``(spikes, state)``: zeros and ones ``(T, B, ...)``, and the state after the last step.

    Raises:
        ValueError: ``current`` has no time and batch axis, or the state does not fit it.
    """
    state = checked_state(current, state, who)
    return over_columns_of(current, state, lambda flat, u, v, columns: IntegerScan.apply(
        flat, u, v, alpha, beta, theta, columns, neuron))


def integer_steps(current: Tensor, u: Tensor, v: Tensor, registers: Registers,
                  membranes: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """The neurons alone, without a gradient.

    Args:
        current: ``(T, N)`` whole numbers in floating point.
        u: ``(N,)`` float64 current before the first step.
        v: ``(N,)`` float64 membrane before it.
        registers: Of the neurons.
        membranes: ``(T, N)`` to fill with the membranes before the reset.

    Returns:
        ``(spikes (T, N), u, v)``; spikes in the type of the current.
    """
    if compiled_form_runs(current):
        from neurofer.spiking import integer_scan_cpu

        return integer_scan_cpu.forward(current, u, v, registers, membranes)
    spikes = torch.empty_like(current)
    threshold = registers.threshold << INPUT_SHIFT
    for t, now in enumerate(current.double().round_()):
        u = (u * registers.alpha).trunc() + now * (1 << INPUT_SHIFT)
        u = torch.where(u > STATE_LIMIT, u - 2 * STATE_LIMIT, u)
        u = torch.where(u <= -STATE_LIMIT, u + 2 * STATE_LIMIT, u)
        v = ((v * registers.beta).trunc() + u).clamp(1 - STATE_LIMIT, STATE_LIMIT - 1)
        if membranes is not None:
            membranes[t] = v
        over = v > threshold
        spikes[t] = over
        v = v.masked_fill(over, 0.0)
    return spikes, u, v


class IntegerScan(torch.autograd.Function):
    """``(current (T, N), u (N), v (N), alpha, beta, theta, columns, neuron) -> (spikes (T, N), u, v)``."""

    @staticmethod
    def forward(ctx: Any, current: Tensor, u: Tensor, v: Tensor, alpha: Tensor, beta: Tensor, theta: Tensor,
                columns: Columns, neuron: IntegerNeuron) -> tuple[Tensor, Tensor, Tensor]:
        dense = current.detach().contiguous()
        keeps = any(ctx.needs_input_grad)
        membranes = torch.empty_like(dense) if keeps else None
        spikes, u_last, v_last = integer_steps(dense, u.detach().double(), v.detach().double(), neuron.registers,
                                               membranes)
        if membranes is not None:
            ctx.save_for_backward(membranes, u, v, alpha, beta, theta)
        ctx.columns, ctx.neuron = columns, neuron
        return spikes, u_last.to(u.dtype), v_last.to(v.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
        membranes, u, v, alpha, beta, theta = ctx.saved_tensors
        neuron: IntegerNeuron = ctx.neuron
        unit, wanted = neuron.unit, tuple(ctx.needs_input_grad[3:6])
        # The float neuron's gradient, its membrane measured in integers: only the surrogate's width and what comes
        # from membranes have to change their unit.
        numbers = same_shape(ctx.columns, alpha, beta, theta.new_tensor(neuron.registers.threshold << INPUT_SHIFT))
        rule = Rule(True, neuron.surrogate, neuron.slope / unit)
        spikes, last_u, last_v = (grad.contiguous() for grad in grads)
        through, first_u, first_v, sums = backward_form(membranes)(
            spikes, last_u * unit, last_v * unit, membranes, u.contiguous(), v.contiguous(), *numbers, rule, wanted)
        shares = ctx.columns.gather(sums, (alpha, beta, theta), wanted)
        for place in (0, 1):
            shares[place] = None if shares[place] is None else shares[place] / unit
        return through / neuron.scale, first_u / unit, first_v / unit, *shares, None, None
