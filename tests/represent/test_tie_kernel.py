"""The frozen kernels and their sums over bins."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.represent.tie_kernel import BIN_STEP, CHANNEL_BINS, KERNELS, folded, shifted_sum


def test_triangles_by_hand():
    assert KERNELS["triangle14"](0.0) == 1
    assert KERNELS["triangle14"](1 / 28) == pytest.approx(0.5)
    assert KERNELS["triangle14"](-0.08) == 0
    assert KERNELS["triangle8"](0.0625) == pytest.approx(0.5)
    assert KERNELS["triangle8"](0.125) == 0


def test_est_has_the_measured_height_area_and_tails():
    est = KERNELS["est"]
    u = np.linspace(-1, 1, 200_001)
    tip = est(u)
    assert tip.max() == pytest.approx(0.987, abs=1e-3)
    assert np.trapezoid(tip, u) == pytest.approx(0.0709, abs=1e-4)
    assert np.abs(tip[np.abs(u) > 0.11]).max() < 0.004
    assert est(2.0) == pytest.approx(0.035, abs=2e-3)
    assert est(3.0) == pytest.approx(0.107, abs=1e-3)
    assert np.mean((tip - KERNELS["triangle14"](u)) ** 2) == pytest.approx(2.5e-6, rel=0.3)
    assert np.abs(tip - KERNELS["triangle14"](u)).max() == pytest.approx(0.016, abs=3e-3)


def test_est_goes_on_with_its_last_slope():
    est = KERNELS["est"]
    slope = (0.10692 - 0.03764) / (3.0 - 2.0733)
    assert est(10.0) == pytest.approx(0.10692 + 7 * slope, rel=1e-9)
    assert est(-2.0) == pytest.approx(-0.00014 - (0.00035 + 0.00014) / (1.0 - 0.9612), rel=1e-9)


@pytest.mark.parametrize("kernel", list(KERNELS))
def test_kernels_are_continuous(kernel):
    lines = KERNELS[kernel]
    around = lines(np.stack([lines.corners - 1e-9, lines.corners, lines.corners + 1e-9]))
    assert np.abs(around - around[1]).max() < 2e-6


@pytest.mark.parametrize("kernel", list(KERNELS))
def test_folded_weight_is_the_sum_over_bins(kernel):
    place = np.random.default_rng(0).uniform(-0.5, 4, 5000)
    for channel, polarity, bins in CHANNEL_BINS:
        direct = sum(KERNELS[kernel](place - i * BIN_STEP) for i in bins)
        np.testing.assert_allclose(folded(kernel)[channel, polarity](place), direct, atol=1e-9)


def test_triangle8_gives_every_event_exactly_one():
    whole = shifted_sum(KERNELS["triangle8"], range(9))
    np.testing.assert_allclose(whole(np.linspace(0, 1, 1001)), 1.0, atol=1e-12)


def test_triangle14_weight_varies_from_a_quarter_to_one_with_the_phase():
    whole = shifted_sum(KERNELS["triangle14"], range(9))(np.linspace(0, 1, 8001))
    assert whole.max() == pytest.approx(1)
    assert whole.min() == pytest.approx(0.25 - 1 / 56, abs=0.02)
