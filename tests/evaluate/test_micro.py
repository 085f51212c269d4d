"""UF1 and UAR of the composite protocol: its numbers, folds of one class, and no mean over folds."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.evaluate.micro import pooled_scores, scores_of_confusion, uar_of_all, uf1_of
from neurofer.evaluate.micro_baselines import micro_baselines

CLASSES = ("negative", "positive", "surprise")


def clips_of(confusion: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Truth and prediction of every clip that a confusion matrix counts."""
    pairs = [(truth, said) for truth, row in enumerate(confusion) for said, count in enumerate(row)
             for _ in range(count)]
    truth, predicted = np.array(pairs).T
    return truth, predicted


def test_the_numbers_of_the_specification() -> None:
    truth, predicted = clips_of([[200, 30, 20], [25, 75, 9], [10, 8, 65]])
    found = pooled_scores(truth, predicted, [f"s{number % 68}" for number in range(442)], CLASSES)
    assert [round(found["per_class"][name]["f1"], 4) for name in CLASSES] == [0.8247, 0.6757, 0.7345]
    assert (round(found["uf1"], 4), round(found["uar"], 4), round(found["accuracy"], 4)) == (0.7450, 0.7571, 0.7692)
    assert (found["samples"], found["subjects"]) == (442, 68)
    for metric in ("uf1", "uar", "accuracy"):
        low, high = found["interval"][metric]
        assert low < found[metric] < high


def test_always_negative() -> None:
    truth, predicted = clips_of([[250, 0, 0], [109, 0, 0], [83, 0, 0]])
    found = pooled_scores(truth, predicted, ["one"] * 442, CLASSES)
    assert (round(found["uf1"], 4), round(found["uar"], 4), round(found["accuracy"], 4)) == (0.2408, 0.3333, 0.5656)
    assert found["interval"]["uf1"] is None  # of one subject nothing is known about others


@pytest.mark.parametrize("said", [0, 1, 2])
def test_a_fold_of_one_class_gives_no_nan(said: int) -> None:
    found = pooled_scores(np.full(4, 1), np.full(4, said), ["a", "a", "b", "b"], CLASSES)
    numbers = [found["uf1"], found["uar"], found["accuracy"], *(edge for pair in found["interval"].values()
                                                               for edge in pair),
               *(one[name] for one in found["per_class"].values() for name in ("f1", "recall"))]
    assert np.isfinite(numbers).all()
    assert found["uf1"] == pytest.approx(1 / 3 if said == 1 else 0)  # over all three classes, two of which are absent


def test_the_order_of_folds_changes_nothing_and_a_mean_over_folds_is_another_number() -> None:
    generator = np.random.default_rng(0)
    truth, predicted = generator.integers(0, 3, (2, 60))
    subjects = np.array([f"s{number // 10}" for number in range(60)])
    found = pooled_scores(truth, predicted, subjects.tolist(), CLASSES)
    folds = [np.flatnonzero(subjects == f"s{number}") for number in generator.permutation(6)]
    order = np.concatenate(folds)
    again = pooled_scores(truth[order], predicted[order], subjects[order].tolist(), CLASSES)
    assert again == found
    averaged = np.mean([pooled_scores(truth[fold], predicted[fold], subjects[fold].tolist(), CLASSES)["uf1"]
                        for fold in folds])
    assert abs(averaged - found["uf1"]) > 0.01


def test_scores_are_those_of_sklearn_where_every_class_occurs() -> None:
    from sklearn.metrics import balanced_accuracy_score, f1_score

    generator = np.random.default_rng(1)
    truth, predicted = generator.integers(0, 3, (2, 50))
    found = pooled_scores(truth, predicted, ["a"] * 50, CLASSES)
    assert found["uf1"] == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert found["uar"] == pytest.approx(balanced_accuracy_score(truth, predicted))


def test_several_matrices_are_scored_as_one_by_one() -> None:
    matrices = np.random.default_rng(2).integers(0, 9, (5, 3, 3)).astype(np.float64)
    each = [scores_of_confusion(matrix, CLASSES) for matrix in matrices]
    np.testing.assert_allclose(uf1_of(matrices), [one["uf1"] for one in each], rtol=1e-12)  # sums in another order
    np.testing.assert_allclose(uar_of_all(matrices), [one["uar"] for one in each], rtol=1e-12)


def test_columns_of_unequal_length_and_none_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match="got 2, 1, 2"):
        pooled_scores(np.zeros(2, np.int64), np.zeros(1, np.int64), ["a", "b"], CLASSES)
    with pytest.raises(ValueError, match="at least one; got 0, 0, 0"):
        pooled_scores(np.zeros(0, np.int64), np.zeros(0, np.int64), [], CLASSES)


def made_up_maps(labels: np.ndarray) -> object:
    """Maps of which those of class k move most in the k-th."""
    from types import SimpleNamespace

    generator = np.random.default_rng(3)
    maps = 0.1 * generator.standard_normal((len(labels), 1, 3, 10, 4, 4))
    for number, label in enumerate(labels):
        maps[number, 0, :, label] += 1
    return SimpleNamespace(labels=labels, inputs=SimpleNamespace(maps=maps.astype(np.float16)))


def test_baselines_say_the_commonest_class_and_what_moves_when() -> None:
    labels = np.tile([0, 0, 1, 2], 15)
    data, train = made_up_maps(labels), np.arange(52)
    said = micro_baselines(data, train, np.arange(52, 60))  # type: ignore[arg-type]
    assert said == {"majority": [0] * 8, "motion": [0, 0, 1, 2, 0, 0, 1, 2]}
    assert micro_baselines(data, train, np.arange(0)) == {"majority": [], "motion": []}  # type: ignore[arg-type]
