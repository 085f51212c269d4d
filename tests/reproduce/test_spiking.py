"""``neurofer reproduce spiking``: its plan, a whole small table, and what it refuses."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neurofer.config import dump_config, load_config, shipped_configs
from neurofer.data.store import open_store
from neurofer.errors import NeuroferError, UsageError
from neurofer.reproduce.config import EvtransferConfig
from neurofer.reproduce.evtransfer import Axes, plan
from neurofer.reproduce.spiking import SpikingAxes, arm_of, plan_spiking
from neurofer.reproduce.spiking_config import ARMS, TABLE, SpikingConfig
from neurofer.train.config import SplitConfig, TrainConfig
from neurofer.train.data import partition_of
from neurofer.train.pretrain_config import PretrainConfig

Cli = Callable[..., Any]
TINY = ("ann.size_px=16", "ann.width=0.125", "ann.represent.window_us=50000", "ann.pretrain.train.epochs=1",
        "ann.recognise.train.epochs=1", "ann.min_steps=0", "recognise.snn.preset=tiny", "recognise.snn.size_px=16",
        "recognise.train.epochs=1", "pretrain.train.epochs=1")
SMALL = (*TINY, "sweep.points=[{dt_us: 50000}]")


@pytest.fixture(scope="module")
def config() -> SpikingConfig:
    return load_config(SpikingConfig, shipped_configs()["reproduce_spiking"], SMALL)


def test_the_ordinary_arms_are_the_cells_of_evtransfer(config: SpikingConfig, framed_store: Path) -> None:
    store = open_store(framed_store)
    wanted = plan(config.ann, Axes(2, modes=("scratch", "finetune"), lstm=(True,), labels=(1.0,)), store)
    mine = {cell.name: cell for cell in plan_spiking(config, SpikingAxes(2), store)}
    for cell in wanted:
        found = mine[cell.name]
        assert (found.function, found.parameters, found.needs) == (cell.function, cell.parameters, cell.needs)
    assert len(wanted) == 6
    assert {arm_of(cell.parameters) for cell in wanted if cell.parameters["stage"] == "train"} == set(TABLE[:2])


def test_every_cell_has_the_same_people_in_the_same_parts(config: SpikingConfig, framed_store: Path) -> None:
    store = open_store(framed_store)
    cells = plan_spiking(config, SpikingAxes(2, tuple(ARMS), sweep=True), store)
    parts = {partition_of(SplitConfig.model_validate(cell.parameters["config"]["split"]), store) for cell in cells}
    assert len(parts) == 1
    assert {cell.parameters["config"]["label"] for cell in cells if "label" in cell.parameters["config"]} == {None}
    assert len(cells) == 2 * (2 + len(ARMS) + 1)


def test_pupils_and_takers_need_cells_of_their_own_seed(config: SpikingConfig, framed_store: Path) -> None:
    cells = plan_spiking(config, SpikingAxes(2, tuple(ARMS)), open_store(framed_store))
    by_name = {cell.name: cell for cell in cells}
    for cell in cells:
        for need in cell.needs:
            assert by_name[need].parameters["seed"] == cell.parameters["seed"]
            assert by_name[need].kept
        if cell.parameters.get("arm", "").startswith("snn"):
            arm, run = ARMS[cell.parameters["arm"]], TrainConfig.model_validate(cell.parameters["config"])
            assert (run.model.encoder_from is not None, run.distill.run is not None) == (
                arm.mode == "finetune", arm.distilled)
            assert {*cell.needs} == {one for one in (run.model.encoder_from, run.distill.run) if one}
            if arm.distilled:
                assert arm_of(by_name[run.distill.run].parameters) == "ann_transferred"


def test_a_teacher_is_planned_though_it_was_not_named(framed_store: Path) -> None:
    config = load_config(SpikingConfig, shipped_configs()["reproduce_spiking"], [*SMALL, "teacher.arm=ann_scratch"])
    cells = plan_spiking(config, SpikingAxes(1, ("snn_distilled",)), open_store(framed_store))
    assert [arm_of(cell.parameters) for cell in cells] == ["ann_scratch", "snn_distilled"]


def test_a_small_table_is_made_and_made_again(run_cli: Cli, framed_store: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("reproduce", "spiking", "--data", framed_store, "--out", out, "--seeds", 1, "--sweep", "--workers", 1,
             *SMALL)
    done = run_cli(*words)
    assert done.code == 0, done.err
    assert "8 of 8 cells, 8 of them run now" in done.out
    with open(out / "table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["arm"], row["lever"]) for row in rows] == [*((arm, "") for arm in TABLE),
                                                            ("snn_scratch", "dt_us 50000")]
    said = json.loads((out / "table.json").read_text())
    assert said["arms"]["snn_scratch"]["accuracy_clip"]["by_seed"]["0"] == float(rows[2]["accuracy_clip"])
    assert [one["arm"] for one in said["aim"]] == list(TABLE[2:])
    text = (out / "report.md").read_text()
    for words_said in ("One seed does not say", "dense passes", "snn_distilled - snn_scratch", "event count alone",
                       "--sweep", "dt_us 50000", "since the clip began"):
        assert words_said in text
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    assert {"arms.png", "operations.png", "report.html", "config.yaml"} <= set(before)
    again = run_cli(*words, "--resume")
    assert "8 of 8 cells, 0 of them run now" in again.out
    assert run_cli(*words, "--render").code == 0
    assert before == {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}


def test_all_wrong_options_are_told_together() -> None:
    with pytest.raises(UsageError, match=r"--seeds is 0.*'snn_taught' is none of ann_scratch,.*each arm once"):
        SpikingAxes(0, ("snn_taught", "snn_taught"))
    with pytest.raises(UsageError, match="one at least"):
        SpikingAxes(1, ())


@pytest.mark.parametrize(("arms", "named"), [
    (("snn_transferred", "snn_scratch"), "snn_transferred"), (("snn_distilled",), "ann_transferred")])
def test_arms_that_draw_faces_need_frames(arms: tuple[str, ...], named: str, config: SpikingConfig,
                                          blob_store: Path) -> None:
    with pytest.raises(NeuroferError, match=f"keeps no grey frames, and {named} begin with drawing faces"):
        plan_spiking(config, SpikingAxes(1, arms), open_store(blob_store))


@pytest.mark.parametrize(("points", "said"), [
    ("[]", "--sweep needs sweep.points"), ("[{dt_us: 20000}, {}]", r"sweep\.points 0, 1 \(from 0\) change nothing"),
    ("[{dt_us: 30000}]", r"^snn_scratch-dt_us\.30000-s0: .*dt_us=30000 does not divide decision_us")])
def test_a_curve_without_another_point_is_refused(points: str, said: str, framed_store: Path) -> None:
    config = load_config(SpikingConfig, shipped_configs()["reproduce_spiking"], [*TINY, f"sweep.points={points}"])
    with pytest.raises(UsageError, match=said):
        plan_spiking(config, SpikingAxes(1, sweep=True), open_store(framed_store))


@pytest.mark.parametrize(("change", "said"), [
    ("arms.snn_transferred.snn={dt_us: 10000}", r"^snn_transferred-s0: .*snn\.dt_us is 10000, in pre-training it is"),
    ("pretrain.generator={size_px: 32}", r"^snn_transferred-s0: .*snn\.size_px is 16, in pre-training it is 32"),
    ("pretrain.generator={window_us: 30000}", r"^pretrain\.generator: .*does not divide window_us")])
def test_an_encoder_that_cannot_be_taken_is_refused_before_anything_runs(change: str, said: str,
                                                                         framed_store: Path) -> None:
    config = load_config(SpikingConfig, shipped_configs()["reproduce_spiking"], [*TINY, change])
    with pytest.raises(UsageError, match=said):
        plan_spiking(config, SpikingAxes(1), open_store(framed_store))


def test_a_wrong_key_of_a_point_is_told_by_its_line(run_cli: Cli, tmp_path: Path) -> None:
    done = run_cli("reproduce", "spiking", "--data", tmp_path, "--out", tmp_path / "out",
                   "sweep.points=[{operation_weight: 1}]", "teacher.arm=snn_scratch")
    assert done.code == 2
    assert "operation_weight; did you mean operations_weight?" in done.err
    assert "teacher.arm" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["reproduce_spiking", "reproduce_spiking_full"])
def test_a_shipped_table_says_its_command_and_is_read_back_the_same(name: str, tmp_path: Path) -> None:
    path = shipped_configs()[name]
    commands = re.findall(r"^# (neurofer reproduce .*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 1
    assert f"--config {name} " in commands[0]
    found = load_config(SpikingConfig, path)
    (tmp_path / "config.yaml").write_text(dump_config(found), encoding="utf-8")
    assert load_config(SpikingConfig, tmp_path / "config.yaml") == found


@pytest.mark.parametrize(("name", "other"), [("reproduce_spiking", "reproduce_evtransfer"),
                                             ("reproduce_spiking_full", "reproduce_evtransfer_256")])
def test_the_ordinary_side_of_a_shipped_table_is_that_of_evtransfer(name: str, other: str) -> None:
    published = load_config(EvtransferConfig, shipped_configs()[other])
    assert load_config(SpikingConfig, shipped_configs()[name]).ann == published


def test_the_spiking_side_of_the_shipped_table_is_that_of_the_single_runs(framed_store: Path) -> None:
    config = load_config(SpikingConfig, shipped_configs()["reproduce_spiking"])
    run = load_config(TrainConfig, shipped_configs()["snn_synthetic"])
    assert (config.recognise.snn, config.recognise.augment) == (run.snn, run.augment)
    epochs = {"epochs": config.recognise.train.epochs}  # fewer, so that the whole table takes an hour
    assert config.recognise.train == run.train.model_copy(update=epochs)
    single = load_config(PretrainConfig, shipped_configs()["pretrain_snn_synthetic"])
    (first,) = [cell for cell in plan_spiking(config, SpikingAxes(1, ("snn_transferred",)), open_store(framed_store))
                if cell.parameters["stage"] == "pretrain"]
    found = PretrainConfig.model_validate(first.parameters["config"])
    same = {"keep_every": 0, "sheet_every": 0}
    assert found == single.model_copy(update={"train": single.train.model_copy(update=same)})


@pytest.mark.parametrize("name", ["reproduce_spiking", "reproduce_spiking_full"])
def test_a_shipped_table_can_be_planned_with_its_curve(name: str, ckplus_store: Path) -> None:
    config = load_config(SpikingConfig, shipped_configs()[name])
    cells = plan_spiking(config, SpikingAxes(1, tuple(ARMS), sweep=True), open_store(ckplus_store))
    assert len(cells) == 2 + len(ARMS) + len(config.sweep.points)
