"""Scores of the composite protocol: UF1 and UAR of predictions that are pooled over all folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.evaluate.intervals import bootstrap_subjects
from neurofer.evaluate.metrics import accuracy_of

MICRO_METRICS = ("uf1", "uar", "accuracy")


def uf1_of(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over all K classes of ``2 TP / (2 TP + FP + FN)``, for each of ``(R, K, K)`` confusion matrices.

    A class that neither occurs nor is named counts as 0, so that a score is never over fewer classes than asked.

    Source:
        MEGC 2019 recognition protocol; micro-expression specification, section 4.
    """
    right = np.diagonal(confusion, axis1=1, axis2=2)
    both = confusion.sum(axis=2) + confusion.sum(axis=1)
    return np.asarray((2 * right / np.maximum(both, 1)).mean(axis=1))


def uar_of_all(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean recall over all K classes of each of ``(R, K, K)`` confusion matrices; one that does not occur counts 0."""
    right = np.diagonal(confusion, axis1=1, axis2=2)
    return np.asarray((right / np.maximum(confusion.sum(axis=2), 1)).mean(axis=1))


def pooled_scores(truth: NDArray[np.int64], predicted: NDArray[np.int64], subjects: Sequence[str],
                  classes: Sequence[str]) -> dict[str, Any]:
    """UF1, UAR and accuracy of the decisions of all folds together, never a mean over folds.

    Args:
        truth: ``(N,)`` class numbers, N >= 1.
        predicted: ``(N,)`` class numbers.
        subjects: ``N`` subject names; intervals come from resampling them.
        classes: Class names by number.

    Returns:
        ``{"samples", "subjects", "uf1", "uar", "accuracy", "interval": {metric: [low, high] | None}, "per_class":
        {name: {"f1", "recall", "samples"}}, "confusion"}`` with rows of the confusion matrix for the truth.

    Raises:
        ValueError: no sample, or columns of unequal length.
    """
    if not len(truth) == len(predicted) == len(subjects) > 0:
        raise ValueError(f"pooled_scores: need equally many truths, predictions and subjects, at least one; got "
                         f"{len(truth)}, {len(predicted)}, {len(subjects)}")
    count = len(classes)
    confusion = np.zeros((count, count))
    np.add.at(confusion, (truth, predicted), 1)
    found = scores_of_confusion(confusion, classes)
    functions = {"uf1": uf1_of, "uar": uar_of_all, "accuracy": accuracy_of}
    intervals = {name: bootstrap_subjects(truth, predicted, subjects, count, function)
                 for name, function in functions.items()}
    return {"samples": len(truth), "subjects": len(set(subjects)), **found,
            "interval": {name: None if pair is None else list(pair) for name, pair in intervals.items()}}


def scores_of_confusion(confusion: NDArray[np.float64], classes: Sequence[str]) -> dict[str, Any]:
    """UF1, UAR, accuracy and the scores of each class of one ``(K, K)`` confusion matrix, rows for the truth.

    Example:
        >>> found = scores_of_confusion(np.array([[200, 30, 20], [25, 75, 9], [10, 8, 65]], float), "abc")
        >>> round(found["uf1"], 4), round(found["uar"], 4), round(found["accuracy"], 4)
        (0.745, 0.7571, 0.7692)
    """
    each, right = confusion[None], np.diagonal(confusion)
    samples, named = confusion.sum(axis=1), confusion.sum(axis=0)
    return {"uf1": float(uf1_of(each)[0]), "uar": float(uar_of_all(each)[0]), "accuracy": float(accuracy_of(each)[0]),
            "per_class": {name: {"f1": float(2 * right[k] / max(samples[k] + named[k], 1)),
                                 "recall": float(right[k] / max(samples[k], 1)), "samples": int(samples[k])}
                          for k, name in enumerate(classes)},
            "confusion": confusion.astype(int).tolist()}
