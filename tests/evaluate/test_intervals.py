"""Intervals over subjects and over seeds."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.evaluate.intervals import bootstrap_subjects, t_interval
from neurofer.evaluate.metrics import accuracy_of


def test_t_interval_by_hand() -> None:
    low, high = t_interval([0.7, 0.8, 0.9]) or (0, 0)
    half = 4.302653 * 0.1 / np.sqrt(3)  # Student's t, 2 degrees of freedom
    assert (low, high) == (pytest.approx(0.8 - half, abs=1e-6), pytest.approx(0.8 + half, abs=1e-6))


def test_one_run_has_no_interval_and_equal_runs_have_no_width() -> None:
    assert t_interval([0.7]) is None
    assert t_interval([0.5, 0.5]) == (0.5, 0.5)


def test_the_interval_holds_the_score_and_repeats() -> None:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 4, 200)
    predicted = np.where(generator.random(200) < 0.7, truth, 0)
    subjects = [f"s{number % 10}" for number in range(200)]
    first = bootstrap_subjects(truth, predicted, subjects, 4, accuracy_of)
    assert first is not None
    assert first[0] < (truth == predicted).mean() < first[1]
    assert first == bootstrap_subjects(truth, predicted, subjects, 4, accuracy_of)


def test_clips_of_one_subject_are_not_independent() -> None:
    right = np.repeat([1, 1, 1, 0, 0, 1], 40)
    truth = np.ones(240, int)
    by_subject = bootstrap_subjects(truth, right, [f"s{n // 40}" for n in range(240)], 2, accuracy_of)
    by_clip = bootstrap_subjects(truth, right, [f"c{n}" for n in range(240)], 2, accuracy_of)
    assert by_subject is not None
    assert by_clip is not None
    assert by_subject[1] - by_subject[0] > 3 * (by_clip[1] - by_clip[0])


def test_one_subject_says_nothing_about_others() -> None:
    assert bootstrap_subjects(np.array([0, 1]), np.array([0, 1]), ["a", "a"], 2, accuracy_of) is None
