"""Baselines: the commonest class, and the amount of events."""

from __future__ import annotations

import numpy as np

from neurofer.evaluate.baselines import event_count_baseline, majority_baseline


def test_majority_by_hand() -> None:
    assert majority_baseline(np.array([2, 1, 1, 0, 0]), 3).tolist() == [0, 0, 0]


def test_counts_that_tell_the_class_are_used() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], 50)
    counts = generator.poisson(np.where(labels, 9000, 1000)[:, None], (100, 2))
    assert (event_count_baseline(counts, labels, counts) == labels).mean() > 0.95


def test_counts_that_tell_nothing_stay_near_chance() -> None:
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 4, 400)
    counts = generator.poisson(5000, (400, 2))
    assert (event_count_baseline(counts[:200], labels[:200], counts[200:]) == labels[200:]).mean() < 0.4


def test_a_single_class_is_the_answer() -> None:
    assert event_count_baseline(np.ones((3, 2), int), np.full(3, 2), np.zeros((2, 2), int)).tolist() == [2, 2]
