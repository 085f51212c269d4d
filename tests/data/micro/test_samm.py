"""SAMM: its table, which begins in row 14, its quirks and faults."""

from __future__ import annotations

import dataclasses

import pytest

from neurofer.data.micro import rules
from neurofer.data.micro.frames_on_disk import missing_frames
from neurofer.data.micro.samm import DURATION, OBJECTIVE, read_samm
from neurofer.errors import BadFileError
from trees.samm import MISSING_APEX, OR_AUS, SHEET, samm_rows, write_frames, write_sheet

ROWS = samm_rows()
AUS = {"007_6_1": ("R12", "R15"), "007_6_5": ("R12", "R15"), "011_4_2": ("L14",), "014_5_2": ("R14",),
       "035_7_2": ("R14A",)}


@pytest.fixture
def table(tmp_path):
    write_sheet(tmp_path, ROWS)
    return read_samm(tmp_path)


def test_the_table_is_the_release(table):
    assert (table.dataset, len(table.records), table.problems, table.differing) == ("samm", 159, (), ())
    assert dict(table.rules) == {rules.FIXED: 9}


def test_a_record_says_what_the_row_says(tmp_path):
    write_sheet(tmp_path, [dict(ROWS[0], Subject="006", Filename="006_1_2", **{
        "Onset Frame": 5562, "Apex Frame": 5588, "Offset Frame": 5632, "Estimated Emotion": "Anger",
        "Action Units": "AU4+7", "Duration": 71, "Objective Classes": "III"})])
    (record,) = read_samm(tmp_path).records
    assert dataclasses.asdict(record) == {
        "dataset": "samm", "subject": "006", "video": "006_1", "clip": "006_1_2", "kind": "micro", "onset_frame": 5562,
        "apex_frame": 5588, "offset_frame": 5632, "fps": 200.0, "aus": ("AU4", "7"), "emotion": "anger",
        "label3": "negative", "apex_source": "annotated", "fixes": (),
        "where": f"{SHEET}, sheet 'MICRO_ONLY', row 15", "folder": "006/006_1_2", "objective": "III"}


def test_zeros_that_a_spreadsheet_program_dropped_are_back(tmp_path, table):
    write_sheet(tmp_path, ROWS, numbers=True)
    again = read_samm(tmp_path)
    assert again.records == table.records
    assert again.rules[rules.SUBJECT_NUMBER] == 159


def test_known_slips_are_mended_and_said(table):
    by_clip = {record.clip: record for record in table.records}
    assert by_clip["013_1_9"].offset_frame == 5739
    assert {clip: by_clip[clip].apex_frame for clip in MISSING_APEX} == MISSING_APEX
    assert {clip: by_clip[clip].aus for clip in OR_AUS} == AUS
    assert [fix.old for fix in by_clip["011_4_2"].fixes] == ["L14 or R14"]
    assert by_clip["028_4_1"].apex_source == "annotated"


def test_an_apex_of_another_public_table_stays_and_one_of_none_is_refused(tmp_path):
    rows = [dict(row) for row in ROWS if row["Filename"] == "028_4_1"]
    rows[0]["Apex Frame"], rows[0]["Offset Frame"] = 1124, 1140
    write_sheet(tmp_path, rows)
    assert read_samm(tmp_path).records[0].apex_frame == 1124
    rows[0]["Apex Frame"] = 1111
    write_sheet(tmp_path, rows)
    with pytest.raises(BadFileError, match="row 15, column 'Apex Frame' is '1111'"):
        read_samm(tmp_path)


def test_labels_and_objective_classes(table):
    labels = {record.emotion: record.label3 for record in table.records}
    assert labels == {**dict.fromkeys(("anger", "contempt", "disgust", "fear", "sadness"), "negative"),
                      "happiness": "positive", "surprise": "surprise", "other": None}
    assert {record.objective for record in table.records} == set(OBJECTIVE)


def test_a_duration_that_differs_is_counted(tmp_path):
    write_sheet(tmp_path, [dict(ROWS[0], Duration=3), ROWS[1]])
    assert read_samm(tmp_path).rules[DURATION] == 1


def test_frames_lie_in_a_folder_samm_or_beside_the_table(tmp_path):
    write_sheet(tmp_path, ROWS[:2])
    write_frames(tmp_path, ROWS[:1])
    beside, absent = read_samm(tmp_path).records
    assert missing_frames(beside, tmp_path) is None
    assert missing_frames(absent, tmp_path) is not None
    write_frames(tmp_path, ROWS[:1], inside="SAMM")
    inside = read_samm(tmp_path).records[0]
    assert inside.folder == f"SAMM/{inside.subject}/{inside.clip}"
    assert missing_frames(inside, tmp_path) is None


def test_no_table_is_told(tmp_path):
    with pytest.raises(BadFileError, match=SHEET):
        read_samm(tmp_path)
