"""Calibration: by hand, beside a library, whatever the order, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from neurofer.evaluate.calibration import calibration


def drawn(count: int = 500, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.dirichlet(np.ones(classes) * 0.5, count), generator.integers(0, classes, count)


def test_two_bins_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1]] * 4 + [[0.4, 0.6]] * 4)
    found = calibration(probabilities, np.array([0, 0, 0, 1, 1, 0, 0, 0]), bins=10)
    # 0.9 with 3 of 4 right: gap 0.15; 0.6 with 1 of 4 right: gap 0.35.
    assert found.expected_error == pytest.approx((0.15 + 0.35) / 2)
    assert found.maximum_error == pytest.approx(0.35)
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 4, 0, 0, 4, 0]
    assert found.brier == pytest.approx((3 * 0.02 + 1.62 + 0.32 + 3 * 0.72) / 8)
    assert found.overall == pytest.approx((0.5, 0.75))


def test_bins_and_brier_are_the_library_s() -> None:
    probabilities, truth = drawn()
    found = calibration(probabilities, truth, 15)
    right = probabilities.argmax(1) == truth
    accuracy, confidence = calibration_curve(right, probabilities.max(1), n_bins=15)
    np.testing.assert_allclose(found.accuracy[found.counts > 0], accuracy)
    np.testing.assert_allclose(found.confidence[found.counts > 0], confidence)
    two, labels = drawn(classes=2)
    # The library's score of two classes is that of one of them, half of the sum over both.
    assert calibration(two, labels).brier == pytest.approx(2 * brier_score_loss(labels, two[:, 1]))


def test_one_bin_is_the_gap_of_the_means_and_order_says_nothing() -> None:
    probabilities, truth = drawn()
    accuracy, sure = (probabilities.argmax(1) == truth).mean(), probabilities.max(1).mean()
    assert calibration(probabilities, truth, 1).expected_error == pytest.approx(abs(accuracy - sure))
    order = np.random.default_rng(1).permutation(len(truth))
    one, other = calibration(probabilities, truth), calibration(probabilities[order], truth[order])
    np.testing.assert_array_equal(one.counts, other.counts)
    assert one.expected_error == pytest.approx(other.expected_error)  # sums in another order


def test_certainty_is_calibrated_where_it_is_right() -> None:
    found = calibration(np.eye(3), np.arange(3))
    assert (found.expected_error, found.maximum_error, found.brier) == (0, 0, 0)
    assert found.counts[-1] == 3


@pytest.mark.parametrize(("probabilities", "truth", "message"), [
    (np.zeros((0, 2)), np.zeros(0, np.int64), "N >= 1"),
    (np.array([[0.9, 0.3]]), np.array([0]), "must sum to 1"),
    (np.array([[0.5, 0.5]]), np.array([2]), "class numbers 0..1"),
    (np.array([[0.5, 0.5]]), np.array([0.0]), "class numbers"),
])
def test_what_is_no_probability_is_refused(probabilities: np.ndarray, truth: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibration(probabilities, truth)
