"""NEFER: what its tables say, their quirks and faults, and recordings that become clips."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pytest

from neurofer.data.expected import differing
from neurofer.data.frames import clip_frames, has_frames
from neurofer.data.nefer import SENSOR, NeferPlan, frame_times, prepare_nefer
from neurofer.data.nefer_tables import CLASSES, read_annotations, table_path
from neurofer.data.similarity import Similarity
from neurofer.errors import BadFileError, UsageError
from neurofer.events import ColumnsRecording, Events
from neurofer.events.open import open_recording
from neurofer.events.writing import write_recording
from trees.nefer import FACE_PX, LEFT, TOP, NeferClip, nefer_clips, raw_path, write_tables, write_tree

FEW = [clip for clip in nefer_clips() if clip.number < 2 and clip.user in ("user_01", "user_03")]
"""Two users, two clips each."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("nefer") / "root"
    write_tree(root, FEW)
    return root


def copied(tree: Path, target: Path) -> Path:
    return Path(shutil.copytree(tree, target / "root"))


def said(problems) -> str:
    return "\n".join(map(str, problems))


def change(root: Path, old: str, new: str, emotion="expected", camera="event", part="train", count=-1) -> None:
    path = table_path(root, emotion, camera, part)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


def published() -> list[NeferClip]:
    """Clips with the users and the numbers of the public tables; who reports what is free."""
    wanted = {"train": (87, 73, 66, 56, 45, 38, 28, 27), "validation": (21, 15, 18, 17, 20, 14, 12, 8)}
    names = ("Surprise", "Sadness", "Happiness", "Disgust", "Contempt", "Anger", "Fear", "None")
    clips = []
    for part, users in (("train", (1, 2, 4, 5, 6, *range(8, 17), *range(21, 27))),
                        ("validation", (3, 7, 17, 19, 27, 28))):
        reported = chain.from_iterable(repeat(name, count) for name, count in zip(names, wanted[part], strict=True))
        for user in users:
            for number in range(21):
                label = CLASSES[number // 3].capitalize()
                if (user, number) != (3, 17):
                    clips.append(NeferClip(f"user_{user:02}", number, part, label, next(reported)))
    return clips


def test_a_row_by_hand(tmp_path: Path) -> None:
    for emotion, label in (("expected", "Happiness"), ("reported", "None")):
        for camera, recording in (("event", "user01_2022-06-08_12-20-03_cd"), ("gopro", "GOPR0762")):
            path = table_path(tmp_path, emotion, camera, "train")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"user_01,{recording},any/prefix/user_01/{recording}/frame_00.png,{label}\n")
    clip = read_annotations(tmp_path).clips[0]
    assert (clip.name, clip.user, clip.part) == ("user01_2022-06-08_12-20-03", "user_01", "train")
    assert (clip.label, clip.reported) == ("happiness", "none")
    assert (clip.video, clip.frames) == ("GOPR0762", ("frame_00.png",))


def test_tables_of_the_released_size_have_the_released_counts(tmp_path: Path) -> None:
    write_tables(tmp_path, published(), frames=51)
    found = read_annotations(tmp_path)
    assert (found.named, found.problems) == (545, [])
    assert Counter(clip.part for clip in found.clips) == {"train": 420, "test": 125}
    assert all(len(clip.frames) == 51 and clip.video for clip in found.clips)
    # Who reports what is made up here, so only the agreement of the two labels may differ.
    assert {count.what for count in differing(found.counts)} <= {"train expected = reported",
                                                                 "validation expected = reported"}


@pytest.mark.skipif("NEFER_ROOT" not in os.environ, reason="NEFER_ROOT does not say where the real tables are")
def test_the_real_tables_have_the_released_counts() -> None:
    found = read_annotations(Path(os.environ["NEFER_ROOT"]))
    assert (len(found.clips), found.problems, differing(found.counts)) == (545, [], ())
    assert all(clip.video for clip in found.clips)


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    write_tables(tmp_path, FEW)
    before = read_annotations(tmp_path).clips
    for path in tmp_path.rglob("*.csv"):
        rows = path.read_text().splitlines(keepends=True)
        path.write_text("".join(sorted(rows, key=lambda row: row.split(",")[2][::-1])))
    assert {(clip.name, clip.video, clip.reported) for clip in read_annotations(tmp_path).clips} == {
        (clip.name, clip.video, clip.reported) for clip in before}


def test_what_is_wrong_is_told_by_row(tmp_path: Path) -> None:
    write_tables(tmp_path, FEW)
    path = table_path(tmp_path, "expected", "event", "train")
    rows = path.read_bytes().splitlines()
    rows[1] = b"user_01,three columns,Happiness"
    rows[2] = rows[2].replace(b"Disgust", b"Boredom")
    rows[4] = rows[4].replace(b"/frame", b"_other/frame")
    rows += [b"user_01,caf\xe9,x,Fear", b"../x,../y,../x/../y/frame_00.png,Fear", b'user_01,"open,x,Fear', b""]
    path.write_bytes(b"\n".join(rows))
    found = read_annotations(tmp_path)
    told = said(found.problems)
    for wanted in (f"{path}:2: has 3 columns, not 4", f"{path}:3: has the label 'Boredom'; need one of Disgust",
                   f"{path}:5: is of user_01/", f"{path}:7: is not UTF-8 (byte 12 is 0xe9)",
                   f"{path}:8: names the recording '../y'", f"{path}:9: is not a row of a CSV"):
        assert wanted in told
    assert len(found.clips) == 4


def test_two_labels_for_one_clip_leave_it_out(tmp_path: Path) -> None:
    write_tables(tmp_path, FEW)
    change(tmp_path, "frame_02.png,Disgust", "frame_02.png,Fear")
    found = read_annotations(tmp_path)
    assert (len(found.clips), found.named) == (3, 4)
    path = table_path(tmp_path, "expected", "event", "train")
    assert (f"{path}:3: says that user01_2022-06-08_12-00-03 is fear of user_01, but row 1 says disgust"
            in said(found.problems))


def test_a_clip_of_both_parts_is_left_out(tmp_path: Path) -> None:
    write_tables(tmp_path, FEW)
    train, test = (table_path(tmp_path, "expected", "event", part) for part in ("train", "validation"))
    test.write_text(test.read_text() + "".join(train.read_text().splitlines(keepends=True)[:3]))
    found = read_annotations(tmp_path)
    assert len(found.clips) == 3
    assert said(found.problems).count("is listed for both parts") == 2


def test_pairs_by_order_must_agree_in_their_labels(tmp_path: Path) -> None:
    write_tables(tmp_path, FEW)
    change(tmp_path, "Contempt", "Fear", camera="gopro")
    found = read_annotations(tmp_path)
    assert {clip.user: clip.video is None for clip in found.clips} == {"user_01": True, "user_03": False}
    assert "their labels differ, as for 1 of 2 pairs of user_01" in said(found.problems)


def test_another_number_of_videos_cannot_be_paired(tmp_path: Path) -> None:
    write_tables(tmp_path, FEW)
    path = table_path(tmp_path, "expected", "gopro", "validation")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))
    found = read_annotations(tmp_path)
    assert "has 1 recordings of user_03, and 2 were made with events" in said(found.problems)


def test_missing_tables_are_told_and_the_rest_is_read(tmp_path: Path) -> None:
    write_tables(tmp_path, FEW)
    table_path(tmp_path, "reported", "event", "train").unlink()
    table_path(tmp_path, "expected", "event", "validation").unlink()
    found = read_annotations(tmp_path)
    assert [clip.part for clip in found.clips] == ["train", "train"]
    assert all(clip.reported is None and clip.video for clip in found.clips)
    assert said(found.problems).count("is missing") == 2


def test_an_empty_table_is_told(tmp_path: Path) -> None:
    write_tables(tmp_path, FEW)
    path = table_path(tmp_path, "expected", "event", "train")
    for content in ("", "\n\n", "user,recording,frame path,label\n"):
        path.write_text(content)
        assert f"{path}: holds no row; need user, recording, frame path, label" in said(
            read_annotations(tmp_path).problems)


def test_a_table_of_rubbish_ends_soon(tmp_path: Path) -> None:
    write_tables(tmp_path, FEW)
    table_path(tmp_path, "expected", "event", "train").write_bytes(b"\x00\xff\n" * 50_000)
    problems = read_annotations(tmp_path).problems
    assert len(problems) < 110
    assert "has 49900 more bad rows" in said(problems)


def test_clips_follow_their_recordings(tree: Path, tmp_path: Path) -> None:
    summary = prepare_nefer(tree, tmp_path / "store", NeferPlan())
    assert (summary.store.prepared, summary.store.wanted, summary.store.problems) == (4, 4, ())
    store = summary.store.clip_set
    assert (store.name, store.classes, store.subjects) == ("nefer", CLASSES, ("user_01", "user_03"))
    for clip, made in zip(store.clips, FEW, strict=True):
        with open_recording(raw_path(tree, made)) as raw:
            whole = list(raw.pieces())
            assert (clip.start_us, clip.stop_us) == (raw.start_us, raw.end_us + 1)
        kept = ColumnsRecording(clip.path)
        assert kept.info.events == sum(map(len, whole))
        np.testing.assert_array_equal(kept.between(clip.start_us, clip.stop_us).x, np.concatenate([e.x for e in whole]))
        assert clip.facts == {"part": "train" if clip.subject == "user_01" else "test", "rgb": made.video,
                              "reported": made.reported.lower(), "box_from": "percentiles"}
        assert clip.box.left >= LEFT
        assert clip.box.left + clip.box.width <= LEFT + FACE_PX
        assert clip.box.width == clip.box.height
        assert not has_frames(clip)


def test_frames_lie_where_the_similarity_says(tree: Path, tmp_path: Path) -> None:
    for where, name in ((None, "fit"), (Similarity(4.0, 0.0, 1.5, 1.5), "same"), (Similarity(2.0), "half")):
        store = prepare_nefer(tree, tmp_path / name, NeferPlan(True, where)).store.clip_set
        frames = clip_frames(store.clips[0])
        assert frames.pictures.shape == (3, SENSOR[1], SENSOR[0])
        assert store.clips[0].start_us < frames.times_us[0] < frames.times_us[2] < store.clips[0].stop_us
        scale = 2 if name == "half" else 4
        inside = frames.pictures[0, TOP * scale // 4 : (TOP + FACE_PX) * scale // 4,
                                 LEFT * scale // 4 : (LEFT + FACE_PX) * scale // 4]
        assert inside.std() > 5
        assert abs(int(frames.pictures[0, 20, 20]) - 40) < 2
        assert frames.pictures[0, 700, 1270] == (0 if name == "half" else 40)


def test_frames_are_spread_over_a_clip() -> None:
    assert frame_times(100, 1_100, 4).tolist() == [225, 475, 725, 975]
    assert frame_times(5, 6, 3).tolist() == [6, 8, 10]


def test_bad_recordings_are_told_and_the_rest_is_prepared(tree: Path, tmp_path: Path) -> None:
    root = copied(tree, tmp_path)
    cut, empty, absent = (raw_path(root, clip) for clip in FEW[:3])
    cut.write_bytes(cut.read_bytes()[:-1])
    head = b"".join(line + b"\n" for line in empty.read_bytes().split(b"\n") if line.startswith(b"%"))
    empty.write_bytes(head)
    absent.unlink()
    summary = prepare_nefer(root, tmp_path / "store", NeferPlan())
    told = said(summary.store.problems)
    assert (summary.store.prepared, summary.store.wanted) == (1, 4)
    assert f"{cut}: ends inside a word" in told
    assert "--mode repair" in told
    assert str(empty) in told
    first = f"{table_path(root, 'expected', 'event', 'validation')}:1"
    assert f"{first}: names the recording {FEW[2].name}, but" in told
    assert sorted(path.name for path in (tmp_path / "store" / "events").iterdir()) == [FEW[3].name]
    mended = prepare_nefer(root, tmp_path / "mended", NeferPlan(mode="repair"))
    assert mended.store.prepared == 2


def test_a_mended_recording_is_taken_in_by_the_same_command(tree: Path, tmp_path: Path) -> None:
    root = copied(tree, tmp_path)
    whole = raw_path(root, FEW[0]).read_bytes()
    raw_path(root, FEW[0]).write_bytes(whole[:-1])
    assert prepare_nefer(root, tmp_path / "store", NeferPlan()).store.prepared == 3
    raw_path(root, FEW[0]).write_bytes(whole)
    assert prepare_nefer(root, tmp_path / "store", NeferPlan()).store.prepared == 4


def test_a_recording_of_another_sensor_is_told(tree: Path, tmp_path: Path) -> None:
    root = copied(tree, tmp_path)
    t = np.arange(50)
    write_recording(raw_path(root, FEW[0]), Events(t, t, t, t % 2 == 0, (640, 480)), check=False)
    problems = prepare_nefer(root, tmp_path / "store", NeferPlan()).store.problems
    assert "is no recording of 1280x720 pixels" in said(problems)


def test_rgb_that_is_missing_or_damaged(tree: Path, tmp_path: Path) -> None:
    root = copied(tree, tmp_path)
    gone, cut = (root / "rgb_frames" / clip.user / clip.video / "frame_01.png" for clip in FEW[:2])
    gone.unlink()
    cut.write_bytes(cut.read_bytes()[:-30])
    summary = prepare_nefer(root, tmp_path / "store", NeferPlan(frames=True))
    told = said(summary.store.problems)
    assert f"{gone}: is missing, 1 of 3 frames" in told
    assert str(cut) in told
    assert {clip.name: has_frames(clip) for clip in summary.store.clip_set.clips} == {
        FEW[0].name: False, FEW[2].name: True, FEW[3].name: True}


def test_the_users_boxes_win(tree: Path, tmp_path: Path) -> None:
    table = tmp_path / "boxes.csv"
    name = FEW[0].name
    table.write_text(f"recording,t_us,x,y,w,h\n{name}_cd,5,600,300,60,64\n{name},9,604,302,62,64\n{name}.raw,9,620,310,"
                     f"64,70\n{FEW[1].name},0,a,b,c,d\n{FEW[1].name},0,2000,0,5,5\nnobody,0,1,1,5,5\n")
    summary = prepare_nefer(tree, tmp_path / "store", NeferPlan(), table)
    told = said(summary.store.problems)
    first, second = summary.store.clip_set.clips[:2]
    assert (tuple(first.box), first.facts["box_from"]) == ((604, 302, 62, 64), "user")
    assert second.facts["box_from"] == "percentiles"
    assert f"{table}:5: has a box of '0,a,b,c,d'" in told
    assert f"{table}:6: box 2000,0,5,5 shows nothing of the 1280x720 sensor" in told
    assert f"{table}: has a box for nobody, which no table lists" in told


def test_shards_and_workers_make_the_same_store(tree: Path, tmp_path: Path) -> None:
    whole = prepare_nefer(tree, tmp_path / "whole", NeferPlan()).store.clip_set
    assert prepare_nefer(tree, tmp_path / "parts", NeferPlan(), part=(2, 2)) is None
    parts = prepare_nefer(tree, tmp_path / "parts", NeferPlan(), part=(1, 2)).store.clip_set
    assert parts.digest == whole.digest


def test_what_is_not_nefer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="no such folder; give the root of NEFER"):
        prepare_nefer(tmp_path / "none", tmp_path / "store", NeferPlan())
    (tmp_path / "annotations").mkdir()
    with pytest.raises(BadFileError, match="has no folder event_raw"):
        prepare_nefer(tmp_path, tmp_path / "store", NeferPlan())
    (tmp_path / "event_raw").mkdir()
    with pytest.raises(BadFileError, match="no such table of face boxes"):
        prepare_nefer(tmp_path, tmp_path / "store", NeferPlan(), tmp_path / "boxes.csv")
    with pytest.raises(UsageError, match="choose strict or repair"):
        NeferPlan(mode="trust")
