"""Pairs are balanced, cross people, and come from the training clips alone."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.errors import NeuroferError
from neurofer.train.micro.pairs import draw_clips, draw_pairs

LABELS = np.array([0, 0, 1, 1, 2, 2] * 4)
SUBJECTS = np.repeat(np.arange(4), 6)
TRAIN = np.flatnonzero(SUBJECTS != 3)


@pytest.mark.parametrize("count", [2, 31, 32, 200])
def test_half_are_of_one_class_and_half_of_those_of_two_people(count: int) -> None:
    pairs = draw_pairs(LABELS, SUBJECTS, TRAIN, count, np.random.default_rng(0))
    first, second, same = pairs
    assert np.array_equal(same, LABELS[first] == LABELS[second])
    assert same.sum() == count // 2
    assert (first != second).all()
    crossing = SUBJECTS[first[same]] != SUBJECTS[second[same]]
    assert crossing.sum() >= same.sum() / 2


def test_the_test_subject_is_never_in_a_pair() -> None:
    for seed in range(50):
        first, second, _ = draw_pairs(LABELS, SUBJECTS, TRAIN, 64, np.random.default_rng(seed))
        assert not np.isin(SUBJECTS[np.concatenate([first, second])], 3).any()


def test_rare_classes_are_in_as_many_positive_pairs() -> None:
    labels = np.array(([0] * 10 + [1, 1, 2, 2]) * 4)
    subjects = np.repeat(np.arange(4), 14)
    first, _, same = draw_pairs(labels, subjects, np.arange(56), 3000, np.random.default_rng(0))
    shares = np.bincount(labels[first[same]]) / same.sum()
    assert shares == pytest.approx([1 / 3] * 3, abs=0.05)  # 1500 draws: a standard deviation is 0.012


def test_the_same_seed_draws_the_same() -> None:
    one, other = (draw_pairs(LABELS, SUBJECTS, TRAIN, 20, np.random.default_rng(5)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_one_person_alone_is_refused() -> None:
    with pytest.raises(NeuroferError, match="one class and two people"):
        draw_pairs(LABELS, SUBJECTS, np.arange(6), 8, np.random.default_rng(0))
    with pytest.raises(NeuroferError, match="two classes"):
        draw_pairs(LABELS, SUBJECTS, np.flatnonzero(LABELS == 1), 8, np.random.default_rng(0))


def test_few_clips_are_of_all_classes_and_many_people() -> None:
    clips = draw_clips(LABELS, SUBJECTS, TRAIN, 9, np.random.default_rng(0))
    assert len(set(clips.tolist())) == len(clips) == 9
    assert np.bincount(LABELS[clips]).tolist() == [3, 3, 3]
    assert all(len(set(SUBJECTS[clips[LABELS[clips] == label]])) == 3 for label in range(3))
    assert set(clips) <= set(TRAIN)
