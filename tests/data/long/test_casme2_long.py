"""CAS(ME)2: three sheets without a header, maps of names, frames that are 0, and a folder among another's."""

from __future__ import annotations

import dataclasses
import shutil

import pytest

from neurofer.data.expected import Count
from neurofer.data.long import casme2_long, casme2_naming
from neurofer.data.long.casme2_long import read_casme2_long
from neurofer.data.long.videos import APEX_OUTSIDE, NO_EXPRESSION
from neurofer.data.micro.frames_on_disk import frame_files, missing_frames
from neurofer.errors import BadFileError, UsageError
from trees.long_sheets import (
    APEX_0,
    APEX_AFTER,
    CASME2_SHEET,
    MISPLACED,
    casme2_folder,
    casme2_long_rows,
    casme2_row,
    write_casme2_sheet,
)
from trees.long_trees import write_casme2_long
from trees.micro_sheets import write_grid

ROWS, VIDEOS = casme2_long_rows()
GOOD = casme2_row(1, "disgust1_1", (557, 572, 608))
FOLDER = "s15/15_0101disgustingteeth"


@pytest.fixture
def make(tmp_path):
    """A copy of these rows and folders of videos."""
    def made(rows, *folders, **more):
        for folder in folders:
            (tmp_path / "rawpic" / folder).mkdir(parents=True, exist_ok=True)
        write_casme2_sheet(tmp_path, rows, **more)
        return tmp_path
    return made


@pytest.fixture
def release(make):
    return make(ROWS, *map(casme2_folder, VIDEOS))


def expressions(table):
    return [one.record for video in table.videos for one in video.expressions]


def test_the_table_is_the_release(release):
    table = read_casme2_long(release)
    assert (table.dataset, len(table.videos), table.problems, table.differing) == ("casme2_long", 98, (), ())
    assert dict(table.rules) == {casme2_long.WITH_OTHER: 1, casme2_long.NO_OFFSET: 44, casme2_long.NO_APEX: 1,
                                 APEX_OUTSIDE: 3, NO_EXPRESSION: 3}


def test_a_video_and_its_expression_say_what_the_row_says(make):
    (video,) = read_casme2_long(make([GOOD], FOLDER)).videos
    assert (video.dataset, video.subject, video.name, video.folder, video.fps) == (
        "casme2_long", "s15", "s15_0101disgustingteeth", f"rawpic/{FOLDER}", 30.0)
    (one,) = video.expressions
    assert one.onset_seen
    assert dataclasses.asdict(one.record) == {
        "dataset": "casme2_long", "subject": "s15", "video": "s15_0101disgustingteeth", "clip": "disgust1_1",
        "kind": "macro", "onset_frame": 557, "apex_frame": 572, "offset_frame": 608, "fps": 30.0, "aus": ("4", "10"),
        "emotion": "negative", "label3": "negative", "apex_source": "annotated", "fixes": (), "objective": "",
        "folder": f"rawpic/{FOLDER}", "where": f"{CASME2_SHEET}, sheet 'CASFEcode_final', row 1"}


def test_frames_of_0_and_apexes_after_the_offset_follow_the_rules(release):
    found = {(one.subject, one.clip): one for one in expressions(read_casme2_long(release))}
    for key, (offset, _) in APEX_AFTER.items():
        assert (found[key].apex_frame, found[key].offset_frame) == (None, offset)
    one = found[APEX_0]
    assert (one.onset_frame, one.apex_frame, one.offset_frame, one.apex_source) == (557, 582, 608, "midpoint")
    assert sum(one.apex_frame == one.offset_frame for one in found.values()) == 44


def test_codes_that_lost_their_zero_are_strings_again(make):
    table = read_casme2_long(make([GOOD, casme2_row(22, "happy5_3", (5, 6, 9))], FOLDER, "s40/40_0508funnydunkey",
                                  text_codes=False))
    assert [one.video for one in expressions(table)] == ["s15_0101disgustingteeth", "s40_0508funnydunkey"]
    assert (table.rules[casme2_naming.CODE_NUMBER], table.problems) == (9, ())


def test_a_folder_among_anothers_belongs_to_whom_its_name_says(make):
    row = casme2_row(7, "happy1_1", (5, 6, 9))
    root = make([row], "/".join(MISPLACED))
    (video,) = read_casme2_long(root).videos
    assert (video.name, video.subject, video.folder) == ("s23_0502funnyerrors", "s23", "rawpic/s19/23_0502funnyerrors")
    assert len(video.expressions) == 1
    table = read_casme2_long(make([row], "s23/23_0502funnyerrors"))
    assert [video.folder for video in table.videos] == ["rawpic/s23/23_0502funnyerrors"]
    assert [problem.what for problem in table.problems] == [
        "is the video s23_0502, as rawpic/s23/23_0502funnyerrors is; keep one of them"]


def test_sheets_are_known_by_their_names_or_their_widths(make):
    names = {"CASFEcode_final": "CASMEcode_final", "naming rule1": "Naming Rule 1", "naming rule2": "Sheet3"}
    table = read_casme2_long(make([GOOD], FOLDER, sheets=names))
    assert (len(expressions(table)), table.rules[casme2_naming.NO_RULES], table.problems) == (1, 0, ())


@pytest.mark.parametrize("absent", [("naming rule1",), ("naming rule1", "naming rule2")])
def test_published_names_stand_for_rules_that_are_absent(make, absent):
    table = read_casme2_long(make([GOOD], FOLDER, sheets=dict.fromkeys(absent, "")))
    assert (len(expressions(table)), table.rules[casme2_naming.NO_RULES]) == (1, 1)


def test_the_first_sheet_alone_is_read_from_a_csv(make, tmp_path):
    root = make([GOOD], FOLDER)
    table = read_casme2_long(root, write_grid(tmp_path / "codes.csv", [[*GOOD, 51, FOLDER]]))
    assert [one.clip for one in expressions(table)] == ["disgust1_1"]


def test_a_workbook_without_the_codes_is_refused_with_what_it_has(make):
    root = make([GOOD], FOLDER, sheets={"CASFEcode_final": ""})
    with pytest.raises(BadFileError, match=r"lacks the sheet 'CASFEcode_final' of 8 columns \(there is 'naming rule1' "
                                           r"of 3, 'naming rule2' of 2\)"):
        read_casme2_long(root)
    with pytest.raises(BadFileError, match="sheet 'CASFEcode_final': has 5 columns; need 8, which are participant,"):
        read_casme2_long(make([GOOD[:5]], FOLDER))


def test_videos_without_an_expression_stay_and_folders_that_lack_are_told(make):
    rows = [GOOD, casme2_row(2, "anger2_1", (5, 6, 9)), casme2_row(2, "anger2_2", (15, 16, 19), "micro")]
    root = make(rows, FOLDER, "s15/15_0508funnydunkey", "s15/notes", "others")
    table = read_casme2_long(root)
    assert [(video.name, len(video.expressions)) for video in table.videos] == [
        ("s15_0101disgustingteeth", 1), ("s15_0508funnydunkey", 0)]
    assert [str(problem).removeprefix(f"{root}/rawpic/") for problem in table.problems] == [
        "s15/notes: is no folder of a video such as 15_0101disgustingteeth",
        f"s16/16_0402*: is missing, the frames of 2 expressions from anger2_1 on ({CASME2_SHEET}, sheet "
        "'CASFEcode_final', row 2)"]
    assert table.differing[:2] == (Count("videos (s15_0508funnydunkey without an expression)", 2, 98),
                                   Count("videos with an expression", 1, 95))


def test_bad_rows_are_told_with_row_and_column_and_the_others_kept(make):
    rows = [GOOD, casme2_row(23, "anger1_1", (5, 6, 9)), casme2_row(1, "fear1_1", (5, 6, 9)),
            casme2_row(1, "anger1_1", (5, 6, 9), "no"), casme2_row(1, "disgust1_2", (9, 6, 5)),
            casme2_row(1, "disgust1_3", (9, 0, 0)), [1, "disgust1_4", "x", *GOOD[3:]], GOOD]
    table = read_casme2_long(make(rows, FOLDER))
    assert len(expressions(table)) == 1
    assert [problem.where.split(", ", 2)[2] + ": " + problem.what.split(";")[0] for problem in table.problems] == [
        "row 2, column 'participant': is 23, who is not in 'naming rule1'", "row 3, column 'expression': is 'fear1_1'",
        "row 4, column 'type': is 'no-expression'", "row 5, column 'onset': is 9, after the offset 5",
        "row 6, column 'onset': is 9, after the offset 0", "row 7, column 'onset': is 'x', not a number",
        f"row 8: repeats macro disgust1_1 from frame 557 to 608 of {CASME2_SHEET}, sheet 'CASFEcode_final', row 1"]


def test_naming_rules_that_contradict_themselves_are_told(make):
    root = make([GOOD], FOLDER)
    from openpyxl import load_workbook

    book = load_workbook(root / CASME2_SHEET)
    book["naming rule1"].append([99, "s99", 1])
    book["naming rule1"].append([99, "nobody", 23])
    book["naming rule2"].append(["0999", "disgust1"])
    book["naming rule2"].append(["12345", "disgust9"])
    book.save(root / CASME2_SHEET)
    table = read_casme2_long(root)
    assert len(expressions(table)) == 1
    assert [problem.where.rpartition(", sheet ")[2] + ": " + problem.what.split(";")[0] for problem in table.problems
            ] == ["'naming rule1', row 23, column 'participant': is 1, who is s15 above",
                  "'naming rule1', row 24, column 'folder': is 'nobody'",
                  "'naming rule2', row 10: gives disgust1 the code 0999, which is 0101 above",
                  "'naming rule2', row 11: is '12345' and 'disgust9'"]


@pytest.mark.parametrize("place", ["rawpic", "cropped", "cropped/cropped", ""])
def test_the_small_data_set_is_read_wherever_its_folders_lie(tmp_path, place):
    write_casme2_long(tmp_path, frames=24, size_px=32, crops=place)
    table = read_casme2_long(tmp_path, crops="cropped" if "cropped" in place else "rawpic")
    assert [len(video.expressions) for video in table.videos] == [2, 0, 1] * 3
    assert table.problems == ()
    assert {table.rules[what] for what in (casme2_long.NO_OFFSET, casme2_long.NO_APEX, APEX_OUTSIDE)} == {1}
    assert list(frame_files(tmp_path / table.videos[1].folder)) == list(range(1, 25))
    assert all(missing_frames(one, tmp_path) is None for one in expressions(table))


def test_a_root_a_table_or_folders_that_are_not_there_are_one_sentence(make, tmp_path):
    with pytest.raises(BadFileError, match="absent: cannot be listed"):
        read_casme2_long(tmp_path / "absent")
    with pytest.raises(BadFileError, match="holds no folder of frames such as cropped/s15/15_0101disgustingteeth"):
        read_casme2_long(make([GOOD], FOLDER), crops="cropped")
    (tmp_path / CASME2_SHEET).rename(tmp_path / "CAS(ME)^2code_final.xlsx")
    assert len(expressions(read_casme2_long(tmp_path))) == 1
    shutil.copy(tmp_path / "CAS(ME)^2code_final.xlsx", tmp_path / "CAS(ME)^2code_final_mine.xlsx")
    (tmp_path / "CAS(ME)^2code_final.xlsx").rename(tmp_path / "CAS(ME)^2code_final_old.xlsx")
    with pytest.raises(UsageError, match="holds 2 sheets, .*; choose one by --sheet"):
        read_casme2_long(tmp_path)
    for path in tmp_path.glob("*.xlsx"):
        path.unlink()
    with pytest.raises(BadFileError, match=r"holds no CAS\(ME\)\^2code_final.xlsx; copy the sheet there"):
        read_casme2_long(tmp_path)
