"""SAMM long videos: their table with its known oddities, their folders, their emotions."""

from __future__ import annotations

import dataclasses
import shutil

import pytest

from neurofer.data.expected import Count
from neurofer.data.long import samm_lv
from neurofer.data.long.samm_lv import read_samm_lv
from neurofer.data.long.videos import APEX_OUTSIDE, NO_EXPRESSION
from neurofer.data.micro import rules
from neurofer.data.micro.frames_on_disk import frame_files, missing_frames
from neurofer.data.micro.samm import DURATION
from neurofer.errors import BadFileError
from trees.long_sheets import (
    FRACTION_ONSETS,
    FRACTIONS,
    NO_APEX,
    ONSET_0,
    ONSET_1,
    TWICE,
    samm_lv_rows,
    samm_row,
    write_samm_lv_sheet,
)
from trees.long_trees import write_samm_lv
from trees.samm import samm_rows, write_sheet

ROWS = samm_lv_rows()
GOOD = samm_row("006_1_1", "micro", 100, 120, 150)


@pytest.fixture
def make(tmp_path):
    """A copy of these rows, with a folder of each video."""
    def made(rows, *more):
        for row in rows:
            (tmp_path / "SAMM_longvideos" / str(row["Filename"]).rpartition("_")[0]).mkdir(parents=True, exist_ok=True)
        for name in more:
            (tmp_path / "SAMM_longvideos" / name).mkdir(parents=True, exist_ok=True)
        write_samm_lv_sheet(tmp_path, rows)
        return tmp_path
    return made


def expressions(table):
    return [one for video in table.videos for one in video.expressions]


def test_the_table_is_the_release(make):
    table = read_samm_lv(make(ROWS))
    assert (table.dataset, len(table.videos), table.problems, table.differing) == ("samm_lv", 147, (), ())
    assert dict(table.rules) == {samm_lv.FRACTION: FRACTIONS, samm_lv.NO_APEX: 6, samm_lv.UNSEEN: 12}
    assert [video.name for video in table.videos] == sorted(video.name for video in table.videos)


def test_a_video_and_its_expression_say_what_the_row_says(make):
    (video,) = read_samm_lv(make([GOOD])).videos
    assert (video.dataset, video.subject, video.name, video.folder, video.fps) == (
        "samm_lv", "006", "006_1", "SAMM_longvideos/006_1", 200.0)
    (one,) = video.expressions
    assert one.onset_seen
    assert dataclasses.asdict(one.record) == {
        "dataset": "samm_lv", "subject": "006", "video": "006_1", "clip": "006_1_1", "kind": "micro",
        "onset_frame": 100, "apex_frame": 120, "offset_frame": 150, "fps": 200.0, "aus": ("4", "7"), "emotion": "",
        "label3": None, "apex_source": "annotated", "fixes": (), "objective": "", "folder": "SAMM_longvideos/006_1",
        "where": "SAMM_LongVideos_V3_Release.xlsx, sheet 'FACS_Movement_Only', row 11"}


@pytest.mark.parametrize(("frames", "whole"), [
    ((143.2, 150.5, 300.4), (143, 151, 301)), ((143.8, 150.4, 300.0), (143, 150, 300)),
    (("143.20000000000002", 150, "300.00000000000006"), (143, 150, 300)), ((143, 299.6, 299.8), (143, 300, 300))])
def test_fractions_widen_an_expression(make, frames, whole):
    table = read_samm_lv(make([samm_row("006_1_1", "macro", *frames)]))
    (one,) = expressions(table)
    assert (one.record.onset_frame, one.record.apex_frame, one.record.offset_frame) == whole
    assert (table.rules[samm_lv.FRACTION], table.rules[DURATION]) == (1, 0)


def test_fractions_of_the_release_are_counted_by_row(make):
    raw = [row for row in ROWS if float(str(row["Onset"])) % 1]
    by_name = {(one.record.clip, one.record.kind): one.record for one in expressions(read_samm_lv(make(ROWS)))}
    assert len(raw) == FRACTION_ONSETS
    assert all(by_name[str(row["Filename"]), "macro"].onset_frame == int(float(str(row["Onset"]))) for row in raw)


def test_missing_apexes_and_unseen_onsets_are_those_of_the_release(make):
    found = expressions(read_samm_lv(make(ROWS)))
    assert {(one.record.clip, one.record.kind) for one in found if one.record.apex_frame is None} == set(NO_APEX)
    assert {one.record.clip for one in found if not one.onset_seen} == {*ONSET_0, *ONSET_1}
    assert {one.record.kind for one in found if not one.onset_seen} == {"macro"}


def test_one_name_may_belong_to_both_types_and_repeats_may_not(make):
    twice = [samm_row(TWICE, kind, 50, 60, 90) for kind in ("macro", "micro")]
    table = read_samm_lv(make([*twice, samm_row(TWICE, "macro", 50, 60, 90), samm_row(TWICE, "macro", 50, 60, 91)]))
    assert [(one.record.kind, one.record.offset_frame) for one in expressions(table)] == [
        ("macro", 90), ("micro", 90), ("macro", 91)]
    assert [problem.what[:30] for problem in table.problems] == ["repeats macro 037_4_1 from fra"]


@pytest.mark.parametrize("above", [0, 9, 10])
@pytest.mark.parametrize("name", ["SAMM_LongVideos_V1_Release.xlsx", "SAMM_LongVideos_V2_Release.xls"])
def test_editions_and_headers_are_found(make, above, name):
    root = make([GOOD])
    (root / "SAMM_LongVideos_V3_Release.xlsx").unlink()
    write_samm_lv_sheet(root, [GOOD], name, above)
    assert expressions(read_samm_lv(root))[0].record.where.endswith(f"row {above + 2}")


def test_subjects_that_became_numbers_are_text_again(make):
    table = read_samm_lv(make([dict(GOOD, Subject=6), dict(samm_row("006_1_2", "macro", 5, 6, 9), Subject="007")]))
    assert {one.record.subject for one in expressions(table)} == {"006"}
    assert (table.rules[rules.SUBJECT_NUMBER], table.rules[samm_lv.OTHER_SUBJECT]) == (1, 1)


def test_emotions_come_by_name_and_type_never_by_frames(make):
    samm = samm_rows()
    names = [str(row["Filename"]) for row in samm[:2]]
    rows = [samm_row(names[0], "micro", 9, 12, 60), samm_row(names[0], "macro", 100, 112, 160),
            samm_row(names[1], "micro", 9, 12, 60), samm_row("036_1_9", "micro", 9, 12, 60)]
    root = make(rows)
    other = write_sheet(root / "elsewhere", samm)
    table = read_samm_lv(root, samm_sheet=other)
    said = {(one.record.clip, one.record.kind): one.record.emotion for one in expressions(table)}
    assert said == {(names[0], "micro"): str(samm[0]["Estimated Emotion"]).lower(), (names[0], "macro"): "",
                    (names[1], "micro"): str(samm[1]["Estimated Emotion"]).lower(), ("036_1_9", "micro"): ""}
    assert table.rules[samm_lv.NO_EMOTION] == 1
    assert expressions(table)[0].record.label3 in ("negative", "positive", "surprise")
    assert {one.record.emotion for one in expressions(read_samm_lv(root))} == {""}


def test_videos_without_an_expression_stay_and_folders_that_lack_are_told(make):
    root = make([GOOD, samm_row("007_2_1", "macro", 9, 12, 200), samm_row("007_2_2", "macro", 300, 301, 302)], "008_1",
                "a copy")
    shutil.rmtree(root / "SAMM_longvideos" / "007_2")
    table = read_samm_lv(root)
    assert [(video.name, video.subject, len(video.expressions)) for video in table.videos] == [
        ("006_1", "006", 1), ("008_1", "008", 0)]
    assert table.rules[NO_EXPRESSION] == 1
    told = [str(problem).removeprefix(f"{root}/SAMM_longvideos/") for problem in table.problems]
    assert told == ["a copy: is no folder of a video such as 006_1",
                    "007_2: is missing, the frames of 2 expressions from 007_2_1 on (SAMM_LongVideos_V3_Release.xlsx, "
                    "sheet 'FACS_Movement_Only', row 12)"]
    assert table.differing[:2] == (Count("videos (008_1 without an expression)", 2, 147),
                                   Count("micro-expressions", 1, 159))


def test_bad_rows_are_told_with_row_and_column_and_the_others_kept(make):
    rows = [GOOD, dict(GOOD, Onset="x"), dict(GOOD, Onset=160), dict(GOOD, Type="Mikro"),
            dict(GOOD, Filename="006_1_x"), dict(GOOD, Subject="anna"), dict(GOOD, Apex=-2), dict(GOOD, Offset=None)]
    table = read_samm_lv(make(rows))
    assert len(expressions(table)) == 1
    assert [problem.where.split(", ", 2)[2] + ": " + problem.what.split(";")[0] for problem in table.problems] == [
        "row 12, column 'Onset': is 'x', not a number", "row 13, column 'Onset': is 160, after the offset 150",
        "row 14, column 'Type': is 'Mikro'", "row 15, column 'Filename': is '006_1_x'",
        "row 16, column 'Subject': is 'anna'", "row 17, column 'Apex': is '-2', below 0",
        "row 18, column 'Offset': is blank"]


def test_an_apex_outside_is_missing_and_a_wrong_duration_counted(make):
    table = read_samm_lv(make([dict(GOOD, Apex=151), samm_row("006_1_2", "macro", 5, 6, 90, Duration=3)]))
    assert [one.record.apex_frame for one in expressions(table)] == [6, None]
    assert (table.rules[APEX_OUTSIDE], table.rules[DURATION]) == (1, 1)


def test_the_small_data_set_is_read_and_its_frames_are_there(tmp_path):
    sheet = write_samm_lv(tmp_path, frames=24, size_px=32)
    table = read_samm_lv(tmp_path)
    assert [len(video.expressions) for video in table.videos] == [2, 1, 0] * 3
    assert (table.problems, table.rules[samm_lv.UNSEEN], table.rules[samm_lv.NO_APEX]) == ((), 1, 1)
    assert list(frame_files(tmp_path / table.videos[2].folder)) == list(range(1, 25))
    assert all(missing_frames(one.record, tmp_path) is None for one in expressions(table) if one.onset_seen)
    inside = read_samm_lv(tmp_path / "SAMM_longvideos", sheet)
    assert [video.folder for video in inside.videos] == [video.name for video in table.videos]


def test_a_root_a_table_or_folders_that_are_not_there_are_one_sentence(make, tmp_path):
    with pytest.raises(BadFileError, match=r"absent: cannot be listed \(No such file or directory\); give the root"):
        read_samm_lv(tmp_path / "absent")
    write_samm_lv_sheet(tmp_path, [GOOD])
    with pytest.raises(BadFileError, match="holds no folder of frames such as SAMM_longvideos/006_1"):
        read_samm_lv(tmp_path)
    root = make([GOOD])
    with pytest.raises(BadFileError, match="no such sheet; give the data set's SAMM_LongVideos_V3_Release.xlsx"):
        read_samm_lv(root, root / "absent.xlsx")
    with pytest.raises(BadFileError, match="holds no usable row\n.*column 'Onset'"):
        read_samm_lv(make([dict(GOOD, Onset="x")]))
    (root / "SAMM_LongVideos_V3_Release.xlsx").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(BadFileError, match="not a whole .xlsx"):
        read_samm_lv(root)
