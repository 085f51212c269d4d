"""The word decoders, traced by hand."""

import numpy as np
import pytest

from neurofer.events import open_recording
from neurofer.events.formats.prophesee_header import read_header


def evt3(tmp_path, words, mode="strict"):
    path = tmp_path / "words.raw"
    path.write_bytes(b"% evt 3.0\n% geometry 640x480\n% end\n" + np.array(words, "<u2").tobytes())
    return events_of(path, mode)


def evt2(tmp_path, words, mode="strict"):
    path = tmp_path / "words.raw"
    path.write_bytes(b"% evt 2.0\n% geometry 640x480\n% end\n" + np.array(words, "<u4").tobytes())
    return events_of(path, mode)


def dat(tmp_path, pairs, mode="strict"):
    path = tmp_path / "pairs.dat"
    path.write_bytes(b"% Version 2\n% Width 640\n% Height 480\n\x0c\x08" + np.array(pairs, "<u4").tobytes())
    return events_of(path, mode)


def events_of(path, mode):
    with open_recording(path, mode=mode) as recording:
        rows = [(int(t), int(x), int(y), int(p)) for piece in recording.pieces()
                for t, x, y, p in zip(piece.t, piece.x, piece.y, piece.p, strict=True)]
        return rows, recording.report()


def test_evt3_single_events_and_vectors(tmp_path):
    rows, report = evt3(tmp_path, [
        0x8001, 0x6002,          # time 1 << 12 | 2 = 4098
        0x0007, 0x2805,          # row 7, ON at column 5
        0x300A, 0x4005, 0x5081,  # OFF from column 10: bits 0 and 2 of 12, then bits 0 and 7 of 8
        0x6003, 0x2006,          # time 4099, OFF at column 6
    ])
    assert rows == [(4098, 5, 7, 1), (4098, 10, 7, 0), (4098, 12, 7, 0), (4098, 22, 7, 0), (4098, 29, 7, 0),
                    (4099, 6, 7, 0)]
    assert report.on_events == 1


def test_evt3_high_time_starts_its_low_part_again_and_wraps(tmp_path):
    rows, _ = evt3(tmp_path, [0x8FFF, 0x6FFF, 0x0001, 0x2802, 0x8000, 0x2803, 0x6001, 0x2804])
    assert [t for t, *_ in rows] == [(1 << 24) - 1, 1 << 24, (1 << 24) + 1]


def test_evt3_counts_what_is_no_event(tmp_path):
    rows, report = evt3(tmp_path, [0x2001, 0x4003, 0x8000, 0xA101, 0x6001, 0x0001, 0xA100, 0x7123, 0xE000, 0xF000,
                                   0x1000, 0x2801])
    assert rows == [(1, 1, 1, 1)]
    assert (report.triggers, report.dropped) == (2, 3)
    assert any("3 events before the first time word" in note for note in report.notes)
    assert any("1 words of an unassigned type" in note for note in report.notes)


def test_evt2_words(tmp_path):
    on, off, high = 1 << 28, 0, 8 << 28
    rows, report = evt2(tmp_path, [
        off | 5, high | 2, on | 3 << 22 | 10 << 11 | 20, 10 << 28, off | 63 << 22 | 11 << 11 | 21, high | 3, on])
    assert rows == [(2 << 6 | 3, 10, 20, 1), (2 << 6 | 63, 11, 21, 0), (3 << 6, 0, 0, 1)]
    assert (report.triggers, report.dropped) == (1, 1)


def test_evt2_clock_wraps_at_34_bits(tmp_path):
    rows, _ = evt2(tmp_path, [8 << 28 | (1 << 28) - 1, 1 << 28, 8 << 28, 1 << 28])
    assert [t for t, *_ in rows] == [(1 << 34) - 64, 1 << 34]


def test_dat_pairs_and_their_clock(tmp_path):
    rows, _ = dat(tmp_path, [(7, 1 << 28 | 2 << 14 | 1), ((1 << 32) - 1, 3 << 14 | 639), (4, 1)])
    assert rows == [(7, 1, 2, 1), ((1 << 32) - 1, 639, 3, 0), ((1 << 32) + 4, 1, 0, 0)]


def test_blocks_join_without_a_seam(tmp_path, monkeypatch):
    generator = np.random.default_rng(0)
    words = [0x8000]
    for time in range(400):
        words += [0x6000 | time, 0x0000 | time, 0x3800 | int(generator.integers(600)),
                  0x4000 | int(generator.integers(4_096)), 0x5000 | int(generator.integers(256)),
                  0x2000 | int(generator.integers(640))]
    whole, report = evt3(tmp_path, words)
    monkeypatch.setattr("neurofer.events.formats.prophesee.BLOCK_WORDS", 7)
    assert evt3(tmp_path, words) == (whole, report)
    assert report.events > 3_000


@pytest.mark.parametrize(("header", "sensor", "camera"), [
    (b"% geometry 346x260\n", (346, 260), None),
    (b"% format EVT3;height=720;width=1280\n% end\n", (1280, 720), None),
    (b"% Width 304\n% Height 240\n", (304, 240), None),
    (b"% sensor_generation 4.2\n", None, (1280, 720)),
    (b"% generation 3.1\n", None, (640, 480)),
    (b"% plugin_name hal_plugin_imx636_evk4\n", None, (1280, 720)),
    (b"% sensor_name GenX320\n", None, (320, 320)),
    (b"% plugin_name something\n", None, None),
])
def test_headers(tmp_path, header, sensor, camera):
    path = tmp_path / "header.raw"
    path.write_bytes(header + b"\x80\x80")
    read = read_header(path)
    assert read.size == len(header)
    assert read.geometry(path) == sensor
    assert (read.camera() or (None, None))[1] == camera


def test_data_that_starts_with_a_percent_sign(tmp_path):
    path = tmp_path / "old.raw"
    path.write_bytes(b"% evt 2.0\n% geometry 640x480\n" + b"%\x80\x00\x10\n\x00\x00\x80")
    assert read_header(path).size == len(b"% evt 2.0\n% geometry 640x480\n")
