"""The CUBA-LIF neuron: one pure step, and the readable loop over it that every faster form must equal.

``u`` is the synaptic current, ``v`` the membrane; decays ``alpha`` and ``beta``, threshold ``theta``::

    u[t] = alpha * u[t-1] + current[t]
    v[t] = beta * v[t-1] + u[t]
    spike[t] = 1 where v[t] > theta, else 0
    v[t] = 0 where spike[t]             (u is not reset)

A leaky integrate-and-fire neuron is the case ``alpha = 0``. Loihi runs exactly this neuron. A read-out that never fires
keeps the first two lines alone; its membrane is its output.

Decays and threshold are one number for the layer, or one a channel: ``(C,)``, on the axis behind the batch.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from neurofer.spiking.surrogate import SURROGATE_SLOPE, Surrogate, surrogate_spike


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
    surrogate: Surrogate = "fast_sigmoid",
) -> tuple[Tensor, CubaState]:
    """Spikes and next state of one time step.

    The gradient passes the spike through a surrogate and does not pass the reset.

    Args:
        current: ``(B, ...)`` input current.
        state: Current and membrane before the step, shaped like ``current``.
        alpha: Decay of the current, 0..1; ``1 - dt_s / tau_syn_s``.
        beta: Decay of the membrane, 0..1; ``1 - dt_s / tau_mem_s``.
        theta: Threshold; the neuron fires strictly above it.
        slope: Steepness of the surrogate gradient.
        surrogate: Which surrogate, see ``surrogate_gradient``.

    Returns:
        ``(spikes, state)``: zeros and ones shaped like ``current``, and the state after the step.
    """
    u = along_channels(alpha, current.ndim) * state.u + current
    v = along_channels(beta, current.ndim) * state.v + u
    spikes = surrogate_spike(v - along_channels(theta, current.ndim), surrogate, slope)
    return spikes, CubaState(u, v.masked_fill(spikes.detach() > 0, 0.0))


def cuba_loop(
    current: Tensor,
    state: CubaState | None,
    alpha: Tensor | float,
    beta: Tensor | float,
    theta: Tensor | float = 1.0,
    slope: float = SURROGATE_SLOPE,
    surrogate: Surrogate = "fast_sigmoid",
) -> tuple[Tensor, CubaState]:
    """The neuron over time, step by step; slow, and the definition of what ``cuba_scan`` computes.

    Args:
        current: ``(T, B, ...)`` input current.
        state: State before the first step; None starts fresh.
        alpha: Decay of the current.
        beta: Decay of the membrane.
        theta: Threshold.
        slope: Steepness of the surrogate gradient.
        surrogate: Which surrogate, see ``surrogate_gradient``.

    Returns:
        ``(spikes, state)``: ``(T, B, ...)`` zeros and ones, and the state after the last step.

    Raises:
        ValueError: ``current`` has no time and batch axis, or the state or the parameters do not fit it.
    """
    state = checked_state(current, state)
    alpha, beta, theta = checked_parameters(current, alpha, beta, theta)
    spikes = []
    for now in current.unbind(0):
        fired, state = cuba_step(now, state, alpha=alpha, beta=beta, theta=theta, slope=slope, surrogate=surrogate)
        spikes.append(fired)
    return (torch.stack(spikes) if spikes else torch.zeros_like(current)), state


def membrane_loop(current: Tensor, state: CubaState | None, alpha: Tensor | float,
                  beta: Tensor | float) -> tuple[Tensor, CubaState]:
    """Membranes of neurons that never fire, step by step; the definition of what ``integrate_membrane`` computes.

    Args:
        current: ``(T, B, ...)`` input current.
        state: State before the first step; None starts fresh.
        alpha: Decay of the current.
        beta: Decay of the membrane.

    Returns:
        ``(membranes, state)``: ``(T, B, ...)``, and the state after the last step.

    Raises:
        ValueError: ``current`` has no time and batch axis, or the state or the parameters do not fit it.
    """
    u, v = checked_state(current, state)
    alpha, beta = (along_channels(value, current.ndim - 1) for value in checked_parameters(current, alpha, beta))
    membranes = []
    for now in current.unbind(0):
        u = alpha * u + now
        v = beta * v + u
        membranes.append(v)
    return (torch.stack(membranes) if membranes else torch.zeros_like(current)), CubaState(u, v)


def along_channels(value: Tensor | float, axes: int) -> Tensor | float:
    """``value``, with one number a channel shaped to fit ``(B, C, ...)`` of this many axes."""
    if isinstance(value, Tensor) and value.ndim == 1:
        return value.view(-1, *[1] * (axes - 2))
    return value


def checked_parameters(current: Tensor, *values: Tensor | float, who: str = "cuba") -> tuple[Tensor, ...]:
    """Decays and threshold as tensors of the current's dtype and device, after a check that they fit it.

    Args:
        current: ``(T, B, ...)`` input current.
        values: Alpha, beta and, where there is one, theta.
        who: Name of the layer for the message.

    Raises:
        ValueError: neither one number nor one a channel.
    """
    wanted: list[tuple[int, ...]] = [(), *([tuple(current.shape[2:3])] if current.ndim > 2 else [])]
    found = tuple(torch.as_tensor(value, dtype=current.dtype, device=current.device) for value in values)
    for name, value in zip(("alpha", "beta", "theta"), found, strict=False):
        if tuple(value.shape) not in wanted:
            raise ValueError(f"{who}: {name} must be one number for the layer or one a channel, "
                             f"{' or '.join(map(str, wanted))}, got shape {tuple(value.shape)}")
    return found


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
