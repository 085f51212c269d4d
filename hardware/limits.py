"""What Loihi 1 and Loihi 2 can hold and say, each number with how sure it is, and the checks that follow.

Grades: A, fixed in the code of lava, slayer, netx or nengo_loihi; B, one public log or document; C, second-hand or
inferred. Only A refuses a network; B and C warn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.spiking.chip_size import SURE_CORES

Grade = Literal["A", "B", "C"]

DECAY_ONE = 4096
"""A decay register of 4096 forgets everything in one step."""
CURRENT_DECAY = (1, 4096)
VOLTAGE_DECAY = (0, 4095)
THRESHOLD_MANTISSA = (1, 131_071)
WEIGHT_MIXED_SIGN = (-256, 254)
WEIGHT_STEP = 2
INPUT_SHIFT = 6
"""Synaptic input, bias and threshold are shifted left by this much before they meet u and v."""
STATE_LIMIT = 1 << 23
"""u wraps and v saturates at 24 bits, signed."""


@dataclass(frozen=True)
class Limit:
    """A number of one chip: value (a range as ``(low, high)``, None when unknown), grade, where it comes from."""

    value: int | tuple[int, int] | None
    grade: Grade
    source: str


@dataclass(frozen=True)
class Chip:
    """Limits of one chip generation for CUBA neurons with binary spikes.

    Attributes:
        weight: Integer weights of both signs, in steps of 2.
        weight_exponent: Power of two on top of them.
        state_bits: Bits of u (wraps) and v (saturates), signed.
        current_decay: Register iDecay as written here; the hardware register is one less.
        voltage_decay: Register vDecay.
        threshold_mantissa: Register vThMant, shifted left by 6.
        bias_mantissa: Bias, added to v, not to u.
        refractory: Steps without a spike after a spike.
        delay: Synaptic delay in steps.
        neurons_per_core: Compartments.
        synapse_bits_per_core: Memory of weights, in bits.
        axons_in_per_core: Input axons.
        axons_out_per_core: Output axons.
        cores_per_chip: Neuron cores.
    """

    name: str
    weight: Limit
    weight_exponent: Limit
    state_bits: Limit
    current_decay: Limit
    voltage_decay: Limit
    threshold_mantissa: Limit
    bias_mantissa: Limit
    refractory: Limit
    delay: Limit
    neurons_per_core: Limit
    synapse_bits_per_core: Limit
    axons_in_per_core: Limit
    axons_out_per_core: Limit
    cores_per_chip: Limit


_CORE_1 = SURE_CORES["loihi1"]
_SLAYER = "slayer quantize_8bit, netx utils.py"
_LAVA = "lava proc/lif/models.py"
_NENGO = "nengo_loihi"
_PILOTNET = "lava-dl pilotnet_snn/benchmark.ipynb"

LOIHI_1 = Chip(
    name="Loihi 1",
    weight=Limit(WEIGHT_MIXED_SIGN, "A", _SLAYER),
    weight_exponent=Limit((-7, 7), "A", _NENGO),
    state_bits=Limit(24, "A", _LAVA),
    current_decay=Limit(CURRENT_DECAY, "A", _LAVA),
    voltage_decay=Limit(VOLTAGE_DECAY, "A", _LAVA),
    threshold_mantissa=Limit(THRESHOLD_MANTISSA, "A", _LAVA),
    bias_mantissa=Limit((-4095, 4095), "A", _NENGO),
    refractory=Limit((1, 63), "A", _NENGO),
    delay=Limit((0, 255), "C", "below 8 bits"),
    neurons_per_core=Limit(_CORE_1.neurons, "A", f"{_NENGO} block.py"),
    synapse_bits_per_core=Limit(_CORE_1.synapse_bits, "A", f"{_NENGO} block.py: 16,384 units of 64 bits"),
    axons_in_per_core=Limit(_CORE_1.axons_in, "A", f"{_NENGO} block.py"),
    axons_out_per_core=Limit(_CORE_1.axons_out, "A", f"{_NENGO} block.py"),
    cores_per_chip=Limit(128, "A", _NENGO),
)

LOIHI_2 = Chip(
    name="Loihi 2",
    weight=Limit(WEIGHT_MIXED_SIGN, "A", _SLAYER),
    weight_exponent=Limit(None, "A", "dense layers set it, convolutions 0: netx"),
    state_bits=Limit(24, "A", _LAVA),
    current_decay=Limit(CURRENT_DECAY, "A", _LAVA),
    voltage_decay=Limit(VOLTAGE_DECAY, "A", _LAVA),
    threshold_mantissa=Limit(THRESHOLD_MANTISSA, "A", _LAVA),
    bias_mantissa=Limit((-4095, 4095), "A", f"{_LAVA}; netx fixes the exponent to 6"),
    refractory=Limit((1, 1), "A", "netx: write 1"),
    delay=Limit((0, 62), "A", "slayer, netx: dense layers only"),
    neurons_per_core=Limit(8192, "C", "Intel's brief as quoted by others"),
    synapse_bits_per_core=Limit(12_000 * 64, "C", f"{_PILOTNET}: 12,000 units (B), of 64 bits if its dense layers and "
                                "those of three more logs are read rightly; a log of mnist has 16,000"),
    axons_in_per_core=Limit(None, "C", "not documented; the percentages of a log of mnist are of 16,000"),
    axons_out_per_core=Limit(None, "C", "not documented"),
    cores_per_chip=Limit(128, "C", "open-neuromorphic.org; papers say 120 to 128"),
)

LOIHI_2_NEURONS_SEEN = Limit(3072, "B", f"{_PILOTNET}: a real mapping put 3072 to 3168 neurons on a core, "
                             "that of yolo_kp 3584")

CHIPS = {"loihi1": LOIHI_1, "loihi2": LOIHI_2}


class CubaRegisters(NamedTuple):
    """One layer's neuron in integers: ``scale`` S turns a float weight or threshold into chip units."""

    scale: float
    current_decay: int
    voltage_decay: int
    threshold_mantissa: int

    @property
    def alpha(self) -> float:
        """Decay of the current that the chip really has."""
        return 1 - self.current_decay / DECAY_ONE

    @property
    def beta(self) -> float:
        """Decay of the membrane that the chip really has."""
        return 1 - self.voltage_decay / DECAY_ONE

    @property
    def theta(self) -> float:
        """Threshold that the chip really has, in the units of the float weights."""
        return self.threshold_mantissa / self.scale


def cuba_registers(alpha: float, beta: float, theta: float, weight_abs_max: float) -> CubaRegisters:
    """Registers of a CUBA layer: one scale that takes the largest weight to 254, decays and threshold rounded.

    Args:
        alpha: Decay of the current u.
        beta: Decay of the membrane v.
        theta: Threshold, fired at strictly above it.
        weight_abs_max: Largest absolute weight of the layer.

    Raises:
        ValueError: the chip cannot say this neuron; the message lists every reason.

    Source:
        lava-nc 0.10.0 proc/lif/models.py (registers), lava-dl 0.6.0 netx (even weights of mixed sign).
    """
    problems = neuron_problems("neuron", alpha, beta, theta, weight_abs_max)
    if problems:
        raise ValueError("; ".join(problems))
    scale = WEIGHT_MIXED_SIGN[1] / weight_abs_max
    return CubaRegisters(scale, _register(1 - alpha), _register(1 - beta), round(theta * scale))


def neuron_problems(name: str, alpha: float, beta: float, theta: float, weight_abs_max: float) -> list[str]:
    """Why the chip cannot say this CUBA neuron exactly on its grid, one sentence each; empty when it can.

    Args:
        name: Layer, for the messages.
        alpha: Decay of the current u.
        beta: Decay of the membrane v.
        theta: Threshold.
        weight_abs_max: Largest absolute weight of the layer.
    """
    problems = []
    for symbol, decay, (low, high), what in (
        ("alpha", alpha, CURRENT_DECAY, "current decay"), ("beta", beta, VOLTAGE_DECAY, "membrane decay")
    ):
        if not low <= _register(1 - decay) <= high:
            problems.append(f"{name}: {symbol} {decay:g} has no {what} register; need "
                            f"{1 - high / DECAY_ONE:.6g} to {1 - low / DECAY_ONE:.6g}")
    if not (math.isfinite(weight_abs_max) and weight_abs_max > 0):
        problems.append(f"{name}: the largest weight is {weight_abs_max:g}; need a finite number above 0, "
                        "as a layer of zeros has no scale")
        return problems
    scale = WEIGHT_MIXED_SIGN[1] / weight_abs_max
    low, high = THRESHOLD_MANTISSA
    if not (-1 <= theta * scale <= high + 1 and low <= round(theta * scale) <= high):
        problems.append(f"{name}: threshold {theta:g} is {theta * scale:.6g} at {scale:.6g} units a weight; need "
                        f"{low} to {high}, so train with smaller or larger weights")
    return problems


def even_weights(weights: NDArray[np.floating], scale: float) -> NDArray[np.int16]:
    """Float weights as the even integers -256..254 that a synapse of mixed sign holds.

    Rounds half to even. Any shape; the same shape comes back.
    """
    half = np.clip(np.rint(np.asarray(weights, np.float64) * (scale / WEIGHT_STEP)), -128, 127)
    return (WEIGHT_STEP * half).astype(np.int16)


def weight_problems(name: str, weights: NDArray[np.integer]) -> list[str]:
    """Why these integers cannot be a layer's weights on the chip, one sentence each; empty when they can."""
    low, high = WEIGHT_MIXED_SIGN
    problems = []
    if weights.dtype.kind not in "iu":
        return [f"{name}: weights are {weights.dtype}; need whole numbers"]
    if odd := int(np.count_nonzero(weights % WEIGHT_STEP)):
        problems.append(f"{name}: {odd} odd weights; the chip holds even ones")
    if outside := int(np.count_nonzero((weights < low) | (weights > high))):
        problems.append(f"{name}: {outside} weights outside {low}..{high}")
    if not weights.any():
        problems.append(f"{name}: all weights are 0, so the layer can never fire; remove it or train on")
    return problems


def current_cannot_wrap(largest_drive: int, current_decay: int) -> bool:
    """Whether u can never leave 24 bits, whatever the spikes are.

    A neuron driven as hard as it can be at every step has the geometric sum of its drives; rounding toward zero only
    makes it smaller.

    Args:
        largest_drive: Largest absolute sum of integer weights that arrives at one neuron in one step.
        current_decay: Register iDecay.
    """
    return largest_drive * DECAY_ONE / current_decay < STATE_LIMIT >> INPUT_SHIFT


def _register(decay: float) -> int:
    """The register of a decay of 0..1; anything far outside gives one that no chip has."""
    return round(DECAY_ONE * decay) if abs(decay) <= 2 else -1
