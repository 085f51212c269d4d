"""CASME II: both editions of its table, their quirks and faults."""

from __future__ import annotations

import dataclasses

import pytest

from neurofer.data.micro import rules
from neurofer.data.micro.casme2 import read_casme2
from neurofer.data.micro.frames_on_disk import frame_files, missing_frames
from neurofer.errors import BadFileError, UsageError
from trees.casme2 import (
    APEX_256,
    APEX_IS_OFFSET,
    APEX_IS_ONSET,
    HEADER_255,
    SHEET_255,
    casme2_rows,
    casme2_rows_256,
    write_frames,
    write_sheet_255,
    write_sheet_256,
)
from trees.micro_sheets import write_table

ROWS = casme2_rows()


@pytest.fixture
def root(tmp_path):
    (tmp_path / "CASME2-RAW").mkdir()
    return tmp_path


def test_the_first_edition_is_the_release(root):
    write_sheet_255(root, ROWS)
    table = read_casme2(root)
    assert (table.dataset, len(table.records), table.problems, table.differing) == ("casme2", 255, (), ())
    assert dict(table.rules) == {rules.APEX_IS_OFFSET: 4, rules.APEX_IS_ONSET: 1}
    at_offset = {(one.subject, one.clip) for one in table.records if one.apex_frame == one.offset_frame}
    at_onset = {(one.subject, one.clip) for one in table.records if one.apex_frame == one.onset_frame}
    assert (at_offset, at_onset) == (set(APEX_IS_OFFSET), {APEX_IS_ONSET})


def test_a_record_says_what_the_row_says(root):
    row = {"Subject": "sub07", "Filename": "EP02_01f", "OnsetFrame": 46, "ApexFrame": 59.0, "OffsetFrame": "86",
           "Action Units": "4+L10", "Estimated Emotion": "Repression"}
    write_sheet_255(root, [row])
    (record,) = read_casme2(root).records
    assert dataclasses.asdict(record) == {
        "dataset": "casme2", "subject": "sub07", "video": "EP02", "clip": "EP02_01f", "kind": "micro",
        "onset_frame": 46, "apex_frame": 59, "offset_frame": 86, "fps": 200.0, "aus": ("4", "L10"),
        "emotion": "repression", "label3": "negative", "apex_source": "annotated", "fixes": (),
        "where": f"{SHEET_255}, sheet 'Sheet1', row 2", "folder": "CASME2-RAW/sub07/EP02_01f", "objective": ""}


def test_labels_follow_the_rule_of_the_protocol_where_no_list_is_given(root):
    write_sheet_255(root, ROWS)
    labels = {record.emotion: record.label3 for record in read_casme2(root).records}
    assert labels == {"disgust": "negative", "repression": "negative", "happiness": "positive", "surprise": "surprise",
                      "others": None, "fear": None, "sadness": None}


def test_the_second_edition_is_mended_and_says_so(root):
    rows = casme2_rows_256()
    write_sheet_256(root, rows)
    table = read_casme2(root)
    assert (len(table.records), table.problems, table.differing) == (256, (), ())
    assert {index: table.records[index].apex_frame for index in APEX_256} == APEX_256
    assert table.records[60].offset_frame == 91
    assert [(fix.field, fix.old, fix.new) for fix in table.records[60].fixes] == [
        ("ApexFrame", "/", "78"), ("OffsetFrame", "19", "91")]
    assert sum(bool(record.fixes) for record in table.records) == 21
    assert table.rules[rules.FIXED] == 22
    assert table.rules[rules.SUBJECT_NUMBER] == 256
    assert {record.subject for record in table.records} == {f"sub{number:02}" for number in range(1, 27)}
    assert {record.apex_source for record in table.records} == {"annotated"}


def test_a_second_edition_that_was_mended_before_stays(root):
    rows = casme2_rows_256()
    for index, apex in APEX_256.items():
        rows[index]["ApexFrame"] = apex
    rows[60]["OffsetFrame"] = 91
    write_sheet_256(root, rows)
    table = read_casme2(root)
    assert len(table.records) == 256
    assert rules.FIXED not in table.rules


def test_a_second_edition_with_an_unknown_value_is_refused(root):
    rows = casme2_rows_256()
    rows[60]["ApexFrame"] = 70
    write_sheet_256(root, rows)
    with pytest.raises(BadFileError, match="row 62, column 'ApexFrame' is '70', but known are .* and '78'"):
        read_casme2(root)


def test_missing_apexes_of_other_rows_are_midpoints(root):
    rows = [dict(ROWS[0], OnsetFrame=10, ApexFrame="/", OffsetFrame=45), dict(ROWS[1], ApexFrame=None)]
    write_sheet_255(root, rows)
    table = read_casme2(root)
    assert table.rules[rules.APEX_MIDPOINT] == 2
    assert (table.records[0].apex_frame, table.records[0].apex_source) == (27, "midpoint")


def test_bad_rows_are_told_together_and_the_others_kept(root):
    rows = [dict(ROWS[0], OnsetFrame=90, OffsetFrame=80), dict(ROWS[1], ApexFrame=6.5), dict(ROWS[2], Subject="anna"),
            dict(ROWS[3], Filename="../../etc"), dict(ROWS[4], **{"Estimated Emotion": None}), ROWS[5], ROWS[5]]
    write_sheet_255(root, rows)
    table = read_casme2(root)
    assert len(table.records) == 1
    assert [problem.where.split(", ", 2)[2] for problem in table.problems] == [
        "row 2, column 'OnsetFrame'", "row 3, column 'ApexFrame'", "row 4, column 'Subject'",
        "row 5, column 'Filename'", "row 6, column 'Estimated Emotion'", "row 8"]
    assert ("rows", 7, 255) in table.differing


def test_a_table_without_one_good_row_is_refused(root):
    write_sheet_255(root, [dict(row, OnsetFrame="x") for row in ROWS[:3]])
    with pytest.raises(BadFileError, match="holds no usable row") as refused:
        read_casme2(root)
    assert len(str(refused.value).splitlines()) == 4


def test_two_editions_need_a_choice(root):
    first, second = write_sheet_255(root, ROWS), write_sheet_256(root, casme2_rows_256())
    with pytest.raises(UsageError, match=rf"{first.name} and {second.name}, whose rows differ; choose one by --sheet"):
        read_casme2(root)
    assert [len(read_casme2(root, sheet).records) for sheet in (first, second)] == [255, 256]


def test_a_root_without_a_table_or_none_at_all_is_told(root):
    with pytest.raises(BadFileError, match=r"neither CASME2-coding-20140508.xlsx nor CASME2_label_Ver_2.xls"):
        read_casme2(root)
    with pytest.raises(BadFileError, match="no such folder"):
        read_casme2(root / "absent")


def test_frames_are_found_the_raw_ones_first(tmp_path):
    write_sheet_255(tmp_path, ROWS[:2])
    assert "neither CASME2-RAW nor Cropped" in str(read_casme2(tmp_path).problems[0])
    write_frames(tmp_path, ROWS[:2], cropped=True)
    cropped = read_casme2(tmp_path).records[0]
    assert cropped.folder == f"Cropped/{cropped.subject}/{cropped.clip}"
    assert frame_files(tmp_path / cropped.folder)[cropped.onset_frame].name == f"reg_img{cropped.onset_frame}.jpg"
    write_frames(tmp_path, ROWS[:1])
    raw, without = read_casme2(tmp_path).records
    assert raw.folder == f"CASME2-RAW/{raw.subject}/{raw.clip}"
    assert missing_frames(raw, tmp_path) is None
    assert missing_frames(without, tmp_path) is not None


def test_a_table_as_csv_reads_alike(root):
    path = write_table(root / "mine.csv", HEADER_255, ROWS)
    as_csv, as_xlsx = read_casme2(root, path), read_casme2(root, write_sheet_255(root, ROWS))
    assert [dataclasses.replace(record, where="") for record in as_csv.records] == [
        dataclasses.replace(record, where="") for record in as_xlsx.records]
