"""95 % intervals of spotting's F1, over subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from neurofer.evaluate.spotting import NAMES, Counts, Name


def bootstrap_spotting(
    counts_by_subject: Sequence[Mapping[Name, Counts] | Mapping[str, Counts]], draws: int = 2000, seed: int = 0, *,
    level: float = 0.95,
) -> dict[str, tuple[float, float] | None]:
    """Percentile intervals of F1 when whole subjects are drawn again with replacement and their counts are summed.

    All three are of the same draws. A draw without truth or prediction has F1 0, as the score itself has.

    Args:
        counts_by_subject: Counts of each subject, all its videos together; a subject without truth belongs to it too.
        draws: Number of resamples.
        seed: Makes the intervals repeatable.
        level: Coverage.

    Returns:
        ``{micro|macro|overall: (low, high)}``; None with fewer than two subjects, where nothing is known about others.
    """
    subjects = len(counts_by_subject)
    if subjects < 2:
        return dict.fromkeys(NAMES)
    # (S, 3 names, tp fp fn); whole numbers, so sums are exact
    each = np.array([[(one[name].tp, one[name].fp, one[name].fn) for name in NAMES] for one in counts_by_subject])
    weights = np.random.default_rng(seed).multinomial(subjects, np.full(subjects, 1 / subjects), size=draws)
    tp, fp, fn = np.moveaxis(np.tensordot(weights, each, axes=1), 2, 0)  # each (draws, 3 names)
    scores = 2 * tp / np.maximum(2 * tp + fp + fn, 1)
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return {name: (float(low[place]), float(high[place])) for place, name in enumerate(NAMES)}
