"""The rules for odd rows: handled and counted, or one sentence with sheet, row and column."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from neurofer.data.expected import differing
from neurofer.data.micro import rules
from neurofer.data.micro.record import MicroRecord
from neurofer.data.micro.rules import FrameColumns, Frames, read_frames
from neurofer.data.micro.sheets import Sheet, SheetRow
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError

COLUMNS = FrameColumns("Onset", "Apex", "Offset")


def sheet_with(**cells: str) -> tuple[Sheet, SheetRow]:
    row = SheetRow(16, 14, cells)
    return Sheet(Path("file.xlsx"), "X", tuple(cells), (row,), 15), row


def frames_of(onset: str, apex: str, offset: str, columns=COLUMNS) -> tuple[Frames | None, list[Problem], dict]:
    problems, counted = list[Problem](), Counter[str]()
    return (read_frames(*sheet_with(Onset=onset, Apex=apex, Offset=offset), columns, problems, counted), problems,
            dict(counted))


def record(subject="sub01", clip="a", onset=1, emotion="fear") -> MicroRecord:
    return MicroRecord("casme2", subject, "v", clip, "micro", onset, None, onset + 20, 200.0, emotion=emotion)


@pytest.mark.parametrize(("cells", "frames", "counted"), [
    (("46", "59", "86"), (46, 59, 86, "annotated"), []),
    (("10", "/", "45"), (10, 27, 45, "midpoint"), [rules.APEX_MIDPOINT]),
    (("10", "", "45"), (10, 27, 45, "midpoint"), [rules.APEX_MIDPOINT]),
    (("10", "10", "45"), (10, 10, 45, "annotated"), [rules.APEX_IS_ONSET]),
    (("10", "45", "45"), (10, 45, 45, "annotated"), [rules.APEX_IS_OFFSET]),
    (("10", "12", "19"), (10, 12, 19, "annotated"), [rules.SHORT]),
    (("10", "12", "20"), (10, 12, 20, "annotated"), []),
    (("5", "5", "5"), (5, 5, 5, "annotated"), [rules.APEX_IS_ONSET, rules.APEX_IS_OFFSET, rules.SHORT])])
def test_odd_rows_are_kept_and_counted(cells, frames, counted):
    assert frames_of(*cells) == (frames, [], dict.fromkeys(counted, 1))


def test_a_table_without_apexes_gets_midpoints():
    assert frames_of("10", "", "46", FrameColumns("Onset", None, "Offset"))[0] == (10, 28, 46, "midpoint")


@pytest.mark.parametrize(("cells", "column", "said"), [
    (("50", "50", "40"), "Onset", "is 50, after the offset 40"),
    (("10", "9", "40"), "Apex", "is 9, outside of its expression from 10 to 40"),
    (("10", "41", "40"), "Apex", "is 41, outside"), (("10.5", "20", "40"), "Onset", "'10.5', a fraction"),
    (("10", "20.25", "40"), "Apex", "'20.25', a fraction"), (("10", "//", "40"), "Apex", "'//', not a number"),
    (("10", "20", "/"), "Offset", "'/', not a number"), (("", "20", "40"), "Onset", "is blank")])
def test_rows_that_cannot_be_used_are_told_with_sheet_row_and_column(cells, column, said):
    frames, problems, counted = frames_of(*cells)
    assert (frames, counted) == (None, {})
    assert [problem.where for problem in problems] == [f"file.xlsx, sheet 'X', row 16, column '{column}'"]
    assert said in problems[0].what


def test_all_cells_of_a_row_are_told():
    told = [problem.where.split("column ")[1] for problem in frames_of("x", "y", "z")[1]]
    assert told == ["'Onset'", "'Offset'", "'Apex'"]


@pytest.mark.parametrize(("text", "prefix", "digits", "name"), [
    ("1", "sub", 2, "sub01"), ("sub01", "sub", 2, "sub01"), ("SUB1", "sub", 2, "sub01"), ("26", "sub", 2, "sub26"),
    ("6", "", 3, "006"), ("006", "", 3, "006"), ("6.0", "", 3, "006"), ("s1", "s", 2, "s01"), ("20", "s", 2, "s20"),
    ("", "sub", 2, None), ("s01", "sub", 2, None), ("../1", "", 3, None), ("1.5", "", 3, None), ("-1", "", 3, None),
    ("9" * 30, "", 3, None)])
def test_subjects_are_text_whatever_spreadsheets_make_of_them(text, prefix, digits, name):
    assert rules.subject_name(text, prefix, digits) == name


def test_a_subject_as_a_number_is_counted():
    problems, counted = list[Problem](), Counter[str]()
    for text in ("6", "006", "x"):
        rules.read_subject(*sheet_with(Subject=text), "Subject", "", 3, problems, counted)
    assert counted == {rules.SUBJECT_NUMBER: 1}
    assert [str(problem) for problem in problems] == [
        "file.xlsx, sheet 'X', row 16, column 'Subject': is 'x'; need a subject such as 001 or its number"]


@pytest.mark.parametrize("name", ["", "..", "../a", "a/b", "a\\b", ".hidden", "x" * 200, "a\0b"])
def test_a_clip_that_is_no_folder_name_is_a_problem(name):
    problems: list[Problem] = []
    assert rules.read_name(*sheet_with(Filename=name), "Filename", problems) is None
    assert "column 'Filename'" in problems[0].where


def test_emotions_are_lower_case_and_not_blank():
    problems: list[Problem] = []
    assert rules.read_emotion(*sheet_with(Emotion="Others"), "Emotion", problems) == "others"
    assert rules.read_emotion(*sheet_with(Emotion=""), "Emotion", problems) is None
    assert [problem.what for problem in problems] == ["is blank"]


def test_a_row_that_repeats_another_is_told_and_left_out():
    sheet, row = sheet_with()
    again = SheetRow(17, 15, {})
    problems: list[Problem] = []
    records = [(row, record()), (again, record()), (again, record(onset=2)), (again, record(subject="sub02"))]
    assert len(rules.without_repeats(sheet, records, problems)) == 3
    assert [str(one) for one in problems] == [
        "file.xlsx, sheet 'X', row 17: repeats sub01 a from frame 1 of row 16"]


def test_counts_name_what_differs_classes_that_should_not_be_there_too():
    records = [record(), record("sub02"), record("sub02", "b", emotion="joy")]
    assert [tuple(count) for count in differing(rules.class_counts(records, {"fear": 1, "anger": 2}, 2))] == [
        ("emotion fear", 2, 1), ("emotion anger", 0, 2), ("emotion joy", 1, 0)]
    assert not differing(rules.class_counts(records, {"fear": 2, "joy": 1}, 2))


def test_a_table_without_a_usable_row_is_refused_with_all_its_problems():
    problems = [Problem(f"row {number}", "is wrong") for number in range(60)]
    with pytest.raises(BadFileError, match="file.xlsx: holds no usable row\n  row 0: is wrong\n") as refused:
        rules.check_usable("file.xlsx", [], problems)
    assert str(refused.value).endswith("\n  and 10 more")
    rules.check_usable("file.xlsx", [record()], problems)
