"""Who trains and who is tested in the micro-expression protocols; nobody is on both sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import ClipSet
from neurofer.data.folds import fold_subjects
from neurofer.errors import NeuroferError, UsageError


@dataclass(frozen=True)
class MicroSplit:
    """One partition of a set of clips.

    Attributes:
        train: Subjects to learn from, sorted.
        test: Subjects to test, sorted; may be empty.
        protocol: What it is, in words.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    protocol: str

    def numbers(self, clip_set: ClipSet, part: str) -> NDArray[np.int64]:
        """Numbers of the clips of ``train`` or ``test``."""
        wanted = set(self.train if part == "train" else self.test)
        return np.array([number for number, clip in enumerate(clip_set.clips) if clip.subject in wanted], np.int64)


def leave_one_out(clip_set: ClipSet, subject: str | int) -> MicroSplit:
    """All other subjects train.

    Args:
        clip_set: The clips.
        subject: Who is tested, by name, or by place among all, sorted.

    Raises:
        UsageError: there is no such subject.
        NeuroferError: there is only one.
    """
    names = clip_set.subjects
    if isinstance(subject, int):
        if not 0 <= subject < len(names):
            raise UsageError(f"split.fold={subject}: {clip_set.name} has {len(names)} subjects, numbered from 0")
        subject = names[subject]
    if subject not in names:
        raise UsageError(f"split.subject={subject}: is none of {clip_set.name}; its subjects are "
                         f"{', '.join(names[:10])}{', ...' if len(names) > 10 else ''}")
    if len(names) < 2:
        raise NeuroferError(f"data set {clip_set.name}: has one subject, so none is left to train on")
    train = tuple(name for name in names if name != subject)
    return MicroSplit(train, (subject,), f"leave one subject out ({subject} of {len(names)}); fixed epochs, "
                                         "nothing is chosen on the tested subject")


def subject_folds(clip_set: ClipSet, folds: int, fold: int) -> MicroSplit:
    """One of some subject-disjoint folds of about equal class counts is tested.

    Raises:
        NeuroferError: fewer subjects than folds.
    """
    placed = fold_subjects(clip_set, folds)
    train = tuple(sorted(name for number, names in enumerate(placed) if number != fold for name in names))
    return MicroSplit(train, placed[fold], f"fold {fold} of {folds} subject-disjoint folds tested; fixed epochs, "
                                           "nothing is chosen on the tested subjects")


def everybody(clip_set: ClipSet) -> MicroSplit:
    """All subjects train, nobody is tested."""
    return MicroSplit(clip_set.subjects, (), "trained on all subjects, tested on none")
