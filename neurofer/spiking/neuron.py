"""The CUBA-LIF neuron: one pure step, and the readable loop over it that every faster form must equal.

``u`` is the synaptic current, ``v`` the membrane; decays ``alpha`` and ``beta``, threshold ``theta``::

    u[t] = alpha * u[t-1] + current[t]
    v[t] = beta * v[t-1] + u[t]
    spike[t] = 1 where v[t] > theta, else 0
    v[t] = 0 where spike[t]             (u is not reset)

A leaky integrate-and-fire neuron is the case ``alpha = 0``. Loihi runs exactly this neuron.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from neurofer.spiking.surrogate import SURROGATE_SLOPE, fast_sigmoid_spike


class CubaState(NamedTuple):
    """What a layer of CUBA neurons remembers between steps; a tensor of the layer's shape ``(B, ...)`` each."""

    u: Tensor
    """Synaptic current."""
    v: Tensor
    """Membrane potential after the reset."""

    def detach(self) -> CubaState:
        """The same values without history, to carry a state across truncated back-propagation."""
        return CubaState(self.u.detach(), self.v.detach())


def cuba_step(
    current: Tensor,
    state: CubaState,
    *,
    alpha: Tensor | float,
    beta: Tensor | float,
    theta: Tensor | float = 1.0,
    slope: float = SURROGATE_SLOPE,
) -> tuple[Tensor, CubaState]:
    """Spikes and next state of one time step.

    The gradient passes the spike through a fast sigmoid and does not pass the reset.

    Args:
        current: ``(B, ...)`` input current.
        state: Current and membrane before the step, shaped like ``current``.
        alpha: Decay of the current, 0..1; ``1 - dt_s / tau_syn_s``.
        beta: Decay of the membrane, 0..1; ``1 - dt_s / tau_mem_s``.
        theta: Threshold; the neuron fires strictly above it.
        slope: Steepness of the surrogate gradient.

    Returns:
        ``(spikes, state)``: zeros and ones shaped like ``current``, and the state after the step.
    """
    u = alpha * state.u + current
    v = beta * state.v + u
    spikes = fast_sigmoid_spike(v - theta, slope)
    return spikes, CubaState(u, v.masked_fill(spikes.detach() > 0, 0.0))


def cuba_loop(
    current: Tensor,
    state: CubaState | None,
    alpha: Tensor | float,
    beta: Tensor | float,
    theta: Tensor | float = 1.0,
    slope: float = SURROGATE_SLOPE,
) -> tuple[Tensor, CubaState]:
    """The neuron over time, step by step; slow, and the definition of what ``cuba_scan`` computes.

    Args:
        current: ``(T, B, ...)`` input current.
        state: State before the first step; None starts fresh.
        alpha: Decay of the current.
        beta: Decay of the membrane.
        theta: Threshold.
        slope: Steepness of the surrogate gradient.

    Returns:
        ``(spikes, state)``: ``(T, B, ...)`` zeros and ones, and the state after the last step.

    Raises:
        ValueError: ``current`` has no time and batch axis, or ``state`` does not fit it.
    """
    state = checked_state(current, state)
    spikes = []
    for now in current.unbind(0):
        fired, state = cuba_step(now, state, alpha=alpha, beta=beta, theta=theta, slope=slope)
        spikes.append(fired)
    return (torch.stack(spikes) if spikes else torch.zeros_like(current)), state


def checked_state(current: Tensor, state: CubaState | None, who: str = "cuba") -> CubaState:
    """``state``, or zeros for None, after a check that it fits ``current``.

    Args:
        current: ``(T, B, ...)`` input current.
        state: State to check.
        who: Name of the layer for the message.

    Raises:
        ValueError: ``current`` has no time and batch axis, or ``state`` has another shape, device or dtype.
    """
    if current.ndim < 2 or not current.is_floating_point():
        raise ValueError(f"{who}: the input current must be floating point (T, B, ...), "
                         f"got {current.dtype} {tuple(current.shape)}")
    shape = current.shape[1:]
    if state is None:
        return CubaState(current.new_zeros(shape), current.new_zeros(shape))
    for name, part in zip(("u", "v"), state, strict=True):
        found = (tuple(part.shape), part.device, part.dtype)
        wanted = (tuple(shape), current.device, current.dtype)
        if found != wanted:
            raise ValueError(
                f"{who}: state {name} is {_told(*found)} but the input needs {_told(*wanted)}; "
                "pass state=None at the start of a new recording")
    return state


def _told(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> str:
    return f"{shape} {str(dtype).removeprefix('torch.')} on {device}"
