"""One's own recordings: what the table says, what is wrong with it, and intervals of files that become clips."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from neurofer.data.clip import Box
from neurofer.data.own import OwnPlan, clip_names, prepare_own
from neurofer.data.own_table import read_own_table
from neurofer.data.store import open_store, read_store_index
from neurofer.errors import BadFileError, UsageError
from neurofer.events import Events, open_recording, write_recording

SENSOR = (64, 48)


def noise(seed: int, start_us: int = 0, sensor: tuple[int, int] = SENSOR) -> Events:
    """1000 events, one a millisecond."""
    random = np.random.default_rng(seed)
    x, y = (random.integers(0, side, 1000) for side in sensor)
    return Events(start_us + 1000 * np.arange(1000), x, y, random.integers(0, 2, 1000), sensor)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("own") / "recordings"
    (root / "ana").mkdir(parents=True)
    write_recording(root / "ana" / "long.npz", noise(0, 5_000_000))
    write_recording(root / "ben.raw", noise(1))
    write_recording(root / "ben.csv", noise(2))
    write_recording(root / "carl", noise(3))
    return root


def table(folder: Path, *rows: str, columns: str = "file,label,subject,start_us,stop_us,box") -> Path:
    path = folder / "clips.csv"
    path.write_text("\n".join([columns, *rows]) + "\n", encoding="utf-8")
    return path


def said(problems) -> str:
    return "\n".join(str(problem) for problem in problems)


def test_a_row_by_hand(tmp_path: Path) -> None:
    rows, problems, wanted = read_own_table(table(
        tmp_path, "ana,a/b.raw,happy,,1500.0,1 2 30 40,train", columns="subject,file,label,start_us,stop_us,box,part"))
    assert (problems, wanted) == ([], 1)
    assert rows[0][1:] == ("a/b.raw", "happy", "ana", None, 1500, Box(1, 2, 30, 40), {"part": "train"})


def test_everything_that_is_wrong_is_told_by_line(tmp_path: Path) -> None:
    rows, problems, wanted = read_own_table(table(
        tmp_path, "a.raw,happy,ana,,,", "b.raw,,ana,,,", "", "c.raw,happy,ana,2.5,x,", "d.raw,happy,ana,9,9,",
        "e.raw,happy,ana,,,1 2 3", "f.raw,Happy,ana,,,", "g.raw,happy,ANA,,,", "h.raw,happy,ana,,,1,2,3,4"))
    assert [row.file for row in rows] == ["a.raw"]
    assert wanted == 8
    lines = [str(problem).removeprefix(f"{tmp_path / 'clips.csv'}:") for problem in problems]
    assert lines == [
        "3: label is empty",
        "5: start_us is '2.5'; need a whole number of microseconds",
        "5: stop_us is 'x'; need a whole number of microseconds",
        "6: ends (9 us) before it starts (9 us)",
        "7: box is '1 2 3'; need left top width height in sensor pixels, four whole numbers with spaces between them",
        "8: label 'Happy' differs only in capitals from 'happy' in line 2; write both alike",
        "9: subject 'ANA' differs only in capitals from 'ana' in line 2; write both alike",
        "10: has 9 cells, not 6 (file, label, subject, start_us, stop_us, box); "
        "put a cell that holds a comma in quotes",
    ]


@pytest.mark.parametrize(("columns", "what"), [
    ("file,lable,subject", "lacks the column label; has the column lable; did you mean label?"),
    ("file;label;subject", "not separated by commas"),
    ("file,label,subject,label", "has the column label 2 times"),
    ("file,label,subject,digest", "has the column digest, which the store writes itself"),
    ("file,label,subject,", "has a column without a name"),
    ("a.raw,happy,ana", "lacks the column file; lacks the column label; lacks the column subject"),
])
def test_wrong_columns_are_refused(tmp_path: Path, columns: str, what: str) -> None:
    with pytest.raises(BadFileError) as error:
        read_own_table(table(tmp_path, "a.raw,happy,ana", columns=columns))
    assert what in str(error.value)


def test_names_differ_whatever_the_files_are_called(tmp_path: Path) -> None:
    rows, _, _ = read_own_table(table(
        tmp_path, "a/x.raw,h,s,,,", "a_x.raw,h,s,,,", "b.raw,h,s,0,9,", "b.raw,h,s,9,19,", "b.raw,h,s,9,29,",
        "b.raw,h,s,,,", "my face (1).npz,h,s,,,"))
    names = clip_names(rows)
    assert names == ["a_x.raw_1", "a_x.raw_2", "b_0us", "b_9us_1", "b_9us_2", "b_start", "my-face-1"]


def test_intervals_of_any_format_become_clips(tree: Path, tmp_path: Path) -> None:
    path = table(tmp_path, "ana/long.npz,happy,ana,5200000,5500000,4 4 20 20,train",
                 "ana/long.npz,sad,ana,5500000,,,train", "ben.raw,happy,ben,,,,test", "carl,sad,carl,,,,test",
                 columns="file,label,subject,start_us,stop_us,box,part")
    summary = prepare_own(tree, path, tmp_path / "store", OwnPlan())
    assert summary is not None
    assert (summary.prepared, summary.wanted, summary.problems) == (4, 4, ())
    clips = {clip.name: clip for clip in open_store(tmp_path / "store").clips}
    assert sorted(clips) == ["ana_long_5200000us", "ana_long_5500000us", "ben", "carl"]
    first, second = clips["ana_long_5200000us"], clips["ana_long_5500000us"]
    assert (first.start_us, first.stop_us, first.box) == (5_200_000, 5_500_000, (4, 4, 20, 20))
    assert (second.start_us, second.stop_us) == (5_500_000, 5_999_001)
    assert (first.facts["box_from"], first.facts["part"]) == ("user", "train")
    assert second.facts["box_from"] in ("events", "density")
    whole = noise(0, 5_000_000)
    for clip, low, high in ((first, 200, 500), (second, 500, 1000)):
        with open_recording(clip.path) as recording:
            found = recording.between(0, 10_000_000)
        for name in ("t", "x", "y", "p"):
            np.testing.assert_array_equal(getattr(found, name), getattr(whole, name)[low:high])


def test_what_cannot_be_used_is_told_and_the_rest_is_prepared(tree: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(tree, tmp_path / "recordings"))
    write_recording(root / "wide.raw", noise(4, sensor=(80, 60)))
    (root / "film.mp4").write_bytes(b"film")
    raw = (root / "ben.raw").read_bytes()
    (root / "cut.raw").write_bytes(raw[:-1])
    path = table(tmp_path, "carl,happy,carl,,,", "gone.raw,happy,ana,,,", "../x.raw,happy,ana,,,",
                 "film.mp4,sad,ana,,,", "ana/long.npz,sad,ana,0,400,", "carl,happy,carl,,,",
                 "ben.raw,sad,ben,,,70 50 4 4", "wide.raw,sad,ana,,,", "cut.raw,sad,ana,,,", "ben.csv,sad,ben,,,")
    summary = prepare_own(root, path, tmp_path / "store", OwnPlan())
    assert summary is not None
    assert (summary.prepared, summary.wanted) == (1, 10)
    in_table = [int(str(one).split(":")[1]) for one in summary.problems if str(one).startswith(f"{path}:")]
    assert in_table == [3, 4, 5, 7, 8]
    text = said(summary.problems).replace(f"{tmp_path}/", "")
    for what in ("clips.csv:3: names gone.raw, but there is no such file",
                 "clips.csv:4: file ../x.raw leads out of",
                 "clips.csv:5: names the video film.mp4; make events of it first, 'neurofer simulate",
                 "clips.csv:7: is the same interval of carl as line 2",
                 "clips.csv:8: box 70,50,4,4 shows nothing of the 64x48 sensor",
                 "long.npz: holds no events between 0 us and 400 us; its own clock goes from 5000000 to 5999000 us",
                 "wide.raw: has a sensor of 80x60 pixels, the store has 64x48",
                 "cut.raw: ends inside a word",
                 "ben.csv: does not say its sensor size; give --sensor WIDTHxHEIGHT"):
        assert what in text
    (root / "cut.raw").write_bytes(raw)
    write_recording(root / "gone.raw", noise(5))
    again = prepare_own(root, path, tmp_path / "store", OwnPlan(sensor=SENSOR))
    assert again is not None
    assert again.prepared == 4
    assert sorted(open_store(tmp_path / "store").subjects) == ["ana", "ben", "carl"]


def test_repair_counts_what_it_leaves_out(tree: Path, tmp_path: Path) -> None:
    text = (tree / "ben.csv").read_text().splitlines()
    (tmp_path / "jump.csv").write_text("\n".join([*text[:500], text[100], *text[500:]]) + "\n")
    path = table(tmp_path, "jump.csv,happy,ben", columns="file,label,subject")
    strict = prepare_own(tmp_path, path, tmp_path / "strict", OwnPlan(SENSOR))
    assert strict is not None
    assert strict.clip_set is None
    repaired = prepare_own(tmp_path, path, tmp_path / "store", OwnPlan(SENSOR, "repair"))
    assert repaired is not None
    assert repaired.clip_set is not None
    assert repaired.clip_set.clips[0].facts["dropped"] == "1"


def test_parts_and_workers_make_the_same_store(tree: Path, tmp_path: Path) -> None:
    path = table(tmp_path, "carl,happy,carl,,,", "ben.raw,sad,ben,,,", "ana/long.npz,sad,ana,,,")
    whole = prepare_own(tree, path, tmp_path / "whole", OwnPlan(), workers=2)
    assert prepare_own(tree, path, tmp_path / "parts", OwnPlan(), part=(2, 2)) is None
    parts = prepare_own(tree, path, tmp_path / "parts", OwnPlan(), part=(1, 2))
    assert whole is not None
    assert parts is not None
    assert read_store_index(whole.folder).digest == read_store_index(parts.folder).digest


def test_without_any_sensor_or_recording_nothing_is_made(tree: Path, tmp_path: Path) -> None:
    path = table(tmp_path, "ben.csv,sad,ben,,,")
    with pytest.raises(UsageError, match=r"ben\.csv: does not say its sensor size, and no other recording does"):
        prepare_own(tree, path, tmp_path / "store", OwnPlan())
    path = table(tmp_path, "gone.csv,sad,ben,,,", "gone.raw,sad,ben,,,")
    with pytest.raises(BadFileError, match=r"(?s)none of its recordings.*:2: names gone\.csv.*:3: names gone\.raw"):
        prepare_own(tree, path, tmp_path / "store", OwnPlan())
    assert not (tmp_path / "store").exists()
    with pytest.raises(UsageError, match="mode is trust"):
        OwnPlan(mode="trust")


def test_one_real_recording_is_the_same_clip_in_every_format(recordings: Path, tmp_path: Path) -> None:
    names = [f"ncaltech101_face.{suffix}" for suffix in ("bin", "dat", "npy")] + ["ncaltech101_face_dsec.h5"]
    path = table(tmp_path, *(f"{name},face,someone" for name in names), columns="file,label,subject")
    summary = prepare_own(recordings, path, tmp_path / "store", OwnPlan(sensor=(240, 180)))
    assert summary is not None
    assert summary.clip_set is not None
    clips = summary.clip_set.clips
    assert [clip.name for clip in clips] == [*names[:3], "ncaltech101_face_dsec"]
    assert {(clip.start_us, clip.stop_us, clip.box, clip.facts["box_from"]) for clip in clips} == {
        (6, 299_365, clips[0].box, "events")}
    assert len({(clip.path / "t.npy").read_bytes() for clip in clips}) == 1
