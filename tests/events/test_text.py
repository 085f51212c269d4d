"""Lines of text: orders, units, headers, and the line that is wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurofer.errors import BadFileError
from neurofer.events import open_recording
from neurofer.events.formats.text_numbers import format_lines, parse_lines

ROWS = [(6, 131, 2, True), (106, 12, 146, False), (1_000_120, 7, 128, True)]


def rows_of(tmp_path, text, mode="strict", name="events.txt"):
    (tmp_path / name).write_text(text)
    with open_recording(tmp_path / name, sensor=(240, 180), mode=mode) as recording:
        rows = [row for piece in recording.pieces()
                for row in zip(piece.t.tolist(), piece.x.tolist(), piece.y.tolist(), piece.p.tolist(), strict=True)]
        return rows, recording.report()


@pytest.mark.parametrize("text", [
    "6 131 2 1\n106 12 146 0\n1000120 7 128 1\n",
    "6 131 2 1\n106 12 146 -1\n1000120 7 128 1",
    "t,x,y,p\r\n6,131,2,1\r\n106,12,146,0\r\n1000120,7,128,1\r\n",
    "# recorded yesterday\nx y timestamp polarity\n131 2 6 1\n\n12\t146\t106\t0\n7 128 1000120 1\n",
    "0.000006 131 2 1\n0.000106 12 146 0\n1.000120 7 128 1\n",
    "6.0e-06 1.31e+02 2.0e+00 1.0e+00\n1.06e-04 1.2e1 1.46e2 0.0\n1.00012e0 7.0 1.28e2 1.0\n",
    "p;y;x;time [ns]\n1;2;131;6000\n0;146;12;106000\n1;128;7;1000120000\n",
    "t_us x y p\n6.4 131 2 1\n105.5 12 146 0\n1000120 7 128 1\n",
    "240 180\n6 131 2 1\n106 12 146 0\n1000120 7 128 1\n",
    "time (s),x [px],y [px],pol\n0.000006,131,2,1\n0.000106,12,146,0\n1.00012,7,128,1\n",
], ids=["plain", "minus one, no last newline", "csv, crlf", "header in another order", "seconds", "numpy.savetxt",
        "nanoseconds", "microseconds with fractions", "size line", "units in brackets"])
def test_the_same_events_in_many_hands(tmp_path, text):
    if text.startswith("t_us"):
        with pytest.raises(BadFileError, match="line 2 has a fractional time"):
            rows_of(tmp_path, text)
        return
    assert rows_of(tmp_path, text)[0] == ROWS


def test_size_line_is_the_geometry(tmp_path):
    (tmp_path / "e2vid.txt").write_text("240 180\n0.5 1 2 1\n")
    with open_recording(tmp_path / "e2vid.txt") as recording:
        assert (recording.sensor, recording.start_us) == ((240, 180), 500_000)


@pytest.mark.parametrize(("text", "sentence"), [
    ("6 131 2 1\n7 1 2\n8 1 2 1\n", "line 2 does not have 4 columns"),
    ("6 131 2 1\n7 1 2 1 9\n", "line 2 does not have 4 columns"),
    ("6 131 2 1\n7 one 2 1\n", "line 2 holds something that is no number"),
    ("6 131 2 1\n7 1 2 3\n", "line 2 has a polarity"),
    ("6 131 2 1\n7 1.5 2 1\n", "line 2 has a coordinate or polarity that is no whole number"),
    ("6 131 2 1\n7.5 1 2 1\n8 1 2 1\n", None),
    ("hello world\n", "line 1 is 'hello world'; need numbers t x y p, or a header"),
    ("6 131 2 1\n5 131 2 1\n", r"time runs backwards at event 1 \(6 us -> 5 us\)"),
    ("6 131 2 1\n7 131 200 1\n", "event 1 lies at x=131, y=200, outside the 240x180 sensor"),
    ("6 131 2 1\n7 -1 2 1\n", "event 1 lies at x=65535"),
    ("6 131 2 1\n99999999999999999999999 1 2 1\n", None),
])
def test_wrong_lines_are_named(tmp_path, text, sentence):
    if sentence is None:
        rows_of(tmp_path, text)
        return
    with pytest.raises(BadFileError, match=sentence):
        rows_of(tmp_path, text)


def test_a_cut_last_line(tmp_path):
    text = "6 131 2 1\n106 12 146 0\n1000120 7 12"
    with pytest.raises(BadFileError, match="cut inside its last event"):
        rows_of(tmp_path, text)
    rows, report = rows_of(tmp_path, text, mode="repair")
    assert rows == ROWS[:2]
    assert report.tail_bytes == len("1000120 7 12")


def test_blocks_join_without_a_seam(tmp_path, monkeypatch):
    text = "".join(f"{1_000 * k} {k % 240} {k % 180} {k % 2}\n" for k in range(500))
    whole = rows_of(tmp_path, text)
    monkeypatch.setattr("neurofer.events.formats.text.BLOCK_BYTES", 97)
    assert rows_of(tmp_path, text) == whole
    assert len(whole[0]) == 500


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-(2**60), 2**60), st.integers(0, 65_534), st.integers(0, 65_534), st.booleans()),
                min_size=1, max_size=20))
def test_parsing_undoes_formatting(rows):
    t, x, y, p = (np.array(column) for column in zip(*rows, strict=True))
    out = np.empty(36 * len(rows), np.uint8)
    size = format_lines(t, x.astype(np.uint16), y.astype(np.uint16), p, 32, out)
    assert out[:size].tobytes().decode().splitlines()[0] == f"{t[0]} {x[0]} {y[0]} {int(p[0])}"
    columns = (np.empty(len(rows), np.int64), np.empty(len(rows), np.uint16), np.empty(len(rows), np.uint16),
               np.empty(len(rows), np.bool_))
    small = np.abs(t) < 10**17
    count, _, wrong = parse_lines(out[:size], np.arange(4), 4, 0, *columns)
    assert (count, wrong) == (len(rows), 0)
    assert np.array_equal(columns[0][small], t[small])
    for column, wanted in zip(columns[1:], (x, y, p), strict=True):
        assert np.array_equal(column, wanted)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**15), st.integers(0, 9))
def test_seconds_are_rounded_to_microseconds(micro, digit):
    line = f"{micro // 10**6}.{micro % 10**6:06d}{digit} 1 2 1\n".encode()
    columns = (np.empty(1, np.int64), np.empty(1, np.uint16), np.empty(1, np.uint16), np.empty(1, np.bool_))
    assert parse_lines(np.frombuffer(line, np.uint8), np.arange(4), 4, 6, *columns)[0] == 1
    assert columns[0][0] == micro + (digit >= 5)
