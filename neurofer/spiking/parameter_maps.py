"""The parameters of one CUBA neuron in the words of other libraries, and back.

Every map is exact on paper: the same neuron in other units. Where the library computes something else all the same
(``>=``, fixed point, another order of rounding) the function says so. Numbers may be floats or tensors, and gradients
pass, unless said otherwise. ``dt_s`` is the length of a step in seconds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    Number = Tensor | float

SLAYER_SCALE = 64
"""Integers of slayer's weights and thresholds for 1.0."""

DECAY_STEPS = 4096
"""Integers of Loihi's decays for 1.0."""


class CubaParameters(NamedTuple):
    """A CUBA neuron: ``u <- alpha u + x``, ``v <- beta v + u``, spike where ``v > theta``, then ``v <- 0``."""

    alpha: Number
    beta: Number
    theta: Number = 1.0


class SnntorchParameters(NamedTuple):
    """Of ``snntorch.Synaptic`` (``Leaky``: no alpha), with ``reset_mechanism="zero", reset_delay=False``."""

    alpha: Number
    beta: Number
    threshold: Number


class NorseParameters(NamedTuple):
    """Of ``norse.torch.LIFParameters`` (``LIFBoxParameters``: no tau_syn_inv), leak and reset potential 0."""

    tau_syn_inv_per_s: Number
    tau_mem_inv_per_s: Number
    v_th: Number


class NirParameters(NamedTuple):
    """Of ``nir.CubaLIF``, leak and reset potential 0."""

    tau_syn_s: Number
    tau_mem_s: Number
    r: Number
    w_in: Number
    v_threshold: Number


class LavaParameters(NamedTuple):
    """Of ``lava.proc.lif.LIF`` in floating point."""

    du: Number
    dv: Number
    vth: Number


class SlayerParameters(NamedTuple):
    """Of ``slayer.neuron.cuba.Neuron`` and ``slayer.block.cuba``."""

    threshold: Number
    current_decay: Number
    voltage_decay: Number


class SlayerRegisters(NamedTuple):
    """What slayer makes of them, as Loihi takes them."""

    i_decay: int
    v_decay: int
    v_th_mant: int


class SpikingjellyParameters(NamedTuple):
    """Of ``spikingjelly`` ``CUBALIFNode`` with ``v_reset=0``."""

    c_decay: Number
    v_decay: Number
    v_threshold: Number


class SinabsParameters(NamedTuple):
    """Of ``sinabs.layers.LIF`` with ``norm_input=False``, single spikes and reset to 0; time constants in steps."""

    tau_syn_steps: float | None
    tau_mem_steps: float
    spike_threshold: float


def to_snntorch(cuba: CubaParameters) -> SnntorchParameters:
    """The same three numbers; the same spikes and membranes to the last bit."""
    return SnntorchParameters(cuba.alpha, cuba.beta, cuba.theta)


def from_snntorch(found: SnntorchParameters) -> CubaParameters:
    """The inverse of ``to_snntorch``."""
    return CubaParameters(found.alpha, found.beta, found.threshold)


def to_norse(cuba: CubaParameters, dt_s: float) -> NorseParameters:
    """Inverse time constants, and a threshold in norse's unit of voltage: its v is ours times ``1 - beta``.

    Exact but for rounding: norse adds changes where we multiply by decays.
    """
    _check_step(dt_s)
    return NorseParameters((1 - cuba.alpha) / dt_s, (1 - cuba.beta) / dt_s, cuba.theta * (1 - cuba.beta))


def from_norse(found: NorseParameters, dt_s: float) -> CubaParameters:
    """The inverse of ``to_norse``."""
    _check_step(dt_s)
    leak = dt_s * found.tau_mem_inv_per_s
    return CubaParameters(1 - dt_s * found.tau_syn_inv_per_s, 1 - leak, found.v_th / leak)


def to_nir(cuba: CubaParameters, dt_s: float) -> NirParameters:
    """Time constants, with gains that undo the factors ``dt / tau`` of NIR's Euler step.

    Exact but for rounding. A writer must keep ``tau_syn_s`` above ``dt_s`` for readers that refuse equality (alpha 0).

    Raises:
        ValueError: a decay of 1, which has no time constant.
    """
    _check_step(dt_s)
    for name, decay in (("alpha", cuba.alpha), ("beta", cuba.beta)):
        if _largest(decay) >= 1:
            raise ValueError(f"to_nir: {name} must be below 1 to have a time constant, got {decay}")
    tau_syn_s, tau_mem_s = dt_s / (1 - cuba.alpha), dt_s / (1 - cuba.beta)
    return NirParameters(tau_syn_s, tau_mem_s, tau_mem_s / dt_s, tau_syn_s / dt_s, cuba.theta)


def from_nir(found: NirParameters, dt_s: float) -> CubaParameters:
    """The inverse of ``to_nir``, for any gains: they act as one factor on the input, which the threshold takes in.

    The current u of such a neuron is that of the graph divided by its gain ``w_in dt / tau_syn``, v likewise.
    """
    _check_step(dt_s)
    gain = (found.w_in * dt_s / found.tau_syn_s) * (found.r * dt_s / found.tau_mem_s)
    return CubaParameters(1 - dt_s / found.tau_syn_s, 1 - dt_s / found.tau_mem_s, found.v_threshold / gain)


def to_lava(cuba: CubaParameters) -> LavaParameters:
    """What decays in a step instead of what stays. Exact but for rounding; Lava's synapses add a delay of one step."""
    return LavaParameters(1 - cuba.alpha, 1 - cuba.beta, cuba.theta)


def from_lava(found: LavaParameters) -> CubaParameters:
    """The inverse of ``to_lava``."""
    return CubaParameters(1 - found.du, 1 - found.dv, found.vth)


def to_slayer(cuba: CubaParameters) -> SlayerParameters:
    """What decays in a step instead of what stays.

    The map is exact, slayer's neuron is not: see ``to_slayer_registers``.
    """
    return SlayerParameters(cuba.theta, 1 - cuba.alpha, 1 - cuba.beta)


def from_slayer(found: SlayerParameters) -> CubaParameters:
    """The inverse of ``to_slayer``."""
    return CubaParameters(1 - found.current_decay, 1 - found.voltage_decay, found.threshold)


def to_slayer_registers(cuba: CubaParameters) -> SlayerRegisters:
    """The integers that slayer computes with: decays rounded to 1/4096, the threshold cut to 1/64.

    Exact only for decays and thresholds that lie on these grids. u and v are kept in steps of 1/4096 as well, and decay
    rounds them toward zero.
    """
    alpha, beta, theta = (float(number) for number in cuba)
    return SlayerRegisters(round(DECAY_STEPS * (1 - alpha)), round(DECAY_STEPS * (1 - beta)), int(theta * SLAYER_SCALE))


def from_slayer_registers(found: SlayerRegisters) -> CubaParameters:
    """The decays and threshold that slayer really uses; the inverse of ``to_slayer_registers`` on its grids."""
    return CubaParameters(1 - found.i_decay / DECAY_STEPS, 1 - found.v_decay / DECAY_STEPS,
                          found.v_th_mant / SLAYER_SCALE)


def to_spikingjelly(cuba: CubaParameters) -> SpikingjellyParameters:
    """The same three numbers; spikingjelly fires at ``v >= theta`` already, and rounds in the same order."""
    return SpikingjellyParameters(cuba.alpha, cuba.beta, cuba.theta)


def from_spikingjelly(found: SpikingjellyParameters) -> CubaParameters:
    """The inverse of ``to_spikingjelly``."""
    return CubaParameters(found.c_decay, found.v_decay, found.v_threshold)


def to_sinabs(cuba: CubaParameters) -> SinabsParameters:
    """Time constants in steps of an exponential decay, ``tau = -1 / ln(decay)``; takes numbers, not tensors.

    sinabs decays the current once more before the membrane gets it, so with alpha above 0 its v is ours times alpha,
    and its threshold too. Exact but for rounding; sinabs fires at ``v >= theta``.

    Raises:
        ValueError: beta is not between 0 and 1.
    """
    alpha, beta, theta = (float(number) for number in cuba)
    if not 0 <= alpha < 1 or not 0 < beta < 1:
        raise ValueError(f"to_sinabs: need 0 <= alpha < 1 and 0 < beta < 1, got {alpha} and {beta}")
    tau_syn_steps = -1 / math.log(alpha) if alpha else None
    return SinabsParameters(tau_syn_steps, -1 / math.log(beta), theta * (alpha or 1.0))


def from_sinabs(found: SinabsParameters) -> CubaParameters:
    """The inverse of ``to_sinabs``."""
    alpha = 0.0 if found.tau_syn_steps is None else math.exp(-1 / found.tau_syn_steps)
    return CubaParameters(alpha, math.exp(-1 / found.tau_mem_steps), found.spike_threshold / (alpha or 1.0))


def _check_step(dt_s: float) -> None:
    if not dt_s > 0:
        raise ValueError(f"parameter map: dt_s must be above 0, got {dt_s}")


def _largest(number: Number) -> float:
    return float(number if isinstance(number, (int, float)) else number.detach().max())
