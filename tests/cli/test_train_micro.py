"""``neurofer train --task micro`` and ``neurofer evaluate`` of its runs from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trees.micro_store import SMALL, write_micro_store

Cli = Callable[..., Any]
QUICK = (*SMALL, "prior.loss=none", "target.alpha=none", "target.epochs=1", "target.frozen_epochs=0")
QUICK = tuple({word.split("=")[0]: word for word in QUICK}.values())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_micro_store(tmp_path_factory.mktemp("micro") / "store", subjects=4)


def test_folds_are_trained_and_pooled(run_cli: Cli, store: Path, tmp_path: Path) -> None:
    runs = [tmp_path / f"fold{number}" for number in range(2)]
    for number, run in enumerate(runs):
        done = run_cli("train", "--task", "micro", "--backend", "ann", "--data", store, "--out", run, *QUICK,
                       f"split.fold={number}")
        assert done.code == 0, done.err
        assert "test UF1" in done.out
    told = run_cli("evaluate", *runs, "--json", tmp_path / "found.json")
    assert told.code == 0, told.err
    assert "decisions of 2 folds pooled" in told.out
    assert "majority" in told.out
    found = json.loads((tmp_path / "found.json").read_text())
    (pooled,) = found["pooled"].values()
    assert pooled["test"]["samples"] == sum(one["test"]["samples"] for one in found["runs"])
    twice = run_cli("evaluate", runs[0], runs[0])
    assert twice.code == 2
    assert "give runs of different folds" in twice.err
    other = tmp_path / "seed1"
    assert run_cli("train", "--task", "micro", "--data", store, "--out", other, "--seed", 1, *QUICK).code == 0
    apart = run_cli("evaluate", runs[0], other)
    assert apart.code == 0, apart.err
    assert "nothing is pooled" in apart.err
    elsewhere = write_micro_store(tmp_path / "elsewhere", subjects=1, name="elsewhere", first_subject=9)
    forced = run_cli("evaluate", runs[0], "--data", elsewhere, "--force")
    assert forced.code == 0, forced.err
    assert "by --force: all people of elsewhere that it has not met" in forced.out
    assert "fold 0" not in forced.out


def test_the_configuration_says_the_task(run_cli: Cli, store: Path, tmp_path: Path) -> None:
    done = run_cli("train", "--config", "micro_snn", "--data", store, "--out", tmp_path / "run", *QUICK)
    assert done.code == 0, done.err
    assert ": snn, " in done.out
    again = run_cli("train", "--out", tmp_path / "run", "--resume")
    assert again.code == 0, again.err


@pytest.mark.parametrize(("words", "message"), [
    (("--task", "dance"), "--task: need recognise, micro or spot, got 'dance'"),
    (("--task", "micro", "--config", "mersiamc3d", "--backend", "snn"), "the configuration is for ann"),
    (("--task", "recognise", "--config", "micro_ann"), "is for micro; leave --task out"),
    (("--task", "micro", "--config", "ann_synthetic"), "is for recognise; leave --task out"),
    (("--task", "micro", "--distill", "runs/ann"), "--distill is for --task recognise"),
    (("--task", "micro", "target.gama=1"), "did you mean gamma"),
    (("--task", "micro", "key.kind=event", "key.apex=midpoint"), "uses no annotated apex"),
    (("--task", "micro", "--data", "a", "--data", "b"), "a: no such store"),
    (("--data", "a", "--data", "b"), "--data is given 2 times")])
def test_a_slip_is_one_sentence(run_cli: Cli, tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    done = run_cli("train", *words, "--out", tmp_path / "run")
    assert done.code in (1, 2)
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "run").exists()
