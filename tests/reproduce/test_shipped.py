"""The shipped reproductions: their commands, and that the full-size one has the published numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from neurofer.config import dump_config, load_config, shipped_configs
from neurofer.data.store import open_store
from neurofer.errors import UsageError
from neurofer.reproduce.config import MODES, EvtransferConfig
from neurofer.reproduce.evtransfer import VARIANTS, Axes, plan, steps_per_epoch
from neurofer.train.build import build_recogniser
from neurofer.train.config import TrainConfig
from neurofer.train.pretrain_config import PretrainConfig

NAMES = ("reproduce_evtransfer", "reproduce_evtransfer_256")


@pytest.mark.parametrize("name", NAMES)
def test_it_says_its_command_and_is_read_back_the_same(name: str, tmp_path: Path) -> None:
    path = shipped_configs()[name]
    commands = re.findall(r"^# (neurofer reproduce .*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 1
    assert f"--config {name} " in commands[0]
    config = load_config(EvtransferConfig, path)
    (tmp_path / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    assert load_config(EvtransferConfig, tmp_path / "config.yaml") == config


def test_the_full_size_is_the_published_one(ckplus_store: Path) -> None:
    config = load_config(EvtransferConfig, shipped_configs()["reproduce_evtransfer_256"])
    # The stand-in's recordings are long enough for 33 ms windows.
    cells = plan(config, Axes(seeds=1, variants=VARIANTS, labels=(1.0,)), open_store(ckplus_store))
    trained = {(cell.parameters["mode"], cell.parameters["lstm"], cell.parameters["variant"]):
               TrainConfig.model_validate(cell.parameters["config"]) for cell in cells
               if cell.parameters["stage"] == "train"}
    assert len(trained) == len(MODES) * 2 * 4
    rates = {mode: (run.train.lr, run.train.lr * run.model.encoder_lr_scale)
             for (mode, lstm, variant), run in trained.items() if lstm and variant == "t0_t"}
    assert rates["scratch"][0] == rates["linear"][0] == 1e-3
    assert rates["finetune"] == pytest.approx((1e-4, 1e-5))
    assert {run.train.batch for run in trained.values()} == {64}
    assert {run.represent.window_us for run in trained.values()} == {33_333}
    taken = {(lstm, run.model.encoder_epoch) for (_, lstm, _), run in trained.items() if run.model.encoder_from}
    assert taken == {(False, 80), (True, 100)}
    sizes = {lstm: sum(value.numel() for value in build_recogniser(run, tuple("abcdefg"), 3).parameters())
             for (mode, lstm, variant), run in trained.items() if mode == "scratch" and variant == "t0_t"}
    assert sizes == {False: 19_673_799, True: 25_977_543}
    first = PretrainConfig.model_validate(cells[0].parameters["config"])
    assert (first.train.epochs, first.train.batch, first.train.lr) == (100, 32, 2e-4)
    assert first.train.epochs % first.train.keep_every == 0 == 80 % first.train.keep_every


def test_fewer_labels_train_at_least_the_floor_of_steps(ckplus_store: Path) -> None:
    store = open_store(ckplus_store)
    config = load_config(EvtransferConfig, None, [
        "min_steps=50", "recognise.train.epochs=10", "recognise.train.batch=4", "represent.window_us=50000",
        "modes.linear.min_steps=7"])
    for cell in plan(config, Axes(seeds=1, labels=(1.0, 0.2)), store):
        if cell.parameters["stage"] == "train":
            run = TrainConfig.model_validate(cell.parameters["config"])
            steps = steps_per_epoch(run, store)
            least = 7 if run.model.mode == "linear" else 50
            assert run.train.epochs == max(10, -(-least // steps))


def test_changes_that_do_not_go_together_name_the_cell(ckplus_store: Path) -> None:
    config = load_config(EvtransferConfig, None, ["modes.linear.parity.double_windowing=true"])
    with pytest.raises(UsageError, match=r"^linear-t0_t0-frame-100-s0: parity\.double_windowing cuts .*; change the"):
        plan(config, Axes(seeds=1), open_store(ckplus_store))
