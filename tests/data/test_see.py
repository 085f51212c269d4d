"""SEE: pictures that become events, what its split and names say, and sequences that cannot be used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from neurofer.data.frames import clip_frames, has_frames
from neurofer.data.official import official_partition
from neurofer.data.see import PERIOD_US, SeePlan, picture_events, prepare_see
from neurofer.data.see_split import CLASSES, read_split
from neurofer.errors import BadFileError, UsageError
from neurofer.events import ColumnsRecording, Events
from neurofer.events.writing import write_recording
from trees.faces import save_picture
from trees.see import PICTURES, SIZE, SeeClip, see_clips, split_of, write_tree

FEW = [clip for clip in see_clips() if clip.number in (1, 5, 15, 16, 22)]
"""One subject on both sides, one of the test part alone, and the folder that is written neutraL."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("see") / "root"
    write_tree(root, FEW)
    return root


def copied(tree: Path, target: Path) -> Path:
    return Path(shutil.copytree(tree, target / "root"))


def said(problems) -> str:
    return "\n".join(map(str, problems))


def write_split(root: Path, database: dict) -> None:
    (root / "emotion.json").write_text(json.dumps({"labels": list(CLASSES), "database": database}))


def test_a_picture_by_hand() -> None:
    picture = np.full((3, 4), 128, np.uint8)
    picture[0, 1], picture[2, 3], picture[1, 1], picture[1, 2] = 255, 0, 191, 192
    events = picture_events(picture, 700)
    assert list(zip(events.t, events.x, events.y, events.p, strict=True)) == [
        (700, 1, 0, True), (700, 2, 1, True), (700, 3, 2, False)]
    assert len(picture_events(picture, 700, least_grey=63)) == 4
    assert events.sensor == (4, 3)


def test_inverting_a_picture_exchanges_on_and_off() -> None:
    picture = np.random.default_rng(0).choice(np.array([0, 128, 255], np.uint8), (20, 30))
    events, other = picture_events(picture, 0), picture_events(256 - picture.astype(np.int16).clip(1), 0)
    np.testing.assert_array_equal(events.p, ~other.p)


def test_sequences_become_clips(tree: Path, tmp_path: Path) -> None:
    summary = prepare_see(tree, tmp_path / "store", SeePlan(frames=True))
    assert (summary.store.prepared, summary.store.wanted, summary.store.problems) == (5, 5, ())
    assert summary.shared == ("001",)
    store = summary.store.clip_set
    assert (store.name, store.classes, store.subjects) == ("see", CLASSES, ("001", "003"))
    by_name = {clip.name: clip for clip in store.clips}
    for made in FEW:
        clip = by_name[made.name]
        assert (clip.label, clip.subject, clip.sensor, tuple(clip.box)) == (made.label, made.subject, SIZE,
                                                                           (0, 0, *SIZE))
        assert clip.facts == {"part": "train" if made.subset == "training" else "test",
                              "lighting": {"001": "overexposed", "003": "hdr"}[made.subject]}
        assert (clip.start_us, clip.stop_us) == (0, PICTURES * PERIOD_US)
        kept = ColumnsRecording(clip.path)
        for number in range(PICTURES):
            window = kept.between(number * PERIOD_US, (number + 1) * PERIOD_US)
            assert np.unique(window.t).tolist() in ([], [number * PERIOD_US + PERIOD_US // 2])
        frames = clip_frames(clip)
        assert frames.pictures.shape == (PICTURES, SIZE[1], SIZE[0])
        assert frames.times_us.tolist() == [number * PERIOD_US + PERIOD_US // 2 for number in range(PICTURES)]


def test_white_is_on_and_what_jpeg_adds_is_nothing(tmp_path: Path) -> None:
    clip = SeeClip(1, "001", "fear", "training", pictures=1)
    write_tree(tmp_path, [clip])
    picture = np.full((SIZE[1], SIZE[0]), 128, np.uint8)
    picture[8:16, 8:16], picture[24:32, 24:32] = 255, 0
    save_picture(tmp_path / clip.folder("event") / "00000.jpg", picture)
    store = prepare_see(tmp_path, tmp_path / "store", SeePlan()).store.clip_set
    recording = ColumnsRecording(store.clips[0].path)
    events = recording.between(recording.start_us, recording.end_us + 1)
    assert {(int(x), int(y)) for x, y in zip(events.x[events.p], events.y[events.p], strict=True)} == {
        (x, y) for x in range(8, 16) for y in range(8, 16)}
    assert np.count_nonzero(~events.p) == 64


def test_the_official_split_says_whom_it_shares(tree: Path, tmp_path: Path) -> None:
    root = copied(tree, tmp_path)
    more = [clip for clip in see_clips() if clip.number in (2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14)]
    write_tree(root, [*FEW, *more])
    partition = official_partition(prepare_see(root, tmp_path / "store", SeePlan()).store.clip_set)
    assert partition.shared == ("001",)
    assert "not subject-disjoint, 1 of 2 test subjects are also trained or validated on" in partition.protocol


def test_what_cannot_be_used_is_told(tree: Path, tmp_path: Path) -> None:
    root = copied(tree, tmp_path)
    cut, short, other, blank, moved = (root / clip.folder("event") for clip in FEW)
    (cut / "00002.jpg").write_bytes((cut / "00002.jpg").read_bytes()[:-40])
    (short / "00001.jpg").unlink()
    save_picture(other / "00003.jpg", np.zeros((10, 10), np.uint8))
    for path in blank.iterdir():
        save_picture(path, np.full((SIZE[1], SIZE[0]), 128, np.uint8))
    (root / "event" / "surprise").mkdir(exist_ok=True)
    moved.rename(root / "event" / "surprise" / moved.name)
    extra = root / "event" / "fear" / "99_004_man_20_Master_HDR_fear_5_take000"
    extra.mkdir(parents=True)
    missing = SeeClip(77, "001", "sadness", "training")
    write_split(root, {**split_of(FEW)["database"], **split_of([missing])["database"]})
    summary = prepare_see(root, tmp_path / "store", SeePlan())
    told = said(summary.store.problems)
    assert (summary.store.prepared, summary.store.wanted, summary.store.clip_set) == (0, 6, None)
    for wanted in (f"{cut / '00002.jpg'}: is ", f"{short}: lacks 1 of the 5 pictures of its segment, the first is "
                   "00001.jpg", f"{other / '00003.jpg'}: is 10x10, the other sequences are 48x40",
                   f"{blank}: shows no events", "lies among surprise, but the split says angry",
                   f"{extra}: is in no part of the split", f"names {missing.name}, but"):
        assert wanted in told
    assert (tmp_path / "store" / "problems.csv").is_file()


def test_an_unusable_entry_is_told_once(tree: Path, tmp_path: Path) -> None:
    root = copied(tree, tmp_path)
    entries = split_of(FEW)["database"]
    write_split(root, {**entries, FEW[0].name: {**entries[FEW[0].name], "subset": "validation"}})
    told = prepare_see(root, tmp_path / "store", SeePlan()).store.problems
    assert [FEW[0].name in str(problem) for problem in told] == [True]
    assert "is in the subset 'validation'" in said(told)


def test_the_last_event_picture_may_be_absent(tree: Path, tmp_path: Path) -> None:
    root = copied(tree, tmp_path)
    (root / FEW[0].folder("event") / f"{PICTURES - 1:05}.jpg").unlink()
    store = prepare_see(root, tmp_path / "store", SeePlan()).store.clip_set
    assert next(clip for clip in store.clips if clip.name == FEW[0].name).stop_us == (PICTURES - 1) * PERIOD_US


def test_a_recording_is_taken_before_its_pictures(tree: Path, tmp_path: Path) -> None:
    root = copied(tree, tmp_path)
    t = np.arange(1_000, 3_000, 20)
    events = Events(t, t % SIZE[0], t % SIZE[1], t % 3 == 0, SIZE)
    folder = root / FEW[0].folder("event")
    write_recording(folder.with_name(f"{folder.name}.npz"), events)
    store = prepare_see(root, tmp_path / "store", SeePlan()).store.clip_set
    clip = next(clip for clip in store.clips if clip.name == FEW[0].name)
    assert (clip.start_us, clip.stop_us) == (1_000, 2_981)
    assert ColumnsRecording(clip.path).info.events == len(t)


def test_frames_that_are_missing_are_told(tree: Path, tmp_path: Path) -> None:
    root = copied(tree, tmp_path)
    shutil.rmtree(root / FEW[0].folder("frame"))
    summary = prepare_see(root, tmp_path / "store", SeePlan(frames=True))
    assert f"{root / FEW[0].folder('frame')}: is missing" in said(summary.store.problems)
    assert sum(has_frames(clip) for clip in summary.store.clip_set.clips) == 4


@pytest.mark.parametrize(("name", "entry", "why"), [
    ("1_001_man_24_Master_normal_angry_45", {}, "has 8 fields; need number_ID_sex_age_degree_lighting_emotion"),
    ("1_001_man_24_Master_dusk_angry_5_take000", {}, "has the lighting 'dusk'"),
    ("1_001_man_24_Master_normal_bored_5_take000", {}, "has the label 'bored'"),
    ("1_001_man_24_Master_normal_fear_5_take000", {}, "is angry in the split and fear by its name"),
    ("1_001_man_24_Master_normal_angry_5_take000", {"subset": "validation"}, "is in the subset 'validation'"),
    ("1_001_man_24_Master_normal_angry_5_take000", {"annotations": None}, "lacks subset, annotations.label"),
    ("1_001_man_24_Master_normal_angry_5_take000", {"annotations": {"label": "angry", "segment": [5, 5]}},
     "has the segment [5, 5]"),
    ("1_001_man_24_Master_normal_angry_5_take000", {"annotations": {"label": "angry", "segment": [0, 10**12]}},
     "two rising numbers"),
    ("1_001_man_24_Master_normal_angry_5_take000", {"annotations": {"label": "angry", "segment": "05"}},
     "two rising numbers"),
])
def test_entries_that_say_nothing_usable(tmp_path: Path, name: str, entry: dict, why: str) -> None:
    write_split(tmp_path, {name: {"subset": "training", "annotations": {"label": "angry", "segment": [0, 5]}, **entry}})
    found = read_split(tmp_path, None)
    assert found.sequences == []
    assert why in said(found.problems)


def test_a_sequence_that_is_listed_twice_is_left_out(tmp_path: Path) -> None:
    entry = json.dumps(next(iter(split_of(FEW[:1])["database"].values())))
    name = FEW[0].name
    (tmp_path / "emotion.json").write_text(f'{{"database": {{"{name}": {entry}, "{name}": {entry}}}}}')
    found = read_split(tmp_path, None)
    assert (found.sequences, len(found.names)) == ([], 1)
    assert f"lists {name} twice" in said(found.problems)


def test_what_is_not_see_is_refused(tree: Path, tmp_path: Path) -> None:
    for root, why in ((tmp_path / "none", "no such folder; give the root of SEE"), (tmp_path, "has no folder event")):
        with pytest.raises(BadFileError, match=why):
            prepare_see(root, tmp_path / "store", SeePlan())
    (tmp_path / "event").mkdir()
    with pytest.raises(BadFileError, match="needs its split, emotion.json, and has none; give it with --split"):
        prepare_see(tmp_path, tmp_path / "store", SeePlan())
    for content, why in (("[" * 100_000, "is not readable JSON"), ("{}", "has no database of sequences"),
                         ("\udcff", "is not readable JSON")):
        (tmp_path / "emotion.json").write_bytes(content.encode("utf-8", "surrogateescape"))
        with pytest.raises(BadFileError, match=why):
            prepare_see(tmp_path, tmp_path / "store", SeePlan())
    with pytest.raises(BadFileError, match="no such split"):
        prepare_see(tree, tmp_path / "store", SeePlan(), tmp_path / "other.json")
    with pytest.raises(UsageError, match="least_grey is 0; need 1 to 127"):
        SeePlan(least_grey=0)


def test_the_only_split_of_another_name_is_found(tree: Path, tmp_path: Path) -> None:
    root = copied(tree, tmp_path)
    (root / "emotion.json").rename(root / "emotion_new.json")
    assert len(read_split(root, None).names) == 5
    (root / "emotion_old.json").write_text("{}")
    with pytest.raises(BadFileError, match="has 2 of them"):
        read_split(root, None)
