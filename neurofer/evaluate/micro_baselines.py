"""What needs no face: the commonest class, and how much moves when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from neurofer.train.micro.stages import MicroData


def micro_baselines(data: MicroData, train: NDArray[np.int64], test: NDArray[np.int64]) -> dict[str, list[int]]:
    """Class numbers that two baselines say of the tested clips.

    Args:
        data: Maps and labels of all clips.
        train: Numbers of the training clips.
        test: Numbers of the tested clips.

    Returns:
        ``majority``: the commonest training class. ``motion``: a logistic regression on the mean absolute value of each
        of the 30 maps, which knows how much moves when, but not where.
    """
    if not len(test):
        return {"majority": [], "motion": []}
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    commonest = int(np.bincount(data.labels[train]).argmax())
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    model.fit(_amounts(data, train), data.labels[train])
    return {"majority": [commonest] * len(test), "motion": [int(one) for one in model.predict(_amounts(data, test))]}


def _amounts(data: MicroData, clips: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.stack([np.abs(data.inputs.maps[clip, 0].astype(np.float64)).mean(axis=(2, 3)).ravel() for clip in clips])
