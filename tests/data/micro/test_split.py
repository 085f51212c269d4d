"""Splits of the micro-expression protocols: as many folds as subjects, and nobody on both sides."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from neurofer.data.clip import Clip, ClipSet
from neurofer.data.micro.record import LABELS3
from neurofer.data.micro.split import everybody, leave_one_out, subject_folds
from neurofer.errors import NeuroferError, UsageError
from neurofer.reproduce.mersiamc3d_published import COMPOSITE


def composite() -> ClipSet:
    """A made-up list with the composite protocol's numbers of subjects and clips."""
    clips = []
    for dataset, (subjects, counts) in COMPOSITE.items():
        labels = [label for label, count in zip(LABELS3, counts, strict=True) for _ in range(count)]
        for number, label in enumerate(labels):
            subject = f"{dataset}/s{number % subjects:02d}"
            clips.append(Clip(f"{subject}_{number:03d}", Path("events"), 0, 1, subject, label, dataset))
    return ClipSet("casme2+samm+smic", LABELS3, tuple(sorted(clips, key=lambda clip: clip.name)), "digest")


def test_the_list_has_the_counts_of_the_protocol() -> None:
    clip_set = composite()
    assert (len(clip_set.clips), len(clip_set.subjects)) == (442, 68)
    assert Counter(clip.label for clip in clip_set.clips) == {"negative": 250, "positive": 109, "surprise": 83}


def test_68_folds_test_every_clip_once_and_nobody_is_on_both_sides() -> None:
    clip_set = composite()
    tested = []
    for fold in range(68):
        split = leave_one_out(clip_set, fold)
        train, test = split.numbers(clip_set, "train"), split.numbers(clip_set, "test")
        assert len(split.test) == 1
        assert not set(split.train) & set(split.test)
        assert not {clip_set.clips[number].subject for number in train} & set(split.test)
        assert len(train) + len(test) == 442
        tested.append(test)
    assert np.array_equal(np.sort(np.concatenate(tested)), np.arange(442))
    with pytest.raises(UsageError, match=r"split.fold=68: casme2\+samm\+smic has 68 subjects, numbered from 0"):
        leave_one_out(clip_set, 68)


def test_a_name_and_its_number_are_one_fold() -> None:
    clip_set = composite()
    assert leave_one_out(clip_set, "samm/s03") == leave_one_out(clip_set, clip_set.subjects.index("samm/s03"))
    with pytest.raises(UsageError, match=r"split.subject=samm/s99: is none of casme2\+samm\+smic"):
        leave_one_out(clip_set, "samm/s99")


def test_folds_of_several_subjects_test_everybody_once() -> None:
    clip_set = composite()
    splits = [subject_folds(clip_set, 5, fold) for fold in range(5)]
    assert sorted(name for split in splits for name in split.test) == list(clip_set.subjects)
    for split in splits:
        assert not set(split.train) & set(split.test)
        assert set(split.train) | set(split.test) == set(clip_set.subjects)


def test_everybody_trains_and_one_alone_cannot_be_left_out() -> None:
    clip_set = composite()
    assert (everybody(clip_set).train, everybody(clip_set).test) == (clip_set.subjects, ())
    alone = ClipSet("one", LABELS3, clip_set.of_subjects(["smic/s00"]), "digest")
    with pytest.raises(NeuroferError, match="has one subject"):
        leave_one_out(alone, 0)
