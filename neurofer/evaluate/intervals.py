"""95 % intervals: over subjects for one run, over seeds for several, of a share of independent samples."""

from __future__ import annotations

import math
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


def wilson(share: float, samples: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of a share of right answers; takes the samples for independent.

    Args:
        share: In [0, 1]; need not be a multiple of ``1 / samples``, as for a mean over seeds.
        samples: What the share is of, at least 1. Where one recording gives many answers, count recordings.
        level: Coverage.

    Raises:
        ValueError: a share outside [0, 1], or no sample.

    Source:
        Wilson, JASA 22, 1927.

    Example:
        >>> [round(100 * edge, 1) for edge in wilson(59 / 63, 63)]
        [84.8, 97.5]
    """
    if not 0 <= share <= 1 or samples < 1:
        raise ValueError(f"wilson: need a share in [0, 1] of 1 or more samples, got {share} of {samples}")
    z = float(stats.norm.ppf((1 + level) / 2))
    scale = 1 + z * z / samples
    middle = (share + z * z / (2 * samples)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / samples + z * z / (4 * samples * samples))
    return max(0.0, middle - half), min(1.0, middle + half)


def t_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float] | None:
    """Student's t interval of the mean of a few repeated runs; None for fewer than two."""
    if len(values) < 2:
        return None
    mean, error = float(np.mean(values)), float(stats.sem(values))
    if error == 0:
        return mean, mean
    low, high = stats.t.interval(level, len(values) - 1, loc=mean, scale=error)
    return float(low), float(high)
