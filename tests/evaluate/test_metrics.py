"""Scores: by hand, laws, invariances, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.evaluate.metrics import accuracy_of, macro_f1_of, scores, uar_of

CLASSES = ("calm", "glad", "sad")


def test_by_hand() -> None:
    truth, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0])
    found = scores(truth, predicted, list("aabbcc"), CLASSES)
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["uar"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert found["macro_f1"] == pytest.approx((2 * 2 / 6 + 2 * 2 / 5 + 0) / 3)
    assert found["confusion"] == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert found["per_class"]["glad"] == {"precision": pytest.approx(2 / 3), "recall": 1.0, "f1": pytest.approx(0.8),
                                          "samples": 2}
    assert found["per_subject"] == {"a": {"accuracy": 1.0, "samples": 2}, "b": {"accuracy": 0.5, "samples": 2},
                                    "c": {"accuracy": 0.5, "samples": 2}}


def test_equal_class_sizes_make_uar_the_accuracy() -> None:
    generator = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 20)
    found = scores(truth, generator.integers(0, 3, 60), ["a", "b"] * 30, CLASSES)
    assert found["uar"] == pytest.approx(found["accuracy"])


def test_the_order_of_samples_does_not_matter() -> None:
    generator = np.random.default_rng(1)
    truth, predicted = generator.integers(0, 3, (2, 50))
    subjects = np.array(list("abcde") * 10)
    order = generator.permutation(50)
    assert scores(truth, predicted, subjects.tolist(), CLASSES) == scores(
        truth[order], predicted[order], subjects[order].tolist(), CLASSES)


def test_confusion_scores_equal_the_library_s() -> None:
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    generator = np.random.default_rng(2)
    truth, predicted = generator.integers(0, 3, (2, 200))
    confusion = np.zeros((1, 3, 3))
    np.add.at(confusion[0], (truth, predicted), 1)
    assert accuracy_of(confusion)[0] == pytest.approx(accuracy_score(truth, predicted))
    assert uar_of(confusion)[0] == pytest.approx(recall_score(truth, predicted, average="macro"))
    assert macro_f1_of(confusion)[0] == pytest.approx(f1_score(truth, predicted, average="macro"))


def test_a_class_without_samples_does_not_count() -> None:
    found = scores(np.array([0, 1]), np.array([0, 1]), ["a", "b"], CLASSES)
    assert found["uar"] == found["macro_f1"] == 1.0
    assert found["per_class"]["sad"]["samples"] == 0


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        scores(np.array([], int), np.array([], int), [], CLASSES)
