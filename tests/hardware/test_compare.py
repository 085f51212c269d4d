"""A comparison tells the numbers that evaluate tells, and adds what only it knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurofer.errors import UsageError
from neurofer.evaluate.recognition import evaluate_run
from neurofer.hardware.compare import Wanted, compare
from neurofer.hardware.energy import TABLES
from neurofer.hardware.quantise import CannotSay
from neurofer.train.run_folder import load_run
from trees.lava import needs_lava
from trees.pair import TrainedPair, trained_pair


@pytest.fixture(scope="module")
def pair(blob_store: Path) -> TrainedPair:
    return trained_pair(blob_store)


@pytest.fixture(scope="module")
def found(pair: TrainedPair) -> dict[str, Any]:
    wanted = Wanted(("torch", "simulate", "gpu"), tables=tuple(TABLES.values()), decisions=20, device="cpu")
    return compare(load_run(pair.ann), load_run(pair.snn), wanted)


@pytest.fixture(scope="module")
def evaluated(pair: TrainedPair) -> dict[str, dict[str, Any]]:
    return {name: evaluate_run(load_run(path)) for name, path in (("ann", pair.ann), ("torch", pair.snn))}


def test_it_is_plain_json_and_says_what_it_is(found: dict[str, Any]) -> None:
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["format"], found["version"]) == ("neurofer-comparison", 1)


def test_scores_are_those_of_evaluate(found: dict[str, Any], evaluated: dict[str, dict[str, Any]]) -> None:
    for name, one in evaluated.items():
        assert found["accuracy"][name] == one["metrics"]["clip"]
    assert {name: found["accuracy"][name] for name in ("majority", "event_count")} == evaluated["torch"]["baselines"]


def test_accuracy_after_export_is_that_before_it(found: dict[str, Any]) -> None:
    assert found["accuracy"]["simulate"] == found["accuracy"]["gpu"] == found["accuracy"]["torch"]
    same = {(one["one"], one["other"]): (one["same"], one["recordings"]) for one in found["decisions"]}
    assert same["torch", "simulate"] == same["torch", "gpu"] == (6, 6)


def test_every_spike_of_every_step_is_compared(found: dict[str, Any]) -> None:
    assert set(found["spikes"]) == {"simulate", "gpu"}
    for one in found["spikes"].values():
        # clips of 300, 350 and 400 ms, two of each, at 10 ms a step
        assert (one["recordings"], one["steps"], one["different"], one["first"]) == (6, 210, 0, None)
        assert [layer["name"] for layer in one["layers"]] == ["conv1", "conv2", "dense1"]
        assert one["spikes"] == sum(layer["spikes"] for layer in one["layers"]) > 1000
        assert all(layer["first"] is None for layer in one["layers"])


def test_weights_before_rounding_stand_beside(found: dict[str, Any], pair: TrainedPair) -> None:
    card = load_run(pair.snn).card["quantised"]
    assert found["accuracy"]["float"]["accuracy"] == card["float"]["accuracy"]
    (beside,) = [one for one in found["decisions"] if (one["one"], one["other"]) == ("torch", "float")]
    assert beside["same"] == card["same_decisions"]


def test_evidence_is_that_of_evaluate(found: dict[str, Any], evaluated: dict[str, dict[str, Any]]) -> None:
    for name, one in evaluated.items():
        *moments, whole = found["early"]["since_start"][name]
        assert [part and part["accuracy"] for part in moments] == one["anytime"]["accuracy"]
        assert whole["accuracy"] == one["anytime"]["whole"]
    assert found["early"]["at_ms"] == [20, 50, 100, 200, 400, 800]
    assert found["early"]["since_start"]["gpu"] == found["early"]["since_start"]["torch"]


def test_operations_are_those_of_evaluate(found: dict[str, Any], evaluated: dict[str, dict[str, Any]]) -> None:
    for name, key in (("ann", "ann"), ("torch", "snn")):
        mine, theirs = found["operations"][key], evaluated[name]["operations"]
        assert mine["parameters"] == evaluated[name]["parameters"]
        for what in ("per_decision", "per_second"):
            assert mine[what] == pytest.approx(theirs[what])
        assert mine["per_recording"] == pytest.approx(theirs["per_clip"])
    assert found["operations"]["snn"]["rate"] == pytest.approx(evaluated["torch"]["operations"]["rate"])
    assert found["operations"]["snn"]["recordings"] == 6


def test_units_of_the_ann_are_the_outputs_of_its_weight_layers(found: dict[str, Any]) -> None:
    # 16 x 16 pixels, halved by each convolution: 8 channels of 8 x 8, 16 of 4 x 4, 32 of 2 x 2, the neck's 64 values
    window = 8 * 64 + 16 * 16 + 32 * 4 + 64
    # a decision: 64 values of the LSTM at each of 3 windows, 32 of the hidden layer, 3 classes
    decision = 3 * 64 + 32 + 3
    # windows of 50 ms: 6, 7 and 8 in clips of 300, 350 and 400 ms, the first two of each without a decision
    assert found["operations"]["ann"]["updates_per_recording"] == 7 * window + 5 * decision == 7855


def test_latency_is_of_this_host_and_the_delay_of_the_chip_stands_apart(found: dict[str, Any]) -> None:
    latency = found["time"]["latency"]
    assert set(latency) == {"ann", "torch", "simulate", "gpu"}
    for one in latency.values():
        assert 0 < one["p50_ms"] <= one["p95_ms"] <= one["p99_ms"]
        assert (one["decisions"], one["warm_up"], one["batch"], one["threads"]) == (20, 20, 1, 1)
    assert found["time"]["chip_delay_ms"] == 3 * 10
    assert all(one["recordings_per_s"] > 0 for one in found["time"]["throughput"].values())


def test_every_energy_says_that_it_is_estimated_and_from_what(found: dict[str, Any]) -> None:
    energy = found["energy"]
    assert {one["table"] for one in energy["estimates"]} == {table.name for table in TABLES.values()}
    for one in (*energy["estimates"], *energy["ratios"]):
        assert one["kind"] == "estimated"
        assert one["table"]
        assert one["source"]
        assert one["rate"] is not None
        assert one["steps"] > 0
    assert "Loihi 2" not in json.dumps(energy)
    assert {one["table"] for one in energy["ratios"]} == {"45 nm FP32", "45 nm FP16", "45 nm INT8"}


def test_operations_per_dense_mac_grow_with_the_evidence(found: dict[str, Any]) -> None:
    snn, sweep = found["operations"]["snn"], found["energy"]["sweep"]
    assert [one["evidence_ms"] for one in sweep] == [20, 50, 100, 200, 350]
    assert sweep[-1]["rate_x_steps"] == pytest.approx(snn["rate_x_steps"]) == pytest.approx(snn["rate"] * 35)
    assert np.all(np.diff([one["operations_per_dense_mac"] for one in sweep]) > 0)
    assert sweep[-1]["operations_per_dense_mac"] == pytest.approx(snn["per_recording"] / snn["dense_macs_per_step"])


def test_whether_spikes_take_less_is_told_for_every_table_with_a_mac(found: dict[str, Any]) -> None:
    snn, lines = found["operations"]["snn"], found["energy"]["break_even"]
    assert {one["table"]: round(one["operations_per_dense_mac"], 1) for one in lines} == {
        "45 nm FP32": 5.1, "45 nm FP16": 3.8, "45 nm INT8": 7.7}
    for one in lines:
        assert (one["kind"], one["rate"], one["steps"]) == ("estimated", snn["rate"], snn["steps_per_recording"])
        below = snn["synaptic_operations_per_dense_mac"] < one["operations_per_dense_mac"]
        assert (one["less_than_dense_pass"] != "no") == below
        (ratio,) = [ratio for ratio in found["energy"]["ratios"] if ratio["table"] == one["table"]]
        assert (one["less_than_ann"] == "yes") == (ratio["estimated_ratio"][1] < 1)


def test_a_gpu_that_is_not_there_is_missed_before_any_work(pair: TrainedPair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("neurofer.hardware.compare.shared_data", None)  # any work would fail otherwise
    with pytest.raises(UsageError, match="no GPU that torch can use"):
        compare(load_run(pair.ann), load_run(pair.snn), Wanted(("torch", "gpu"), device="cuda"))


def test_a_network_of_float_numbers_is_refused_unless_it_may_be_rounded(pair: TrainedPair) -> None:
    ann, floats = load_run(pair.ann), load_run(pair.floats)
    with pytest.raises(CannotSay, match=r"conv1, conv2, dense1: trained in float numbers.*--after-training"):
        compare(ann, floats, Wanted(("torch",)))
    found = compare(ann, floats, Wanted(("torch", "simulate"), after_training=True, decisions=20))
    assert found["chip"]["trained"] == "in float numbers, rounded afterwards"
    assert found["runs"]["snn"]["quantised"] is None
    assert "float" not in found["accuracy"]
    assert found["spikes"]["simulate"]["different"] > 0
    assert found["spikes"]["simulate"]["first"]["layer"] == "conv1"
    assert found["accuracy"]["torch"] == evaluate_run(floats)["metrics"]["clip"]


@pytest.mark.lava
@needs_lava
def test_lava_fires_the_same_spikes_and_has_no_latency(pair: TrainedPair) -> None:
    wanted = Wanted(("torch", "lava"), lava_clips=2, decisions=20)
    found = compare(load_run(pair.ann), load_run(pair.snn), wanted)
    assert found["spikes"]["lava"]["recordings"] == found["targets"]["lava"]["recordings"] == 2
    assert found["spikes"]["lava"]["different"] == 0
    assert found["spikes"]["lava"]["spikes"] > 0
    assert "lava" not in found["time"]["latency"]
    assert "lava" not in found["time"]["throughput"]
