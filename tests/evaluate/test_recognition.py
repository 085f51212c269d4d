"""Evaluating a run: the same numbers as at the end of training, the right data, costs that can be checked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from neurofer.config import load_config
from neurofer.errors import NeuroferError
from neurofer.evaluate.recognition import evaluate_run, summarise
from neurofer.train.config import TrainConfig
from neurofer.train.recognise import train_recogniser
from neurofer.train.run_folder import load_run

SMALL = ["model.size_px=16", "model.width=0.125", "represent.window_us=50000", "snn.size_px=16", "snn.preset=tiny",
         "snn.dt_us=10000", "train.batch=8", "train.lr=5e-3", "train.epochs=2", "train.threads=1"]


@pytest.fixture(scope="module", params=["ann", "snn"])
def run(request: pytest.FixtureRequest, blob_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / request.param
    words = [f"backend={request.param}", f"data='{blob_store}'", f"out='{out}'", *SMALL]
    return train_recogniser(load_config(TrainConfig, None, words))


def without_times(found: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in found.items() if key not in ("latency", "run")}


def test_it_finds_what_training_found_at_its_end(run: Path) -> None:
    loaded = load_run(run)
    found = evaluate_run(loaded)
    assert without_times(found) == without_times(loaded.record["test"]["result"])
    json.dumps(found, allow_nan=False)
    assert found["metrics"]["clip"]["samples"] == sum(map(sum, found["confusion"])) == 6
    assert set(found["metrics"]["clip"]["per_subject"]) == set(loaded.record["split"]["test"])


def test_the_validation_part_is_other_people(run: Path) -> None:
    loaded = load_run(run)
    found = evaluate_run(loaded, part="validation")
    assert set(found["metrics"]["clip"]["per_subject"]) == set(loaded.record["split"]["validation"])
    assert found["metrics"]["clip"]["accuracy"] == loaded.card["metrics"]["validation_accuracy"]


def test_costs_are_those_of_the_network(run: Path) -> None:
    loaded = load_run(run)
    found = evaluate_run(loaded)
    work = found["operations"]
    assert found["parameters"] == sum(value.numel() for value in loaded.model.parameters())
    if loaded.config.backend == "ann":
        assert work["kind"] == "MAC"
        assert work["per_second"] == pytest.approx(work["per_decision"] * 20)  # windows of 50 ms
    else:
        assert work["kind"] == "synaptic operation"
        assert 0 < work["per_clip"] < work["dense_macs_per_clip"]
        assert 0 < work["rate"] < 1
        assert work["per_second"] == pytest.approx(work["per_decision"] * 10)  # decisions every 100 ms
    assert 0 < found["latency"]["p50_ms"] <= found["latency"]["p95_ms"]


def test_other_data_is_refused_unless_forced_and_then_recorded(run: Path, blob_store: Path, tmp_path: Path) -> None:
    import shutil

    from neurofer.data.store import StoredClip, open_store, write_store_index

    other = Path(shutil.copytree(blob_store, tmp_path / "other", ignore=shutil.ignore_patterns(".cache")))
    clips = [clip for clip in open_store(other).clips if clip.name != "s0_0"]
    stored = []
    for clip in clips:
        meta = json.loads((clip.path / "meta.json").read_text())
        stored.append(StoredClip(clip, meta["events"], meta["digest"]))
    write_store_index(other, "blobs", ("down", "left", "right"), (48, 40), {"made_by": "the tests"}, stored, "1")
    with pytest.raises(NeuroferError, match=r"holds other data .* accept that with --force"):
        evaluate_run(load_run(run), other)
    found = evaluate_run(load_run(run), other, force=True)
    assert found["data"]["forced"]
    assert not found["data"]["same_as_training"]
    split = load_run(run).record["split"]
    assert set(found["metrics"]["clip"]["per_subject"]) == set(split["test"])
    strangers = {"name": "more people are strangers", "split": {**split, "validation": []}}
    for source in (None, "encoder", "teacher"):
        known = set(split["validation"]) if source else set()
        learned = {source: {"subjects": sorted(known)}} if source else {}
        card = {**load_run(run).card, "protocol": strangers, **learned}
        found = evaluate_run(replace(load_run(run), card=card), other, force=True)
        assert set(found["metrics"]["clip"]["per_subject"]) == {*split["test"], *split["validation"]} - known


def test_several_seeds_have_a_mean_and_an_interval(run: Path) -> None:
    found = evaluate_run(load_run(run))
    better = json.loads(json.dumps(found))
    better["seed"], better["metrics"]["clip"]["accuracy"] = 1, found["metrics"]["clip"]["accuracy"] + 0.1
    summary = summarise([found, better])
    assert summary["seeds"] == [0, 1]
    accuracy = summary["clip"]["accuracy"]
    assert accuracy["mean"] == pytest.approx(found["metrics"]["clip"]["accuracy"] + 0.05)
    assert accuracy["interval"][0] < accuracy["mean"] < accuracy["interval"][1]
    assert summary["baselines"]["majority"]["accuracy"]["interval"][0] == pytest.approx(
        found["baselines"]["majority"]["accuracy"])
