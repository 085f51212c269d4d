"""The published way to train: every triple of a clip is a sample of its own, and triples may be cut twice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from neurofer.train.ann import AnnTask, sequence_classifier
from neurofer.train.decisions import decide_together, validation_scores
from neurofer.train.processes import Processes


class TripleTask(AnnTask):
    """Batches, loss and decisions of the ANN where each context of a clip is a sample.

    Once an epoch every ``model.context_windows`` windows in a row of every training clip are seen, each with a draw of
    changes and a loss of its own. A clip is decided by the mean probabilities of its samples.

    With ``parity.double_windowing`` the samples are those of ``doubled_contexts``, in training and in decisions. With
    ``parity.best_on_test`` the epoch is chosen by the score of the samples, as published, not by that of the clips.

    Source:
        evTransFER (Verschae and Bugueno-Cordova 2026).
    """

    @property
    def steps(self) -> int:
        """Optimiser steps of one epoch."""
        samples = sum(len(self._contexts(int(length))) for length in self._windows.lengths()[self._train])
        return -(-samples // self._config.train.batch)

    def validate(self, model: nn.Module, processes: Processes) -> dict[str, float]:
        """Scores per validation clip; per sample with ``parity.best_on_test``."""
        said = decide_together(self.decide, model, self._validation, processes)
        return validation_scores(said.by_window() if self._config.parity.best_on_test else said, self._labels)

    def _samples(self, generator: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        contexts = [self._contexts(int(length)) for length in self._windows.lengths()[self._train]]
        clips = np.repeat(self._train, [len(windows) for windows in contexts])
        return clips, np.concatenate(contexts)

    def _logits_of_clip(self, model: nn.Module, embeddings: Tensor) -> Tensor:
        if not self._config.parity.double_windowing:
            return super()._logits_of_clip(model, embeddings)
        samples = embeddings[0][self._contexts(embeddings.shape[1])]
        return sequence_classifier(model).decide(samples)[0][:, 0]

    def _contexts(self, windows: int) -> NDArray[np.int64]:
        cut = doubled_contexts if self._config.parity.double_windowing else contexts
        return cut(windows, self._config.model.context_windows)


def contexts(windows: int, context_windows: int) -> NDArray[np.int64]:
    """Every ``context_windows`` windows in a row, from 0: ``(windows - context_windows + 1, context_windows)``."""
    starts = np.arange(max(windows - context_windows + 1, 0), dtype=np.int64)
    return starts[:, None] + np.arange(context_windows)


def doubled_contexts(windows: int, context_windows: int = 3) -> NDArray[np.int64]:
    """Contexts of the row of all contexts: what cutting a clip that was cut already gives.

    Four windows become the triples 123 and 234, these one row 123234, and its triples are 123, 232, 323, 234. So n
    windows give 3 n - 8 samples, none for fewer than three.

    Args:
        windows: Windows of a clip.
        context_windows: Windows of a context.

    Returns:
        ``(samples, context_windows)`` window numbers from 0.

    Source:
        evTransFER's public classifier code, in facts: one script copies every triple, another cuts the copies again.
    """
    row = contexts(windows, context_windows).ravel()
    return np.asarray(row[contexts(len(row), context_windows)], np.int64)
