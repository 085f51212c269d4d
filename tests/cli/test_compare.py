"""``neurofer compare`` end to end, and what it refuses before it does anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trees.pair import TrainedPair, trained_pair

Cli = Callable[..., Any]


@pytest.fixture(scope="module")
def pair(blob_store: Path) -> TrainedPair:
    return trained_pair(blob_store)


def test_from_two_runs_to_a_report(run_cli: Cli, pair: TrainedPair, tmp_path: Path,
                                   monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "report"
    words = ("compare", pair.ann, pair.snn, "--targets", "torch,simulate,gpu", "--data", pair.store, "-o", out,
             "--decisions", 20, "--energy", "fp32", "--device", "cpu")
    done = run_cli(*words)
    assert done.code == 0, done.err
    assert "spikes of torch, simulate, gpu ..." in done.err
    assert "snn, simulate" in done.out
    assert "snn: estimated" in done.out
    assert str(out / "report.html") in done.out
    found = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert list(found["targets"]) == ["torch", "simulate", "gpu"]
    assert {one["table"] for one in found["energy"]["estimates"]} == {"45 nm FP32"}
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    from neurofer.plot import report

    def end(*words: Any) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "report_html", end)
    assert run_cli(*words).code == 130
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_network_of_float_numbers(run_cli: Cli, pair: TrainedPair, tmp_path: Path) -> None:
    words = ("compare", pair.ann, pair.floats, "-o", tmp_path / "report", "--decisions", 20, "--targets", "simulate")
    done = run_cli(*words)
    assert done.code == 1
    assert "trained in float numbers" in done.err
    assert "--after-training" in done.err
    assert not (tmp_path / "report").exists()
    done = run_cli(*words, "--after-training", "--chip", "loihi1", "--energy", "none")
    assert done.code == 0, done.err
    assert "first difference of simulate: conv1, step" in done.out
    assert "estimated" not in done.out
    assert "Loihi 1:" in done.out


@pytest.mark.parametrize(("words", "said"), [
    (("--targets", "fpga"), "fpga unknown"),
    (("--chip", "loihi3"), "choose loihi1 or loihi2, got 'loihi3'"),
    (("--device", "tpu"), "choose auto, cpu or cuda, got 'tpu'"),
    (("--energy", "loihi2"), "no cost of an operation on Loihi 2 is public"),
])
def test_wrong_options(run_cli: Cli, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = run_cli("compare", tmp_path / "ann", tmp_path / "snn", "-o", tmp_path / "report", *words)
    assert done.code == 2
    assert said in done.err


def test_lava_is_missed_before_any_work(run_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from neurofer.hardware.lava import installed

    monkeypatch.setattr(installed, "missing_parts", lambda: ["lava-nc"])
    done = run_cli("compare", tmp_path / "ann", tmp_path / "snn", "-o", tmp_path / "report", "--targets", "torch,lava")
    assert done.code == 1
    assert "make lava" in done.err
    assert not list(tmp_path.iterdir())


def test_a_folder_with_other_files_is_left_alone(run_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    done = run_cli("compare", tmp_path / "ann", tmp_path / "snn", "-o", tmp_path)
    assert done.code == 1
    assert "holds thesis.tex that no comparison wrote" in done.err


def test_runs_in_the_wrong_order(run_cli: Cli, pair: TrainedPair, tmp_path: Path) -> None:
    done = run_cli("compare", pair.snn, pair.ann, "-o", tmp_path / "report")
    assert done.code == 2
    assert "need ann there" in done.err
