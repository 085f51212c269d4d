"""Which weights of classes: chosen on subject-disjoint folds of the training subjects, which the tested never see."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import ClipSet
from neurofer.data.folds import fold_subjects
from neurofer.evaluate.micro import scores_of_confusion
from neurofer.models.siamese import Trunk
from neurofer.train.micro.config import MicroConfig
from neurofer.train.micro.losses import ALPHAS, Alpha
from neurofer.train.micro.stages import MicroData, copied, probabilities_of, train_head, train_target


def search_alpha(config: MicroConfig, data: MicroData, clip_set: ClipSet, train: NDArray[np.int64], trunk: Trunk,
                 seed: int) -> tuple[Alpha, dict[str, Any]]:
    """The weighing of classes with the best UF1 over inner folds, their decisions pooled.

    The trunk of stage 1 has seen all training subjects, so scores here are too good; they only compare weighings.

    Args:
        config: The run; ``target.inner`` says how much is trained in each fold.
        data: What is read.
        clip_set: The clips.
        train: Numbers of the training clips.
        trunk: Of stage 1; not changed.
        seed: Of the run.

    Returns:
        The weighing, and ``{"folds", "uf1": {alpha: score}, "chosen"}``.

    Raises:
        NeuroferError: fewer training subjects than inner folds.

    Source:
        Micro-expression specification, section 2.5.
    """
    names = sorted({clip_set.clips[number].subject for number in train})
    inner_set = ClipSet(clip_set.name, clip_set.classes, clip_set.of_subjects(names), clip_set.digest)
    placed = fold_subjects(inner_set, config.target.inner_folds)
    who = np.array([clip_set.clips[number].subject for number in train])
    scores: dict[str, float] = {}
    for alpha in ALPHAS:
        confusion = np.zeros((len(data.classes),) * 2)
        for left_out in placed:
            out = np.isin(who, left_out)
            data.reads.note("alpha", train)
            if config.target.inner == "head":
                model = train_head(config, data, train[~out], copied(trunk), alpha, seed)
            else:
                model, _ = train_target(config, data, train[~out], copied(trunk), alpha, seed, purpose="alpha")
            said = probabilities_of(model, data, train[out]).argmax(axis=1)
            np.add.at(confusion, (data.labels[train[out]], said), 1)
        scores[alpha] = scores_of_confusion(confusion, data.classes)["uf1"]
    chosen = max(ALPHAS, key=lambda alpha: scores[alpha])
    return chosen, {"folds": [list(names) for names in placed], "uf1": scores, "chosen": chosen}
