"""What a recogniser must beat: the commonest class, the amount of events, the time, all without any picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def majority_baseline(train_labels: NDArray[np.int64], samples: int) -> NDArray[np.int64]:
    """The commonest training class (the first of equals), ``samples`` times."""
    return np.full(samples, np.bincount(train_labels).argmax(), dtype=np.int64)


def event_count_baseline(
    train_counts: NDArray[np.int64], train_labels: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Classes guessed from how many ON and OFF events a clip has: logistic regression on their logarithms.

    Trained on the training subjects' clips alone. Whatever it gets right needs no face at all.

    Args:
        train_counts: ``(N, 2)`` ON and OFF events of each training clip.
        train_labels: ``(N,)`` class numbers.
        counts: ``(M, 2)`` of the clips to guess.

    Returns:
        ``(M,)`` class numbers.
    """
    if len(np.unique(train_labels)) < 2:
        return majority_baseline(train_labels, len(counts))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(np.log1p(train_counts), train_labels)
    return np.asarray(model.predict(np.log1p(counts)), dtype=np.int64)


def window_index_baseline(
    train_index: NDArray[np.int64], train_labels: NDArray[np.int64], index: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Classes guessed from the place of a window in its recording alone: the commonest training class there.

    Whatever it gets right beyond the commonest class says that recordings of some classes are longer.

    Args:
        train_index: ``(N,)`` place of each training window in its recording, from 0.
        train_labels: ``(N,)`` class numbers.
        index: ``(M,)`` places of the windows to guess; where no training recording reaches, the commonest class.

    Returns:
        ``(M,)`` class numbers.
    """
    guesses = majority_baseline(train_labels, len(index))
    for place in np.unique(index):
        there = train_labels[train_index == place]
        if len(there):
            guesses[index == place] = np.bincount(there).argmax()
    return guesses
