"""The table of spiking recognisers, its numbers by hand from made-up records."""

from __future__ import annotations

from typing import Any

import pytest

from neurofer.errors import NeuroferError
from neurofer.plot.ablation import Estimate
from neurofer.plot.operations import WHOLE, Cost, anytime_figure, operations_figure
from neurofer.reproduce.report import require_unseen_subjects
from neurofer.reproduce.spiking_report import (
    aim_section,
    anytime_section,
    cost_section,
    rates_section,
    sweep_section,
)
from neurofer.reproduce.spiking_tables import aims, spiking_differences, spiking_rows, table_json
from neurofer.reproduce.words import amount_text, between_text

T_2 = 4.302652729911275  # 97.5 % quantile of Student's t with 2 degrees of freedom
MACS = {"kind": "MAC", "per_decision": 8e6, "per_clip": 60e6, "per_second": 50e6}


def spikes(per_clip: float, updates: float = 0.0, rate: float = 0.1) -> dict[str, Any]:
    """60 steps of 20 ms, 10^5 multiply-accumulates a step."""
    return {"kind": "synaptic operation", "per_decision": per_clip / 12, "per_clip": per_clip,
            "per_second": per_clip / 1.2, "rate": rate, "steps_per_clip": 60.0, "updates_per_clip": updates,
            "dense_macs_per_clip": 60e5, "clips_counted": 32,
            "layers": [{"name": "conv1", "rate": 0.2}, {"name": "dense1", "rate": 0.05}]}


def record(arm: str, seed: int, accuracy: float, operations: dict[str, Any], *, anytime: dict[str, Any] | None = None,
           lever: dict[str, Any] | None = None, needs: tuple[str, ...] = ()) -> dict[str, Any]:
    scores = {"accuracy": accuracy, "uar": accuracy, "macro_f1": accuracy, "samples": 10}
    mode = "finetune" if "transferred" in arm else "scratch"
    said = {"stage": "train", "mode": mode, "variant": "x", "lstm": False, "labels": 1.0, "seed": seed,
            "config": {"snn": {"dt_us": 20_000}, "split": {"kind": "subjects"}}, **({"lever": lever} if lever else {}),
            **({"arm": arm} if arm.startswith("snn") else {})}
    return {"parameters": said, "needs": dict.fromkeys(needs, "key"), "seconds": 1.0, "result": {
        "clip": scores, "window": scores, "subjects": {"train": ["a"], "validation": ["b"], "test": ["c"]},
        "clips": {"train": 3}, "validation_accuracy": 0.6, "best_epoch": 2, "epochs": 4, "parameters": 1000,
        "baselines": {"majority": {"accuracy": 0.125}, "event_count": {"accuracy": 0.15}},
        "operations": operations, "latency": {"evidence_ms": 300.0, "p50_ms": 1.0}, "anytime": anytime}}


def table(ann: list[float], snn: list[float], per_clip: float = 4e6, updates: float = 1e6) -> dict[str, Any]:
    return {f"{arm}-{seed}": record(arm, seed, value, operations) for arm, values, operations in (
        ("ann_transferred", ann, MACS), ("snn_scratch", snn, spikes(per_clip, updates)))
        for seed, value in enumerate(values)}


def test_an_arm_against_the_aim_by_hand() -> None:
    (found,) = aims(spiking_rows(table([0.6, 0.6, 0.6], [0.59, 0.60, 0.61])))
    assert found.points.values == pytest.approx({0: -0.01, 1: 0.0, 2: 0.01})
    assert found.share == pytest.approx(4 / 60)
    assert found.share_with_updates == pytest.approx(5 / 60)
    assert (found.near, found.few, found.met) == (True, True, True)
    half = T_2 * 0.01 / 3**0.5  # 2.5 points, so that -1 lies inside
    assert found.points.interval == pytest.approx((-half, half))
    assert not found.settled


@pytest.mark.parametrize(("snn", "updates", "near", "few", "said"), [
    ([0.70, 0.71, 0.70], 0.0, True, True, "Met in the mean by snn_scratch"),
    ([0.50, 0.51, 0.50], 0.0, False, True, "Not met: accuracy."),
    ([0.70, 0.71, 0.70], 2.1e6, True, False, "Not met: operations."),
    ([0.50, 0.51, 0.50], 2.1e6, False, False, "Not met: accuracy and operations.")])
def test_the_verdict_follows_the_numbers(snn: list[float], updates: float, near: bool, few: bool, said: str) -> None:
    rows = spiking_rows(table([0.6, 0.6, 0.6], snn, updates=updates))
    (found,) = aims(rows)
    assert (found.near, found.few, found.met, found.settled) == (near, few, near and few, True)
    text = " ".join(aim_section(rows).text)
    assert said in text
    assert "do not settle" not in text


def test_a_point_below_still_meets_the_aim_and_one_seed_says_so() -> None:
    rows = spiking_rows(table([0.6], [0.59]))
    assert aims(rows)[0].met
    assert "One seed does not say" in aim_section(rows).text[-1]


def test_without_the_transferred_ann_there_is_no_verdict() -> None:
    made = {name: one for name, one in table([0.6], [0.6]).items() if name.startswith("snn")}
    assert "Not to be told yet" in aim_section(spiking_rows(made)).text[-1]
    assert aims(spiking_rows(made)) == []


def test_only_seeds_that_both_have_count() -> None:
    (found,) = aims(spiking_rows(table([0.6, 0.2], [0.6, 0.2, 0.9])))
    assert found.points.values == pytest.approx({0: 0.0, 1: 0.0})


def test_rate_times_steps_and_dense_passes_by_hand() -> None:
    rows = spiking_rows(table([0.6], [0.6]))
    row = next(row for row in rows if row["arm"] == "snn_scratch")
    assert row["steps_of_evidence"] == 15  # 300 ms of 20 ms
    assert (row["rate_x_steps"], row["rate_x_steps_clip"]) == pytest.approx((1.5, 6.0))
    assert row["passes_per_clip"] == pytest.approx(40)  # 4e6 synaptic operations over 1e5
    assert row["passes_of_evidence"] == pytest.approx(10)  # a quarter of the 1.2 s
    assert (row["rate_of_conv1"], row["rate_of_dense1"]) == (0.2, 0.05)
    (section,) = rates_section(rows)
    assert "of one decision for no arm, for a whole recording for no arm" in section.text[0]
    (section,) = rates_section(spiking_rows(table([0.6], [0.6], per_clip=2e6)))  # 5 passes of 5.1, 20 in all
    assert "of one decision for snn_scratch, for a whole recording for no arm" in section.text[0]


def test_operations_are_told_by_second_and_by_recording() -> None:
    (told,) = cost_section(spiking_rows(table([0.6], [0.6]))).tables
    lines = {line[0]: line[2:] for line in told.rows}
    assert lines["ann_transferred"] == ("MAC", "8.00 M", "50.00 M", "60.00 M", "-", "300 ms")
    assert lines["snn_scratch"] == ("synaptic operation", "333.33 k", "3.33 M", "4.00 M", "1.00 M", "300 ms")


def test_differences_are_paired_and_the_curve_is_not_among_them() -> None:
    made = table([0.6, 0.4], [0.5, 0.5])
    made |= {f"taught-{seed}": record("snn_distilled", seed, value, spikes(4e6))
             for seed, value in enumerate([0.6, 0.7])}
    made["lever"] = record("snn_scratch", 0, 0.1, spikes(1e6), lever={"operations_weight": 0.5})
    found = {one.what: one.values.values for one in spiking_differences(spiking_rows(made))}
    assert found == {"snn_scratch - ann_transferred": pytest.approx({0: -0.1, 1: 0.1}),
                     "snn_distilled - ann_transferred": pytest.approx({0: 0.0, 1: 0.3}),
                     "snn_distilled - snn_scratch": pytest.approx({0: 0.1, 1: 0.2})}


def test_the_curve_stands_beside_the_arm_under_the_same_seeds() -> None:
    made = table([0.6, 0.6], [0.5, 0.9])
    made["lever"] = record("snn_scratch", 0, 0.4, spikes(1e6), lever={"operations_weight": 0.5})
    (section,) = sweep_section(spiking_rows(made))
    assert [line[:2] for line in section.tables[0].rows] == [("as in the table", "50.0"),
                                                             ("operations_weight 0.5", "40.0")]
    assert sweep_section(spiking_rows(table([0.6], [0.6]))) == ()


def test_an_ann_has_no_accuracy_before_its_first_windows() -> None:
    onset = {"at_ms": [20, 200], "accuracy": [0.2, 0.4], "clips": 9}
    made = {"a": record("ann_transferred", 0, 0.6, MACS, anytime={
                "at_ms": [20, 200], "accuracy": [None, 0.4], "from_onset": None}),
            "s": record("snn_scratch", 0, 0.5, spikes(4e6), anytime={
                "at_ms": [20, 200], "accuracy": [0.125, 0.3], "from_onset": onset})}
    (section,) = anytime_section(spiking_rows(made))
    by_clip, by_onset = section.tables
    assert by_clip.header == by_onset.header == ("arm", "20 ms", "200 ms", "whole recording")
    assert by_clip.rows == (("ann_transferred", "-", "40.0", "60.0"), ("snn_scratch", "12.5", "30.0", "50.0"))
    assert by_onset.rows == (("ann_transferred", "-", "-", "60.0"), ("snn_scratch", "20.0", "40.0", "50.0"))
    assert anytime_section(spiking_rows(table([0.6], [0.6]))) == ()


def test_the_mapping_says_what_the_tables_say() -> None:
    said = table_json(spiking_rows(table([0.6, 0.6, 0.6], [0.59, 0.60, 0.61])))
    assert said["arms"]["snn_scratch"]["accuracy_clip"]["by_seed"] == {"0": 0.59, "1": 0.60, "2": 0.61}
    assert said["aim"][0]["met"] is True
    assert said["aim"][0]["settled"] is False
    assert [one["what"] for one in said["differences"]] == ["snn_scratch - ann_transferred"]


def test_no_table_is_made_where_a_teacher_saw_a_tested_subject() -> None:
    made = {"teacher": record("ann_transferred", 0, 0.6, MACS),
            "pupil": record("snn_distilled", 0, 0.6, spikes(1e6), needs=("teacher",))}
    require_unseen_subjects(made)
    for part in ("train", "validation"):
        made["teacher"]["result"]["subjects"] = {"train": ["a"], "validation": ["b"], "test": [], part: ["c"]}
        with pytest.raises(NeuroferError, match="pupil: its teacher teacher has seen c, on whom it was tested"):
            require_unseen_subjects(made)


@pytest.mark.parametrize("kind", ["paper", "random"])
def test_where_a_protocol_shares_people_a_teacher_has_seen_the_clips_that_it_was_not_tested_on(kind: str) -> None:
    made = {"teacher": record("ann_transferred", 0, 0.6, MACS),
            "pupil": record("snn_distilled", 0, 0.6, spikes(1e6), needs=("teacher",))}
    for one in made.values():
        one["parameters"]["config"]["split"]["kind"] = kind
        one["result"]["subjects"] = {"train": ["a"], "validation": ["a"], "test": ["a"]}
        one["result"]["predictions"] = {"clip": ["a_1", "a_2"]}
    require_unseen_subjects(made)
    made["teacher"]["result"]["predictions"]["clip"] = ["a_1", "a_3"]
    with pytest.raises(NeuroferError, match="pupil: its teacher teacher has seen a_2, on whom it was tested"):
        require_unseen_subjects(made)


def test_ranges_are_told_only_where_they_differ() -> None:
    assert amount_text([2_610_000, 3_100_000]) == "2.61 M to 3.10 M"
    assert amount_text([2_610_000, 2_610_001]) == "2.61 M"
    assert between_text([0.1, 0.1]) == "0.100"
    assert between_text([0.2, 0.1], ".1f") == "0.1 to 0.2"


def test_figures_draw_what_they_are_given_and_refuse_what_no_scale_holds() -> None:
    one = Cost(1e6, Estimate(0.6, 0.5, 0.7))
    axes = operations_figure({"snn": one, "ann": Cost(5e7, Estimate(0.6))}, {"lever": [one._replace(label="0.1")]},
                             aim=Cost(5e6, Estimate(0.59))).axes[0]
    assert axes.get_xscale() == "log"
    assert axes.patches[0].get_xy()[1] == pytest.approx(0.59)
    assert axes.patches[0].get_xy()[0] + axes.patches[0].get_width() == pytest.approx(5e6)
    axes = anytime_figure({"ms": {"snn": {20.0: Estimate(0.2), 50.0: Estimate(0.3, 0.2, 0.4)}, "ann": {}}},
                          {"snn": Estimate(0.5), "ann": Estimate(0.6)}).axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["20", "50", WHOLE]
    low = anytime_figure({"ms": {"snn": {20.0: Estimate(0.17)}}}, {"snn": Estimate(0.17)}).axes[0]
    assert all(100 * tick == pytest.approx(round(100 * tick), abs=1e-9) for tick in low.get_yticks())
    for broken in ({}, {"a": Cost(0.0, Estimate(0.1))}):
        with pytest.raises(ValueError, match="above 0"):
            operations_figure(broken)
    with pytest.raises(ValueError, match="at least one time"):
        anytime_figure({"ms": {"a": {}}}, {})
