"""``neurofer train`` and ``neurofer evaluate`` from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
SMALL = ("model.size_px=16", "model.width=0.125", "represent.window_us=50000", "snn.size_px=16", "snn.preset=tiny",
         "snn.dt_us=10000", "train.batch=8", "train.epochs=2", "train.threads=1")


@pytest.mark.parametrize("backend", ["ann", "snn"])
def test_train_then_evaluate(run_cli: Cli, blob_store: Path, tmp_path: Path, backend: str) -> None:
    out = tmp_path / "it's a run"
    done = run_cli("train", "--backend", backend, "--data", blob_store, "--out", out, *SMALL)
    assert done.code == 0, done.err
    assert "test accuracy" in done.out
    assert json.loads((out / "run.json").read_text())["backend"] == backend
    told = run_cli("evaluate", out, "--json", tmp_path / "found.json")
    assert told.code == 0, told.err
    assert "event count alone" in told.out
    assert "majority" in told.out
    assert json.loads((tmp_path / "found.json").read_text())["part"] == "test"
    both = run_cli("evaluate", out, out, "--split", "validation")
    assert both.code == 0, both.err
    assert "mean of 2 runs" in both.out


def test_a_killed_run_goes_on_with_its_own_settings(run_cli: Cli, blob_store: Path, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    from neurofer.train import recognise

    def killed(*words: object, **named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(recognise, "_finish", killed)
        assert run_cli("train", "--backend", "snn", "--data", blob_store, "--out", tmp_path / "run", *SMALL).code == 130
    refused = run_cli("train", "--backend", "snn", "--data", blob_store, "--out", tmp_path / "run", *SMALL)
    assert refused.code == 1
    assert "holds an unfinished run; go on with --resume" in refused.err
    done = run_cli("train", "--out", tmp_path / "run", "--resume")
    assert done.code == 0, done.err
    assert (tmp_path / "run" / "card.json").exists()


def test_all_problems_of_a_configuration_together(run_cli: Cli, blob_store: Path, tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    lines = ("backend: snn", "train:", "  epocs: 3", "  lr: fast", "  batch: 0", "snn:", "  dt_us: 3", "  dt_us: 9")
    config.write_text("\n".join(lines) + "\n")
    done = run_cli("train", "--config", config, "--data", blob_store, "--out", tmp_path / "run")
    assert done.code == 2
    for said in ("line 3", "epocs", "did you mean epochs", "line 4", "line 5", "line 8", "dt_us"):
        assert said in done.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("words", "said"), [
    (("--backend", "cnn"), "ann or snn"),
    (("--backend", "ann", "backend=snn"), "given by --backend and by backend="),
    (("--config", "snn_synthetic", "--backend", "ann"), "the configuration is for snn"),
    (("--config", "nothing_of_that_name"), "nothing_of_that_name"),
    (("--resume", "--overwrite"), "give one of them"),
    (("snn.dt_us=30000", "--backend", "snn"), "does not divide decision_us"),
    (("split.train=0.9",), "must be 1"),
    (("model.size_px=63",), "model.size_px"),
])
def test_wrong_commands_end_with_2(run_cli: Cli, blob_store: Path, tmp_path: Path, words: tuple[str, ...],
                                   said: str) -> None:
    done = run_cli("train", "--data", blob_store, "--out", tmp_path / "run", *words)
    assert done.code == 2
    assert said in done.err
    assert not (tmp_path / "run").exists()


def test_missing_and_unfit_data_end_with_1(run_cli: Cli, tmp_path: Path) -> None:
    done = run_cli("train", "--backend", "ann", "--data", tmp_path / "nowhere", "--out", tmp_path / "run")
    assert done.code == 1
    assert "no such store" in done.err
    assert not (tmp_path / "run").exists()
