"""``neurofer predict`` over many recordings: killed, gone on with, added to; no decision is lost, none made twice."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurofer.events.events import Events
from neurofer.stream import tables
from neurofer.stream.journal import Journal
from trees.run_folders import make_run


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines()))


LOOK = ("--sensor", "128x96", "--box", "30,4,70,80")

KILLED = """
import os, signal, sys
from neurofer.cli.app import main
from neurofer.stream.journal import Journal
keep, count = Journal.keep, []
def keep_and_die(self, path, rows):
    keep(self, path, rows[: len(rows) // 2] if len(count) == 2 else rows)
    count.append(path)
    if len(count) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
Journal.keep = keep_and_die
main(sys.argv[1:])
"""
"""The command, killed in the middle of the third recording that gives rows."""


@pytest.fixture
def day(tmp_path: Path, face_events: Events) -> Path:
    """Five recordings, of which the second is broken."""
    folder = tmp_path / "day"
    folder.mkdir()
    for number in range(5):
        add(folder / f"{number}.npz", face_events, 20_000 * number)
    (folder / "1.npz").write_bytes(b"cut")
    return folder


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run", "snn")


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the recordings that were opened to decide about them, in this process."""
    opened: list[str] = []
    usual = tables.open_recording

    def note(path: Path, **how: Any) -> Any:
        opened.append(path.name)
        return usual(path, **how)

    monkeypatch.setattr(tables, "open_recording", note)
    return opened


def add(path: Path, events: Events, start_us: int = 0) -> None:
    part = events.between(start_us, 300_000)
    np.savez(path, t=part.t, x=part.x, y=part.y, p=part.p)


def untimed(table: Path) -> list[str]:
    return [line.rpartition(",")[0] for line in table.read_text(encoding="utf-8").splitlines()]


def assert_same(one: Path, other: Path) -> None:
    """The same tables, computing times apart."""
    assert untimed(one) == untimed(other)
    for name in ("boxes.csv", "failures.csv"):
        assert (one.parent / name).read_bytes() == (other.parent / name).read_bytes()


def stopped(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Let Ctrl-C come when so many recordings are finished."""
    usual = Journal.finish

    def finish(self: Journal, *what: Any) -> None:
        usual(self, *what)
        if len(self.entries) == after:
            raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "finish", finish)


def test_killed_and_gone_on_with_it_is_the_table_of_a_command_that_was_not(
        day: Path, run_folder: Path, run_cli: Any, tmp_path: Path, decided: list[str]) -> None:
    words = ["predict", run_folder, day, *LOOK, "-o"]
    out, whole = tmp_path / "out" / "out.csv", tmp_path / "whole" / "out.csv"
    killed = subprocess.run([sys.executable, "-c", KILLED, *map(str, words), out], capture_output=True, check=False,
                            env={**os.environ, "NEUROFER_PROGRESS": "0"})
    assert killed.returncode == -9, killed.stderr
    assert [path.name for path in out.parent.iterdir()] == ["out.csv.partial"]
    with open(out.parent / "out.csv.partial", "ab") as journal:
        journal.write(b'{"rows": "torn')
    code, _, err = run_cli(*words, out)
    assert code == 2
    assert "left 2 recordings there; go on with --resume, or start anew with --overwrite" in err
    code, _, err = run_cli(*words, out, "--resume")
    assert code == 0, err
    assert "2 of 5 recordings are decided about already" in err
    assert decided == ["1.npz", "3.npz", "4.npz"], "done ones are not decided about again, failed ones are"
    assert run_cli(*words, whole).code == 0
    assert_same(out, whole)
    assert not (out.parent / "out.csv.partial").exists()


def test_ctrl_c_keeps_what_is_done_and_says_so(day: Path, run_folder: Path, run_cli: Any, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out" / "out.csv"
    words = ("predict", run_folder, day, *LOOK, "-o", out)
    with monkeypatch.context() as patched:
        stopped(patched, after=3)
        code, _, err = run_cli(*words)
    assert code == 130
    assert f"2 recordings are kept in {out}.partial; the same command with --resume goes on" in err
    (day / "2.npz").write_bytes((day / "4.npz").read_bytes())
    (day / "0.npz").unlink()
    code, _, err = run_cli(*words, "--resume")
    assert code == 0, err
    assert "2.npz: changed since it was decided about; is decided about again" in err
    assert {Path(row[0]).name for row in rows_of(out.read_text())[1:]} == {"0.npz", "2.npz", "3.npz", "4.npz"}
    code, _, err = run_cli(*words, "--resume")
    assert (code, "is finished; --skip-done adds" in err) == (0, True)


def test_ctrl_c_before_anything_is_decided_leaves_nothing(day: Path, run_folder: Path, run_cli: Any, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    (day / "0.npz").unlink()
    stopped(monkeypatch, after=1)
    assert run_cli("predict", run_folder, day, *LOOK, "-o", tmp_path / "out" / "out.csv").code == 130
    assert not list((tmp_path / "out").iterdir())


def test_other_options_or_another_model_are_refused_and_nothing_is_lost(
        day: Path, run_folder: Path, run_cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out" / "out.csv"
    words = (day, "-o", out)
    with monkeypatch.context() as patched:
        stopped(patched, after=3)
        assert run_cli("predict", run_folder, *LOOK, *words).code == 130
    before = (out.parent / "out.csv.partial").read_bytes()
    other = make_run(tmp_path / "other", "ann")
    for told, changed in {"--box 30,4,70,80": (run_folder, "--sensor", "128x96"), "no --start-us":
                          (run_folder, *LOOK, "--start-us", 7), "another model": (other, *LOOK)}.items():
        code, _, err = run_cli("predict", *changed, *words, "--resume")
        assert (code, err.count("\n")) == (2, 1)
        assert f"was made with {told}" in err
        assert "give the same again, or start anew with --overwrite" in err
    assert (out.parent / "out.csv.partial").read_bytes() == before
    assert run_cli("predict", other, *LOOK, *words, "--overwrite").code == 0
    assert sorted(path.name for path in out.parent.iterdir()) == ["boxes.csv", "failures.csv", "out.csv",
                                                                  "out.csv.done"]


def test_skip_done_decides_about_what_is_new_failed_or_changed(
        day: Path, run_folder: Path, run_cli: Any, tmp_path: Path, face_events: Events, decided: list[str]) -> None:
    out, whole = tmp_path / "out" / "out.csv", tmp_path / "whole" / "out.csv"
    words = ("predict", run_folder, day, *LOOK, "-o")
    assert run_cli(*words, out, "--skip-done").code == 0, "without a table it decides about everything"
    old = out.read_text(encoding="utf-8").splitlines()
    add(day / "1.npz", face_events)
    add(day / "2.npz", face_events)
    add(day / "1a.npz", face_events, 50_000)
    decided.clear()
    code, _, err = run_cli(*words, out, "--skip-done")
    assert code == 0, err
    assert decided == ["1.npz", "1a.npz", "2.npz"]
    assert "2.npz: changed since" in err
    new = out.read_text(encoding="utf-8").splitlines()
    stays = [line for line in old if "2.npz" not in line]
    assert [line for line in new if line in old] == stays, "byte for byte, computing times too"
    assert run_cli(*words, whole).code == 0
    assert_same(out, whole)
    before = out.stat().st_mtime_ns
    code, _, err = run_cli(*words, out, "--skip-done")
    assert (code, "holds all recordings already" in err) == (0, True)
    assert out.stat().st_mtime_ns == before


def test_skip_done_forgets_a_failure_whose_file_was_taken_away(day: Path, run_folder: Path, run_cli: Any,
                                                                  tmp_path: Path, face_events: Events) -> None:
    out = tmp_path / "out" / "out.csv"
    words = ("predict", run_folder, day, *LOOK, "-o", out)
    assert "1 of 5 recordings failed" in run_cli(*words).err
    (day / "1.npz").unlink()
    (day / "3.npz").unlink()
    add(day / "9.npz", face_events)
    code, _, err = run_cli(*words, "--skip-done")
    assert (code, "failed" in err) == (0, False)
    files = {row[0] for row in rows_of(out.read_text(encoding="utf-8"))[1:]}
    assert {Path(name).name for name in files} == {"0.npz", "2.npz", "3.npz", "4.npz", "9.npz"}
    assert len((out.parent / "failures.csv").read_text(encoding="utf-8").splitlines()) == 1


def test_skip_done_keeps_recordings_that_are_not_named(day: Path, run_folder: Path, run_cli: Any, tmp_path: Path,
                                                       face_events: Events) -> None:
    out = tmp_path / "out.csv"
    assert run_cli("predict", run_folder, day, *LOOK, "-o", out).code == 0
    old = out.read_text(encoding="utf-8")
    add(tmp_path / "late.npz", face_events)
    assert run_cli("predict", run_folder, tmp_path / "late.npz", *LOOK, "-o", out, "--skip-done").code == 0
    assert out.read_text(encoding="utf-8").startswith(old)
    assert {Path(row[0]).name for row in rows_of(out.read_text())[1:]} == {"0.npz", "2.npz", "3.npz", "4.npz",
                                                                           "late.npz"}
    assert [Path(row[0]).name for row in rows_of((tmp_path / "failures.csv").read_text())[1:]] == ["1.npz"]


def test_a_missing_sensor_may_be_added_and_is_advised(run_folder: Path, run_cli: Any, tmp_path: Path,
                                                      recordings: Path) -> None:
    out = tmp_path / "out.csv"
    words = ("predict", run_folder, recordings / "ncaltech101_face.dat", recordings / "ncaltech101_face.npy", "-o", out)
    code, _, err = run_cli(*words)
    assert code == 0
    assert "  1: does not say its sensor size; say it by --sensor, such as --sensor 640x480\n" in err
    old = out.read_bytes()
    code, _, err = run_cli(*words, "--sensor", "240x180", "--skip-done")
    assert code == 0, err
    assert out.read_bytes().startswith(old)
    rows = rows_of(out.read_text(encoding="utf-8"))[1:]
    two = [[row[1:7] for row in rows if row[0].endswith(suffix)] for suffix in (".dat", ".npy")]
    assert two[0] == two[1], "the same events"
    assert run_cli(*words, "--skip-done").code == 2, "a sensor that was given may not be left out"


def test_a_table_that_was_changed_or_is_of_unknown_make_is_not_added_to(
        day: Path, run_folder: Path, run_cli: Any, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    words = ("predict", run_folder, day, *LOOK, "-o", out)
    assert run_cli(*words).code == 0
    done, text = tmp_path / "out.csv.done", out.read_text(encoding="utf-8")
    out.write_text(text.replace("happy", "merry"), encoding="utf-8")
    code, _, err = run_cli(*words, "--skip-done")
    assert (code, "was changed after it was written" in err) == (2, True)
    out.write_text(text, encoding="utf-8")
    code, _, err = run_cli(*words, "--skip-done", "--stop-us", 200_000)
    assert (code, "was made with no --stop-us" in err) == (2, True)
    done.unlink()
    code, _, err = run_cli(*words, "--skip-done")
    assert (code, "has no list out.csv.done" in err) == (2, True)
    done.write_text(json.dumps({"mine": 1}), encoding="utf-8")
    code, _, err = run_cli(*words)
    assert (code, "is in the way and no list of decisions" in err) == (1, True)
    assert not (tmp_path / "out.csv.partial").exists()


def test_parts_are_gone_on_with_by_themselves(day: Path, run_folder: Path, run_cli: Any, tmp_path: Path,
                                              face_events: Events) -> None:
    out = tmp_path / "out.csv"
    words = ("predict", run_folder, day, *LOOK, "-o", out, "--skip-done", "--shard")
    for _ in range(2):
        for part in ("1/2", "2/2"):
            assert run_cli(*words, part).code == 0
        add(day / "00.npz", face_events)  # recordings now belong to the other part
    found = [row[0] for part in (1, 2) for row in rows_of((tmp_path / f"out-{part}-of-2.csv").read_text())[1:]]
    once = list(dict.fromkeys(found))
    assert sorted(Path(name).name for name in once) == ["0.npz", "00.npz", "2.npz", "3.npz", "4.npz"]
    assert [name for name, before in zip(found, [None, *found], strict=False) if name != before] == once


@pytest.mark.parametrize(("words", "told"), [
    (("--resume", "--overwrite", "-o", "x.csv"), "--resume goes on with what is there and --overwrite throws it away"),
    (("--skip-done", "--overwrite", "-o", "x.csv"), "--skip-done keeps what is there and --overwrite throws it away"),
    (("--resume",), "--resume: is about a table; name its file by -o"),
    (("--skip-done",), "--skip-done: is about a table; name its file by -o"),
])
def test_options_that_make_no_sense(words: tuple[str, ...], told: str, run_cli: Any, tmp_path: Path) -> None:
    code, _, err = run_cli("predict", tmp_path, tmp_path / "a.raw", *words)
    assert code == 2
    assert told in err
