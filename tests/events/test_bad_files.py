"""Broken files: one clear sentence, or the events that are there; never a crash, a hang or events out of nowhere."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurofer.errors import BadFileError, NeuroferError
from neurofer.events import open_recording

FILES = ("evt3.raw", "evt2.raw", "events.dat", "events.aedat4", "events.es", "events.npy", "events.npz", "events.csv",
         "events.bin", "events.h5")
CASES = ("empty", "cut header", "cut word", "header only", "bit flips", "random", "unterminated header", "text", "huge")
SENSOR = (128, 96)
SILENT = (".npy", ".csv", ".bin")


def header_length(path: Path, data: bytes) -> int:
    if path.suffix in (".raw", ".dat"):
        place = 0
        while data[place : place + 1] == b"%":
            place = data.index(b"\n", place) + 1
        return place + (2 if path.suffix == ".dat" else 0)
    return {".npy": 128, ".npz": 60, ".csv": 8, ".bin": 0, ".h5": 2_048, ".es": 20,
            ".aedat4": data.find(b"</dv>") + 5}[path.suffix]


def break_file(path: Path, case: str, target: Path) -> Path:
    """One of the nine ways in which files come broken."""
    data = path.read_bytes()
    head = header_length(path, data)
    generator = np.random.default_rng(3)
    if case == "bit flips":
        flipped = np.frombuffer(data[:1_000_000], np.uint8).copy()
        places = generator.integers(head, len(flipped), 2_000)
        np.bitwise_xor.at(flipped, places, np.uint8(1) << generator.integers(0, 8, 2_000).astype(np.uint8))
        data = flipped.tobytes()
    signature = {".raw": b"% evt 3.0\n% ", ".dat": b"% ", ".aedat4": b"#!AER-DAT4.0\r\n", ".npy": data[:8],
                 ".npz": data[:4], ".h5": data[:8], ".es": data[:15]}.get(path.suffix, b"")
    sizes = {b"128x96": b"2147483648x2147483648", b"width=128": b"width=2147483648", b"height=96": b"height=2147483648",
             b"Width 128": b"Width 2147483648", b"(20000,)": b"(2147483648,)"}
    huge = data
    for said, large in sizes.items():
        if path.suffix in (".raw", ".dat", ".npy", ".npz"):
            huge = huge.replace(said, large)
    target = target / path.name
    target.write_bytes({
        "empty": b"", "cut header": data[: min(150, max(1, head - 3))], "cut word": data[: len(data) * 2 // 3 | 1],
        "header only": data[:head], "bit flips": data, "random": data[:head] + generator.bytes(600_000),
        "unterminated header": signature + b"a" * 5_000_000, "text": b"0 1 2 1\n" * 1_000, "huge": huge,
    }[case])
    return target


def read(path: Path, mode: str) -> tuple[int, int]:
    """Events and dropped ones; every event is in order and inside the sensor."""
    sensor = SENSOR if path.suffix in SILENT else None
    with open_recording(path, sensor=sensor, mode=mode) as recording:
        newest, count = -(1 << 63), 0
        width, height = recording.sensor
        for piece in recording.pieces():
            if len(piece):
                assert piece.start_us >= newest
                assert (np.diff(piece.t) >= 0).all()
                assert piece.x.max() < width
                assert piece.y.max() < height
                newest, count = piece.end_us, count + len(piece)
        assert recording.report().events == count
        return count, recording.report().dropped


def check_sentence(text: str, path: Path) -> None:
    assert str(path) in text
    assert "\n" not in text


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", FILES)
def test_nine_ways_to_be_broken(written, tmp_path, name, case):
    path = break_file(written[name], case, tmp_path)
    start = time.monotonic()
    said = {}
    for mode in ("strict", "repair"):
        try:
            said[mode] = read(path, mode)
        except NeuroferError as error:
            check_sentence(str(error), path)
            said[mode] = None
    assert time.monotonic() - start < 20
    if case in ("empty", "unterminated header") or (case == "text" and path.suffix != ".csv"):
        assert said == {"strict": None, "repair": None}
    if case == "huge" and path.suffix in (".raw", ".dat", ".npy"):
        assert said == {"strict": None, "repair": None}
    if case in ("bit flips", "random", "cut word") and path.suffix in (".raw", ".dat", ".bin"):
        assert said["strict"] is None
        assert said["repair"] is not None
    if case == "cut word" and path.suffix in (".raw", ".dat", ".bin", ".aedat4"):
        assert said["repair"][0] > 10_000
        assert said["repair"][1] == 0
    if case == "header only" and path.suffix in (".raw", ".dat"):
        assert said["repair"] == (0, 0)


def test_one_damaged_packet_costs_no_other(recordings, tmp_path):
    data = bytearray((recordings / "face_320x240.aedat4").read_bytes())
    data[400_000:400_050] = b"\xff" * 50
    path = tmp_path / "damaged.aedat4"
    path.write_bytes(data)
    with pytest.raises(BadFileError, match="cannot be decoded"):
        read(path, "strict")
    events, dropped = read(path, "repair")
    assert events + dropped == 111_954
    assert 0 < dropped < 10_000


def test_a_header_that_ends_other_readers(recordings, tmp_path, capfd):
    pytest.importorskip("aedat")
    for place in range(60, 2_300, 500):
        data = bytearray((recordings / "face_320x240.aedat4").read_bytes()[:60_000])
        data[place : place + 3] = b"\xff\x00\xc3"
        path = tmp_path / "header.aedat4"
        path.write_bytes(data)
        with contextlib.suppress(NeuroferError):
            assert read(path, "repair")[0] > 0
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("name", "sentence"), [
    ("empty.raw", "is empty"),
    ("absent.raw", "does not exist"),
    ("text.raw", r"is text, not Prophesee RAW; name it \.txt or \.csv if its lines are events t x y p"),
    ("text.h5", "is text, not HDF5"),
    ("noise.aedat4", "does not start like a AEDAT4 file"),
    ("noise.xyz", r"is of no known format; readable are EVT2 and EVT3"),
    ("huge.raw", r"declares a sensor of 2147483648x2147483648 pixels, which no camera has"),
    ("endless.raw", "the header line does not end at byte 16394"),
    ("lines.raw", "the header does not end within 1048576 bytes"),
    ("evt21.raw", "the header names the encoding 'evt21'; EVT2 and EVT3 can be read"),
    ("two.raw", r"contradicts itself about the sensor size \(geometry 640x480, format 320x240\)"),
    ("trigger.dat", "holds events of type 0x0e"),
])
def test_sentences(tmp_path, name, sentence):
    content = {
        "empty.raw": b"", "text.raw": b"0 1 2 1\n", "text.h5": b"hello\n", "noise.aedat4": bytes(range(256)),
        "noise.xyz": bytes(range(256)), "huge.raw": b"% evt 3.0\n% geometry 2147483648x2147483648\n% end\n\0\x80",
        "endless.raw": b"% evt 3.0\n% " + b"a" * 5_000_000, "lines.raw": b"% evt 3.0\n" + b"% a b\n" * 900_000,
        "evt21.raw": b"% evt 2.1\n% geometry 640x480\n% end\n",
        "two.raw": b"% format EVT3;height=240;width=320\n% geometry 640x480\n% end\n",
        "trigger.dat": b"% Version 2\n\x0e\x08",
    }.get(name)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadFileError, match=sentence) as error:
        open_recording(tmp_path / name)
    assert str(error.value).startswith(str(tmp_path / name))


def test_a_pipe_is_refused_at_once(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe.raw")
    with pytest.raises(BadFileError, match="is not a plain file"):
        open_recording(tmp_path / "pipe.raw")


def test_pickles_are_not_read(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{"t": 1}], object), allow_pickle=True)
    with pytest.raises(BadFileError, match="is not a readable .npy file"):
        open_recording(tmp_path / "objects.npy", sensor=SENSOR)


def test_hdf5_that_claims_more_than_it_holds(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "claims.h5", "w") as file:
        for name in "txyp":
            file.create_dataset(f"events/{name}", (1 << 40,), "u4", chunks=(1 << 16,))
    with pytest.raises(BadFileError, match="declares .* but stores 0; the file is broken"):
        open_recording(tmp_path / "claims.h5", sensor=SENSOR)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from([name for name in FILES if name != "events.h5"]), data=st.data())
def test_mutated_files_never_crash(written, tmp_path, name, data):
    content = bytearray(written[name].read_bytes()[:20_000])
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / name
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    for mode in ("strict", "repair", "trust"):
        try:
            with open_recording(path, sensor=SENSOR if path.suffix in SILENT else None, mode=mode) as recording:
                assert sum(len(piece) for piece in recording.pieces()) == recording.report().events
        except NeuroferError as error:
            check_sentence(str(error), path)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["evt3.raw", "evt2.raw", "events.dat", "events.bin"]), body=st.binary(max_size=2_000))
def test_random_words_never_crash(written, tmp_path, name, body):
    path = tmp_path / name
    content = written[name].read_bytes()
    path.write_bytes(content[: header_length(path, content)] + body)
    try:
        read(path, "repair")
    except NeuroferError as error:
        check_sentence(str(error), path)
