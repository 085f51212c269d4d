"""``neurofer export``: files that hold what was trained, refusals with every reason, nothing lost on the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurofer.config import load_config
from neurofer.files import atomic_path
from neurofer.hardware import chip_file
from neurofer.hardware.chip_file import read_chip
from neurofer.hardware.simulate import simulate
from neurofer.spiking.network import SpikingNetwork
from neurofer.train.config import TrainConfig
from neurofer.train.recognise import train_recogniser
from neurofer.train.run_folder import load_run

SETTINGS = ("model.size_px=16", "model.width=0.125", "represent.window_us=50000", "snn.size_px=16", "snn.preset=tiny",
            "snn.dt_us=10000", "train.batch=8", "train.epochs=1", "train.threads=1")


@pytest.fixture(scope="module")
def runs(blob_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``runs("snn", "snn.quantise=loihi2")``: the folder of a small run, trained once."""
    made: dict[tuple[str, ...], Path] = {}
    place = tmp_path_factory.mktemp("runs")

    def make(*words: str) -> Path:
        if words not in made:
            out = place / f"run{len(made)}"
            made[words] = train_recogniser(load_config(TrainConfig, None, [
                f"backend={words[0]}", f"data='{blob_store}'", f"out='{out}'", *SETTINGS, *words[1:]]))
        return made[words]

    return make


def test_the_chip_file_fires_what_the_run_fires(runs: Callable[..., Path], tmp_path: Path, run_cli: Any) -> None:
    run, out, report = runs("snn", "snn.quantise=loihi2"), tmp_path / "net.h5", tmp_path / "fit.html"
    done = run_cli("export", run, "--target", "loihi2", "-o", out, "--report", report)
    assert done.code == 0, done.err
    first, proof, nothing, header, *_, last = done.out.splitlines()
    assert first.startswith(f"{out}: loihi2, 3 layers, ")
    assert re.fullmatch(r"0 of \d+(,\d{3})* spikes differ from the trained network's .*", proof)
    assert nothing == ""
    assert header.split("  ")[-1] == "u and v (A)"
    assert "cores (C)" in header
    assert "\nestimated from shapes; nothing was measured on a chip (A: " in done.out
    assert last == f"next: neurofer deploy {out} --on simulate RECORDING"
    assert "estimated" in report.read_text(encoding="utf-8")
    chip, model = read_chip(out), load_run(run).model
    assert chip.classes == ("down", "left", "right")
    assert (chip.dt_us, chip.steps, chip.decision_us) == (10_000, 30, 100_000)
    assert isinstance(model, SpikingNetwork)
    spikes = (np.random.default_rng(1).random((40, 2, 2, 16, 16)) < 0.15).astype(np.uint8)
    with torch.no_grad():
        trained = model.activity(torch.from_numpy(spikes))[0]
    assert all(np.array_equal(one.numpy(), two) for one, two in zip(trained, simulate(chip, spikes)[0], strict=True))


def test_from_file_to_file_the_integers_stay(runs: Callable[..., Path], tmp_path: Path, run_cli: Any) -> None:
    run = runs("snn", "snn.quantise=loihi2")
    for source, target, out in ((run, "loihi2", "net.h5"), ("net.h5", "nir", "net.nir"),
                                ("net.nir", "loihi2", "again.h5"), ("net.h5", "loihi1", "other.h5")):
        done = run_cli("export", tmp_path / source, "--target", target, "-o", tmp_path / out)
        assert done.code == 0, done.err
        if out != "net.h5":
            assert done.out.splitlines()[1] == "a chip network already: the same integers"
            refused = run_cli("export", tmp_path / source, "--target", target, "-o", tmp_path / "x", "--after-training")
            assert refused.code == 2
            assert f"--after-training: is for a run; {tmp_path / source} holds whole numbers already" in refused.err
    first = read_chip(tmp_path / "net.h5")
    assert read_chip(tmp_path / "again.h5").digest == first.digest
    other = read_chip(tmp_path / "other.h5")
    assert other.target == "loihi1"
    assert all(np.array_equal(one.weight, two.weight) for one, two in zip(first.layers, other.layers, strict=True))


def test_a_float_run_is_refused_unless_it_may_be_rounded(runs: Callable[..., Path], tmp_path: Path,
                                                         run_cli: Any) -> None:
    run, out = runs("snn"), tmp_path / "net.h5"
    done = run_cli("export", run, "--target", "loihi2", "-o", out)
    assert done.code == 1
    assert "loihi2 cannot run this network exactly:\n  - conv1, conv2, dense1: trained in float numbers" in done.err
    assert not out.exists()
    done = run_cli("export", run, "--target", "loihi2", "-o", out, "--after-training")
    assert done.code == 0, done.err
    assert "spikes differ from the trained network's" in done.out
    assert read_chip(out).source["trained"] == "in float numbers, rounded afterwards"


def test_everything_that_no_chip_can_say_is_told_at_once(runs: Callable[..., Path], tmp_path: Path,
                                                         run_cli: Any) -> None:
    run = runs("snn", "snn.per_channel=true", "snn.readout=integrator")
    done = run_cli("export", run, "--target", "loihi1", "-o", tmp_path / "net.h5")
    assert done.code == 1
    for reason in ("decays of each channel", "dense1: neurons that never fire", "trained in float numbers"):
        assert reason in done.err


def test_an_ann_goes_to_onnx_and_nowhere_else(runs: Callable[..., Path], tmp_path: Path, run_cli: Any) -> None:
    done = run_cli("export", runs("ann"), "--target", "loihi2", "-o", tmp_path / "net.h5")
    assert done.code == 2
    assert "export it with --target onnx" in done.err
    pytest.importorskip("onnx")
    done = run_cli("export", runs("ann"), "--target", "onnx", "-o", tmp_path / "ann.onnx")
    assert done.code == 0, done.err
    done = run_cli("export", runs("snn", "snn.quantise=loihi2"), "--target", "onnx", "-o", tmp_path / "snn.onnx")
    assert done.code == 2
    assert "loihi1, loihi2 or nir" in done.err


def test_a_current_that_may_wrap_is_watched_on_the_training_recordings(
        runs: Callable[..., Path], tmp_path: Path, run_cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from neurofer.hardware.network import ChipLayer

    run = runs("snn", "snn.quantise=loihi2")
    monkeypatch.setattr(ChipLayer, "cannot_wrap", False)
    done = run_cli("export", run, "--target", "loihi2", "-o", tmp_path / "net.h5", "--report", tmp_path / "fit.html")
    assert done.code == 0, done.err
    monkeypatch.setattr("neurofer.hardware.export.watched", lambda *words: None)
    done = run_cli("export", run, "--target", "loihi2", "-o", tmp_path / "other.h5")
    assert done.code == 1
    assert "dense1: no proof that its current stays within 24 bits (give recordings" in done.err
    assert not (tmp_path / "other.h5").exists()
    # What was watched once need not be watched again.
    done = run_cli("export", tmp_path / "net.h5", "--target", "loihi1", "-o", tmp_path / "other.h5")
    assert done.code == 0, done.err
    assert read_chip(tmp_path / "other.h5").source["currents"] == "none wrapped on calibration recordings"


def test_a_chip_network_of_unknown_origin_is_watched_on_a_store_that_is_named(
        runs: Callable[..., Path], blob_store: Path, tmp_path: Path, run_cli: Any,
        monkeypatch: pytest.MonkeyPatch) -> None:
    from neurofer.hardware.network import ChipLayer

    run_cli("export", runs("snn", "snn.quantise=loihi2"), "--target", "loihi2", "-o", tmp_path / "net.h5")
    chip_file.write_chip(tmp_path / "bare.h5", replace(read_chip(tmp_path / "net.h5"), source={}))
    monkeypatch.setattr(ChipLayer, "cannot_wrap", False)
    words = ("export", tmp_path / "bare.h5", "--target", "loihi1", "-o", tmp_path / "other.h5")
    done = run_cli(*words)
    assert done.code == 1
    assert "--data" in done.err
    done = run_cli(*words, "--data", blob_store, "--recordings", 3)
    assert done.code == 0, done.err


def test_a_store_of_other_data_is_refused(runs: Callable[..., Path], blob_store: Path, tmp_path: Path, run_cli: Any,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    from neurofer.data import store
    from neurofer.hardware.network import ChipLayer

    run, other = runs("snn", "snn.quantise=loihi2"), replace(store.open_store(blob_store), digest="0" * 64)
    monkeypatch.setattr(ChipLayer, "cannot_wrap", False)
    monkeypatch.setattr(store, "open_store", lambda *words: other)
    done = run_cli("export", run, "--target", "loihi2", "-o", tmp_path / "net.h5", "--data", blob_store)
    assert done.code == 1
    assert "holds other data (000000000000) than" in done.err


def test_a_kill_while_writing_leaves_the_old_file_whole(runs: Callable[..., Path], tmp_path: Path, run_cli: Any,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    run, out = runs("snn", "snn.quantise=loihi2"), tmp_path / "net.h5"
    assert run_cli("export", run, "--target", "loihi2", "-o", out).code == 0
    before = out.read_bytes()

    def killed(*words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(chip_file, "_write_layer", killed)
    assert run_cli("export", run, "--target", "loihi1", "-o", out).code == 130
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["net.h5"]


@pytest.mark.parametrize(("words", "code", "said"), [
    (["--target", "loihi3", "-o", "net.h5"], 2, "--target: choose loihi1, loihi2, nir, onnx, got 'loihi3'"),
    (["--target", "loihi2", "-o", "."], 2, "is a folder"),
    (["--target", "nir", "-o", "net.nir", "--report", "fit.html"], 2, "--target nir is none"),
    (["--target", "loihi2", "-o", "net.h5", "--report", "net.h5"], 2, "is the file of --out too"),
    (["-o", "net.h5"], 2, "--target"),
    (["--target", "onnx", "-o", "net.onnx", "--after-training"], 2,
     "--after-training: is for chip networks, not for --target onnx; leave it out"),
    (["--target", "onnx", "-o", "net.onnx", "--data", "store", "--recordings", "3", "--cache", "here"], 2,
     "--data, --recordings, --cache: are for chip networks, not for --target onnx; leave them out"),
])
def test_wrong_words(words: list[str], code: int, said: str, runs: Callable[..., Path], tmp_path: Path, run_cli: Any,
                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_cli("export", runs("snn", "snn.quantise=loihi2"), *words)
    assert done.code == code
    assert said in done.err


@pytest.mark.parametrize(("name", "content", "said"), [
    ("absent", None, "no such run folder, chip network or NIR file"), ("text.h5", b"hello", "text.h5: "),
    ("text.nir", b"hello", "text.nir: ")])
def test_a_source_that_is_none(name: str, content: bytes | None, said: str, tmp_path: Path, run_cli: Any) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = run_cli("export", tmp_path / name, "--target", "loihi2", "-o", tmp_path / "net.h5")
    assert done.code == 1
    assert said in done.err
    assert done.err.count("\n") == 1


def test_the_source_is_not_written_over(runs: Callable[..., Path], tmp_path: Path, run_cli: Any) -> None:
    out = tmp_path / "net.h5"
    run_cli("export", runs("snn", "snn.quantise=loihi2"), "--target", "loihi2", "-o", out)
    with atomic_path(tmp_path / "same.h5") as temporary:
        temporary.write_bytes(out.read_bytes())
    done = run_cli("export", out, "--target", "loihi1", "-o", out)
    assert done.code == 2
    assert "is the source itself" in done.err
    assert out.read_bytes() == (tmp_path / "same.h5").read_bytes()


@pytest.mark.parametrize(("option", "name"), [("-o", "model.safetensors"), ("--report", "card.json")])
def test_a_file_of_the_run_is_not_written_over(option: str, name: str, runs: Callable[..., Path], tmp_path: Path,
                                               run_cli: Any) -> None:
    run = runs("snn", "snn.quantise=loihi2")
    before = (run / name).read_bytes()
    words = {"-o": tmp_path / "net.h5", "--report": tmp_path / "fit.html"} | {option: run / name}
    done = run_cli("export", run, "--target", "loihi2", *[word for pair in words.items() for word in pair])
    assert done.code == 2
    assert "is a file of the run itself" in done.err
    assert (run / name).read_bytes() == before


def test_a_refused_network_is_not_called_proved(runs: Callable[..., Path], tmp_path: Path, run_cli: Any,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    from neurofer.hardware.network import ChipLayer

    monkeypatch.setattr(ChipLayer, "cannot_wrap", False)
    monkeypatch.setattr("neurofer.hardware.export.watched", lambda *words: None)
    run_cli("export", runs("snn", "snn.quantise=loihi2"), "--target", "loihi2", "-o", tmp_path / "net.h5", "--report",
            tmp_path / "fit.html")
    assert not (tmp_path / "net.h5").exists()
    assert "proved to stay" not in (tmp_path / "fit.html").read_text(encoding="utf-8")


def test_what_the_file_says_of_its_currents_is_under_the_digest(runs: Callable[..., Path], tmp_path: Path,
                                                                run_cli: Any) -> None:
    import json

    import h5py

    run_cli("export", runs("snn", "snn.quantise=loihi2"), "--target", "loihi2", "-o", tmp_path / "net.h5")
    with h5py.File(tmp_path / "net.h5", "r+") as file:
        file.attrs["source"] = json.dumps({"currents": "none wrapped on calibration recordings"})
    done = run_cli("export", tmp_path / "net.h5", "--target", "loihi1", "-o", tmp_path / "other.h5")
    assert done.code == 1
    assert "was altered after export" in done.err
