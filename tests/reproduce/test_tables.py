"""Numbers of the tables, computed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from neurofer.errors import NeuroferError
from neurofer.reproduce.report import require_unseen_subjects
from neurofer.reproduce.tables import OverSeeds, csv_table, differences, over_seeds, training_rows
from neurofer.reproduce.words import mean_text, place_text

T_2 = 4.302652729911275  # 97.5 % quantile of Student's t with 2 degrees of freedom


def rows(**by_mode: list[float]) -> list[dict[str, Any]]:
    return [{"seed": seed, "variant": "t0_t0", "lstm": True, "labels": 0.25, "mode": mode, "accuracy_clip": value}
            for mode, values in by_mode.items() for seed, value in enumerate(values)]


def test_mean_interval_deviation_and_best_by_hand() -> None:
    values = OverSeeds({0: 0.1, 1: 0.2, 2: 0.3})
    assert values.mean == pytest.approx(0.2)
    assert values.deviation == pytest.approx(0.1)
    half = T_2 * 0.1 / 3**0.5  # 0.2484
    assert values.interval == pytest.approx((0.2 - half, 0.2 + half))
    assert values.largest == 0.3
    assert mean_text(values) == "20.0 (-4.8 to 44.8)"


def test_one_seed_has_no_interval() -> None:
    one = OverSeeds({3: 0.5})
    assert one.interval is None
    assert one.deviation is None
    assert mean_text(one) == "50.0"


def test_a_difference_is_paired_by_seed() -> None:
    found = differences(rows(scratch=[0.4, 0.6, 0.5], finetune=[0.5, 0.6, 0.7]), "accuracy_clip", "mode", "scratch",
                        "finetune")
    assert [one.what for one in found] == ["finetune - scratch"]
    assert found[0].where == {"variant": "t0_t0", "lstm": True, "labels": 0.25}
    assert found[0].values.values == pytest.approx({0: 0.1, 1: 0.0, 2: 0.2})
    half = T_2 * 0.1 / 3**0.5
    assert found[0].values.interval == pytest.approx((0.1 - half, 0.1 + half))
    assert not found[0].clear
    assert mean_text(found[0].values, signed=True) == "+10.0 (-14.8 to +34.8)"


def test_the_same_step_under_every_seed_is_clear_though_the_values_scatter() -> None:
    found = differences(rows(scratch=[0.1, 0.5, 0.9], linear=[0.15, 0.56, 0.94]), "accuracy_clip", "mode", "scratch",
                        "linear")
    assert found[0].clear


def test_only_seeds_that_both_have_are_compared() -> None:
    found = differences(rows(scratch=[0.4, 0.6, 0.5], linear=[0.5]), "accuracy_clip", "mode", "scratch", "linear")
    assert found[0].values.values == pytest.approx({0: 0.1})
    assert not found[0].clear
    assert differences(rows(scratch=[0.4]), "accuracy_clip", "mode", "scratch", "linear") == []


def test_rows_in_any_order_give_the_same_table() -> None:
    some = rows(scratch=[0.4, 0.6], linear=[0.5, 0.7])
    one, other = over_seeds(some, "accuracy_clip"), over_seeds(some[::-1], "accuracy_clip")
    assert {place: value.mean for place, value in one.items()} == {place: value.mean for place, value in other.items()}


def test_a_csv_has_the_columns_of_all_rows() -> None:
    assert csv_table([{"a": 1}, {"a": 2, "b": 3}]) == [["a", "b"], [1, ""], [2, 3]]


def test_places_name_only_what_varies() -> None:
    where = {"variant": "t0_t0", "lstm": False, "labels": 0.125}
    assert place_text(where, ["lstm", "labels"]) == "frame, 12.5 % of the labels"
    assert place_text(where, []) == "all"


def records(seen: list[str], tested: list[str], kind: str = "subjects",
            clips: list[str] | None = None) -> dict[str, Any]:
    return {
        "before": {"parameters": {"stage": "pretrain"}, "result": {"subjects": seen, "clips": clips or []}},
        "after": {"parameters": {"stage": "train", "config": {"split": {"kind": kind}}}, "needs": {"before": "key"},
                  "result": {"subjects": {"test": tested}, "predictions": {"clip": ["x_1", "x_2"]}}},
    }


def test_no_table_is_made_where_a_pretraining_saw_a_tested_subject() -> None:
    require_unseen_subjects(records(["a", "b"], ["c"]))
    with pytest.raises(NeuroferError, match="after: its pre-training before has seen b, on whom it was tested"):
        require_unseen_subjects(records(["a", "b"], ["b", "c"]))


def test_the_published_split_shares_subjects_but_no_clip() -> None:
    require_unseen_subjects(records(["a", "b"], ["b"], "paper", ["y_1"]))
    with pytest.raises(NeuroferError, match="has seen x_2"):
        require_unseen_subjects(records(["a", "b"], ["b"], "paper", ["x_2"]))


def test_a_row_holds_its_pretraining() -> None:
    scores = {"accuracy": 0.5, "uar": 0.4, "macro_f1": 0.3, "samples": 10}
    found = {
        "pretrain-s0": {"parameters": {"stage": "pretrain"}, "seconds": 9.04,
                        "result": {"epochs": 7, "held_out": {"psnr_db": 20.0}}},
        "linear-s0": {"parameters": {"stage": "train", "seed": 0, "variant": "t0_t0", "lstm": True, "labels": 1.0,
                                     "mode": "linear"}, "needs": {"pretrain-s0": "key"}, "seconds": 2.0, "result": {
            "clip": scores, "window": scores, "subjects": {"train": ["a"], "validation": ["b"], "test": ["c"]},
            "clips": {"train": 3}, "validation_accuracy": 0.6, "best_epoch": 2, "epochs": 4, "parameters": 100,
            "baselines": {"majority": {"accuracy": 0.1}}}},
    }
    (row,) = training_rows(found)
    assert (row["accuracy_clip"], row["uar_window"], row["test_subjects"]) == (0.5, 0.4, 1)
    assert row["majority_accuracy"] == 0.1
    assert (row["pretrain_epochs"], row["pretrain_seconds"], row["pretrain_psnr_db"]) == (7, 9.0, 20.0)
