"""Registers of the CUBA neuron on Loihi, and the ranges of all integers of a layer; imports no torch.

Source:
    lava-nc 0.10.0 ``proc/lif/models.py`` (registers, state), lava-dl 0.6.0 ``netx`` and slayer (even weights of mixed
    sign, shift of the input).
"""

from __future__ import annotations

from typing import NamedTuple

DECAY_BITS = 12
DECAY_ONE = 1 << DECAY_BITS
"""A decay register of 4096 forgets everything in one step."""

CURRENT_DECAY = (1, 4096)
VOLTAGE_DECAY = (0, 4095)
THRESHOLD_MANTISSA = (1, 131_071)

WEIGHTS = (-256, 254)
"""Even integers that a synapse of mixed sign holds; the largest weight of a layer is scaled to the upper one."""

INPUT_SHIFT = 6
"""Synaptic input and threshold are shifted left by this much before they meet u and v."""

STATE_LIMIT = 1 << 23
"""u wraps and v saturates at 24 bits, signed."""


class Registers(NamedTuple):
    """The neurons of one layer in integers.

    Attributes:
        current_decay: iDecay, 1..4096; the hardware register is one less.
        voltage_decay: vDecay, 0..4095.
        threshold: vThMant, 1..131071.
    """

    current_decay: int
    voltage_decay: int
    threshold: int

    @property
    def alpha(self) -> float:
        """Decay of the current that the chip has."""
        return 1 - self.current_decay / DECAY_ONE

    @property
    def beta(self) -> float:
        """Decay of the membrane that the chip has."""
        return 1 - self.voltage_decay / DECAY_ONE


def nearest_registers(alpha: float, beta: float, theta: float, scale: float) -> Registers:
    """``round(4096 (1 - alpha))``, ``round(4096 (1 - beta))``, ``round(theta S)``, halves to even, kept in range.

    Args:
        alpha: Decay of the current, 0..1.
        beta: Decay of the membrane, 0..1.
        theta: Threshold, above 0.
        scale: S, integers per unit of the weights.
    """
    wanted = (DECAY_ONE * (1 - alpha), DECAY_ONE * (1 - beta), theta * scale)
    ranges = (CURRENT_DECAY, VOLTAGE_DECAY, THRESHOLD_MANTISSA)
    return Registers(*(min(max(round(value), low), high) for value, (low, high) in zip(wanted, ranges, strict=True)))
