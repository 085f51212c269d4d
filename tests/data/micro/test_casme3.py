"""CAS(ME)3: the table of part A with its quirks, fixes and editions, the two layouts, and part C."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from neurofer.data.expected import Count
from neurofer.data.micro.casme3 import (
    CAPITAL_EMOTION,
    CAPITAL_FILM,
    LONG,
    NO_DURATION,
    RELEASE_A,
    SUBJECTS_A,
    read_casme3,
)
from neurofer.data.micro.frames_on_disk import missing_frames
from neurofer.data.micro.preparing import clip_names
from neurofer.data.micro.rules import APEX_IS_ONSET, APEX_MIDPOINT, FIXED, SHORT, SUBJECT_NUMBER
from neurofer.errors import BadFileError, UsageError
from trees.casme3 import (
    ROWS_A,
    ROWS_C,
    SHEET_A,
    RowA,
    RowC,
    write_clips_a,
    write_part_a,
    write_part_c,
    write_sheet_a,
)
from trees.small_films import write_film


def said(table) -> str:
    return "\n".join(map(str, table.problems))


def frames(record) -> tuple[int, int | None, int]:
    return record.onset_frame, record.apex_frame, record.offset_frame


def test_a_row_becomes_a_record(tmp_path: Path) -> None:
    write_part_a(tmp_path)
    record = read_casme3(tmp_path).records[1]
    assert (record.subject, record.video, record.clip, record.emotion) == ("spNO.1", "b", "b", "happy")
    assert (frames(record), record.fps, record.folder) == ((166, 175, 178), 30, "spNO.1/b/color")
    assert (record.aus, record.objective, record.label3) == (("R12",), "1", "positive")
    assert record.apex_source == "annotated"
    assert record.where.endswith("row 3")
    assert (tmp_path / record.folder / "175.jpg").is_file()


def test_the_quirks_of_the_table_are_counted(tmp_path: Path) -> None:
    write_part_a(tmp_path)
    table = read_casme3(tmp_path)
    assert table.problems == ()
    assert table.rules == {CAPITAL_FILM: 1, CAPITAL_EMOTION: 1, APEX_IS_ONSET: 1, SHORT: 1, LONG: 1}
    assert {record.video for record in table.records} == {"a", "b", "c", "d", "j", "m"}
    assert [record.label3 for record in table.records] == ["negative", "positive", "surprise", "negative", None, None,
                                                           "negative", "negative"]
    assert Count("emotion others", 2, 161) in table.differing


def test_films_repeat_but_names_of_clips_do_not(tmp_path: Path) -> None:
    write_part_a(tmp_path)
    records = read_casme3(tmp_path).records
    assert len({(record.subject, record.clip) for record in records}) < len(records)
    assert "spNO.1_b_166" in clip_names(records)
    assert len(set(clip_names(records))) == len(records)
    write_sheet_a(tmp_path, reversed(ROWS_A))
    assert set(clip_names(read_casme3(tmp_path).records)) == set(clip_names(records))


def test_a_film_in_a_folder_with_a_capital_is_found(tmp_path: Path) -> None:
    write_part_a(tmp_path)
    (tmp_path / "spNO.1" / "j").rename(tmp_path / "spNO.1" / "J")
    assert read_casme3(tmp_path).records[3].folder in ("spNO.1/J/color", "spNO.1/j/color")


def test_clips_alone_are_a_tree_too(tmp_path: Path) -> None:
    write_clips_a(tmp_path)
    table = read_casme3(tmp_path)
    assert table.problems == ()
    assert len(table.records) == len(ROWS_A)
    assert table.records[1].folder == "Part_A_ME_clip/frame/spNO.1_b_166"


def test_the_whole_release_has_its_counts_and_its_fixes(tmp_path: Path) -> None:
    emotions = [emotion for emotion, count in RELEASE_A.items() for _ in range(count)]
    rows = [RowA(f"spNO.{number % SUBJECTS_A + 300}", "b", number, number + 5, number + 20, "4", 1, emotion)
            for number, emotion in enumerate(emotions)]
    slips = {128: ("spNO.149", "d", 112, 160, 140), 708: ("spNO.214", "c", 5, 20, 3460),
             749: ("spNO.216", "d", 2700, 2660, 2670), 750: ("spNO.216", "e", 0, 0, 14),
             796: ("spNO.40", "e", 1812, 1830, 1820), 798: ("spNO.40", "e", 2327, 2360, 2330)}
    for number, cells in slips.items():
        rows[number] = RowA(*cells, *rows[number][5:])
    write_sheet_a(tmp_path, rows)
    table = read_casme3(tmp_path)
    by_row = {int(record.where.rpartition(" ")[2]) - 2: record for record in table.records}
    assert {number: frames(by_row[number]) for number in slips} == {
        128: (112, 123, 140), 708: (5, 20, 34), 749: (2647, 2660, 2670), 750: (1, 1, 14), 796: (1812, 1830, 1845),
        798: (2327, 2360, 2403)}
    assert {number for number, record in by_row.items() if record.fixes} == set(slips)
    assert table.rules[FIXED] == 7
    assert len(table.records) == 860
    assert [count for count in table.differing if count.what != "subjects"] == []


def test_a_fixed_onset_finds_the_clip_that_is_named_by_the_slip(tmp_path: Path) -> None:
    write_sheet_a(tmp_path, [RowA("spNO.216", "e", 0, 0, 14, "4", 1, "fear")])
    write_film(tmp_path / "Part_A_ME_clip" / "frame" / "spNO.216_e_0", range(1, 15))
    (record,) = read_casme3(tmp_path).records
    assert (frames(record), record.folder) == ((1, 1, 14), "Part_A_ME_clip/frame/spNO.216_e_0")
    assert [fix.old for fix in record.fixes] == ["0", "0"]


def test_bad_rows_are_told_with_row_and_column(tmp_path: Path) -> None:
    good = ROWS_A[1]
    rows = [good, good._replace(offset=166), good._replace(onset=180), good._replace(apex=190), good,
            good._replace(onset="12a"), good._replace(emotion=""), good._replace(subject="anna"),
            good._replace(film=None)]
    write_part_a(tmp_path, [good])
    write_sheet_a(tmp_path, rows)
    table = read_casme3(tmp_path)
    told = said(table).splitlines()
    assert len(table.records) == 1
    assert len(told) == 8
    for words in ("row 3, column 'Offset': is 166, not after the onset 166",
                  "row 4, column 'Offset': is 178, not after the onset 180",
                  "row 5, column 'Apex': is 190, outside", "row 6: repeats spNO.1 b from frame 166 of row 2",
                  "row 7, column 'Onset': is '12a', not a number", "row 8, column 'emotion': is blank",
                  "row 9, column 'Subject': is 'anna'", "row 10, column 'Filename': is ''"):
        assert [words in line for line in told].count(True) == 1, words
    assert table.rules[NO_DURATION] == 2


def test_missing_folders_and_frames_are_seen_with_the_frames(tmp_path: Path) -> None:
    write_part_a(tmp_path)
    shutil.rmtree(tmp_path / "spNO.1" / "a")
    (tmp_path / "spNO.2" / "c" / "color" / "7.jpg").unlink()
    table = read_casme3(tmp_path)
    told = "\n".join(str(problem) for record in table.records if (problem := missing_frames(record, tmp_path)))
    assert (len(table.records), table.problems, told.count("\n")) == (len(ROWS_A), (), 1)
    assert "spNO.1/a/color: is missing, the frames of spNO.1 a" in told
    assert "lacks 1 of the 20 frames 5 to 24" in told


def test_the_table_is_looked_for_and_a_choice_is_the_users(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=r"holds no cas\(me\)3_part_A_ME_label_JpgIndex_v2.xlsx; copy the sheet"):
        read_casme3(tmp_path)
    sheet = write_part_a(tmp_path)
    shutil.copy(sheet, tmp_path / "annotation" / "cas(me)3_part_A_ME_label_JpgIndex_v3.xlsx")
    assert len(read_casme3(tmp_path).records) == len(ROWS_A)
    shutil.copy(sheet, tmp_path / SHEET_A)
    with pytest.raises(UsageError, match="holds 2 sheets, annotation/.*; choose one by --sheet"):
        read_casme3(tmp_path)
    assert len(read_casme3(tmp_path, sheet).records) == len(ROWS_A)
    with pytest.raises(BadFileError, match="no such sheet"):
        read_casme3(tmp_path, tmp_path / "absent.xlsx")


def test_a_table_without_any_frames_is_read_and_told_once(tmp_path: Path) -> None:
    write_sheet_a(tmp_path)
    table = read_casme3(tmp_path)
    assert len(table.records) == len(ROWS_A)
    assert [problem.what for problem in table.problems] == [
        "holds no folder of frames such as spNO.1/a/color, so no clip has any"]


def test_a_table_without_a_usable_row_is_refused(tmp_path: Path) -> None:
    write_sheet_a(tmp_path, [ROWS_A[0]._replace(onset="x")])
    with pytest.raises(BadFileError, match="holds no usable row\n.*column 'Onset': is 'x'"):
        read_casme3(tmp_path)


def test_part_c_has_midpoints_and_no_emotion(tmp_path: Path) -> None:
    write_part_c(tmp_path)
    table = read_casme3(tmp_path, part="C")
    assert [(record.subject, record.clip, frames(record), record.aus) for record in table.records] == [
        ("01", "1", (373, 381, 390), ("4", "7")), ("01", "2", (40, 45, 51), ("12",)),
        ("11", "1", (9, 15, 21), ("1", "2"))]
    assert clip_names(table.records) == ["01_1_373", "01_2_40", "11_1_9"]
    assert {record.folder for record in table.records} == {"01/a/color", "11/a/color"}
    assert {(record.emotion, record.label3, record.apex_source) for record in table.records} == {("", None, "midpoint")}
    assert table.rules == {APEX_MIDPOINT: 3, SUBJECT_NUMBER: 2}
    assert table.differing == (Count("expressions", 3, 166), Count("subjects", 2, 31))


def test_part_c_is_found_with_a_folder_an_expression(tmp_path: Path) -> None:
    write_part_c(tmp_path, ROWS_C[2:])
    shutil.move(tmp_path / "11" / "a" / "color", tmp_path / "11" / "color" / "11_1")
    (record,) = read_casme3(tmp_path, part="C").records
    assert record.folder == "11/color/11_1"


def test_rows_of_part_c_that_cannot_be_used(tmp_path: Path) -> None:
    write_part_c(tmp_path, [*ROWS_C, RowC(1, 3, 9, 9, "4"), RowC(1, "x", 9, 20, "4"), RowC("", 1, 5, 17, "4")])
    table = read_casme3(tmp_path, part="C")
    assert (len(table.records), len(table.problems)) == (3, 3)
    for words in ("row 5, column 'offset': is 9, not after", "row 6, column 'count': is 'x'", "row 7, column 'sub'"):
        assert words in said(table)
