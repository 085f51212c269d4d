"""Files as recordings: windows, intervals, and what strict, repair and trust do."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurofer.errors import BadFileError
from neurofer.events import Events, MemoryRecording, open_recording, write_columns
from neurofer.events.columns import ColumnsRecording

SENSOR = (64, 48)


def text_file(tmp_path, rows):
    path = tmp_path / "events.txt"
    path.write_text("".join(f"{t} {x} {y} {p}\n" for t, x, y, p in rows))
    return path


@pytest.fixture
def opened(written, face_events, tmp_path):
    """The same events through a decoder, through a store and in memory."""
    write_columns(tmp_path / "store", face_events, face_events.sensor)
    return open_recording(written["evt3.raw"]), ColumnsRecording(tmp_path / "store"), MemoryRecording(face_events)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(window_us=st.floats(200, 400_000))
def test_windows_joined_are_the_whole(opened, face_events, window_us):
    for recording in opened:
        windows = list(recording.windows(window_us))
        assert np.array_equal(np.concatenate([window.events.t for window in windows]), face_events.t)
        assert np.array_equal(np.concatenate([window.events.x for window in windows]), face_events.x)
        for k, window in enumerate(windows):
            assert window.start_us == face_events.start_us + round(k * window_us)
            assert ((window.events.t >= window.start_us) & (window.events.t < window.stop_us)).all()
        assert windows[-1].stop_us > face_events.end_us >= windows[-1].start_us


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(low=st.integers(-50_000, 350_000), length=st.integers(0, 400_000))
def test_intervals_are_those_of_the_events(opened, face_events, low, length, monkeypatch):
    monkeypatch.setattr("neurofer.events.formats.prophesee.BLOCK_WORDS", 1_000)
    wanted = face_events.between(low, low + length)
    for recording in opened:
        assert np.array_equal(recording.between(low, low + length).t, wanted.t)


def test_windows_with_given_edges(opened):
    for recording in opened:
        edges = [(window.start_us, window.stop_us) for window in recording.windows(1_000.5, 5_000, 8_000)]
        assert edges == [(5_000, 6_000), (6_000, 7_001), (7_001, 8_002)]
        assert sum(len(window.events) for window in recording.windows(100, -1_000, 0)) == 0
        with pytest.raises(ValueError, match="window_us must be at least 1"):
            next(recording.windows(0))


def test_a_file_without_events_has_no_windows(tmp_path):
    path = tmp_path / "none.raw"
    path.write_bytes(b"% evt 3.0\n% geometry 64x48\n% end\n")
    with open_recording(path) as recording:
        assert (recording.start_us, recording.end_us, recording.report().events) == (0, 0, 0)
        assert list(recording.windows(1_000)) == []
        assert len(recording.between(0, 10)) == 0
    assert list(MemoryRecording(Events.empty(SENSOR)).windows(1_000)) == []


def test_later_reads_of_earlier_places(written, face_events, monkeypatch):
    monkeypatch.setattr("neurofer.events.formats.prophesee.BLOCK_WORDS", 500)
    with open_recording(written["evt3.raw"]) as recording:
        for low in (250_000, 10_000, 120_000, 0, 299_000):
            assert np.array_equal(recording.between(low, low + 7_000).t, face_events.between(low, low + 7_000).t)
        assert recording.report().events == len(face_events)


def test_going_back_in_a_packet_file(written, face_events):
    with open_recording(written["events.es"]) as recording:
        assert recording.report().events == len(face_events)
        assert np.array_equal(recording.between(0, 5_000).t, face_events.between(0, 5_000).t)
        assert np.array_equal(recording.between(200_000, 205_000).t, face_events.between(200_000, 205_000).t)


BROKEN = [(10, 1, 1, 1), (20, 99, 1, 1), (30, 2, 2, 0), (25, 3, 3, 1), (30, 4, 4, 1), (40, 5, 77, 0), (50, 6, 6, 1)]


def test_strict_names_the_first_broken_event(tmp_path):
    with open_recording(text_file(tmp_path, BROKEN), sensor=SENSOR) as recording:
        with pytest.raises(BadFileError, match=r"event 1 lies at x=99, y=1, outside the 64x48 sensor"):
            recording.report()
        with pytest.raises(BadFileError):
            recording.between(0, 100)
    with open_recording(text_file(tmp_path, BROKEN[2:]), sensor=SENSOR) as recording, \
            pytest.raises(BadFileError, match=r"time runs backwards at event 1 \(30 us -> 25 us\).*--mode repair"):
        recording.report()


def test_repair_drops_and_counts(tmp_path):
    with open_recording(text_file(tmp_path, BROKEN), sensor=SENSOR, mode="repair") as recording:
        events = recording.between(0, 100)
        report = recording.report()
    assert events.t.tolist() == [10, 30, 30, 50]
    assert (report.events, report.dropped, report.out_of_range, report.time_jumps) == (4, 3, 2, 1)


def test_trust_gives_everything(tmp_path):
    with open_recording(text_file(tmp_path, BROKEN), sensor=SENSOR, mode="trust") as recording:
        assert sum(len(piece) for piece in recording.pieces()) == len(BROKEN)


def test_repair_leaves_out_an_excursion_and_not_what_follows(tmp_path):
    steady = [(1_000 * k, 1, 1, 1) for k in range(200)]
    excursion = [(9_000_000 + k, 2, 2, 1) for k in range(30)]
    rows = steady[:100] + excursion + steady[100:]
    with open_recording(text_file(tmp_path, rows), sensor=SENSOR, mode="repair") as recording:
        report = recording.report()
        assert (report.events, report.dropped, report.time_jumps) == (200, 30, 1)
        assert recording.end_us == 199_000


def test_repair_believes_a_pause(tmp_path):
    rows = [(k, 1, 1, 1) for k in range(50)] + [(9_000_000 + k, 1, 1, 1) for k in range(50)]
    with open_recording(text_file(tmp_path, rows), sensor=SENSOR, mode="repair") as recording:
        assert recording.report().events == 100
        assert recording.report().dropped == 0


def test_repair_is_the_same_whatever_the_blocks(tmp_path, monkeypatch):
    generator = np.random.default_rng(4)
    t = np.arange(3_000) * 700
    t[generator.integers(0, 3_000, 60)] += generator.integers(-10**6, 10**8, 60)
    rows = [(int(time), int(generator.integers(70)), 5, 1) for time in t]
    path = text_file(tmp_path, rows)
    results = []
    for block in (1 << 22, 300, 40):
        monkeypatch.setattr("neurofer.events.formats.text.BLOCK_BYTES", block)
        with open_recording(path, sensor=SENSOR, mode="repair") as recording:
            events = Events.concatenate(list(recording.pieces()))
            results.append((events.t.tolist(), recording.report()))
            assert recording.report().events + recording.report().dropped == 3_000
    assert results[0] == results[1] == results[2]
    assert len(results[0][0]) > 2_500


def test_a_clean_file_is_the_same_in_every_mode(written, face_events):
    for mode in ("strict", "repair", "trust"):
        with open_recording(written["evt3.raw"], mode=mode) as recording:
            assert np.array_equal(Events.concatenate(list(recording.pieces())).t, face_events.t)


def test_a_straggler_costs_only_itself(tmp_path):
    rows = [(50 * k + (5_000 if k >= 100 else 0), 1, 1, 1) for k in range(300)]
    rows.insert(250, (200, 2, 2, 0))
    with open_recording(text_file(tmp_path, rows), sensor=SENSOR, mode="repair") as recording:
        assert (recording.report().events, recording.report().dropped) == (300, 1)


def test_flipped_bits_in_a_real_recording_cost_little(recordings, tmp_path):
    data = np.frombuffer((recordings / "evt3_640x480_triggers.raw").read_bytes(), np.uint8).copy()
    generator = np.random.default_rng(1)
    places = generator.integers(200, len(data), 200)
    data[places] ^= (1 << generator.integers(0, 8, 200)).astype(np.uint8)
    (tmp_path / "flipped.raw").write_bytes(data.tobytes())
    with open_recording(tmp_path / "flipped.raw", mode="repair") as recording:
        report = recording.report()
    assert report.time_jumps > 10
    assert report.events > 0.97 * 343_474


def test_one_late_event_at_the_end_does_not_take_the_recording_with_it(tmp_path):
    rows = [(1_000 * k, 1, 1, 1) for k in range(300)]
    with open_recording(text_file(tmp_path, [*rows, (7, 2, 2, 0)]), sensor=SENSOR, mode="repair") as recording:
        assert (recording.report().events, recording.report().dropped) == (300, 1)
    with open_recording(text_file(tmp_path, [(10**9, 2, 2, 0), *rows]), sensor=SENSOR, mode="repair") as recording:
        assert (recording.report().events, recording.report().dropped, recording.start_us) == (300, 1, 0)
