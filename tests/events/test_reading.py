"""Every format gives exactly the events that it holds, and the sensor size that it says."""

import numpy as np
import pytest

from neurofer.errors import BadFileError, UsageError
from neurofer.events import open_recording
from neurofer.events.events import Events

KNOWN = {  # file: (sensor given, format, sensor, events, triggers)
    "face_320x240.aedat4": (None, "aedat4", (320, 240), 111_954, 0),
    "evt3_640x480_triggers.raw": (None, "evt3", (640, 480), 343_474, 4_157),
    "evt2_640x480_no_geometry.raw": (None, "evt2", (640, 480), 539_481, 0),
    "dvs_aeroplane.es": (None, "es", (320, 240), 473_225, 0),
    "ncaltech101_face.bin": ((240, 180), "bin", (240, 180), 67_445, 0),
    "ncaltech101_face.npy": ((240, 180), "npy", (240, 180), 67_445, 0),
    "ncaltech101_face.dat": (None, "dat", (240, 180), 67_445, 0),
    "ncaltech101_face_dsec.h5": ((240, 180), "hdf5 dsec", (240, 180), 67_445, 0),
    "ncaltech101_face_evt3.raw": (None, "evt3", (240, 180), 67_445, 0),
    "ncaltech101_face_metavision_ecf.hdf5": (None, "hdf5 ecf", (240, 180), 67_445, 0),
    "ncaltech101_face_txyp_us.csv": ((240, 180), "text", (240, 180), 67_445, 0),
}


def whole(recording) -> Events:
    return Events.concatenate(list(recording.pieces()) or [Events.empty(recording.sensor)])


def same(first: Events, second: Events) -> bool:
    return first.sensor == second.sensor and all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in "txyp")


@pytest.mark.parametrize("name", KNOWN)
def test_real_recordings_have_their_known_counts(recordings, name):
    sensor, kind, size, events, triggers = KNOWN[name]
    if kind == "es":
        pytest.importorskip("faery")
    with open_recording(recordings / name, sensor=sensor) as recording:
        report = recording.report()
        assert (recording.format, recording.sensor, report.events) == (kind, size, events)
        assert (report.triggers, report.dropped, report.time_jumps, report.out_of_range) == (triggers, 0, 0, 0)
        assert len(whole(recording)) == events


@pytest.mark.parametrize("name", [name for name in KNOWN if name.startswith("ncaltech101")])
def test_variants_of_one_recording_are_equal(recordings, name):
    known = Events.from_array(np.load(recordings / "ncaltech101_face.npy"), (240, 180))
    with open_recording(recordings / name, sensor=KNOWN[name][0]) as recording:
        assert same(whole(recording), known)


@pytest.mark.parametrize("name", ["evt3_640x480_triggers.raw", "evt2_640x480_no_geometry.raw", "ncaltech101_face.dat",
                                  "face_320x240.aedat4"])
def test_events_are_those_of_eventcv(recordings, name):
    eventcv = pytest.importorskip("eventcv")
    rows = eventcv.load(str(recordings / name)).numpy()
    with open_recording(recordings / name) as recording:
        events = whole(recording)
    for column, values in zip((events.x, events.y, events.t, events.p), rows.T, strict=True):
        assert np.array_equal(column.astype(np.uint64), values)


def test_camera_without_geometry_is_told_in_the_notes(recordings):
    with open_recording(recordings / "evt2_640x480_no_geometry.raw") as recording:
        assert "640x480 is taken from its camera, hal_plugin_gen3_fx3" in recording.report().notes[0]


@pytest.mark.parametrize("name", ["ncaltech101_face.bin", "ncaltech101_face_txyp_us.csv", "ncaltech101_face_dsec.h5"])
def test_a_silent_file_asks_for_the_sensor(recordings, name):
    with pytest.raises(UsageError, match=r"does not say its sensor size.*sensor=\(width, height\).*--sensor"):
        open_recording(recordings / name)


def test_contradicting_the_file_is_refused(recordings):
    with pytest.raises(UsageError, match="declares a sensor of 640x480 pixels, which contradicts the given 320x240"):
        open_recording(recordings / "evt3_640x480_triggers.raw", sensor=(320, 240))


@pytest.mark.parametrize("name", ["evt3.raw", "events.es", "events.h5", "events.npz", "events.aedat4"])
def test_content_decides_whatever_the_name(written, tmp_path, name, face_events):
    copy = tmp_path / "some.thing"
    copy.write_bytes(written[name].read_bytes())
    with open_recording(copy) as recording:
        assert same(whole(recording), face_events)


def test_all_formats_read_back_equal(written, face_events):
    for name, path in written.items():
        silent = name in ("events.npy", "events.csv", "events.txt", "events.bin")
        with open_recording(path, sensor=face_events.sensor if silent else None) as recording:
            assert same(whole(recording), face_events), name


@pytest.mark.parametrize("columns", ["txyp", "xytp", "float seconds"])
def test_four_columns_of_numbers(tmp_path, face_events, columns):
    events = face_events
    t, x, y, p = (column.astype(np.int64) for column in (events.t, events.x, events.y, events.p))
    table = {"txyp": np.stack([t, x, y, p], 1), "xytp": np.stack([x, y, t, 2 * p - 1], 1),
             "float seconds": np.stack([t / 1e6, x, y, p], 1)}[columns]
    np.save(tmp_path / "table.npy", table)
    np.savez_compressed(tmp_path / "table.npz", event_data=table)
    for name in ("table.npy", "table.npz"):
        with open_recording(tmp_path / name, sensor=events.sensor) as recording:
            assert same(whole(recording), events)


def test_other_hdf5_layouts(tmp_path, face_events):
    h5py = pytest.importorskip("h5py")
    events = face_events
    with h5py.File(tmp_path / "metavision.hdf5", "w") as file:
        rows = np.zeros(len(events), [("x", "u2"), ("y", "u2"), ("p", "i2"), ("t", "i8")])
        for name in "txyp":
            rows[name] = getattr(events, name)
        file.attrs["geometry"] = "128x96"
        file["CD/events"] = rows
        file["EXT_TRIGGER/events"] = np.zeros(3, [("p", "i2"), ("t", "i8"), ("id", "i2")])
    with h5py.File(tmp_path / "seconds.h5", "w") as file:
        file.attrs["sensor_resolution"] = (96, 128)
        for name, column in (("ts", events.t / 1e6), ("xs", events.x), ("ys", events.y), ("ps", events.p)):
            file[f"events/{name}"] = column
    with h5py.File(tmp_path / "offset.h5", "w") as file:
        file["t_offset"] = 5_000_000_000
        for name in "txyp":
            file[f"events/{name}"] = getattr(events, name)
    with open_recording(tmp_path / "metavision.hdf5") as recording:
        assert same(whole(recording), events)
        assert recording.report().triggers == 3
    with open_recording(tmp_path / "seconds.h5") as recording:
        assert same(whole(recording), events)
    with open_recording(tmp_path / "offset.h5", sensor=(128, 96)) as recording:
        assert recording.start_us == events.start_us + 5_000_000_000


def test_aedat2_rows_count_downwards(tmp_path):
    events = [(10, 3, 5, 1), (20, 100, 50, 0)]
    words = b"".join((y << 22 | x << 12 | p << 11).to_bytes(4, "big") + t.to_bytes(4, "big") for t, x, y, p in events)
    path = tmp_path / "davis.aedat"
    path.write_bytes(b"#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\r\n" + words)
    with open_recording(path) as recording:
        read = whole(recording)
        assert recording.sensor == (240, 180)
        assert list(zip(read.t, read.x, read.y, read.p, strict=True)) == [(10, 3, 174, True), (20, 100, 129, False)]


def test_a_closed_recording_cannot_be_read(written):
    recording = open_recording(written["evt3.raw"])
    recording.close()
    with pytest.raises((ValueError, OSError)):
        recording.report()


def test_wrong_arguments(written, tmp_path):
    with pytest.raises(ValueError, match="mode must be one of strict, repair, trust"):
        open_recording(written["evt3.raw"], mode="lax")
    with pytest.raises(ValueError, match="sensor must be"):
        open_recording(written["events.bin"], sensor=(0, 5))
    with pytest.raises(BadFileError, match="is a folder without meta.json"):
        open_recording(tmp_path)
    with pytest.raises(BadFileError, match="is a video, not events; make events of it with neurofer simulate"):
        (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x20ftypisom")
        open_recording(tmp_path / "film.mp4")


@pytest.mark.parametrize(("name", "kind"), [("copy.bag", "bag"), ("copy.aedat", "aedat2"), ("copy.hdf5", "hdf5")])
def test_files_that_eventcv_writes(written, tmp_path, face_events, name, kind):
    eventcv = pytest.importorskip("eventcv")
    if kind == "aedat2":  # only DAVIS sensors; a first event whose first byte is '#' would look like a header line
        first = int(np.argmax((face_events.y < 36) | (face_events.y > 39)))
        face_events = face_events[first:]
        face_events = Events(face_events.t, face_events.x, face_events.y, face_events.p, (240, 180))
    rows = np.stack([face_events.x, face_events.y, face_events.t, face_events.p], 1).astype(np.uint64)
    eventcv.from_numpy(rows, sensor_size=face_events.sensor, time_unit="us").save(str(tmp_path / name))
    with open_recording(tmp_path / name) as recording:
        assert recording.format == kind
        assert same(whole(recording), face_events)
