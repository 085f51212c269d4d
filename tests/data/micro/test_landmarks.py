"""The user's tables of eyes and boxes: what rows are about, and what is wrong with them, by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurofer.data.clip import Box
from neurofer.data.micro.align import Landmarks
from neurofer.data.micro.landmarks import ClipKey, read_face_boxes, read_landmarks, value_of
from neurofer.data.micro.record import MicroRecord
from neurofer.errors import BadFileError

EYES = "left_eye_x,left_eye_y,right_eye_x,right_eye_y"


def written(folder: Path, *lines: str) -> Path:
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def record(onset: int = 10, video: str = "b", clip: str = "c") -> MicroRecord:
    return MicroRecord("casme3", "spNO.1", video, clip, "micro", onset, onset + 2, onset + 9, 30.0)


def test_eyes_by_subject_and_clip(tmp_path: Path) -> None:
    path = written(tmp_path, f"\ufeffsubject,clip,{EYES}", 'sub01,EP02_01f,10,20.5,50,21', '"sub02", EP03_02 ,1,2,30,4')
    assert read_landmarks(path) == {ClipKey("sub01", "EP02_01f"): Landmarks((10.0, 20.5), (50.0, 21.0)),
                                    ClipKey("sub02", "EP03_02"): Landmarks((1.0, 2.0), (30.0, 4.0))}


def test_columns_may_stand_in_any_order_and_be_quoted(tmp_path: Path) -> None:
    path = written(tmp_path, '"w","h","clip","subject","x","y"', "30,40,c,s01,5,-6.4")
    assert read_face_boxes(path) == {ClipKey("s01", "c"): Box(5, -6, 30, 40)}


def test_the_closest_row_counts(tmp_path: Path) -> None:
    path = written(tmp_path, "subject,video,onset_frame,x,y,w,h", "spNO.1,b,,1,1,9,9", "spNO.1,b,10,2,2,9,9")
    boxes = read_face_boxes(path)
    assert value_of(record(onset=10), boxes) == Box(2, 2, 9, 9)
    assert value_of(record(onset=60), boxes) == Box(1, 1, 9, 9)
    assert value_of(record(video="d"), boxes) is None
    named = {ClipKey("spNO.1", "c"): Box(3, 3, 9, 9), **boxes}
    assert value_of(record(onset=10), named) == Box(3, 3, 9, 9)


def test_a_row_may_name_a_clip_or_a_video(tmp_path: Path) -> None:
    path = written(tmp_path, "subject,clip,video,x,y,w,h", "s,c,v,1,2,3,4", "s,,v,5,6,7,8")
    assert list(read_face_boxes(path)) == [ClipKey("s", "c"), ClipKey("s", "v")]


def test_all_wrong_rows_are_told_by_line(tmp_path: Path) -> None:
    path = written(tmp_path, f"subject,clip,onset_frame,{EYES}", "s,c,,1,2,30,4", ",c,,1,2,30,4", "s,,,1,2,30,4",
                   "s,c,,1,2,30,4", "s,d,4.5,1,2,30,4", "s,d,,1,2,x,4", "s,d,,1,inf,3,4", "s,e,,1,2,3,2", "s,f,1")
    with pytest.raises(BadFileError) as error:
        read_landmarks(path)
    said = str(error.value).splitlines()
    assert said[0] == f"{path}: 8 problems"
    for line, why in ((3, "names no subject"), (4, "names no clip"), (5, "repeats s c of line 2; an onset_frame tells"),
                      (6, "onset_frame is '4.5', not a whole number"), (7, "right_eye_x is 'x', not a number"),
                      (8, "left_eye_y is 'inf'"), (9, "are 2.0 pixels apart"), (10, "has 3 columns, not 7")):
        assert sum(one.startswith(f"  {path}:{line}: ") and why in one for one in said) == 1, (line, said)


@pytest.mark.parametrize(("header", "why"), [
    (f"subject,{EYES}", r":1: lacks the columns clip; the first line must name subject,clip,left_eye_x"),
    ("s,c,1,2,30,4", ":1: lacks the columns subject, clip, left_eye_x"),
    (f"subject,clip,{EYES},nose", r":1: names 'nose', which is twice or no column"),
    (f"subject,clip,clip,{EYES}", r":1: names 'clip', which is twice")])
def test_a_header_that_does_not_fit_is_refused(tmp_path: Path, header: str, why: str) -> None:
    with pytest.raises(BadFileError, match=why):
        read_landmarks(written(tmp_path, header, "s,c,1,2,30,4"))


def test_no_table_and_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="none.csv: cannot be read"):
        read_landmarks(tmp_path / "none.csv")
    with pytest.raises(BadFileError, match="holds no row"):
        read_landmarks(written(tmp_path, f"subject,clip,{EYES}"))
    with pytest.raises(BadFileError, match="box has a width of 0"):
        read_face_boxes(written(tmp_path, "subject,clip,x,y,w,h", "s,c,1,2,0,4"))
