"""What a network said about clips: one decision per window, one per clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from torch import nn

from neurofer.train.processes import Processes


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

    def by_window(self) -> Decisions:
        """The same, each decision window in the place of a clip: for scores that count windows."""
        return Decisions(self.clips[self.window_clips], self.window_predicted, self.window_probabilities,
                         np.arange(len(self.window_clips)), self.window_predicted, self.window_probabilities)

    def loss(self, truth: NDArray[np.int64]) -> float:
        """Mean negative log probability of the true class per clip.

        Args:
            truth: ``(N,)`` class numbers.
        """
        there = self.probabilities[np.arange(len(truth)), truth]
        return float(-np.log(np.maximum(there, 1e-12)).mean())


def decide_together(decide: Callable[[nn.Module, NDArray[np.int64]], Decisions], model: nn.Module,
                    clips: NDArray[np.int64], processes: Processes) -> Decisions:
    """Decisions about clips, shared out over all processes; the result is the same in each, and as of one alone.

    Args:
        decide: Decides about some clips.
        model: The network.
        clips: Numbers of the clips.
        processes: Who decides; with fewer clips than processes, each decides about all.
    """
    share = processes.share
    if share.of == 1 or len(clips) < share.of:
        return decide(model, clips)
    each = [found for (found,) in processes.gather([decide(model, clips[share.mine(len(clips))])])]
    return _in_order(each, [share._replace(rank=rank).mine(len(clips)) for rank in range(share.of)])


def _in_order(each: Sequence[Decisions], places: Sequence[NDArray[np.int64]]) -> Decisions:
    """The decisions of all, as if one had decided: clip by clip, where the clips of each stood at ``places``."""
    parts = {field.name: np.concatenate([getattr(found, field.name) for found in each]) for field in fields(Decisions)}
    owner = np.concatenate([place[found.window_clips] for place, found in zip(places, each, strict=True)])
    by_clip, by_window = np.argsort(np.concatenate(places)), np.argsort(owner, kind="stable")
    return Decisions(parts["clips"][by_clip], parts["predicted"][by_clip], parts["probabilities"][by_clip],
                     owner[by_window], parts["window_predicted"][by_window], parts["window_probabilities"][by_window])


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
