"""SMIC: clips from folders, expressions in long films from the table, and trees that contradict themselves."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from neurofer.data.expected import Count
from neurofer.data.micro.frames_on_disk import missing_frames
from neurofer.data.micro.rules import APEX_MIDPOINT, SHORT, SUBJECT_NUMBER
from neurofer.data.micro.smic import RELEASE, SUBJECTS, read_smic
from neurofer.errors import BadFileError
from trees.small_films import write_xlsx
from trees.smic import CLIPS, EMOTIONS, LONG_HEADER, PATTERN, SmicClip, write_clips, write_long

FIRST = CLIPS[0]


def folder_of(root: Path, clip: SmicClip) -> Path:
    return root / "HS" / clip.subject / "micro" / clip.emotion / clip.name


def test_a_clip_is_its_folder(tmp_path: Path) -> None:
    write_clips(tmp_path)
    table = read_smic(tmp_path)
    record = table.records[0]
    assert (record.subject, record.clip, record.emotion, record.label3) == ("s01", "s01_ne_01", "negative", "negative")
    assert (record.onset_frame, record.apex_frame, record.offset_frame) == (123, 131, 140)
    assert (record.apex_source, record.fps, record.folder) == ("midpoint", 100, "HS/s01/micro/negative/s01_ne_01")
    assert {one.clip: (one.onset_frame, one.offset_frame) for one in table.records} == {
        clip.name: (clip.first, clip.last) for clip in CLIPS}
    assert table.problems == ()
    assert table.rules == {APEX_MIDPOINT: len(CLIPS), SHORT: 1}
    assert Count("subjects", 3, 16) in table.differing


def test_the_folder_of_the_camera_is_a_root_too(tmp_path: Path) -> None:
    base = write_clips(tmp_path)
    inside, outside = read_smic(base), read_smic(tmp_path)
    assert [base / record.folder for record in inside.records] == [tmp_path / record.folder
                                                                   for record in outside.records]


@pytest.mark.parametrize("part", ["VIS", "NIR"])
def test_the_slow_cameras_have_25_frames_a_second(tmp_path: Path, part) -> None:
    write_clips(tmp_path, CLIPS[:2], part)
    table = read_smic(tmp_path, part=part)
    assert [record.fps for record in table.records] == [25, 25]
    assert table.differing == (Count("expressions", 2, 71),)


def test_the_whole_release_differs_in_nothing(tmp_path: Path) -> None:
    clips = [SmicClip(f"s{number % SUBJECTS + 1:02d}_{word}_{number:02d}", 5, 5) for word, emotion in EMOTIONS.items()
             for number in range(RELEASE[emotion])]
    write_clips(tmp_path, clips)
    table = read_smic(tmp_path)
    assert (len(table.records), table.problems, table.differing) == (164, (), ())


def test_a_gap_is_named(tmp_path: Path) -> None:
    write_clips(tmp_path)
    for number in (125, 130, 131, 132):
        (folder_of(tmp_path, FIRST) / PATTERN.format(number)).unlink()
    table = read_smic(tmp_path)
    assert FIRST.name not in [record.clip for record in table.records]
    (problem,) = table.problems
    assert problem.where == str(folder_of(tmp_path, FIRST))
    assert "lacks 4 of the 18 frames 123 to 140" in problem.what
    assert problem.what.endswith(": 125, 130-132")


def test_contradictions_are_told_together_and_left_out(tmp_path: Path) -> None:
    write_clips(tmp_path)
    micro = tmp_path / "HS" / "s01" / "micro"
    shutil.move(micro / "negative" / "s01_ne_02", micro / "positive" / "s01_ne_02")
    shutil.copytree(micro / "negative" / "s01_ne_01", micro / "negative" / "s07_ne_01")
    shutil.copytree(micro / "negative" / "s01_ne_01", micro / "negative" / "copy")
    shutil.copytree(micro / "negative" / "s01_ne_01", micro / "happy" / "s01_po_09")
    (micro / "negative" / "s01_ne_09").mkdir()
    shutil.copy(folder_of(tmp_path, CLIPS[2]) / PATTERN.format(3), folder_of(tmp_path, CLIPS[2]) / "again3.jpg")
    table = read_smic(tmp_path)
    assert sorted(problem.what for problem in table.problems) == sorted([
        "again3.jpg and image000003.jpg are both frame 3; keep one of them",
        "belongs to s01, but the name s07_ne_01 says s07",
        "holds no picture; copy the clip's frames there, or take the folder away",
        "is named 'copy'; need a name such as s01_ne_01, with ne, po or sur",
        "is of the class 'happy'; need one of negative, positive, surprise",
        "is of the class positive, but the name s01_ne_02 says negative"])
    assert len(table.records) == len(CLIPS) - 2


def test_a_folder_that_is_not_smic_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="holds no HS/s01/micro; give the folder .* by --sheet"):
        read_smic(tmp_path)
    with pytest.raises(BadFileError, match="no such folder"):
        read_smic(tmp_path / "absent")


def test_expressions_of_long_films(tmp_path: Path) -> None:
    table = read_smic(tmp_path, write_long(tmp_path))
    first = table.records[0]
    assert (first.subject, first.emotion, first.folder) == ("s01", "negative", "SMIC-HS-E/s01/s01_ne_01")
    assert (first.onset_frame, first.apex_frame, first.offset_frame) == (123, 131, 140)
    assert table.problems == ()
    assert table.rules == {SUBJECT_NUMBER: len(CLIPS), APEX_MIDPOINT: len(CLIPS), SHORT: 1}
    assert table.differing == (Count("rows", 6, 157),)
    assert all(missing_frames(record, tmp_path) is None for record in table.records)


def test_long_films_are_counted_from_their_first_picture(tmp_path: Path) -> None:
    """OnsetF - FirstF pictures after the first, whatever number that has."""
    sheet = write_long(tmp_path)
    folder = tmp_path / "SMIC-HS-E" / "s01" / "s01_ne_01"
    for number in range(120, 145):
        (folder / PATTERN.format(number)).rename(folder / PATTERN.format(number - 120))
    record = read_smic(tmp_path, sheet.parent).records[0]
    assert (record.onset_frame, record.apex_frame, record.offset_frame) == (3, 11, 20)
    assert missing_frames(record, tmp_path) is None


def test_rows_of_the_long_table_that_cannot_be_used(tmp_path: Path) -> None:
    write_long(tmp_path)
    good = {"Subject": 1, "Filename": "s01_ne_01", "OnsetF": 123, "OffsetF": 140, "FirstF": 120, "Emotion": "negative"}
    rows = [good, {**good, "Filename": "s01_po_01"}, {**good, "OnsetF": 119}, {**good, "OnsetF": 123.5}, good,
            {**good, "Subject": "one"}]
    sheet = write_xlsx(tmp_path / "other.xlsx", LONG_HEADER, rows)
    table = read_smic(tmp_path, sheet)
    assert [record.clip for record in table.records] == ["s01_ne_01"]
    assert table.rules[SUBJECT_NUMBER] == 2
    told = [str(problem) for problem in table.problems]
    for words in ("row 3, column 'Filename': is of the class negative, but the name s01_po_01 says positive",
                  "row 4, column 'OnsetF': is 119; need FirstF <= OnsetF <= OffsetF, which are 120 and 140",
                  "row 5, column 'OnsetF': is '123.5', a fraction", "row 6: repeats s01 s01_ne_01",
                  "row 7, column 'Subject': is 'one'"):
        assert [words in line for line in told].count(True) == 1, (words, told)


def test_what_a_long_film_lacks_is_seen_with_its_frames(tmp_path: Path) -> None:
    sheet = write_long(tmp_path)
    folder = tmp_path / "SMIC-HS-E" / "s01" / "s01_ne_01"
    (folder / PATTERN.format(128)).unlink()
    shutil.rmtree(tmp_path / "SMIC-HS-E" / "s02" / "s02_sur_01")
    told = [missing_frames(record, tmp_path) for record in read_smic(tmp_path, sheet).records]
    assert [problem.where for problem in told if problem] == [str(folder), str(tmp_path / "s02" / "s02_sur_01")]
    assert told[0] is not None
    assert told[0].what.endswith(": 128")
