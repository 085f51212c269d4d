"""``neurofer compare`` end to end, and what it refuses before it does anything."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from neurofer.cli.compare import compare as verb
from trees.pair import TrainedPair, trained_pair

Cli = Callable[..., Any]


@pytest.fixture(scope="module")
def pair(blob_store: Path) -> TrainedPair:
    return trained_pair(blob_store)


def test_from_two_runs_to_a_report(run_cli: Cli, pair: TrainedPair, tmp_path: Path,
                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROFER_PROGRESS", "1")
    out = tmp_path / "report"
    words = ("compare", pair.ann, pair.snn, "--targets", "torch,simulate,gpu", "--data", pair.store, "-o", out,
             "--decisions", 20, "--energy", "fp32", "--device", "cpu")
    done = run_cli(*words)
    assert done.code == 0, done.err
    assert "spikes of torch, simulate, gpu ..." in done.err
    assert "snn, simulate" in done.out
    assert "snn: estimated" in done.out
    assert "45 nm FP32, estimated: less than one dense pass of the same layers: " in done.out
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
    (("--device", "tpu"), "need auto, cpu or cuda, got 'tpu'"),
    (("--energy", "loihi2"), "no cost of an operation on Loihi 2 is public"),
])
def test_wrong_options(run_cli: Cli, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = run_cli("compare", tmp_path / "ann", tmp_path / "snn", "-o", tmp_path / "report", *words)
    assert done.code == 2
    assert said in done.err


def ran(words: Sequence[object], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command of the report of these words, nothing of which is run."""
    from neurofer.cli.app import build_app

    told: list[str] = []
    monkeypatch.setattr("neurofer.train.run_folder.load_run", lambda folder: folder)
    monkeypatch.setattr("neurofer.hardware.compare.compare", lambda *given, **options: {})
    monkeypatch.setattr("neurofer.hardware.comparison.folder.write_comparison",
                        lambda out, found, command: told.append(command))
    monkeypatch.setattr("neurofer.cli.compare._print", lambda found: None)
    build_app()([str(word) for word in words], prog_name="neurofer", standalone_mode=False)
    return shlex.split(told[0])


def test_the_report_says_the_command_as_it_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = ("compare", "a", "b", "--out", str(tmp_path / "of 2 runs"))
    assert ran(plain, monkeypatch) == ["neurofer", *plain]
    every = ("--targets", "gpu", "--data", "my store", "--chip", "loihi1", "--after-training", "--lava-clips", "3",
             "--energy", "fp32,int8", "--decisions", "40", "--device", "cpu", "--cache", "a'b")
    assert ran((*plain, *every), monkeypatch) == ["neurofer", *plain, *every]
    known = {f"--{name.replace('_', '-')}" for name in signature(verb).parameters}
    assert known - {"--context", "--run-ann", "--run-snn"} == {word for word in (*plain, *every) if word[:2] == "--"}


def test_a_gpu_is_missed_before_any_work(run_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    done = run_cli("compare", tmp_path / "ann", tmp_path / "snn", "-o", tmp_path / "report", "--device", "cuda")
    assert done.code == 2
    assert "--device: no GPU that torch can use" in done.err


def test_an_exported_network_is_no_run(run_cli: Cli, pair: TrainedPair, tmp_path: Path) -> None:
    (tmp_path / "net.h5").write_bytes(b"")
    done = run_cli("compare", pair.ann, tmp_path / "net.h5", "-o", tmp_path / "report")
    assert done.code == 1
    assert "net.h5: is a file, need the run folder that 'neurofer train' made" in done.err


def test_steps_are_told_unless_progress_is_silent(capsys: pytest.CaptureFixture[str],
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    from neurofer.cli.compare import _tell

    for said, words in (("1", "counting ...\n"), ("0", "")):
        monkeypatch.setenv("NEUROFER_PROGRESS", said)
        _tell("counting")
        assert capsys.readouterr().err == words


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
