"""Writing: what comes back is what went in, and what a format cannot hold is refused."""

import numpy as np
import pytest

from neurofer.errors import NeuroferError, UsageError
from neurofer.events import Events, MemoryRecording, open_recording, write_recording

SENSOR = (128, 96)


def test_structured_array_is_what_tonic_reads(written, face_events):
    array = np.load(written["events.npy"])
    assert array.dtype.names == ("t", "x", "y", "p")
    assert np.array_equal(array, face_events.to_array())


def test_archive_holds_columns_and_sensor(written, face_events):
    with np.load(written["events.npz"]) as archive:
        assert sorted(archive) == ["p", "sensor", "t", "x", "y"]
        assert archive["sensor"].tolist() == list(face_events.sensor)
        assert np.array_equal(archive["y"], face_events.y)


def test_text_has_a_header_only_as_csv(written, face_events):
    first = f"{face_events.t[0]},{face_events.x[0]},{face_events.y[0]},{int(face_events.p[0])}"
    assert written["events.csv"].read_text().splitlines()[:2] == ["t,x,y,p", first]
    assert written["events.txt"].read_text().splitlines()[0] == first.replace(",", " ")


def test_dsec_layout(written, face_events):
    h5py = pytest.importorskip("h5py")
    with h5py.File(written["events.h5"]) as file:
        index = file["ms_to_idx"][:]
        assert len(index) == face_events.end_us // 1_000 + 2
        assert index[-1] == len(face_events)
        assert np.array_equal(index[:-1], np.searchsorted(face_events.t, np.arange(len(index) - 1) * 1_000))
        assert file["events/t"].dtype == np.uint32


def test_other_readers_agree(written, face_events):
    eventcv = pytest.importorskip("eventcv")
    for name in ("evt2.raw", "evt3.raw", "events.dat", "events.aedat4"):
        rows = eventcv.load(str(written[name])).numpy()
        assert np.array_equal(rows[:, 2], face_events.t.astype(np.uint64)), name
        assert np.array_equal(rows[:, 0], face_events.x), name


@pytest.mark.parametrize("name", ["late.npy", "late.h5", "late.csv", "late", "late.aedat4"])
def test_times_since_1970_are_kept(tmp_path, name):
    pytest.importorskip("faery")
    events = Events([1_605_537_493_718_345, 1_605_537_493_718_346], [1, 2], [3, 4], [1, 0], SENSOR)
    assert write_recording(tmp_path / name, events).events == 2
    with open_recording(tmp_path / name, sensor=SENSOR) as recording:
        assert recording.start_us == 1_605_537_493_718_345


@pytest.mark.parametrize("name", ["late.raw", "late.dat", "late.es", "late.bin"])
def test_times_a_format_cannot_say_need_zero_time(tmp_path, name):
    pytest.importorskip("faery")
    events = Events([1_605_537_493_718_345, 1_605_537_493_718_346], [1, 2], [3, 4], [1, 0], SENSOR)
    with pytest.raises(NeuroferError, match="--zero-time"):
        write_recording(tmp_path / name, events)
    assert list(tmp_path.iterdir()) == []
    assert write_recording(tmp_path / name, events, zero_time=True).events == 2


@pytest.mark.parametrize(("events", "name", "sentence"), [
    (Events([0], [256], [0], [1], (300, 300)), "wide.bin", "columns below 256, the recording has one at 256"),
    (Events([0], [0], [240], [1], (300, 300)), "high.bin", "rows below 240, the recording has one at 240"),
    (Events([1 << 23], [0], [0], [1], (300, 300)), "long.bin", r"times of 0\.\.8388607 us"),
    (Events([0, 1 << 32], [0, 0], [0, 0], [1, 1], (300, 300)), "long.h5", "holds 71 minutes"),
    (Events([0], [0], [0], [1], (3_000, 300)), "wide.raw", "evt3 holds 2048 columns and rows"),
    (Events([0, 10**13], [0, 0], [0, 0], [1, 1], (300, 300)), "gap.es", "says a pause of 10000000000000 us with"),
])
def test_what_a_format_cannot_hold_is_refused(tmp_path, events, name, sentence):
    pytest.importorskip("faery")
    (tmp_path / name).write_text("the earlier file")
    with pytest.raises(NeuroferError, match=sentence):
        write_recording(tmp_path / name, events)
    assert (tmp_path / name).read_text() == "the earlier file"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_unknown_suffix_names_the_known_ones(tmp_path, small_events):
    with pytest.raises(UsageError, match=r"cannot be written as '\.mat'; writable are \.npy"):
        write_recording(tmp_path / "events.mat", small_events)
    with pytest.raises(UsageError, match="one of evt3, evt2, got 'evt4'"):
        write_recording(tmp_path / "events.raw", small_events, encoding="evt4")


def test_a_writer_that_loses_events_is_caught(tmp_path, small_events, monkeypatch):
    monkeypatch.setattr("neurofer.events.writers.format_lines", lambda t, x, y, p, separator, out: 0)
    (tmp_path / "events.csv").write_text("t,x,y,p\n1,2,3,1\n")
    with pytest.raises(NeuroferError, match="was not written, reading it again gives 0 events"):
        write_recording(tmp_path / "events.csv", small_events)
    assert (tmp_path / "events.csv").read_text() == "t,x,y,p\n1,2,3,1\n"


@pytest.mark.parametrize("name", ["none.npy", "none.npz", "none.csv", "none.h5", "none.store", "none.bin"])
def test_a_recording_without_events(tmp_path, name):
    assert write_recording(tmp_path / name, MemoryRecording(Events.empty(SENSOR))).events == 0


def test_a_full_disk(tmp_path, small_events, monkeypatch):
    import errno

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "events.npy").write_bytes(b"earlier")
    monkeypatch.setattr("neurofer.events.npy.NpyWriter.write", full)
    with pytest.raises(NeuroferError, match="the disk is full; nothing was changed there"):
        write_recording(tmp_path / "events.npy", small_events)
    assert (tmp_path / "events.npy").read_bytes() == b"earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["events.npy"]
