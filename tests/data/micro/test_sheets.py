"""Tables as their authors ship them: formats, headers, cells, and files that mean harm."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import pytest

from neurofer.data.micro import workbook
from neurofer.data.micro.sheets import Sheet, SheetRow, read_sheet, whole_number
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError
from trees.micro_sheets import write_grid

COLUMNS = ("Subject", "OnsetFrame")
GRID = [["Subject", "OnsetFrame", "Note"], ["sub01", 6, "a"], ["sub02", 6.5, None]]


def one_cell(text: str) -> tuple[Sheet, SheetRow]:
    row = SheetRow(16, 14, {"ApexFrame": text})
    return Sheet(Path("folder/file.xlsx"), "X", ("ApexFrame",), (row,), 15), row


@pytest.mark.parametrize("suffix", [".xlsx", ".xls", ".csv"])
def test_formats_read_alike(tmp_path, suffix):
    sheet = read_sheet(write_grid(tmp_path / f"table{suffix}", GRID), COLUMNS, ("Note", "Absent"))
    assert sheet.columns == (*COLUMNS, "Note")
    assert [dict(row.cells) for row in sheet.rows] == [
        {"Subject": "sub01", "OnsetFrame": "6", "Note": "a", "Absent": ""},
        {"Subject": "sub02", "OnsetFrame": "6.5", "Note": "", "Absent": ""}]
    assert [(row.number, row.index) for row in sheet.rows] == [(2, 0), (3, 1)]


@pytest.mark.parametrize("suffix", [".xlsx", ".xls", ".csv"])
def test_header_is_found_wherever_it_stands_and_however_it_is_spelt(tmp_path, suffix):
    grid = [["About", "Subject"], *([[]] * 12), [None, " subject", "Onset Frame ", None], [None, "006", 5, "stray"]]
    sheet = read_sheet(write_grid(tmp_path / f"table{suffix}", grid), COLUMNS)
    assert [(row.number, row.index, dict(row.cells)) for row in sheet.rows] == [
        (15, 0, {"Subject": "006", "OnsetFrame": "5"})]


def test_blank_rows_are_counted_but_not_given(tmp_path):
    grid = [*GRID[:2], [], [None, None, None, "a stray remark"], GRID[2], [None, None, None, "unnamed"], []]
    sheet = read_sheet(write_grid(tmp_path / "table.xlsx", grid), COLUMNS)
    assert [row.index for row in sheet.rows] == [0, 3]
    assert sheet.length == 5


def test_first_sheet_with_the_header_is_taken(tmp_path):
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["Subject", "something else"])
    for name, value in (("first", 1), ("second", 2)):
        sheet = book.create_sheet(name)
        sheet.append(list(COLUMNS))
        sheet.append(["sub01", value])
    book.save(tmp_path / "table.xlsx")
    sheet = read_sheet(tmp_path / "table.xlsx", COLUMNS)
    assert (sheet.name, sheet.rows[0].cells["OnsetFrame"]) == ("first", "1")


def test_cells_become_text(tmp_path):
    grid = [["Subject", "OnsetFrame"], [" sub01 ", 6.0], [date(2014, 5, 8), 1e20], [True, -3]]
    sheet = read_sheet(write_grid(tmp_path / "table.xlsx", grid), COLUMNS)
    assert [tuple(row.cells.values()) for row in sheet.rows] == [
        ("sub01", "6"), ("2014-05-08", "1e+20"), ("TRUE", "-3")]


def test_a_wrong_format_by_name_is_read_by_content(tmp_path):
    write_grid(tmp_path / "table.xlsx", GRID).rename(tmp_path / "table.xls")
    assert len(read_sheet(tmp_path / "table.xls", COLUMNS).rows) == 2


def test_a_place_is_told_by_sheet_row_and_column():
    sheet, row = one_cell("7")
    assert sheet.where(row, "ApexFrame") == "file.xlsx, sheet 'X', row 16, column 'ApexFrame'"
    assert sheet.where(row) == "file.xlsx, sheet 'X', row 16"
    assert Sheet(Path("a.csv"), "", (), (), 0).where(row) == "a.csv, row 16"


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("46", 46), ("46.0", 46), ("007", 7), ("9" * 9, 999_999_999)])
def test_whole_numbers(text, number):
    problems: list[Problem] = []
    assert whole_number(*one_cell(text), "ApexFrame", problems) == number
    assert not problems


@pytest.mark.parametrize(("text", "said"), [
    ("", "is blank"), ("6.5", "'6.5', a fraction"), ("-3", "'-3', below 0"), ("x", "'x', not a number"),
    ("1e20", "no film has"), ("nan", "no film has"), ("-inf", "no film has"), ("1" * 5000, "no film has"),
    ("１２", "'１２'"), ("1_000", "'1_000'"), ("12 13", "not a number")])
def test_other_cells_are_one_sentence_with_their_place(text, said):
    problems: list[Problem] = []
    assert whole_number(*one_cell(text), "ApexFrame", problems) is None
    assert len(problems) == 1
    assert problems[0].where == "file.xlsx, sheet 'X', row 16, column 'ApexFrame'"
    assert said in problems[0].what
    assert len(problems[0].what) < 120


def test_a_missing_column_is_named_with_the_row_that_came_closest(tmp_path):
    path = write_grid(tmp_path / "table.xlsx", [["a title"], ["Subject", "Onset"]], "MICRO")
    with pytest.raises(BadFileError, match=r"names the columns Subject, OnsetFrame; sheet 'MICRO', row 2 lacks Onset"):
        read_sheet(path, COLUMNS)


def test_a_column_named_twice_is_refused(tmp_path):
    path = write_grid(tmp_path / "table.csv", [["Subject", "OnsetFrame", "onset frame"], ["a", 1, 2]])
    with pytest.raises(BadFileError, match="row 1: names the column 'OnsetFrame' twice"):
        read_sheet(path, COLUMNS)


@pytest.mark.parametrize(("name", "content", "said"), [
    ("table.xlsx", b"", "is empty"), ("table.xlsx", b"PK\x03\x04 and no more", "not a whole .xlsx"),
    ("table.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "cannot be read as a spreadsheet"),
    ("table.xlsx", b"<html>please log in</html>", "cannot be read as a spreadsheet"),
    ("table.csv", b"Subject,OnsetFrame\n\xff,1\n", "not UTF-8"), ("table.csv", b'"' + b"a" * 200_000, "not a CSV"),
    ("table.csv", b"a\n" * 20_001, "more than 20000 rows"), ("table.ods", b"x", "neither .xlsx nor .xls nor .csv")])
def test_broken_files_are_one_sentence(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadFileError, match=said) as refused:
        read_sheet(tmp_path / name, COLUMNS)
    assert str(tmp_path / name) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    with pytest.raises(BadFileError, match="no such file"):
        read_sheet(tmp_path / "table.xlsx", COLUMNS)
    (tmp_path / "table.xlsx").mkdir()
    with pytest.raises(BadFileError, match="cannot be read"):
        read_sheet(tmp_path / "table.xlsx", COLUMNS)


@pytest.mark.parametrize("suffix", [".xlsx", ".xls"])
def test_a_cell_in_the_last_corner_does_not_take_the_memory(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(workbook, "TIME_S", 30.0)
    path = tmp_path / f"table{suffix}"
    if suffix == ".xlsx":
        from openpyxl import Workbook

        book = Workbook()
        book.active["A1"], book.active["XFD1048576"] = "Subject", "x"
        book.save(path)
    else:
        from xlwt import Workbook as OldWorkbook

        old = OldWorkbook()
        sheet = old.add_sheet("X")
        sheet.write(0, 0, "Subject")
        sheet.write(65_535, 255, "x")
        old.save(str(path))
    with pytest.raises(BadFileError, match="no table of annotations"):
        read_sheet(path, COLUMNS)


def test_an_archive_that_unpacks_to_too_much_is_refused_unread(tmp_path):
    path = tmp_path / "table.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (workbook.LARGEST_UNPACKED_BYTES + 1))
    with pytest.raises(BadFileError, match="unpacks to 128 MB"):
        read_sheet(path, COLUMNS)


def test_a_table_that_is_too_long_is_told_by_its_size(tmp_path):
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(list(COLUMNS))
    book.active.cell(row=workbook.MOST_ROWS + 1, column=1, value="x")
    book.save(tmp_path / "table.xlsx")
    with pytest.raises(BadFileError, match="has 20001 rows and 2 columns"):
        read_sheet(tmp_path / "table.xlsx", COLUMNS)


def test_a_large_file_is_not_even_read(tmp_path):
    path = tmp_path / "table.csv"
    with open(path, "wb") as file:
        file.truncate(workbook.LARGEST_BYTES + 1)
    with pytest.raises(BadFileError, match="has 32 MB"):
        read_sheet(path, COLUMNS)
