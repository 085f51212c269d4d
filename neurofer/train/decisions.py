"""What a network said about clips: one decision per window, one per clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Decisions:
    """Classes and probabilities of some clips and of the decision windows inside them.

    Attributes:
        clips: ``(N,)`` numbers of the clips in their set.
        predicted: ``(N,)`` class decided for each clip, over all its evidence.
        probabilities: ``(N, K)``.
        window_clips: ``(D,)`` place in ``clips`` of each decision window.
        window_predicted: ``(D,)``.
        window_probabilities: ``(D, K)``.
    """

    clips: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    window_clips: NDArray[np.int64]
    window_predicted: NDArray[np.int64]
    window_probabilities: NDArray[np.float64]

    def loss(self, truth: NDArray[np.int64]) -> float:
        """Mean negative log probability of the true class per clip.

        Args:
            truth: ``(N,)`` class numbers.
        """
        there = self.probabilities[np.arange(len(truth)), truth]
        return float(-np.log(np.maximum(there, 1e-12)).mean())


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def validation_scores(decisions: Decisions, labels: NDArray[np.int64]) -> dict[str, float]:
    """Accuracy, UAR, macro F1 and loss per clip.

    Args:
        decisions: About the validation clips.
        labels: ``(clips,)`` class numbers of the whole set.
    """
    from sklearn.metrics import f1_score, recall_score

    truth, predicted = labels[decisions.clips], decisions.predicted
    present = np.unique(truth)
    return {"accuracy": float((truth == predicted).mean()),
            "uar": float(recall_score(truth, predicted, labels=present, average="macro", zero_division=0)),
            "macro_f1": float(f1_score(truth, predicted, labels=present, average="macro", zero_division=0)),
            "loss": decisions.loss(truth)}
