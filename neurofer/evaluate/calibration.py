"""Whether a recogniser is right as often as it is sure: calibration errors and the Brier score."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Calibration:
    """Decisions sorted by how sure they were, in bins of equal width.

    Attributes:
        edges: ``(B + 1,)`` from 0 to 1; a bin holds its upper edge, not its lower one.
        counts: ``(B,)`` int64 decisions.
        accuracy: ``(B,)`` share that was right; not a number in an empty bin.
        confidence: ``(B,)`` mean probability of the decided class; not a number in an empty bin.
        expected_error: Mean gap between both, over decisions (ECE).
        maximum_error: Largest gap of a bin that is not empty (MCE).
        brier: Mean squared distance between the probabilities and the truth as zeros and a one, 0..2.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    accuracy: NDArray[np.float64]
    confidence: NDArray[np.float64]
    expected_error: float
    maximum_error: float
    brier: float

    @property
    def overall(self) -> tuple[float, float]:
        """Accuracy and mean confidence over all decisions."""
        filled = self.counts > 0
        weights = self.counts[filled] / self.counts.sum()
        return float(weights @ self.accuracy[filled]), float(weights @ self.confidence[filled])


def calibration(probabilities: NDArray[np.floating], truth: NDArray[np.integer], bins: int = 10) -> Calibration:
    """Accuracy against confidence of the class with the largest probability, the first of equals.

    With few decisions even a perfectly calibrated recogniser shows gaps: look at the counts.

    Args:
        probabilities: ``(N, K)``, each row of which sums to 1; N at least 1.
        truth: ``(N,)`` class numbers.
        bins: Bins of equal width, at least 1.

    Raises:
        ValueError: shapes that do not fit, rows that are no probabilities, numbers that are no class, or no bin.

    Source:
        Guo et al., ICML 2017, section 2 (arXiv:1706.04599); Brier, Monthly Weather Review 1950.

    Example:
        >>> sure = calibration(np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]]), np.array([0, 0, 1, 0]))
        >>> round(sure.expected_error, 3), round(sure.maximum_error, 3)
        (0.2, 0.3)
    """
    values, classes = np.asarray(probabilities, np.float64), np.asarray(truth)
    if values.ndim != 2 or not values.size or classes.shape != (len(values),) or bins < 1:
        raise ValueError(f"calibration: need probabilities (N, K), truth (N,), N >= 1 and bins >= 1, got "
                         f"{values.shape}, {classes.shape} and bins={bins}")
    if not (values >= 0).all() or not np.allclose(values.sum(1), 1, atol=1e-3):
        raise ValueError("calibration: every row of probabilities must sum to 1 and hold nothing below 0")
    if classes.dtype.kind not in "iu" or classes.min() < 0 or classes.max() >= values.shape[1]:
        raise ValueError(f"calibration: truth must hold class numbers 0..{values.shape[1] - 1}")
    decided, sure = values.argmax(1), np.minimum(values.max(1), 1.0)
    edges = np.linspace(0, 1, bins + 1)
    places = np.searchsorted(edges[1:-1], sure)
    counts = np.bincount(places, minlength=bins)
    with np.errstate(invalid="ignore"):
        accuracy = np.bincount(places, decided == classes, bins) / counts
        confidence = np.bincount(places, sure, bins) / counts
    gaps = np.abs(accuracy - confidence)
    filled = counts > 0
    wanted = np.zeros_like(values)
    wanted[np.arange(len(values)), classes] = 1
    return Calibration(edges, counts, accuracy, confidence, math.fsum(counts[filled] * gaps[filled]) / len(values),
                       float(gaps[filled].max()), float(((values - wanted) ** 2).sum(1).mean()))
