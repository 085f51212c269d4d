"""What chips can hold: weights, the bound on the current, limits with their grades."""

from __future__ import annotations

import numpy as np

from neurofer.hardware.limits import CHIPS, LOIHI_1, LOIHI_2, current_cannot_wrap, weight_problems


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
