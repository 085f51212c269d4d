"""MMEW: two layouts, the name that one class has twice, subjects as numbers, and fixes of the known edition alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from neurofer.data.expected import Count
from neurofer.data.micro.fixes import known_fixes
from neurofer.data.micro.frames_on_disk import missing_frames
from neurofer.data.micro.mmew import RELEASE, REPRESSION, SUBJECTS, read_mmew
from neurofer.data.micro.rules import APEX_IS_OFFSET, APEX_IS_ONSET, FIXED, SHORT, SUBJECT_NUMBER
from neurofer.errors import BadFileError
from trees.mmew import ROWS, MmewRow, write_by_emotion, write_official, write_sheet


def said(table) -> str:
    return "\n".join(map(str, table.problems))


def release() -> list[MmewRow]:
    """300 rows with the numbers of the release."""
    emotions = [emotion for emotion, count in RELEASE.items() for _ in range(count)]
    return [MmewRow(number % SUBJECTS + 1, f"S{number % SUBJECTS + 1:02d}-01-{number:03d}", 1, 4, 12, "4", emotion)
            for number, emotion in enumerate(emotions)]


@pytest.mark.parametrize(("write", "folder", "others"), [
    (write_official, "S03/happiness/S03-01-002", "S11/repression/S11-07-002"),
    (write_by_emotion, "Micro_Expression/happiness/S03-01-002", "Micro_Expression/others/S11-07-002")])
def test_both_layouts_give_the_same_records(tmp_path: Path, write, folder: str, others: str) -> None:
    write(tmp_path)
    table = read_mmew(tmp_path)
    first, fifth = table.records[0], table.records[4]
    assert table.problems == ()
    assert len(table.records) == len(ROWS)
    assert (first.subject, first.clip, first.emotion, first.label3) == ("S03", "S03-01-002", "happiness", "positive")
    assert (first.onset_frame, first.apex_frame, first.offset_frame, first.fps) == (1, 14, 30, 90)
    assert (first.aus, first.folder) == (("6", "12"), folder)
    assert (fifth.emotion, fifth.label3, fifth.folder) == ("others", None, others)
    assert [record.subject for record in table.records] == ["S03", "S05", "S05", "S11", "S11", "S30", "S30"]
    assert [record.label3 for record in table.records] == ["positive", "surprise", "negative", "negative", None,
                                                           "negative", "negative"]
    assert table.rules == {SUBJECT_NUMBER: 2, APEX_IS_ONSET: 1, APEX_IS_OFFSET: 1, SHORT: 1}
    assert Count("emotion others", 1, 66) in table.differing


def test_the_folder_of_the_classes_is_a_root_with_a_sheet(tmp_path: Path) -> None:
    sheet = write_by_emotion(tmp_path)
    assert read_mmew(tmp_path / "Micro_Expression", sheet).records[0].folder == "happiness/S03-01-002"


def test_repression_in_the_table_is_the_class_others(tmp_path: Path) -> None:
    write_official(tmp_path)
    write_sheet(tmp_path, [row._replace(emotion="Repression") if row.emotion == "others" else row for row in ROWS])
    table = read_mmew(tmp_path)
    assert (table.records[4].emotion, table.records[4].label3) == ("others", None)
    assert table.rules[REPRESSION] == 1


def test_the_known_edition_is_fixed_by_row(tmp_path: Path) -> None:
    fixes = [fix for fix in known_fixes() if fix.dataset == "mmew"]
    rows, numbers = release(), sorted({fix.row for fix in fixes if fix.row is not None})
    for number in numbers:
        rows[number] = rows[number]._replace(apex="/", offset=None)
    write_sheet(tmp_path, rows)
    table = read_mmew(tmp_path)
    assert (len(table.records), table.differing) == (300, ())
    assert table.rules[FIXED] == len(fixes) == 32
    first, last = table.records[33], table.records[156]
    assert [(one.apex_frame, one.offset_frame) for one in (first, last)] == [(40, 75), (38, 106)]
    assert [(fix.field, fix.old, fix.new) for fix in first.fixes] == [("ApexFrame", "/", "40"),
                                                                      ("OffsetFrame", "", "75")]


def test_another_edition_is_not_fixed_by_row(tmp_path: Path) -> None:
    rows = release()[:299]
    rows[33] = rows[33]._replace(offset=None)
    write_sheet(tmp_path, rows)
    table = read_mmew(tmp_path)
    assert rows[33].name not in [record.clip for record in table.records]
    assert "row 35, column 'OffsetFrame': is blank" in said(table)
    assert FIXED not in table.rules


def test_bad_rows_are_told_with_row_and_column(tmp_path: Path) -> None:
    good = ROWS[0]
    write_official(tmp_path, [good])
    write_sheet(tmp_path, [good, good._replace(subject="S04"), good._replace(apex=0.5), good._replace(onset=31), good,
                           good._replace(emotion=None), good._replace(name="../S03")])
    table = read_mmew(tmp_path)
    assert len(table.records) == 1
    assert len(table.problems) == 6
    for words in ("row 3, column 'Subject': is S04, but the clip S03-01-002 says S03",
                  "row 4, column 'ApexFrame': is '0.5', a fraction", "row 5, column 'OnsetFrame': is 31, after",
                  "row 6: repeats S03 S03-01-002 from frame 1 of row 2", "row 7, column 'Estimated Emotion': is blank",
                  "row 8, column 'Filename': is '../S03'"):
        assert words in said(table), words


def test_missing_folders_and_frames_are_seen_with_the_frames(tmp_path: Path) -> None:
    write_official(tmp_path)
    shutil.rmtree(tmp_path / "S03" / "happiness")
    for number in (5, 6, 7, 20):
        (tmp_path / "S05" / "surprise" / "S05-02-001" / f"{number}.jpg").unlink()
    table = read_mmew(tmp_path)
    told = "\n".join(str(problem) for record in table.records if (problem := missing_frames(record, tmp_path)))
    assert (len(table.records), table.problems, told.count("\n")) == (len(ROWS), (), 1)
    assert "S03/happiness/S03-01-002: is missing" in told
    assert "lacks 4 of the 20 frames 1 to 20" in told
    assert ": 5-7, 20" in told


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="holds no MMEW_Micro_Exp.xlsx"):
        read_mmew(tmp_path)
