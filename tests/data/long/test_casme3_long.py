"""CAS(ME)3, part A: films with the expressions of both tables, and the micro table's known slips."""

from __future__ import annotations

import shutil

import pytest

from neurofer.data.expected import Count
from neurofer.data.long.casme3_long import CAPITAL, read_casme3_long
from neurofer.data.long.videos import NO_EXPRESSION
from neurofer.data.micro.casme3 import CAPITAL_FILM, NO_DURATION
from neurofer.data.micro.frames_on_disk import frame_files, missing_frames
from neurofer.data.micro.rules import APEX_MIDPOINT, FIXED
from neurofer.errors import BadFileError
from trees.casme3 import RowA, write_sheet_a
from trees.long_sheets import MACRO_SHEET, write_macro_sheet
from trees.long_trees import write_casme3_long

MICRO = RowA("spNO.1", "b", 166, 175, 178, "R12", 1, "happy")
MACRO = ("spNO.1", "b", 300, 310, 360, "Happy")


@pytest.fixture
def make(tmp_path):
    """Both tables and folders of films."""
    def made(micro=(MICRO,), macro=(MACRO,), films=("spNO.1/b",)):
        for film in films:
            (tmp_path / film / "color").mkdir(parents=True, exist_ok=True)
        write_sheet_a(tmp_path, micro)
        write_macro_sheet(tmp_path, macro)
        return tmp_path
    return made


def records(table):
    return [one.record for video in table.videos for one in video.expressions]


def frames(record):
    return record.onset_frame, record.apex_frame, record.offset_frame


def test_both_tables_meet_in_a_film(make):
    table = read_casme3_long(make(films=("spNO.1/b", "spNO.10/a")))
    assert [(video.name, video.subject, video.folder, video.fps) for video in table.videos] == [
        ("spNO.10_a", "spNO.10", "spNO.10/a/color", 30.0), ("spNO.1_b", "spNO.1", "spNO.1/b/color", 30.0)]
    assert [(one.dataset, one.kind, one.video, one.folder, frames(one), one.emotion, one.label3)
            for one in records(table)] == [
        ("casme3_long", "micro", "spNO.1_b", "spNO.1/b/color", (166, 175, 178), "happy", "positive"),
        ("casme3_long", "macro", "spNO.1_b", "spNO.1/b/color", (300, 310, 360), "happy", "positive")]
    assert table.rules == {NO_EXPRESSION: 1}
    assert table.problems == ()
    assert table.differing == (Count("micro-expressions", 1, 860), Count("macro-expressions", 1, 3143),
                               Count("subjects with a micro-expression", 1, 94))


def test_the_macro_table_may_name_its_columns_as_the_other(make):
    root = make()
    write_macro_sheet(root, [("spNO.1", "b", 300, "/", 360, "4+7")],
                      ("Subject", "Filename", "Onset", "Apex", "Offset", "AU"))
    table = read_casme3_long(root)
    one = records(table)[1]
    assert (frames(one), one.apex_source, one.aus, one.emotion) == ((300, 330, 360), "midpoint", ("4", "7"), "")
    assert table.rules[APEX_MIDPOINT] == 1


def test_known_slips_of_the_micro_table_are_mended_here_too(make):
    root = make([RowA("spNO.214", "c", 5, 20, 3460, "4", 1, "fear")], films=("spNO.214/c", "spNO.1/b"))
    table = read_casme3_long(root)
    (one,) = (one for one in records(table) if one.kind == "micro")
    assert (frames(one), [fix.new for fix in one.fixes], table.rules[FIXED]) == ((5, 20, 34), ["34"], 1)
    with pytest.raises(BadFileError, match="'Offset' is '77', but known are '3460'"):
        read_casme3_long(make([RowA("spNO.214", "c", 5, 20, 77, "4", 1, "fear")]))


def test_without_a_macro_table_micro_expressions_remain_and_that_is_told(make):
    root = make()
    (root / "annotation" / MACRO_SHEET).unlink()
    table = read_casme3_long(root)
    assert [one.kind for one in records(table)] == ["micro"]
    assert [str(problem) for problem in table.problems] == [
        f"{root}: holds no {MACRO_SHEET}; copy the sheet there, or give it by --sheet"]
    with pytest.raises(BadFileError, match="no such sheet"):
        read_casme3_long(root, macro_sheet=root / "absent.xlsx")


def test_bad_macro_rows_are_told_and_those_without_a_duration_counted(make):
    rows = [MACRO, ("spNO.1", "b", 9, 9, 9), ("anna", "b", 9, 12, 20), ("spNO.1", "b", 9, 30, 20), MACRO]
    table = read_casme3_long(make(macro=rows))
    assert len(records(table)) == 2
    assert [problem.where.split(", ", 2)[2] for problem in table.problems] == [
        "row 3, column 'offset'", "row 4, column 'sub'", "row 5, column 'apex'", "row 6"]
    assert table.rules[NO_DURATION] == 1
    with pytest.raises(BadFileError, match="holds no usable row"):
        read_casme3_long(make(macro=[("anna", "b", 9, 12, 20)]))


def test_a_table_with_other_columns_is_refused_with_what_it_lacks(make):
    root = make()
    write_macro_sheet(root, [MACRO], ("sub", "film", "onset", "apex", "offset"))
    with pytest.raises(BadFileError, match="names the columns sub, seq, onset, apex, offset; .* lacks seq"):
        read_casme3_long(root)


def test_films_that_lack_and_films_without_pictures_are_told(make):
    root = make([MICRO, RowA("spNO.2", "c", 5, 8, 24, "L14", 7, "others")])
    (root / "spNO.3" / "d" / "depth").mkdir(parents=True)
    told = [str(problem).removeprefix(f"{root}/") for problem in read_casme3_long(root).problems]
    assert told[0] == "spNO.3/d/color: is missing, so this is no film"
    assert told[1].startswith("spNO.2/c/color: is missing, the frames of 1 expression from c on (cas(me)3_part_A_ME")


@pytest.mark.parametrize("place", ["", "part_A"])
def test_the_small_data_set_is_read(tmp_path, place):
    write_casme3_long(tmp_path, frames=24, size_px=32)
    if place:
        (tmp_path / place).mkdir()
        for number in (1, 2, 3):
            shutil.move(tmp_path / f"spNO.{number}", tmp_path / place)
    table = read_casme3_long(tmp_path)
    assert [(video.name[-1], len(video.expressions)) for video in table.videos] == [("b", 1), ("c", 0), ("j", 2)] * 3
    assert table.problems == ()
    assert dict(table.rules) == {CAPITAL_FILM: 3, CAPITAL: 3, NO_EXPRESSION: 3}
    assert list(frame_files(tmp_path / table.videos[1].folder)) == list(range(1, 25))
    assert all(missing_frames(one, tmp_path) is None for one in records(table))


def test_clips_alone_are_no_long_videos(make, tmp_path):
    (tmp_path / "Part_A_ME_clip" / "frame" / "spNO.1_b_166").mkdir(parents=True)
    with pytest.raises(BadFileError, match="no folder of frames such as spNO.1/a/color; .* clips alone are no long"):
        read_casme3_long(make(films=()))
    with pytest.raises(BadFileError, match="absent: cannot be listed"):
        read_casme3_long(tmp_path / "absent")
