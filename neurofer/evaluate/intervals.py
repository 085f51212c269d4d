"""95 % intervals: over subjects for one run, over seeds for several."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def bootstrap_subjects(
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    subjects: Sequence[str],
    classes: int,
    score: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Percentile interval of a score when whole subjects are drawn again with replacement.

    Clips of one subject are not independent, so resampling clips would give an interval that is too narrow.

    Args:
        truth: ``(N,)`` class numbers.
        predicted: ``(N,)`` class numbers.
        subjects: ``N`` subject names.
        classes: Number of classes K.
        score: ``(R, K, K)`` confusion matrices (rows: truth) to ``(R,)`` scores.
        level: Coverage.
        draws: Number of resamples.
        seed: Makes the interval repeatable.

    Returns:
        ``(low, high)``, or None with fewer than two subjects, where nothing is known about others.
    """
    names, place = np.unique(np.asarray(subjects), return_inverse=True)
    if len(names) < 2:
        return None
    each = np.zeros((len(names), classes, classes))
    np.add.at(each, (place, truth, predicted), 1)
    weights = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    scores = score(np.einsum("rs,sij->rij", weights.astype(np.float64), each))
    low, high = np.quantile(scores[np.isfinite(scores)], [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def t_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float] | None:
    """Student's t interval of the mean of a few repeated runs; None for fewer than two."""
    if len(values) < 2:
        return None
    mean, error = float(np.mean(values)), float(stats.sem(values))
    if error == 0:
        return mean, mean
    low, high = stats.t.interval(level, len(values) - 1, loc=mean, scale=error)
    return float(low), float(high)
