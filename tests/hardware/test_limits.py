"""Registers by hand, the grid of weights, and a refusal for each thing the chip cannot say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neurofer.hardware.limits import (
    CHIPS,
    LOIHI_1,
    LOIHI_2,
    cuba_registers,
    current_cannot_wrap,
    even_weights,
    neuron_problems,
    weight_problems,
)


def test_registers_by_hand() -> None:
    registers = cuba_registers(alpha=0.75, beta=0.9, theta=1.0, weight_abs_max=0.5)
    # S = 254 / 0.5 = 508; 4096 * 0.25 = 1024; 4096 * 0.1 = 409.6 -> 410; 1 * 508
    assert registers == (508.0, 1024, 410, 508)
    assert registers.alpha == 0.75
    assert registers.beta == 1 - 410 / 4096
    assert registers.theta == 1.0


def test_a_neuron_without_current_memory_is_lif() -> None:
    # slayer's fixed scale is 64: its theta 1.25 becomes 80
    assert cuba_registers(0.0, 0.5, 1.25, 254 / 64)[1:] == (4096, 2048, 80)


def test_weights_by_hand() -> None:
    # S = 254: 1 -> 254; -1 -> -254; half steps to the even half: 0.5 * 254 / 2 = 63.5 -> 64 -> 128; -1.2 -> clamped
    weights = np.array([[1.0, -1.0, 0.5], [0.0, -1.2, 1.2]])
    assert even_weights(weights, 254.0).tolist() == [[254, -254, 128], [0, -256, 254]]
    assert even_weights(weights, 254.0).dtype == np.int16


def test_every_rounded_layer_is_a_layer_the_chip_holds() -> None:
    generator = np.random.default_rng(0)
    for size in (1e-6, 1.0, 1e6):
        weights = generator.normal(0, size, (8, 4, 3, 3))
        scale = cuba_registers(0.5, 0.5, size, float(np.abs(weights).max())).scale
        rounded = even_weights(weights, scale)
        assert weight_problems("conv", rounded) == []
        assert np.abs(rounded / scale - weights).max() <= 1.0001 / scale  # at most half a step of 2


def test_scaling_weights_and_threshold_together_changes_nothing() -> None:
    small, large = cuba_registers(0.5, 0.9, 1.0, 0.3), cuba_registers(0.5, 0.9, 8.0, 2.4)
    assert small[1:] == large[1:]


@pytest.mark.parametrize(
    ("alpha", "beta", "theta", "weight", "told"),
    [
        (1.0, 0.5, 1.0, 1.0, "alpha 1 has no current decay register; need 0 to 0.999756"),
        (-0.1, 0.5, 1.0, 1.0, "alpha -0.1 has no current decay register"),
        (0.5, 0.0, 1.0, 1.0, "beta 0 has no membrane decay register; need 0.000244141 to 1"),
        (0.5, 1.1, 1.0, 1.0, "beta 1.1 has no membrane decay register"),
        (math.nan, 0.5, 1.0, 1.0, "alpha nan"),
        (0.5, 0.5, 1e-4, 1.0, "threshold 0.0001 is 0.0254"),
        (0.5, 0.5, 600.0, 1.0, "threshold 600 is 152400"),
        (0.5, 0.5, math.nan, 1.0, "threshold nan is nan"),
        (0.5, 0.5, -math.inf, 1.0, "threshold -inf is -inf"),
        (0.5, -1e308, 1.0, 1.0, "beta -1e+308 has no"),
        (0.5, 0.5, 1.0, 0.0, "the largest weight is 0"),
        (0.5, 0.5, 1.0, math.inf, "the largest weight is inf"),
    ],
)
def test_what_the_chip_cannot_say(alpha: float, beta: float, theta: float, weight: float, told: str) -> None:
    problems = neuron_problems("encoder.2", alpha, beta, theta, weight)
    assert len(problems) == 1
    assert problems[0].startswith(f"encoder.2: {told}")
    with pytest.raises(ValueError, match="neuron: "):
        cuba_registers(alpha, beta, theta, weight)


def test_all_problems_are_told_together() -> None:
    assert len(neuron_problems("head", 1.5, -1.0, 1e9, 1.0)) == 3
    assert neuron_problems("head", 0.75, 0.9, 1.0, 1.0) == []
    assert neuron_problems("head", 0.0, 1.0, 1.0, 1.0) == []


def test_weights_the_chip_does_not_hold() -> None:
    assert weight_problems("a", np.array([1, 2, -3])) == ["a: 2 odd weights; the chip holds even ones"]
    assert weight_problems("a", np.array([256, -258, 2])) == ["a: 2 weights outside -256..254"]
    assert "all weights are 0" in weight_problems("a", np.zeros(3, int))[0]
    assert "float64" in weight_problems("a", np.zeros(3))[0]


def test_the_bound_on_the_current() -> None:
    assert current_cannot_wrap(131_071, 4096)
    assert not current_cannot_wrap(131_072, 4096)
    assert not current_cannot_wrap(1_000, 4)
    # the worst case itself, in integers: every synapse spikes in every step
    for total, decay in ((60_000, 2048), (131_000, 4096), (30, 1)):
        u = 0
        for _ in range(200_000 if decay == 1 else 1_000):
            u = (u * (4096 - decay) >> 12) + (total << 6)
        assert current_cannot_wrap(total, decay) == (u <= 2**23)


def test_both_chips_are_complete_and_graded() -> None:
    assert set(CHIPS.values()) == {LOIHI_1, LOIHI_2}
    assert LOIHI_1.neurons_per_core.value == 1024
    assert LOIHI_1.synapse_bits_per_core.value == 128 * 1024 * 8
    assert LOIHI_2.neurons_per_core.grade == "C"
    for chip in CHIPS.values():
        for limit in vars(chip).values():
            if limit != chip.name:
                assert limit.grade in "ABC"
                assert limit.source
