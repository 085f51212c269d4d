"""``neurofer predict``: any readable recording to rows, what fails is a row elsewhere, outputs appear whole."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurofer.events.events import Events
from trees.run_folders import CLASSES, make_run

HEADER = ["file", "start_us", "end_us", "label", "p_happy", "p_sad", "events", "latency_ms"]


@pytest.fixture(params=["ann", "snn"])
def run_folder(request: Any, tmp_path: Path) -> Path:
    return make_run(tmp_path / request.param, request.param)


@pytest.fixture
def recording(tmp_path: Path, face_events: Events) -> Path:
    path = tmp_path / "face.npz"
    np.savez(path, t=face_events.t, x=face_events.x, y=face_events.y, p=face_events.p)
    return path


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines()))


def test_rows_go_to_standard_output(run_folder: Path, recording: Path, run_cli: Any, tmp_path: Path,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run_cli("predict", run_folder, recording, "--sensor", "128x96", "--box", "30,4,70,80")
    rows = rows_of(out)
    assert code == 0, err
    assert rows[0] == HEADER
    assert len(rows) - 1 == (7 if run_folder.name == "ann" else 6)
    for row in rows[1:]:
        assert row[0] == str(recording)
        assert row[3] in CLASSES
        assert float(row[4]) + float(row[5]) == pytest.approx(1, abs=2e-6)
        assert int(row[6]) > 0
        assert float(row[7]) > 0
    assert "decisions, face box 30,4,70,80 (user)" in err
    assert not (tmp_path / "failures.csv").exists()


def test_a_file_gets_the_same_rows_and_its_notes(run_folder: Path, recording: Path, run_cli: Any,
                                                 tmp_path: Path) -> None:
    out_file = tmp_path / "results" / "out.csv"
    words = ("predict", run_folder, recording, "--sensor", "128x96", "--start-us", 50_000, "--stop-us", 250_000)
    assert run_cli(*words, "-o", out_file).code == 0
    shown = run_cli(*words)
    written = rows_of(out_file.read_text(encoding="utf-8"))
    assert [row[:7] for row in written] == [row[:7] for row in rows_of(shown.out)]
    boxes = rows_of((out_file.parent / "boxes.csv").read_text(encoding="utf-8"))
    assert boxes[0] == ["file", "left", "top", "width", "height", "source"]
    assert boxes[1][0] == str(recording)
    assert boxes[1][5] in ("events", "density")
    assert (out_file.parent / "failures.csv").read_text(encoding="utf-8") == "file,error\n"


def test_a_broken_file_is_a_row_and_the_rest_goes_on(run_folder: Path, recording: Path, run_cli: Any,
                                                     tmp_path: Path) -> None:
    (tmp_path / "broken.raw").write_bytes(b"% evt 3.0\n% end\n")
    out_file = tmp_path / "out" / "out.csv"
    code, _, err = run_cli("predict", run_folder, tmp_path / "broken.raw", recording, tmp_path / "missing.es",
                           "--sensor", "128x96", "-o", out_file)
    assert code == 0
    assert "2 of 3 recordings failed; the reasons are in" in err
    failures = rows_of((out_file.parent / "failures.csv").read_text(encoding="utf-8"))
    assert [row[0] for row in failures[1:]] == [str(tmp_path / "broken.raw"), str(tmp_path / "missing.es")]
    assert all(len(row) == 2 and row[1] and "\n" not in row[1] for row in failures)
    files = {row[0] for row in rows_of(out_file.read_text(encoding="utf-8"))[1:]}
    assert files == {str(recording)}


def test_when_everything_fails_the_earlier_output_stays(run_folder: Path, run_cli: Any, tmp_path: Path) -> None:
    out_file = tmp_path / "out.csv"
    out_file.write_text("earlier\n", encoding="utf-8")
    for name in ("a.raw", "b.raw"):
        (tmp_path / name).write_bytes(b"")
    code, _, err = run_cli("predict", run_folder, tmp_path / "a.raw", tmp_path / "b.raw", "-o", out_file)
    assert code == 1
    assert "error: none of the 2 recordings could be decided about" in err
    assert out_file.read_text(encoding="utf-8") == "earlier\n"
    assert "a.raw,is empty" in (tmp_path / "failures.csv").read_text(encoding="utf-8")


def test_a_recording_is_never_overwritten_but_earlier_decisions_are(run_folder: Path, recording: Path, run_cli: Any,
                                                                    tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "events.csv").write_text("t,x,y,p\n1,2,3,1\n", encoding="utf-8")
    code, _, err = run_cli("predict", run_folder, recording, "-o", folder)
    assert (code, err.count("\n")) == (2, 1)
    for given in (folder / "events.csv", folder):
        code, _, err = run_cli("predict", run_folder, recording, given, "-o", folder / "events.csv")
        assert code == 2
        assert "is among what is read and holds no decisions" in err
    assert (folder / "events.csv").read_text(encoding="utf-8") == "t,x,y,p\n1,2,3,1\n"
    for _ in range(2):
        words = ("predict", run_folder, recording, folder, "--sensor", "128x96", "-o", folder / "decisions.csv")
        assert run_cli(*words).code == 0
    assert str(folder / "decisions.csv") not in (folder / "decisions.csv").read_text(encoding="utf-8")


def test_one_failing_file_ends_with_its_own_reason(run_folder: Path, recording: Path, run_cli: Any, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run_cli("predict", run_folder, tmp_path / "film.mp4")
    assert code == 1
    assert "film.mp4" in err
    (tmp_path / "bad.csv").write_text("hi\n")
    code, _, err = run_cli("predict", run_folder, tmp_path / "bad.csv")
    assert (code, err.count("bad.csv")) == (1, 1), "the reason is told once"
    assert run_cli("predict", run_folder, recording).code == 2, "the sensor size is missing"
    assert run_cli("predict", run_folder, recording, "--sensor", "128x96", "--box", "900,0,5,5").code == 2


def test_a_video_is_sent_to_the_simulator(run_folder: Path, run_cli: Any, recordings: Path, tmp_path: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run_cli("predict", run_folder, recordings / "neutral_to_happy_640x360.mp4")
    assert code == 1
    assert "neurofer simulate" in err


@pytest.fixture
def day(tmp_path: Path, face_events: Events) -> Path:
    """Five recordings, of which one is broken."""
    folder = tmp_path / "day"
    folder.mkdir()
    for number in range(5):
        part = face_events.between(20_000 * number, 300_000)
        np.savez(folder / f"{number}.npz", t=part.t, x=part.x, y=part.y, p=part.p)
    (folder / "3.npz").write_bytes(b"cut")
    return folder


def test_workers_change_nothing_but_the_time(day: Path, run_cli: Any, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROFER_PROGRESS", "0")  # whether progress is told depends on the time
    run_folder, told = make_run(tmp_path / "run", "ann"), []
    for workers in (1, 2):
        out = tmp_path / f"by{workers}" / "out.csv"
        code, _, err = run_cli("predict", run_folder, day, "--sensor", "128x96", "-o", out, "--workers", workers)
        assert code == 0, err
        told.append([line.replace(f"by{workers}", "") for line in err.splitlines()])
    one, two = tmp_path / "by1", tmp_path / "by2"
    assert told[0] == told[1]
    assert [row[:7] for row in rows_of((two / "out.csv").read_text())] == [
        row[:7] for row in rows_of((one / "out.csv").read_text())]
    for name in ("boxes.csv", "failures.csv"):
        assert (two / name).read_text() == (one / name).read_text()
    assert [Path(row[0]).name for row in rows_of((one / "failures.csv").read_text())[1:]] == ["3.npz"]


def test_parts_are_the_whole(run_folder: Path, day: Path, run_cli: Any, tmp_path: Path) -> None:
    # Into the folder of the recordings: tables of other parts and earlier runs are no recordings.
    words = ("predict", run_folder, day, "--sensor", "128x96", "-o", day / "out.csv")
    assert run_cli(*words).code == 0
    for part in ("1/3", "2/3", "3/3"):
        code, _, err = run_cli(*words, "--shard", part)
        assert code == 0, err
        assert f"part {part[0]} of 3: {1 if part == '3/3' else 2} of 5 recordings" in err
    files = {path.name for path in day.iterdir() if path.suffix == ".csv"}
    names = [f"{name}-{part}-of-3.csv" for name in ("out", "boxes", "failures") for part in (1, 2, 3)]
    assert files == {"out.csv", "boxes.csv", "failures.csv", *names}
    for name in ("out", "boxes", "failures"):
        whole = [row[:7] for row in rows_of((day / f"{name}.csv").read_text())]
        parts = [rows_of((day / f"{name}-{part}-of-3.csv").read_text()) for part in (1, 2, 3)]
        assert all(part[0][:7] == whole[0] for part in parts)
        assert sorted(row[:7] for part in parts for row in part[1:]) == sorted(whole[1:])


def test_a_part_without_recordings_is_empty(run_folder: Path, recording: Path, run_cli: Any, tmp_path: Path) -> None:
    code, _, err = run_cli("predict", run_folder, recording, "-o", tmp_path / "out.csv", "--shard", "2/2")
    assert code == 0, err
    assert rows_of((tmp_path / "out-2-of-2.csv").read_text()) == [HEADER]


@pytest.mark.parametrize(("words", "told"), [
    (["--shard", "3/2"], "--shard: need i/n"),
    (["--box", "1,2,3"], "--box: need LEFT,TOP,WIDTH,HEIGHT"),
    (["--box", "1,2,0,4"], "--box: need LEFT,TOP,WIDTH,HEIGHT"),
    (["--sensor", "640"], "--sensor: need WIDTHxHEIGHT"),
    (["--mode", "lenient"], "--mode: need repair, strict or trust"),
    (["--start-us", "5", "--stop-us", "5"], "need 0 <= start < stop, got 5 and 5"),
])
def test_wrong_options_are_refused(words: list[str], told: str, run_cli: Any, tmp_path: Path) -> None:
    code, _, err = run_cli("predict", tmp_path, tmp_path / "a.raw", *words)
    assert code == 2
    assert told in err


def test_a_run_folder_that_was_altered_is_refused(run_folder: Path, recording: Path, run_cli: Any) -> None:
    weights = run_folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    code, _, err = run_cli("predict", run_folder, recording)
    assert code == 1
    assert "model.safetensors: was altered after training" in err
    code, _, err = run_cli("predict", run_folder.parent / "nothing", recording)
    assert code == 1
    assert "no such run folder" in err


def test_every_real_recording_gets_decisions(run_folder: Path, recordings: Path, run_cli: Any, tmp_path: Path) -> None:
    files = sorted(path for path in recordings.iterdir() if path.suffix not in (".md", ".mp4"))
    silent = [path for path in files if path.suffix in (".npy", ".bin", ".csv") or path.stem.endswith("_dsec")]
    speaking = [path for path in files if path not in silent]
    rows = []
    for chosen, words in ((speaking, ()), (silent, ("--sensor", "240x180"))):
        code, out, err = run_cli("predict", run_folder, *chosen, *words)
        assert code == 0, err
        assert "failed" not in err
        assert {row[0] for row in rows_of(out)[1:]} == set(map(str, chosen))
        rows += rows_of(out)[1:]
    # The same events in seven formats.
    faces = [[row[1:7] for row in rows if row[0] == str(path)] for path in files if path.name.startswith("ncaltech101")]
    assert len(faces) == 7
    assert all(face == faces[0] for face in faces)
