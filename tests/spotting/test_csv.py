"""Tables of intervals: what spreadsheets make of them, every bad row by its line, and back again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurofer.errors import BadFileError
from neurofer.spotting import csv_lines
from neurofer.spotting.csv import (
    intervals_text,
    overlapping_pairs,
    read_interval_table,
    read_intervals,
    write_intervals,
)
from neurofer.spotting.interval import Interval

HEADER = "video,type,onset,offset\n"


@pytest.fixture
def table(tmp_path: Path):
    def write(content: str | bytes) -> Path:
        path = tmp_path / "table.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_a_plain_table(table) -> None:
    path = table(HEADER + "v1,micro,0,9\nv2,macro,5,5\n")
    assert read_intervals(path) == read_intervals(str(path)) == [Interval("v1", "micro", 0, 9),
                                                                 Interval("v2", "macro", 5, 5)]


def test_what_spreadsheets_make_of_it(table) -> None:
    text = ('\ufeffOnset , offset,"note, long",type,VIDEO,apex\r\n\r\n'
            '0, 9 ,"a ""b"",\r\nc", Micro ,"v,1",\r\n,,,,,\r\n"10.0",20.,,macro,Größe,12\r\n   \r\n')
    assert read_intervals(table(text)) == [Interval("v,1", "micro", 0, 9), Interval("Größe", "macro", 10, 20, 12)]


def test_apex_score_and_emotion_are_read_where_they_are_there(table) -> None:
    for name in ("emotion", "label"):
        path = table(f"video,type,onset,apex,offset,score,{name}\nv,micro,1,4,9,0.25,happy\nv,micro,1,,9,,\n")
        assert read_intervals(path) == [Interval("v", "micro", 1, 9, 4, 0.25, "happy"), Interval("v", "micro", 1, 9)]


def test_a_row_may_say_that_a_video_has_nothing(table) -> None:
    found = read_interval_table(table(HEADER + "b,,,\na,micro,0,9\na,micro,20,29\nc,,,\n"))
    assert found.videos == ("b", "a", "c")
    assert len(found.intervals) == 2
    assert read_interval_table(table(HEADER)).videos == ()


BAD = [
    (b"v,micro,9,3", "runs backwards, from onset 9 to offset 3"),
    (b"v,micro,-3,3", "onset is '-3', frames are counted from 0"),
    (b"v,micro,1,3.5", "offset is '3.5', need a whole number"),
    (b"v,micro,1,1e3", "offset is '1e3', need a frame number from 0"),
    (b"v,micro,1,nan", "offset is 'nan', need a frame number from 0"),
    (b"v,micro,1,\xd9\xa3", "offset is '\u0663', need a frame number from 0"),
    (b"v,micro,1,9999999999", "offset is '9999999999', more than 2147483647"),
    (b"v,micro,1," + b"9" * 5000, "offset is '" + "9" * 30 + "...', more than 2147483647"),
    (b"v,mikro,1,3", "type is 'mikro', need micro or macro"),
    (b"v,,1,3", "type is empty"),
    (b"v,micro,,3", "onset is empty"),
    (b"v,mikro,x,-1", "type is 'mikro', need micro or macro; onset is 'x', need a frame number from 0; "
                      "offset is '-1', frames are counted from 0"),
    (b",micro,1,3", "video is empty"),
    (b"v,micro,1", "has 3 cells, the first row has 4"),
    (b"v,micro,1,3,4", "has 5 cells, the first row has 4"),
    (b"v,micro,1,\xff", "is not UTF-8 (byte 11 is 0xff)"),
    (b"v\0,micro,1,3", "holds a NUL byte"),
    (b"v" * 40_000 + b",micro,1,3", "has over 16,384 bytes"),
    (b'"v"x,micro,1,3', "is no row of a CSV (',' expected after '\"')"),
    (b'v,micro,1,"3', "is no row of a CSV (unexpected end of data)"),
]


@pytest.mark.parametrize(("row", "told"), BAD)
def test_a_bad_row_is_told_by_its_line(table, row: bytes, told: str) -> None:
    path = table(HEADER.encode() + b"\nv,micro,1,3\n" + row + b"\n")
    with pytest.raises(BadFileError) as error:
        read_intervals(path)
    assert str(error.value) == f"{path}: 1 problem\n  line 4: {told}"


def test_all_bad_rows_are_told_together_and_the_rest_is_counted(table) -> None:
    path = table(HEADER.encode() + b"".join(row + b"\n" for row, _ in BAD[:-1]) + b"w,micro,2,1\n" * 5)
    with pytest.raises(BadFileError) as error:
        read_intervals(path)
    lines = str(error.value).split("\n")
    assert lines[0] == f"{path}: 24 problems"
    assert lines[1:20] == [f"  line {number}: {told}" for number, (_, told) in enumerate(BAD[:-1], start=2)]
    assert lines[20:] == ["  line 21: runs backwards, from onset 2 to offset 1", "  and 4 more"]


@pytest.mark.parametrize(("row", "told"), [
    ("v,micro,1,3,,", "score is empty"), ("v,micro,1,3,,high", "score is 'high', need a number"),
    ("v,micro,1,3,,nan", "score is 'nan', need a finite number"), ("v,micro,1,3,4,0", "apex is 4, outside 1 to 3"),
    ("v,micro,1,3,2.5,0", "apex is '2.5', need a whole number")])
def test_bad_scores_and_apexes(table, row: str, told: str) -> None:
    path = table("video,type,onset,offset,apex,score\n" + row + "\n")
    with pytest.raises(BadFileError, match="line 2: ") as error:
        read_intervals(path, want_score=True)
    assert str(error.value).endswith(told)


@pytest.mark.parametrize(("content", "told"), [
    (b"", "is empty; the first row must name video,type,onset,offset"),
    (b"\xef\xbb\xbf\r\n\r\n", "is empty"),
    (b"video,onset,end\n", "has no column type, offset among 'video', 'onset', 'end'; the first row must name"),
    (b"v1,micro,0,9\n", "has no column video, type, onset, offset among 'v1', 'micro', '0', '9'"),
    (b"video;type;onset;offset\nv;micro;1;2\n", "separate cells by commas"),
    (b"video,type,onset,offset,onset\n", "names the column 'onset' twice; keep one"),
    ("video,type,onset,offset\n".encode("utf-16"), "is UTF-16; save it as CSV in UTF-8"),
    (b"video,type,onset\xff,offset\n", "line 1: is not UTF-8"),
    (b"video,type,onset,offset\rv,micro,1,3\r", "line 1: is no row of a CSV"),
])
def test_a_file_that_is_no_table(table, content: bytes, told: str) -> None:
    path = table(content)
    with pytest.raises(BadFileError) as error:
        read_intervals(path)
    assert str(error.value).startswith(f"{path}: ")
    assert told in str(error.value)


def test_a_missing_file_a_folder_and_a_missing_score(table, tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="no such file"):
        read_intervals(tmp_path / "nothing.csv")
    with pytest.raises(BadFileError, match="is a folder"):
        read_intervals(tmp_path)
    with pytest.raises(BadFileError, match="has no column score"):
        read_intervals(table(HEADER), want_score=True)


def test_a_file_without_end_is_read_in_bounded_memory(table, monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc

    monkeypatch.setattr(csv_lines, "LARGEST_BYTES", 1 << 24)
    path = table(b"x" * (1 << 24) + b"x")
    tracemalloc.start()
    with pytest.raises(BadFileError, match="is over 16 MiB"):
        read_intervals(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_overlapping_truth_is_legal_and_counted(table) -> None:
    text = HEADER + "a,macro,0,9\na,macro,9,20\na,macro,5,30\na,micro,0,9\nb,macro,0,9\na,micro,10,19\na,micro,10,19\n"
    assert overlapping_pairs(read_intervals(table(text))) == {"micro": 1, "macro": 3}
    assert overlapping_pairs([]) == {"micro": 0, "macro": 0}


INTERVALS = st.lists(st.builds(
    lambda video, kind, onset, length, score, label: Interval(video, kind, onset, onset + length, onset + length // 2,
                                                              score, label),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=8).map(str.strip)
    .filter(bool),
    st.sampled_from(["micro", "macro"]), st.integers(0, 10**6), st.integers(0, 50),
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["", "happy", "a, b", 'say "x"'])), max_size=8)


@given(INTERVALS)
def test_pairs_that_overlap_are_those_that_share_a_frame(intervals: list[Interval]) -> None:
    count = {"micro": 0, "macro": 0}
    for place, one in enumerate(intervals):
        for other in intervals[:place]:
            if (one.video, one.kind) == (other.video, other.kind):
                count[one.kind] += one.onset <= other.offset and other.onset <= one.offset
    assert overlapping_pairs(intervals) == count


def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("round") / "sub" / "table.csv"

    @given(INTERVALS)
    def check(intervals: list[Interval]) -> None:
        write_intervals(path, intervals, more=("apex", "score", "emotion"))
        assert read_intervals(path) == intervals

    check()


def test_columns_of_ones_own() -> None:
    text = intervals_text([Interval("v", "micro", 2, 9, None, 0.5)], ("apex", ("onset_ms", lambda one: one.onset * 5),
                                                                      "score"))
    assert text == "video,type,onset,offset,apex,onset_ms,score\nv,micro,2,9,,10,0.5\n"
    with pytest.raises(ValueError, match="no column scores; choose of apex, score, emotion, label"):
        intervals_text([], ("scores",))
