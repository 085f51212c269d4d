"""Preparing the synthetic data set: same bytes for any workers, parts and interruptions."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from neurofer.data.store import open_store
from neurofer.data.synthetic import SyntheticPlan, jobs, prepare_synthetic
from neurofer.errors import UsageError
from neurofer.events import open_recording
from neurofer.simulate.actions import CLASSES
from neurofer.simulate.performance import TRUTH_DTYPE, draw_subject

SMALL = SyntheticPlan(subjects=2, clips_per_class=1, size_px=32, fps=60)


def contents(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synthetic") / "store"
    prepare_synthetic(folder, SMALL)
    return folder


def test_the_store_holds_what_was_asked(whole):
    store = open_store(whole)
    assert store.classes == CLASSES
    assert len(store.clips) == len(jobs(SMALL)) == 16
    assert store.subjects == ("s000", "s001")
    for clip in store.clips:
        truth = np.load(whole / "truth" / f"{clip.name}.npy", allow_pickle=False)
        assert truth.dtype == TRUTH_DTYPE
        with open_recording(clip.path) as recording:
            assert recording.sensor == (32, 32)
            assert recording.end_us < clip.stop_us
            assert clip.stop_us == truth["t_us"][-1] + 1
        if clip.truth:
            assert 0 < clip.truth["onset_us"] < clip.truth["apex_us"] < clip.truth["offset_us"] < clip.stop_us
        else:
            assert clip.label == "neutral"
    people = json.loads((whole / "subjects.json").read_text())
    assert people["s000"]["identity"] != people["s001"]["identity"]


def test_workers_give_the_same_bytes(whole, tmp_path):
    prepare_synthetic(tmp_path / "two", SMALL, workers=2)
    assert contents(tmp_path / "two") == contents(whole)


def test_parts_give_the_same_bytes(whole, tmp_path):
    folder = tmp_path / "parts"
    assert prepare_synthetic(folder, SMALL, part=(2, 3)) is None
    assert prepare_synthetic(folder, SMALL, part=(3, 3)) is None
    assert not (folder / "store.json").exists()
    assert prepare_synthetic(folder, SMALL, part=(1, 3)) is not None
    assert contents(folder) == contents(whole)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_goes_on(whole, tmp_path, workers):
    folder = tmp_path / "killed"
    code = ("from neurofer.data.synthetic import SyntheticPlan, prepare_synthetic\n"
            "if __name__ == '__main__':\n"
            f"    prepare_synthetic({str(folder)!r}, {SMALL!r}, workers={workers})\n")
    script = tmp_path / "run.py"
    script.write_text(code)
    process = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(folder.glob("truth/*.json"))) < 4 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.3)                                              # workers notice that their parent is gone
    finished = {path: path.stat().st_mtime_ns for path in folder.glob("truth/*.json")}
    assert len(finished) >= 4
    prepare_synthetic(folder, SMALL)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert contents(folder) == contents(whole)


def test_a_run_killed_at_its_very_start_goes_on(whole, tmp_path):
    folder = tmp_path / "early"
    folder.mkdir()
    (folder / ".prepare-x1.partial.json").write_text("{")
    prepare_synthetic(folder, SMALL)
    (folder / ".prepare-x1.partial.json").unlink()
    assert contents(folder) == contents(whole)


def test_what_a_killed_clip_left_is_taken_away(whole, tmp_path):
    folder = tmp_path / "left"
    prepare_synthetic(folder, SMALL, part=(2, 2))
    (folder / "events" / ".s000_anger_00-x.partial").mkdir()
    (folder / "truth" / ".s000_anger_00-x.partial.npy").write_bytes(b"1")
    prepare_synthetic(folder, SMALL)
    assert contents(folder) == contents(whole)
    assert not list(folder.glob("*/.s000*"))


def test_a_lost_clip_is_made_again(whole, tmp_path):
    import shutil

    folder = tmp_path / "lost"
    shutil.copytree(whole, folder)
    shutil.rmtree(folder / "events" / "s001_fear_00")
    (folder / "store.json").unlink()
    (folder / "truth" / "s000_anger_00.json").write_text("{")
    prepare_synthetic(folder, SMALL)
    assert contents(folder) == contents(whole)


def test_another_plan_is_refused_and_changes_nothing(whole, tmp_path):
    before = contents(whole)
    with pytest.raises(UsageError, match=r"was prepared with seed 0 \(now 7\).*choose another --out"):
        prepare_synthetic(whole, SyntheticPlan(subjects=2, clips_per_class=1, size_px=32, fps=60, seed=7))
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(UsageError, match="is not empty"):
        prepare_synthetic(tmp_path, SMALL)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is not empty"):
        prepare_synthetic(tmp_path / "file", SMALL)
    assert contents(whole) == before


def test_more_subjects_keep_the_first_ones(whole, tmp_path):
    prepare_synthetic(tmp_path / "one", SyntheticPlan(subjects=1, clips_per_class=1, size_px=32, fps=60))
    for name in ("t", "x", "y", "p"):
        path = f"events/s000_happiness_00/{name}.npy"
        assert (tmp_path / "one" / path).read_bytes() == (whole / path).read_bytes()


def test_frames_are_kept_when_asked(tmp_path):
    plan = SyntheticPlan(subjects=1, clips_per_class=1, size_px=48, fps=60, preset="clean", frames=True)
    store = prepare_synthetic(tmp_path / "store", plan)
    for clip in store.clips:
        frames = np.load(tmp_path / "store" / "frames" / f"{clip.name}.npy", allow_pickle=False)
        truth = np.load(tmp_path / "store" / "truth" / f"{clip.name}.npy", allow_pickle=False)
        assert frames.dtype == np.uint8
        assert frames.shape == (len(truth["t_us"][::2]), 48, 48)


def test_exposure_asks_for_more_frames():
    assert SyntheticPlan(preset="eck").drawn_fps == 200
    assert SyntheticPlan(preset="eck", fps=500).drawn_fps == 500
    assert SyntheticPlan().drawn_fps == 120


def test_impossible_plans_are_refused():
    with pytest.raises(UsageError) as caught:
        SyntheticPlan(subjects=0, fps=float("nan"), preset="x", size_px=8)
    for part in ("subjects is 0", "fps is nan", "preset is 'x'", "size is 8"):
        assert part in str(caught.value)


def test_other_numbers_are_other_people_and_the_same_numbers_the_same(tmp_path: Path) -> None:
    both = SyntheticPlan(subjects=2, clips_per_class=1, size_px=32, fps=30.0)
    second = SyntheticPlan(subjects=1, clips_per_class=1, size_px=32, fps=30.0, first_subject=1)
    assert "first_subject" not in both.parameters()
    assert [job.name for job in jobs(second)] == [job.name for job in jobs(both) if job.subject == 1]
    people = [draw_subject(0, number).identity.to_json() for number in second.people]
    found = prepare_synthetic(tmp_path / "second", second)
    assert found is not None
    assert found.subjects == ("s001",)
    assert json.loads((tmp_path / "second" / "subjects.json").read_text())["s001"]["identity"] == people[0]
