"""Videos into a long store: which frames and events, with which truth, and what is told of the rest."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurofer.data.clip import Box
from neurofer.data.expected import Count
from neurofer.data.frames import frames_digest
from neurofer.data.long import preparing
from neurofer.data.long.preparing import LongPlan, prepare_long
from neurofer.data.long.record import LongTable
from neurofer.data.long.store import LABELS, LongSet, open_long, video_frames
from neurofer.data.long.summary import read_summary, summary_rows
from neurofer.data.long.truth import APEX_OUTSIDE, BEFORE, BEHIND, overlapping, truth_of
from neurofer.data.micro.align import Landmarks, aligned, alignment_of, whole_picture
from neurofer.data.micro.landmarks import ClipKey
from neurofer.data.micro.record import Fix
from neurofer.data.preparing import PrepareSummary, Problem
from neurofer.data.store import open_store, read_store_index
from neurofer.errors import BadFileError, UsageError
from neurofer.events.events import Events
from neurofer.events.open import open_recording
from neurofer.keyframes.film_events import film_events, upsampled
from neurofer.spotting.interval import Interval
from trees.faces import face_frames, save_picture
from trees.long_films import expression, films_of_waves, table, video, wave, write_images

PLAN = LongPlan(size_px=32, whole=True)


def prepared(one: LongTable, root: Path, out: Path, plan: LongPlan = PLAN, **more: object) -> PrepareSummary:
    summary = prepare_long(one, root, out, plan, **more)  # type: ignore[arg-type]
    assert summary is not None
    return summary


def said(summary: PrepareSummary) -> str:
    return "\n".join(map(str, summary.problems))


def events_of(path: Path) -> Events:
    with open_recording(path) as recording:
        return recording.between(recording.start_us, recording.end_us + 1)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LongSet]:
    """The root of three films of waves, and their store beside it."""
    root = tmp_path_factory.mktemp("films")
    assert prepared(films_of_waves(root), root, root / "store").problems == ()
    return root, open_long(root / "store")


def test_a_video_as_the_store_keeps_it(made: tuple[Path, LongSet]) -> None:
    _, store = made
    first = store.videos[0]
    frames = video_frames(first)
    assert frames.times_us.tolist() == list(range(0, 100_000, 5_000))
    where = whole_picture(64, 48, 32)
    np.testing.assert_array_equal(frames.pictures, [aligned(wave(number), where, 32) for number in range(1, 21)])
    assert (first.name, first.subject, first.label, first.dataset) == ("006_1", "006", "both", "samm_lv")
    assert (first.start_us, first.stop_us, first.sensor, first.box) == (0, 95_001, (32, 32), Box(0, 0, 32, 32))
    facts = dict(first.facts)
    assert float(facts.pop("log_noise")) > 0
    assert len(facts.pop("truth")) == 16
    assert facts == {"fps": "200", "frames": "20", "first_frame": "1", "aligned": "whole picture", "micro": "1",
                     "macro": "1", "frames_digest": frames_digest(frames.times_us, frames.pictures)}
    assert store.clip_set.classes == LABELS
    assert [clip.label for clip in store.videos] == ["both", "macro", "none"]


def test_truth_counts_from_the_first_stored_frame(made: tuple[Path, LongSet]) -> None:
    _, store = made
    assert store.truth["006_1"] == (Interval("006_1", "micro", 2, 7, 4, label="anger"),
                                    Interval("006_1", "macro", 9, 17, label="anger"))
    assert store.truth["006_2"] == (Interval("006_2", "macro", 0, 13, 6, label="anger", onset_seen=False),)
    assert store.truth["007_1"] == ()


def test_events_are_those_of_the_whole_film(made: tuple[Path, LongSet]) -> None:
    _, store = made
    for clip in store.videos:
        frames = video_frames(clip)
        wanted, found = film_events(np.asarray(frames.pictures), frames.times_us, 0.1, 1.0), events_of(clip.path)
        assert len(wanted) > 100
        for column in ("t", "x", "y", "p"):
            np.testing.assert_array_equal(getattr(found, column), getattr(wanted, column))


def test_slow_films_are_interpolated_for_their_events_alone(tmp_path: Path) -> None:
    one = video("s15_a", fps=30.0, dataset="casme2_long")
    write_images(tmp_path, one, range(5))
    prepared(table(one), tmp_path, tmp_path / "store", replace(PLAN, threshold=0.2))
    (clip,) = open_long(tmp_path / "store").videos
    frames = video_frames(clip)
    assert (clip.facts["upsampled"], clip.facts["first_frame"]) == ("8", "0")
    assert frames.times_us.tolist() == [0, 33_333, 66_667, 100_000, 133_333]
    wanted = film_events(*upsampled(np.asarray(frames.pictures), frames.times_us, 8), 0.2, 1.0)
    np.testing.assert_array_equal(events_of(clip.path).t, wanted.t)
    assert read_summary(tmp_path / "store").upsampled == 1


def test_a_store_without_events_says_so(tmp_path: Path, made: tuple[Path, LongSet]) -> None:
    root, whole = made
    prepared(films_of_waves(root), root, tmp_path / "store", replace(PLAN, events=False))
    store = open_long(tmp_path / "store")
    assert {clip.facts["events_made"] for clip in store.videos} == {"no"}
    assert all(len(events_of(clip.path)) == 0 for clip in store.videos)
    assert [clip.facts["frames_digest"] for clip in store.videos] == [clip.facts["frames_digest"]
                                                                     for clip in whole.videos]
    assert read_summary(tmp_path / "store").without_events == 3


def test_frames_that_are_not_there_cut_an_expression(tmp_path: Path) -> None:
    one = video("006_1", expression("macro", 0, 2, 9), expression("micro", 8, 20, 22), expression("macro", 13, 13, 99),
                expression("micro", 15, 15, 18, clip="006_1_4"), expression("micro", 1, 2, 4, clip="006_1_5"))
    write_images(tmp_path, one, range(5, 15))
    summary = prepared(table(one), tmp_path, tmp_path / "store")
    store = open_long(tmp_path / "store")
    assert [(each.kind, each.onset, each.apex, each.offset, each.onset_seen) for each in store.truth["006_1"]] == [
        ("macro", 0, None, 4, False), ("micro", 3, None, 9, True), ("macro", 8, 8, 9, True)]
    assert said(summary) == ("sheet:15: 006_1_4 is at frames 15 to 18, but 006_1 has frames 5 to 14 alone\n"
                             "sheet:1: 006_1_5 is at frames 1 to 4, but 006_1 has frames 5 to 14 alone")
    found = read_summary(tmp_path / "store")
    assert found.rules == {BEFORE: 1, BEHIND: 2, APEX_OUTSIDE: 2}
    assert (found.micro, found.macro, found.unseen_onsets, found.missing_apexes, found.rejected) == (1, 2, 1, 2, 2)


def test_truth_by_hand_and_overlaps() -> None:
    one = video("a", expression("macro", 10, 12, 20), expression("macro", 20, 22, 30), expression("macro", 31, 31, 40),
                expression("micro", 12, 13, 14))
    truth = truth_of(one, 10, 100)
    assert [(each.onset, each.offset) for each in truth.intervals] == [(0, 10), (2, 4), (10, 20), (21, 30)]
    assert overlapping(truth.intervals) == 1  # frame 20 is of two; the micro-expression is of another type
    assert overlapping([*truth.intervals, replace(truth.intervals[0], video="b")]) == 1


def test_what_cannot_be_used_is_told_and_the_rest_is_prepared(tmp_path: Path) -> None:
    names = ("gap", "torn", "size", "none", "bare", "twice", "good")
    every = {name: video(name) for name in names}
    for name in names:
        if name not in ("none", "bare"):
            write_images(tmp_path, every[name], range(1, 13))
    folder = tmp_path / "frames"
    (folder / "bare").mkdir()
    for number in (4, 6, 7):
        (folder / f"gap/gap_{number:04d}.png").unlink()
    torn = folder / "torn/torn_0007.png"
    torn.write_bytes(torn.read_bytes()[:40])
    save_picture(folder / "size/size_0009.png", np.zeros((20, 24), np.uint8))
    save_picture(folder / "twice/other_9.png", wave(9))
    earlier = Problem("sheet:3", "has no onset")
    summary = prepared(table(*every.values(), problems=(earlier,)), tmp_path, tmp_path / "store")
    assert [clip.name for clip in open_long(tmp_path / "store").videos] == ["good"]
    assert said(summary).splitlines() == [
        "sheet:3: has no onset",
        f"{folder}/gap: lacks 3 of the 12 frames 1 to 12 of gap: 4, 6-7",
        f"{torn}: is not an image that can be read, or is damaged (frame 7 of torn)",
        f"{folder}/size/size_0009.png: has 24x20 pixels, the frames of size before frame 9 64x48",
        f"{folder}/none: is missing, the frames of none",
        f"{folder}/bare: holds no numbered image, so no frame of bare",
        f"{folder}/twice: other_9.png and twice_0009.png are both frame 9; keep one of them"]
    assert read_summary(tmp_path / "store").rejected == 7
    left = [path.name for place in ("frames", "events") for path in (tmp_path / "store" / place).iterdir()]
    assert sorted(left) == ["good", "good.npy", "good.times.npy"]


def test_a_mended_image_is_taken_in_by_the_next_run(tmp_path: Path) -> None:
    every = films_of_waves(tmp_path)
    hidden = tmp_path / "frames/006_2/006_2_0011.png"
    hidden.rename(tmp_path / "kept.png")
    prepared(every, tmp_path, tmp_path / "store")
    assert [clip.name for clip in open_long(tmp_path / "store").videos] == ["006_1", "007_1"]
    (tmp_path / "kept.png").rename(hidden)
    assert prepared(every, tmp_path, tmp_path / "store").problems == ()
    assert len(open_long(tmp_path / "store").videos) == 3
    assert not (tmp_path / "store" / "problems.csv").exists()


def test_a_corrected_annotation_decodes_nothing_anew(tmp_path: Path) -> None:
    every = films_of_waves(tmp_path)
    prepared(every, tmp_path, tmp_path / "store")
    before = open_long(tmp_path / "store")
    for path in tmp_path.rglob("*.png"):
        path.unlink()
    changed = replace(every.videos[2], expressions=(expression("micro", 2, 3, 4),))
    prepared(replace(every, videos=(*every.videos[:2], changed)), tmp_path, tmp_path / "store")
    after = open_long(tmp_path / "store")
    assert after.truth["007_1"] == (Interval("007_1", "micro", 1, 3, 2, label="anger"),)
    assert after.videos[2].label == "micro"
    assert after.videos[:2] == before.videos[:2]
    assert after.clip_set.digest != before.clip_set.digest


def test_parts_and_workers_give_the_same_store(tmp_path: Path, made: tuple[Path, LongSet]) -> None:
    root, whole = made
    every = films_of_waves(root)
    prepared(every, root, tmp_path / "two", workers=2)
    assert prepare_long(every, root, tmp_path / "parts", PLAN, part=(1, 2)) is None
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == ["events", "frames", "prepare.json",
                                                                         "records"]
    prepared(every, root, tmp_path / "parts", part=(2, 2))
    assert contents(tmp_path / "two") == contents(tmp_path / "parts") == contents(root / "store")
    assert open_long(tmp_path / "two").clip_set.digest == whole.clip_set.digest


def test_a_run_that_is_killed_goes_on(tmp_path: Path, made: tuple[Path, LongSet]) -> None:
    root, whole = made
    program = (
        "import os, sys\nsys.path.insert(0, sys.argv[3])\n"
        "from neurofer.data.long import films\n"
        "from neurofer.data.long.preparing import LongPlan, prepare_long\n"
        "from trees.long_films import films_of_waves\n"
        "table, read = films_of_waves(__import__('pathlib').Path(sys.argv[1])), films.read_frames\n"
        "def dying(files, name):\n"
        "    for number, frame in enumerate(read(files, name)):\n"
        "        if (name, number) == ('006_2', 17):\n"
        "            os._exit(9)\n"
        "        yield frame\n"
        "films.read_frames = dying\n"
        "prepare_long(table, sys.argv[1], sys.argv[2], LongPlan(size_px=32, whole=True))\n")
    out = tmp_path / "store"
    tests = str(Path(__file__).parents[2])
    ended = subprocess.run([sys.executable, "-c", program, str(root), str(out), tests], capture_output=True, text=True,
                           check=False, env={**os.environ, "NEUROFER_PROGRESS": "0"})
    assert ended.returncode == 9, ended.stderr
    assert any(path.name.startswith(".006_2") for path in (out / "frames").iterdir())
    with pytest.raises(BadFileError, match="is unfinished"):
        open_long(out)
    kept = (out / "frames/006_1.npy").stat().st_mtime_ns
    prepared(films_of_waves(root), root, out)
    assert (out / "frames/006_1.npy").stat().st_mtime_ns == kept
    assert contents(out) == contents(root / "store")
    assert open_long(out).clip_set.digest == whole.clip_set.digest


def test_the_index_is_written_after_the_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    every = films_of_waves(tmp_path)
    monkeypatch.setattr(preparing, "finish_store", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare_long(every, tmp_path, tmp_path / "store", PLAN)
    with pytest.raises(BadFileError, match="is unfinished"):
        open_long(tmp_path / "store")
    monkeypatch.undo()
    prepared(every, tmp_path, tmp_path / "store")
    assert len(open_long(tmp_path / "store").videos) == 3


def test_each_video_says_what_its_face_was_found_by(tmp_path: Path) -> None:
    videos = [video(name) for name in ("eyes", "box", "none", "seen", "out")]
    for one in videos:
        face = face_frames(1, "neutral", 0, 6, 160)
        write_images(tmp_path, one, range(6), wave if one.name != "seen" else lambda number, face=face: face[number])
    eyes = Landmarks((20.0, 20.0), (44.0, 24.0))
    summary = prepared(
        table(*videos), tmp_path, tmp_path / "store", replace(PLAN, whole=False),
        landmarks={ClipKey("006", "eyes"): eyes, ClipKey("006", "out"): Landmarks((20.0, 20.0), (64.0, 24.0)),
                   ClipKey("006", "eyes", 3): eyes}, boxes={ClipKey("006", "box"): Box(4, 4, 40, 40)})
    store = open_long(tmp_path / "store")
    assert {clip.name: clip.facts["aligned"] for clip in store.videos} == {
        "eyes": "landmarks", "box": "user box", "seen": "detected eyes"}
    where = alignment_of(eyes, 32)
    np.testing.assert_array_equal(video_frames(store.videos[1]).pictures,
                                  [aligned(wave(number), where, 32) for number in range(6)])
    folder = tmp_path / "frames"
    assert said(summary).splitlines() == [
        "landmarks: 1 of 3 rows name no video of samm_lv: 006 eyes",
        f"{folder}/none/none_0000.png: shows no face that the detector finds, nor does any of frame 0 of none; give "
        "--landmarks or --boxes, or --whole if the pictures are cropped to the face",
        f"{folder}/out/out_0000.png: landmarks: the eyes (20.0, 20.0) and (64.0, 24.0) are not both inside the 64x48 "
        "picture; give pixels of the data set's own frames (out)"]


def test_looks_without_a_face_are_counted(tmp_path: Path) -> None:
    face = face_frames(1, "neutral", 0, 1, 160)[0]
    one = video("a")
    write_images(tmp_path, one, range(30), lambda number: face if number < 15 else np.full_like(face, 90))
    prepared(table(one), tmp_path, tmp_path / "store", LongPlan(size_px=32, realign_s=0.05))
    (clip,) = open_long(tmp_path / "store").videos
    assert clip.facts["looks_without_face"] == "1"
    summary = read_summary(tmp_path / "store")
    assert (summary.looks_without_face, summary.aligned) == (1, {"detected eyes": 1})


def test_a_store_of_nothing_says_so(tmp_path: Path) -> None:
    summary = prepared(table(video("a")), tmp_path, tmp_path / "store")
    assert (summary.clip_set, summary.prepared, summary.wanted) == (None, 0, 1)
    with pytest.raises(BadFileError):
        open_long(tmp_path / "store")


def test_another_plan_for_the_same_folder_is_refused(tmp_path: Path) -> None:
    one = video("a")
    write_images(tmp_path, one, range(3))
    prepared(table(one), tmp_path, tmp_path / "store")
    with pytest.raises(UsageError, match=r"was prepared with blur_px 1.0 \(now 0.5\)"):
        prepared(table(one), tmp_path, tmp_path / "store", replace(PLAN, blur_px=0.5))
    assert read_store_index(tmp_path / "store").parameters["realign_s"] == 0


def test_impossible_plans_are_refused_together() -> None:
    with pytest.raises(UsageError, match="size is 8; need 32 to 1024; threshold is nan; .*realign_s is -1"):
        LongPlan(size_px=8, threshold=math.nan, realign_s=-1)
    with pytest.raises(UsageError, match="whole looks for no face, realign_s looks again and again"):
        LongPlan(whole=True, realign_s=1)


def test_the_summary_counts_rules_fixes_and_differences(tmp_path: Path) -> None:
    fix = Fix("offset", "0", "8", "offset 0 is the apex")
    one = video("a", expression("macro", 1, 3, 8, fixes=(fix,), clip="x"), expression("macro", 4, None, 9))
    lost = video("b", expression("micro", 1, 2, 3, fixes=(fix,)))
    write_images(tmp_path, one, range(12))
    given = table(one, lost, rules=Counter({"onset is rounded down": 2}), differing=(Count("videos", 2, 98),))
    prepared(given, tmp_path, tmp_path / "store")
    summary = read_summary(tmp_path / "store")
    assert (summary.videos, summary.subjects, summary.frames, summary.macro) == (1, 1, 12, 2)
    assert (summary.overlaps, summary.repaired, summary.rejected, summary.missing_apexes) == (1, 1, 1, 1)
    assert summary.fixes == ({"video": "a", "clip": "x", **fix._asdict()},)
    assert summary.differing == ({"what": "videos", "have": 2, "wanted": 98},)
    rows = dict(summary_rows(summary))
    assert (rows["rule: onset is rounded down"], rows["overlaps within a type"], rows["rejected"]) == (2, 1, 1)
    assert "videos without events" not in rows
    path = tmp_path / "store" / "summary.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "clips": 3}))
    with pytest.raises(BadFileError, match="is no summary of a long store"):
        read_summary(tmp_path / "store")


MEMORY = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from neurofer.data.long.preparing import LongPlan, prepare_long
from trees.faces import face_frames
from trees.long_films import table, video
import cv2

root, frames = Path(sys.argv[1]), int(sys.argv[2])
one = video("a", fps=200.0)
folder = root / one.folder
folder.mkdir(parents=True)
face = face_frames(1, "neutral", 0, 1, 160)[0]
cv2.imwrite(str(root / "face.png"), face)
for number in range(frames):
    (folder / f"{number}.png").symlink_to(root / "face.png")
prepare_long(table(one), root, root / "store", LongPlan(size_px=128, realign_s=0.5))
lines = Path("/proc/self/status").read_text().splitlines()
print(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from /proc")
def test_a_longer_video_needs_no_more_memory(tmp_path: Path) -> None:
    peaks = []
    for frames in (400, 2_400):
        (tmp_path / str(frames)).mkdir()
        done = subprocess.run([sys.executable, "-c", MEMORY, str(tmp_path / str(frames)), str(frames),
                               str(Path(__file__).parents[2])], capture_output=True, text=True, check=False,
                              env={**os.environ, "OMP_NUM_THREADS": "1", "NEUROFER_PROGRESS": "0"})
        assert done.returncode == 0, done.stderr
        peaks.append(float(done.stdout))
    kept = (tmp_path / "2400/store/frames/a.npy").stat().st_size
    assert kept > 32e6, "the longer video's frames alone would be seen"
    assert len(open_store(tmp_path / "2400/store").clips) == 1
    assert peaks[1] < peaks[0] + 16  # the allocator's moods; names of 2000 files more
