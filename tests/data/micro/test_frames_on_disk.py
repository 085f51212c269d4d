"""Image files by number, and which of an expression lack."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neurofer.data.micro.frames_on_disk import frame_files, missing_frames
from neurofer.data.micro.record import MicroRecord
from neurofer.errors import BadFileError

RECORD = MicroRecord("casme2", "sub01", "EP02", "EP02_01f", "micro", 8, 10, 12, 200.0, where="sheet, row 2",
                     folder="sub01/EP02_01f")


def write(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(("name", "number"), [
    ("img46.jpg", 46), ("reg_img46.jpg", 46), ("006_05562.jpg", 5562), ("image000123.jpg", 123), ("175.jpg", 175),
    ("7.PNG", 7), ("img0.bmp", 0), ("sub2_3 (4).jpeg", 4)])
def test_the_last_number_of_a_name_is_the_frame(tmp_path, name, number):
    assert frame_files(write(tmp_path, [name])) == {number: tmp_path / name}


def test_numbers_sort_as_numbers_and_other_files_are_left_out(tmp_path):
    write(tmp_path, ["img10.jpg", "img9.jpg", "img100.jpg", "Thumbs.db", "._img9.jpg", "cover.jpg", "img11.txt",
                     "1" * 40 + ".jpg"])
    (tmp_path / "img12.jpg").mkdir()
    assert list(frame_files(tmp_path)) == [9, 10, 100]


def test_two_files_of_one_number_are_refused(tmp_path):
    with pytest.raises(BadFileError, match=r"img01.jpg and img1.jpg are both frame 1; keep one of them"):
        frame_files(write(tmp_path, ["img1.jpg", "img01.jpg", "img2.jpg"]))


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(BadFileError, match="no folder of frames"):
        frame_files(tmp_path / "absent")


def test_a_whole_clip_lacks_nothing(tmp_path):
    write(tmp_path / RECORD.folder, [f"img{number}.jpg" for number in range(5, 15)])
    assert missing_frames(RECORD, tmp_path) is None


def test_missing_frames_are_told_as_runs(tmp_path):
    write(tmp_path / RECORD.folder, ["img7.jpg", "img9.jpg", "img13.jpg"])
    problem = missing_frames(RECORD, tmp_path)
    assert problem is not None
    assert problem.where == str(tmp_path / RECORD.folder)
    assert problem.what == "lacks 4 of the 5 frames 8 to 12 of EP02_01f (sheet, row 2): 8, 10-12"


def test_a_clip_without_its_folder_or_with_a_doubtful_one_is_told(tmp_path):
    assert "is missing, the frames of sub01 EP02_01f (sheet, row 2)" in str(missing_frames(RECORD, tmp_path))
    assert "has no folder for sub01" in str(missing_frames(replace(RECORD, folder=""), tmp_path))
    write(tmp_path / RECORD.folder, ["img8.jpg", "img08.jpg"])
    assert "are both frame 8" in str(missing_frames(RECORD, tmp_path))


def test_an_expression_of_a_billion_frames_costs_nothing(tmp_path):
    write(tmp_path / RECORD.folder, ["img8.jpg"])
    problem = missing_frames(replace(RECORD, offset_frame=999_999_999), tmp_path)
    assert "lacks 999999991 of the 999999992 frames" in str(problem)
