"""``neurofer watch`` as a user runs it: lines, live sources through pipes, pages, and what is refused."""

from __future__ import annotations

import csv
import io
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from neurofer.events.events import Events
from neurofer.events.writing import write_recording
from trees.run_folders import make_run

LINE = re.compile(r"([\d.]+) s  (happy|sad) ([\d.]+)  \[")
BOX = ("--box", "30,4,70,80")


@pytest.fixture(params=["ann", "snn"])
def run_folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return make_run(tmp_path / request.param, request.param)


@pytest.fixture
def recording(tmp_path: Path, face_events: Events) -> Path:
    write_recording(tmp_path / "face.npz", face_events)
    return tmp_path / "face.npz"


def neurofer(*words: object, stdin: Any = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "neurofer", *map(str, words)], stdin=stdin,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def decisions(out: str) -> list[tuple[str, str]]:
    return [(found[1], found[2]) for line in out.splitlines() if (found := LINE.match(line))]


def predicted(text: str, start_us: int) -> list[tuple[str, str]]:
    """As lines tell them: seconds since the first event, and the label."""
    rows = list(csv.DictReader(io.StringIO(text)))
    return [(f"{(int(row['end_us']) - start_us) / 1e6:.3f}", row["label"]) for row in rows]


def test_every_line_is_a_decision_of_predict(run_folder: Path, recording: Path, run_cli: Any,
                                             face_events: Events) -> None:
    code, out, err = run_cli("watch", recording, "--model", run_folder, "--speed", "max", "--every", *BOX)
    assert (code, err) == (0, "")
    rows = run_cli("predict", run_folder, recording, *BOX).out
    assert decisions(out) == predicted(rows, face_events.start_us)
    assert re.search(r"^# losses  dropped windows 0, dropped events 0, bad events 0, lost packets 0", out, re.MULTILINE)


def test_a_stretch_of_a_recording(recording: Path, run_cli: Any, tmp_path: Path) -> None:
    run_folder, stretch = make_run(tmp_path / "run", "snn"), ("--start-us", 100_000, "--stop-us", 200_000)
    code, out, _ = run_cli("watch", recording, "--model", run_folder, "--speed", "max", "--every", *BOX, *stretch)
    assert code == 0
    assert len(decisions(out)) == 2


def test_a_recording_sent_through_a_pipe_is_decided_alike(recording: Path, run_cli: Any, tmp_path: Path,
                                                          face_events: Events) -> None:
    run_folder = make_run(tmp_path / "run", "ann")
    sender = neurofer("send", recording, "-", "--speed", "max")
    watcher = neurofer("watch", "-", "--model", run_folder, "--speed", "max", "--every", *BOX, stdin=sender.stdout)
    out, err = watcher.communicate(timeout=300)
    assert watcher.returncode == 0, err.decode()
    rows = run_cli("predict", run_folder, recording, *BOX).out
    assert decisions(out.decode())[: len(predicted(rows, 0))] == predicted(rows, face_events.start_us)
    sender.communicate(timeout=300)
    assert sender.returncode == 0


def test_lines_of_text_are_events_too_and_a_bad_one_is_named(run_cli: Any, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    run_folder = make_run(tmp_path / "run", "snn")
    text = "t,x,y,p\n" + "".join(f"{1_000 * k},{k % 40},{k % 30},1\n" for k in range(200))

    def watched(lines: str) -> Any:
        (tmp_path / "lines").write_text(lines)
        with open(tmp_path / "lines") as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            return run_cli("watch", "-", "--model", run_folder, "--sensor", "40x30", "--box", "0,0,40,30", "--speed",
                           "max", "--every")

    code, out, err = watched(text)
    assert (code, err) == (0, "")
    assert [seconds for seconds, _ in decisions(out)][:3] == ["0.050", "0.100", "0.150"]
    code, _, err = watched(text + "never,0,0,1\n")
    assert code == 1
    assert "line 202" in err
    assert len(err.splitlines()) == 1


def test_a_page_is_served_until_it_is_interrupted(recording: Path, tmp_path: Path) -> None:
    pytest.importorskip("fastapi", reason="needs neurofer[web]")
    watcher = neurofer("watch", recording, "--model", make_run(tmp_path / "run", "snn"), "--web", "--port", 0, *BOX)
    try:
        assert watcher.stdout is not None
        address = watcher.stdout.readline().decode().split()[0]
        with urllib.request.urlopen(address, timeout=120) as page:
            assert b"<title>" in page.read()
    finally:
        watcher.send_signal(signal.SIGINT)
        _, err = watcher.communicate(timeout=300)
    assert watcher.returncode == 0, err.decode()
    assert err == b""


@pytest.mark.parametrize(("words", "code", "message"), [
    (("--speed", "0"), 2, "--speed: need a number above 0 or max"),
    (("--host", "0.0.0.0"), 2, "add --web"),
    (("--web", "--host", "0.0.0.0"), 2, "needs both --allow-remote and --token"),
    (("--web", "--host", "0.0.0.0", "--allow-remote", "--token", "short"), 2, "at least 16"),
    (("--web", "--every"), 2, "leave it out with --web"),
    (("--start-us", "9", "--stop-us", "3"), 2, "need start < stop"),
    (("--most-waiting", "1"), 2, "windows must be allowed to wait"),
    (("--box", "9000,0,4,4"), 2, "shows nothing of the 128x96 sensor"),
])
def test_options_that_make_no_sense(words: tuple[str, ...], code: int, message: str, recording: Path, run_cli: Any,
                                    tmp_path: Path) -> None:
    run_folder = make_run(tmp_path / "run", "ann")
    result = run_cli("watch", recording, "--model", run_folder, *words)
    assert result.code == code
    assert message in result.err
    assert len(result.err.splitlines()) == 1


def test_sources_that_are_refused(run_cli: Any, tmp_path: Path) -> None:
    run_folder = make_run(tmp_path / "run", "ann")
    for source, code, message in (
            ("none.raw", 1, "none.raw: does not exist"), ("tcp://192.0.2.1:7777", 2, "add --allow-remote"),
            ("ftp://127.0.0.1:1", 2, "ftp")):
        result = run_cli("watch", source, "--model", run_folder)
        assert (result.code, message in result.err) == (code, True), result.err
    result = run_cli("watch", "udp://:7777", "--model", run_folder, "--start-us", 5)
    assert (result.code, "is live" in result.err) == (2, True)
    result = run_cli("watch", "none.raw", "--model", tmp_path)
    assert result.code == 1


def test_damage_in_the_middle_of_a_recording_is_told(recording: Path, run_cli: Any, tmp_path: Path) -> None:
    run_folder = make_run(tmp_path / "run", "snn")
    lines = ["t,x,y,p", *(f"{1_000 * k},{k % 40},{k % 30},1" for k in range(300)), "5,1,1,1"]
    (tmp_path / "bad.csv").write_text("\n".join(lines) + "\n")
    result = run_cli("watch", tmp_path / "bad.csv", "--model", run_folder, "--sensor", "40x30", "--mode", "strict",
                     "--speed", "max", "--box", "0,0,40,30")
    assert result.code == 1
    assert "time runs backwards at event 300" in result.err


def test_a_page_that_cannot_be_served_says_why(run_folder: Path, recording: Path, run_cli: Any,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("watch", recording, "--model", run_folder, "--web", *BOX)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = run_cli(*words, "--port", port)
        assert code == (1 if "pip install" in err else 2)
        assert f"--port: {port} is in use" in err or "neurofer[web]" in err
    monkeypatch.setitem(sys.modules, "websockets", None)
    code, _, err = run_cli(*words, "--port", 0)
    assert code == 1
    assert "live pages" in err
    assert "neurofer[web]" in err
