"""Scores of predicted classes: accuracy, UAR, macro F1, per class, per subject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from neurofer.evaluate.intervals import bootstrap_subjects

METRICS = ("accuracy", "uar", "macro_f1")


def scores(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], subjects: Sequence[str], classes: Sequence[str]
) -> dict[str, Any]:
    """Every score of one set of predictions, ready for JSON.

    UAR (unweighted average recall) and macro F1 are means over the classes that occur in ``truth``.

    Args:
        truth: ``(N,)`` class numbers, N >= 1.
        predicted: ``(N,)`` class numbers.
        subjects: ``N`` subject names; intervals come from resampling them.
        classes: Class names by number.

    Returns:
        ``{"samples", "subjects", "accuracy", "uar", "macro_f1", "interval": {metric: [low, high] | None},
        "per_class": {name: {"precision", "recall", "f1", "samples"}}, "per_subject": {name: {"accuracy", "samples"}},
        "confusion": [[...]]}`` with rows of the confusion matrix for the truth.

    Raises:
        ValueError: no sample, or columns of unequal length.

    Example:
        >>> both = scores(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]), ["a", "a", "b", "b"], ["calm", "glad"])
        >>> both["accuracy"], both["uar"]
        (0.75, 0.75)
    """
    if not len(truth) == len(predicted) == len(subjects) > 0:
        raise ValueError(f"scores: need equally many truths, predictions and subjects, at least one; got {len(truth)}, "
                         f"{len(predicted)}, {len(subjects)}")
    numbers = list(range(len(classes)))
    confusion = confusion_matrix(truth, predicted, labels=numbers)
    precision, recall, f1, samples = precision_recall_fscore_support(truth, predicted, labels=numbers, zero_division=0)
    names, right = np.asarray(subjects), truth == predicted
    functions = {"accuracy": accuracy_of, "uar": uar_of, "macro_f1": macro_f1_of}
    found: dict[str, Any] = {"samples": len(truth), "subjects": len(set(subjects))}
    for metric, function in functions.items():
        found[metric] = float(function(confusion[None].astype(np.float64))[0])
    found["interval"] = {}
    for metric, function in functions.items():
        interval = bootstrap_subjects(truth, predicted, subjects, len(classes), function)
        found["interval"][metric] = None if interval is None else list(interval)
    found["per_class"] = {
        name: {"precision": float(precision[k]), "recall": float(recall[k]), "f1": float(f1[k]),
               "samples": int(samples[k])}
        for k, name in enumerate(classes)
    }
    found["per_subject"] = {
        str(name): {"accuracy": float(right[names == name].mean()), "samples": int((names == name).sum())}
        for name in np.unique(names)
    }
    found["confusion"] = confusion.tolist()
    return found


def accuracy_of(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of samples on the diagonal of each of ``(R, K, K)`` confusion matrices."""
    right = np.trace(confusion, axis1=1, axis2=2)
    return np.asarray(right / np.maximum(confusion.sum(axis=(1, 2)), 1))


def uar_of(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean recall over the classes that occur, for each of ``(R, K, K)`` confusion matrices."""
    samples = confusion.sum(axis=2)
    right = np.diagonal(confusion, axis1=1, axis2=2)
    return _mean_where(right / np.maximum(samples, 1), samples > 0)


def macro_f1_of(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean F1 over the classes that occur, for each of ``(R, K, K)`` confusion matrices."""
    samples, named = confusion.sum(axis=2), confusion.sum(axis=1)
    right = np.diagonal(confusion, axis1=1, axis2=2)
    return _mean_where(2 * right / np.maximum(samples + named, 1), samples > 0)


def _mean_where(values: NDArray[np.float64], there: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray((values * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1))
