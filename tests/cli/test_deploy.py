"""``neurofer deploy``: the decisions of the run that was exported, wherever the network runs; what fails is told."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurofer.events.events import Events
from neurofer.hardware import lava
from neurofer.hardware.chip_file import read_chip, write_chip
from neurofer.hardware.simulate import simulate
from trees.lava import needs_lava

ON_THIS_HOST = (("--on", "simulate"), ("--on", "simulate", "--workers", 2), ("--on", "gpu", "--device", "cpu"),
                ("--on", "gpu", "--device", "cpu", "--batch", 5))
LOOK = ("--sensor", "128x96", "--box", "30,4,70,80")


@pytest.fixture(scope="module")
def run_folder(blob_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run, trained for a chip."""
    from neurofer.config import load_config
    from neurofer.train.config import TrainConfig
    from neurofer.train.recognise import train_recogniser

    out = tmp_path_factory.mktemp("deploy") / "run"
    return train_recogniser(load_config(TrainConfig, None, [
        "backend=snn", f"data='{blob_store}'", f"out='{out}'", "snn.quantise=loihi2", "snn.size_px=16",
        "snn.preset=tiny", "snn.dt_us=10000", "snn.decision_us=50000", "snn.readout_us=100000", "train.batch=8",
        "train.lr=2e-2", "train.epochs=6", "train.threads=1", "augment.flip=0", "augment.rotate_deg=0"]))


@pytest.fixture(scope="module")
def chip_file(run_folder: Path) -> Path:
    from neurofer.hardware.quantise import Reading, chip_network
    from neurofer.train.run_folder import load_run

    run, path = load_run(run_folder), run_folder.parent / "net.h5"
    write_chip(path, chip_network(run.model, Reading.of_card(run.card)))
    return path


@pytest.fixture
def recording(tmp_path: Path, face_events: Events) -> Path:
    return saved(tmp_path / "face.npz", face_events)


@pytest.fixture
def day(tmp_path: Path, face_events: Events) -> Path:
    """Five recordings of which one is broken."""
    folder = tmp_path / "day"
    folder.mkdir()
    for number in range(5):
        saved(folder / f"{number}.npz", face_events.between(20_000 * number, 300_000 - 30_000 * number))
    (folder / "3.npz").write_bytes(b"cut")
    return folder


def saved(path: Path, events: Events) -> Path:
    np.savez(path, t=events.t, x=events.x, y=events.y, p=events.p)
    return path


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines()))


def without_time(table: Path) -> list[list[str]]:
    return [row[:-1] for row in rows_of(table.read_text(encoding="utf-8"))]


def test_every_recording_of_a_store_gets_the_decisions_of_predict(
        run_folder: Path, chip_file: Path, blob_store: Path, run_cli: Any, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROFER_PROGRESS", "0")  # whether progress is told depends on the time
    wanted = tmp_path / "predict" / "out.csv"
    code, _, told = run_cli("predict", run_folder, blob_store, "-o", wanted)
    assert code == 0, told
    assert len({row[3] for row in without_time(wanted)}) == 4  # three classes and the name of the column
    for number, words in enumerate(ON_THIS_HOST):
        out = tmp_path / str(number) / "out.csv"
        code, _, err = run_cli("deploy", chip_file, blob_store, *words, "-o", out)
        assert code == 0, err
        assert err == told
        assert without_time(out) == without_time(wanted)
        for name in ("boxes.csv", "failures.csv"):
            assert (out.parent / name).read_text() == (wanted.parent / name).read_text()
        rows = rows_of(out.read_text(encoding="utf-8"))
        assert rows[0][-1] == "host_ms"
        assert all(float(row[-1]) > 0 for row in rows[1:])


@pytest.mark.parametrize("words", [(), ("--start-us", 50_000, "--stop-us", 190_000)])
def test_rows_go_to_standard_output(words: tuple[Any, ...], run_folder: Path, chip_file: Path, recording: Path,
                                    run_cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = [row[:-1] for row in rows_of(run_cli("predict", run_folder, recording, *LOOK, *words).out)]
    for place in ON_THIS_HOST:
        code, out, err = run_cli("deploy", chip_file, recording, *LOOK, *words, *place)
        assert code == 0, err
        assert [row[:-1] for row in rows_of(out)] == wanted
        assert f"{len(wanted) - 1} decisions, face box 30,4,70,80 (user)" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face.npz"]


def test_under_lava_the_time_on_this_host_is_empty(run_folder: Path, chip_file: Path, day: Path, run_cli: Any,
                                                   tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def run_lava(path: Path, spikes: np.ndarray, **options: Any) -> list[np.ndarray]:
        asked.append(options)
        return [simulate(read_chip(path), spikes[:, None])[0][-1][:, 0]]

    monkeypatch.setattr(lava, "run_lava", run_lava, raising=False)
    monkeypatch.setattr(lava, "require_lava", lambda config: None, raising=False)
    out, wanted = tmp_path / "lava" / "out.csv", tmp_path / "predict" / "out.csv"
    assert run_cli("predict", run_folder, day, *LOOK, "-o", wanted).code == 0
    code, _, err = run_cli("deploy", chip_file, day, *LOOK, "--on", "lava", "--run-config", "loihi1sim", "--limit-s", 7,
                           "-o", out)
    assert code == 0, err
    assert asked == [{"config": "loihi1sim", "limit_s": 7.0}] * 4
    assert without_time(out) == without_time(wanted)
    assert {row[-1] for row in rows_of(out.read_text())} == {"host_ms", ""}


@pytest.mark.lava
@needs_lava
def test_lava_itself_decides_as_predict_does(run_folder: Path, chip_file: Path, recording: Path, run_cli: Any) -> None:
    words = (recording, *LOOK, "--stop-us", 150_000)
    code, out, err = run_cli("deploy", chip_file, *words, "--on", "lava")
    assert code == 0, err
    found = rows_of(out)
    assert len(found) == 4
    assert [row[:-1] for row in found] == [row[:-1] for row in rows_of(run_cli("predict", run_folder, *words).out)]


def test_without_lava_the_way_to_get_it_is_named(chip_file: Path, recording: Path, run_cli: Any, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurofer.hardware.lava.installed.missing_parts", lambda: ["lava-nc"])
    code, _, err = run_cli("deploy", chip_file, recording, *LOOK, "--on", "lava", "-o", tmp_path / "out.csv")
    assert (code, err.count("\n")) == (1, 1)
    assert "lava-nc" in err
    assert "make lava" in err
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("place", ON_THIS_HOST[1:])
def test_a_broken_recording_is_a_row_and_the_rest_goes_on(place: tuple[Any, ...], chip_file: Path, day: Path,
                                                          run_cli: Any, tmp_path: Path) -> None:
    out = tmp_path / "out" / "out.csv"
    code, _, err = run_cli("deploy", chip_file, day, *LOOK, *place, "-o", out)
    assert code == 0
    assert "1 of 5 recordings failed; the reasons are in" in err
    failures = rows_of((out.parent / "failures.csv").read_text(encoding="utf-8"))
    assert [Path(row[0]).name for row in failures[1:]] == ["3.npz"]
    files = [Path(row[0]).name for row in without_time(out)[1:]]
    assert files == sorted(files)  # in the order of the recordings, whichever ended first
    assert set(files) == {"0.npz", "1.npz", "2.npz", "4.npz"}


@pytest.mark.parametrize("place", [ON_THIS_HOST[0], ON_THIS_HOST[2]])
def test_when_everything_fails_the_earlier_output_stays(place: tuple[Any, ...], chip_file: Path, run_cli: Any,
                                                        tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("earlier\n", encoding="utf-8")
    for name in ("a.raw", "b.raw"):
        (tmp_path / name).write_bytes(b"")
    code, _, err = run_cli("deploy", chip_file, tmp_path / "a.raw", tmp_path / "b.raw", *place, "-o", out)
    assert code == 1
    assert "error: none of the 2 recordings could be decided about" in err
    code, _, err = run_cli("deploy", chip_file, tmp_path / "a.raw", *place, "-o", out)
    assert code == 1
    assert err == f"error: {tmp_path / 'a.raw'}: is empty\n"
    assert out.read_text(encoding="utf-8") == "earlier\n"
    assert not list(tmp_path.glob(".*"))


def test_the_sensor_size_may_be_missing(chip_file: Path, recording: Path, run_cli: Any, tmp_path: Path,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for place in (ON_THIS_HOST[0], ON_THIS_HOST[2]):
        code, _, err = run_cli("deploy", chip_file, recording, *place)
        assert code == 2
        assert "--sensor" in err


def test_parts_are_the_whole(chip_file: Path, day: Path, run_cli: Any) -> None:
    words = ("deploy", chip_file, day, *LOOK, "--on", "gpu", "--device", "cpu", "-o", day / "out.csv")
    assert run_cli(*words).code == 0
    for part in ("1/2", "2/2"):
        assert run_cli(*words, "--shard", part).code == 0
    parts = [without_time(day / f"out-{part}-of-2.csv") for part in (1, 2)]
    assert sorted(row for part in parts for row in part[1:]) == sorted(without_time(day / "out.csv")[1:])


def test_broken_chip_files_are_told_in_a_sentence(chip_file: Path, recording: Path, run_cli: Any,
                                                  tmp_path: Path) -> None:
    content = chip_file.read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[: len(content) // 2])
    (tmp_path / "words.h5").write_text("net")
    for name, told in (("cut.h5", "cut.h5"), ("words.h5", "words.h5"), ("none.h5", "no such file")):
        code, _, err = run_cli("deploy", tmp_path / name, recording, *LOOK, "-o", tmp_path / "out.csv")
        assert (code, err.count("\n")) == (1, 1)
        assert told in err
    code, _, err = run_cli("deploy", recording, recording, *LOOK)
    assert (code, err.count("\n")) == (1, 1)
    assert err == f"error: {recording}: is no HDF5 file; export it again with 'neurofer export'\n"
    assert not (tmp_path / "out.csv").exists()


def test_what_is_exported_first_says_how(run_folder: Path, recording: Path, run_cli: Any, tmp_path: Path) -> None:
    graph = tmp_path / "net.nir"
    graph.touch()
    for source, told in ((run_folder, "is a run folder"), (graph, "is a NIR graph")):
        for place in (*ON_THIS_HOST, ("--on", "lava")):
            code, out, err = run_cli("deploy", source, recording, *LOOK, *place)
            assert (code, out, err.count("\n")) == (1, "", 1)
            assert f"{source}: {told}; make a chip network of it" in err
            assert f"neurofer export {source} --target loihi2 -o net.h5" in err
        assert ("neurofer predict" in err) is (source == run_folder)


@pytest.mark.parametrize("place", ON_THIS_HOST)
def test_where_nothing_is_decided_standard_output_stays_empty(
        place: tuple[Any, ...], chip_file: Path, run_cli: Any, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for names, told in ((("none.raw",), "error: none.raw: does not exist"),
                        (("none.raw", "other.raw"), "error: none of the 2 recordings could be decided about")):
        code, out, err = run_cli("deploy", chip_file, *names, *LOOK, *place)
        assert (code, out) == (1, "")
        assert told in err


def test_hardware_that_is_not_there_is_told_before_anything_is_read(
        chip_file: Path, run_cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurofer.hardware.lava.installed.missing_parts", list)
    monkeypatch.setattr("neurofer.hardware.lava.installed.HARDWARE", "absent")
    code, out, err = run_cli("deploy", chip_file, "none.raw", "--on", "lava", "--run-config", "loihi2hw")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "config loihi2hw needs a Loihi host" in err


@pytest.mark.parametrize(("words", "told"), [
    (["--on", "chip"], "--on: need simulate, gpu, lava, got 'chip'"),
    (["--batch", "4"], "--batch: is for --on gpu, not for simulate"),
    (["--on", "lava", "--device", "cpu"], "--device: is for --on gpu, not for lava"),
    (["--on", "gpu", "--run-config", "loihi2sim"], "--run-config: is for --on lava, not for gpu"),
    (["--limit-s", "3"], "--limit-s: is for --on lava, not for simulate"),
    (["--on", "lava", "--limit-s", "0"], "--limit-s: need a number of seconds above 0, got 0"),
    (["--on", "lava", "--limit-s", "nan"], "--limit-s: need a number of seconds above 0, got nan"),
    (["--on", "lava", "--run-config", "loihi3"], "--run-config: need loihi2sim, "),
    (["--on", "gpu", "--workers", "2"], "--workers: gpu decides about recordings side by side in one process"),
    (["--on", "gpu", "--device", "tpu"], "--device: need auto, cpu or cuda, got 'tpu'"),
    (["--on", "gpu", "--batch", "0"], "--batch"),
    (["--shard", "3/2"], "--shard: need i/n"),
    (["--mode", "lenient"], "--mode: need repair, strict or trust"),
])
def test_wrong_options_are_refused(words: list[str], told: str, chip_file: Path, recording: Path, run_cli: Any) -> None:
    code, _, err = run_cli("deploy", chip_file, recording, *words)
    assert code == 2
    assert told in err


def test_simulating_works_where_torch_does_not(chip_file: Path, recording: Path, tmp_path: Path) -> None:
    words = ["deploy", str(chip_file), str(recording), "--sensor", "128x96", "-o", str(tmp_path / "out.csv")]
    code = ("import sys; sys.modules['torch'] = None\n"  # any import of it fails
            "from neurofer.cli.app import main\n"
            f"try: main({words!r})\n"
            "finally: print([name for name in sys.modules if name.startswith(('neurofer.train', 'neurofer.models'))])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
    assert len(without_time(tmp_path / "out.csv")) == 7
