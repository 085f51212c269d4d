"""What Loihi 1 and Loihi 2 can hold and say, each number with how sure it is, and the checks that follow.

Grades: A, fixed in the code of lava, slayer, netx or nengo_loihi; B, one public log or document; C, second-hand or
inferred. Only A refuses a network; B and C warn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neurofer.spiking.chip_size import SURE_CORES
from neurofer.spiking.registers import (
    CURRENT_DECAY,
    DECAY_ONE,
    INPUT_SHIFT,
    STATE_LIMIT,
    THRESHOLD_MANTISSA,
    VOLTAGE_DECAY,
    WEIGHTS,
)

Grade = Literal["A", "B", "C"]

WEIGHT_STEP = 2
"""Between the integers that a synapse of mixed sign holds."""


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
    weight=Limit(WEIGHTS, "A", _SLAYER),
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
    weight=Limit(WEIGHTS, "A", _SLAYER),
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


def weight_problems(name: str, weights: NDArray[np.integer]) -> list[str]:
    """Why these integers cannot be a layer's weights on the chip, one sentence each; empty when they can."""
    low, high = WEIGHTS
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


def largest_current(largest_drive: int, current_decay: int) -> float:
    """Bound of u, in which a weight of 1 counts 64, whatever the spikes are.

    A neuron driven as hard as it can be at every step has the geometric sum of its drives; rounding toward zero only
    makes it smaller.

    Args:
        largest_drive: Largest absolute sum of integer weights that arrives at one neuron in one step.
        current_decay: Register iDecay.
    """
    return largest_drive * DECAY_ONE / current_decay * (1 << INPUT_SHIFT)


def current_cannot_wrap(largest_drive: int, current_decay: int) -> bool:
    """Whether u can never leave 24 bits, whatever the spikes are; arguments are those of ``largest_current``."""
    return largest_current(largest_drive, current_decay) < STATE_LIMIT
