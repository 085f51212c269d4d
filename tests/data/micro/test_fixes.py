"""The table of known slips: each applies, does nothing where it is done, and refuses what it does not know."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from neurofer.data.micro.fixes import KnownFix, apply_fixes, known_fixes
from neurofer.data.micro.record import Fix
from neurofer.data.micro.sheets import Sheet, SheetRow
from neurofer.errors import BadFileError

FRAMES = {"casme2": ("OnsetFrame", "ApexFrame", "OffsetFrame"), "samm": ("Onset Frame", "Apex Frame", "Offset Frame"),
          "casme3": ("Onset", "Apex", "Offset"), "mmew": ("OnsetFrame", "ApexFrame", "OffsetFrame")}
OTHER_EDITION = {"casme2": 255, "casme3": 861, "mmew": 299}


def row_of(fix: KnownFix, old: str | None = None) -> dict[str, str]:
    """A row that the fix is about, holding the slip or ``old``, and nothing else that is wrong."""
    onset, apex, offset = FRAMES[fix.dataset]
    cells = {"Subject": "x", "Filename": "y", onset: "1", apex: "2", offset: "9999", "Action Units": "4"}
    cells |= {column: values[0] for column, values in fix.key.items()}
    if old is None:
        old = {"any": "0"}.get(str(fix.old), "0" if fix.field != onset else "10000")
        if isinstance(fix.old, tuple):
            old = fix.old[0].replace("*", "12")
    cells[fix.field] = old
    if fix.unusable:
        cells[onset] = str(int(old) + 1)
    return cells


def sheet_of(rows: Mapping[int, Mapping[str, str]], length: int | None) -> Sheet:
    """A table of ``length`` rows, the given ones not blank, with its header in row 1."""
    filled = tuple(SheetRow(index + 2, index, cells) for index, cells in sorted(rows.items()))
    return Sheet(Path("table.xlsx"), "X", (), filled, length or 7)


def shown(fix: KnownFix) -> str:
    return f"{fix.dataset}-{fix.row if fix.row is not None else '-'.join(v[0] for v in fix.key.values())}-{fix.field}"


def index_of(fix: KnownFix) -> int:
    return 0 if fix.row is None else fix.row


def test_the_list_has_every_cell_of_the_published_slips():
    cells = {(fix.dataset, fix.edition, fix.field): [] for fix in known_fixes()}
    for fix in known_fixes():
        cells[fix.dataset, fix.edition, fix.field].append((fix.row, fix.new))
    assert dict(cells["casme2", 256, "ApexFrame"]) == {
        29: "279", 35: "68", 43: "77", 45: "81", 51: "166", 53: "100", 60: "78", 117: "187", 118: "89", 126: "80",
        136: "88", 147: "134", 155: "231", 168: "53", 170: "329", 177: "111", 202: "91", 203: "103", 234: "98",
        237: "153", 238: "98"}
    assert cells["casme2", 256, "OffsetFrame"] == [(60, "91")]
    apex, offset = dict(cells["mmew", 300, "ApexFrame"]), dict(cells["mmew", 300, "OffsetFrame"])
    assert {row: (int(apex[row]), int(offset[row])) for row in apex} == {
        33: (40, 75), 35: (15, 54), 36: (46, 59), 37: (20, 98), 38: (25, 80), 39: (20, 93), 40: (23, 58), 41: (28, 61),
        42: (32, 68), 142: (56, 88), 143: (32, 80), 145: (27, 85), 146: (22, 61), 148: (29, 108), 154: (31, 72),
        156: (38, 106)}
    by_clip = {(fix.key["Filename"][0], fix.field): fix.new for fix in known_fixes() if fix.dataset == "samm"}
    assert by_clip == {
        ("013_1_9", "Offset Frame"): "5739", ("028_4_1", "Apex Frame"): "1105", ("032_3_1", "Apex Frame"): "4945",
        ("032_3_2", "Apex Frame"): "5130", ("007_6_1", "Action Units"): "R12+R15",
        ("007_6_5", "Action Units"): "R12+R15", ("011_4_2", "Action Units"): "L14", ("014_5_2", "Action Units"): "R14",
        ("035_7_2", "Action Units"): "R14A"}
    third = {(fix.key["Subject"][0], fix.key["Filename"][0], fix.field, fix.new) for fix in known_fixes()
             if fix.dataset == "casme3"}
    assert third == {
        ("spNO.149", "d", "Apex", "123"), ("spNO.149", "d", "Apex", "160"), ("spNO.214", "c", "Offset", "34"),
        ("spNO.216", "d", "Onset", "2647"), ("spNO.216", "e", "Onset", "1"), ("spNO.216", "e", "Apex", "1"),
        ("spNO.40", "e", "Offset", "1845"), ("spNO.40", "e", "Offset", "2403")}
    assert all(fix.reason and (fix.row is None or fix.edition is not None) for fix in known_fixes())


@pytest.mark.parametrize("fix", known_fixes(), ids=shown)
def test_a_slip_is_read_as_what_it_should_be(fix):
    cells = row_of(fix)
    rows, fixes = apply_fixes(fix.dataset, sheet_of({index_of(fix): cells}, fix.edition))
    assert rows[0].cells[fix.field] == fix.new
    assert Fix(fix.field, cells[fix.field], fix.new, fix.reason) in fixes[index_of(fix)]


@pytest.mark.parametrize("fix", known_fixes(), ids=shown)
def test_what_is_right_already_stays(fix):
    for value in (fix.new, *fix.accepted):
        cells = row_of(fix, value)
        if fix.unusable:
            cells[FRAMES[fix.dataset][0]] = "1"
        rows, fixes = apply_fixes(fix.dataset, sheet_of({index_of(fix): cells}, fix.edition))
        assert rows[0].cells[fix.field] == value
        assert fix.field not in {one.field for one in fixes.get(index_of(fix), ())}


@pytest.mark.parametrize("fix", [fix for fix in known_fixes() if fix.strict and fix.row is None
                                         and fix.field not in fix.key], ids=shown)
def test_what_is_not_known_is_refused_with_its_place_and_both_values(fix):
    with pytest.raises(BadFileError, match=f"row 2, column '{fix.field}' is '777', but known are .*{fix.new!r}"):
        apply_fixes(fix.dataset, sheet_of({0: row_of(fix, "777")}, fix.edition))


def test_all_that_is_not_known_is_told_together():
    apexes = [fix for fix in known_fixes() if fix.dataset == "casme2" and fix.field == "ApexFrame"]
    rows = {index_of(fix): row_of(fix) for fix in apexes}
    rows[29]["ApexFrame"], rows[238]["ApexFrame"] = "280", "x"
    with pytest.raises(BadFileError) as refused:
        apply_fixes("casme2", sheet_of(rows, 256))
    lines = str(refused.value).splitlines()
    assert len(lines) == 3
    assert "row 31, column 'ApexFrame' is '280', but known are '/' or '' (a slip" in lines[1]
    assert "row 240, column 'ApexFrame' is 'x'" in lines[2]


@pytest.mark.parametrize("fix", [fix for fix in known_fixes() if fix.row is not None], ids=shown)
def test_row_numbers_count_in_their_edition_alone(fix):
    rows, fixes = apply_fixes(fix.dataset, sheet_of({fix.row: row_of(fix)}, OTHER_EDITION[fix.dataset]))
    assert (rows[0].cells, fixes) == (row_of(fix), {})


def test_a_remark_below_the_first_edition_does_not_make_it_the_second():
    rows = {index: {"OnsetFrame": "1", "ApexFrame": "500", "OffsetFrame": "600"} for index in range(255)}
    assert apply_fixes("casme2", sheet_of(rows, 256)).fixes == {}


def test_a_sound_row_whose_slip_was_not_published_stays():
    unknown = [fix for fix in known_fixes() if fix.old == "unknown"]
    assert len(unknown) == 1 + 3 + 32
    for fix in unknown:
        onset, apex, offset = FRAMES[fix.dataset]
        cells = row_of(fix) | {onset: fix.key.get(onset, ("3",))[0], apex: "5000", offset: "6000"}
        assert apply_fixes(fix.dataset, sheet_of({index_of(fix): cells}, fix.edition)).fixes == {}


def test_fixes_of_one_row_look_at_it_as_it_is_written():
    rows, fixes = apply_fixes("mmew", sheet_of({33: {"OnsetFrame": "1", "ApexFrame": "/", "OffsetFrame": "200"}}, 300))
    assert dict(rows[0].cells) == {"OnsetFrame": "1", "ApexFrame": "40", "OffsetFrame": "75"}
    assert [fix.field for fix in fixes[33]] == ["ApexFrame", "OffsetFrame"]


def test_of_two_apexes_that_sources_disagree_on_the_one_inside_is_read():
    for held, onset, offset, read in (("160", "100", "130", "123"), ("123", "140", "170", "160"),
                                      ("160", "100", "170", "160"), ("123", "100", "170", "123")):
        cells = {"Subject": "spNO.149", "Filename": "d", "Onset": onset, "Apex": held, "Offset": offset}
        assert apply_fixes("casme3", sheet_of({128: cells}, 860)).rows[0].cells["Apex"] == read


def test_a_data_set_without_slips_and_a_table_without_the_row_stay():
    cells = {"Subject": "s01", "Filename": "a", "Onset Frame": "1"}
    for dataset in ("smic", "samm", "casme2"):
        assert apply_fixes(dataset, sheet_of({0: cells}, 1)) == ((SheetRow(2, 0, cells),), {})
