"""The ECF decoder: chunks written by hand and by a small encoder."""

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurofer.errors import BadFileError
from neurofer.events import open_recording
from neurofer.events.formats.ecf import decode_chunk


def encode_times(t, origin):
    """Steps of 4 bits with runs; larger steps as runs of 4-bit digits, least significant first."""
    out, now = b"", origin
    values, counts = np.unique(t, return_counts=True)
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        delta = value - now
        if delta > 14:
            while delta:
                out += bytes([0xF0 | delta & 15])
                delta >>= 4
            delta = 0
        out += bytes([delta << 4 | min(count, 15)]) + (struct.pack("<H", count) if count >= 15 else b"")
        now = value
    return out


def runs(column):
    edges = [0, *(np.flatnonzero(np.diff(column)) + 1).tolist(), len(column)]
    return [(int(column[low]), high - low) for low, high in zip(edges, edges[1:], strict=False)]


def encode(t, x, y, p, layout):
    """A chunk in one of the three layouts."""
    flags = {"all packed": 2, "x and p packed": 1, "masks": 0}[layout]
    out = struct.pack("<IQ", len(t) << 2 | flags, t[0] if len(t) else 0) + encode_times(t, int(t[0]) if len(t) else 0)
    pad = -len(t) % 4
    if layout == "all packed":
        v = np.pad(y.astype(np.int64) << 12 | x.astype(np.int64) << 1 | p, (0, pad)).tolist()
        for a, b, c, d in zip(v[::4], v[1::4], v[2::4], v[3::4], strict=True):
            out += struct.pack("<3I", a << 8 | b & 0xFF, (b >> 8) << 16 | c & 0xFFFF, (c >> 16) << 24 | d)
        return out
    for value, count in runs(y):
        out += struct.pack("<H", value << 5 | min(count, 31)) + (struct.pack("<H", count) if count >= 31 else b"")
    if layout == "x and p packed":
        v = np.pad(x.astype(np.int64) << 1 | p, (0, pad)).tolist()
        for a, b, c, d in zip(v[::4], v[1::4], v[2::4], v[3::4], strict=True):
            out += struct.pack("<3H", a << 4 | b & 15, (b >> 4) << 8 | c & 0xFF, (c >> 8) << 12 | d)
        return out
    out += b"".join(struct.pack("<H", (value - 1) << 5 | 0b10000) for value in x.tolist())
    for value, count in runs(p):
        out += bytes([value << 7 | min(count, 127)]) + (struct.pack("<H", count) if count >= 127 else b"")
    return out


def test_a_chunk_by_hand():
    data = struct.pack("<IQ", 4 << 2, 1_000)
    data += bytes([0x02])                          # two events at 1000
    data += bytes([0xF4, 0xF1, 0x01])              # 1000 + 0x14 = 1020, one event
    data += bytes([0x31])                          # 1023, one event
    data += struct.pack("<H", 7 << 5 | 3) + struct.pack("<H", 9 << 5 | 1)   # row 7 three times, row 9
    data += struct.pack("<H", 10 << 5 | 0b10101)   # columns 11, 13, 15
    data += struct.pack("<H", 20 << 5 | 0b00001)   # column 25
    data += bytes([0x80 | 1, 3])                   # ON, then three OFF
    t, x, y, p = decode_chunk(data, 16)
    assert t.tolist() == [1000, 1000, 1020, 1023]
    assert x.tolist() == [11, 13, 15, 25]
    assert y.tolist() == [7, 7, 7, 9]
    assert p.tolist() == [True, False, False, False]


@pytest.mark.parametrize("layout", ["all packed", "x and p packed", "masks"])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), count=st.integers(1, 600), spread=st.sampled_from([3, 500, 10**7]))
def test_decoding_undoes_encoding(layout, seed, count, spread):
    generator = np.random.default_rng(seed)
    t = np.sort(generator.integers(10**9, 10**9 + spread, count))
    x, y = generator.integers(1, 2_048, count), np.sort(generator.integers(0, 2_048, count))
    p = generator.integers(0, 2, count) if seed % 2 else np.zeros(count, int)
    decoded = decode_chunk(encode(t, x, y, p, layout), count)
    for column, wanted in zip(decoded, (t, x, y, p), strict=True):
        assert np.array_equal(column, wanted)


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=300), events=st.integers(0, 200), flags=st.integers(0, 3))
def test_any_bytes_give_events_or_an_error(body, events, flags):
    with contextlib.suppress(ValueError):
        columns = decode_chunk(struct.pack("<IQ", events << 2 | flags, 5) + body, 200)
        assert {len(column) for column in columns} == {events}


def test_a_head_that_claims_too_much_allocates_nothing():
    with pytest.raises(ValueError, match="of 1073741823 events where 16384 fit"):
        decode_chunk(b"\xff" * 12, 16_384)


def test_a_damaged_chunk_is_named_and_the_others_are_read(recordings, tmp_path):
    h5py = pytest.importorskip("h5py")
    source, path = recordings / "ncaltech101_face_metavision_ecf.hdf5", tmp_path / "damaged.hdf5"
    with h5py.File(source) as file:
        place = file["CD/events"].id.get_chunk_info(1).byte_offset
    data = bytearray(source.read_bytes())
    data[place + 12 : place + 112] = b"\xff" * 100
    path.write_bytes(data)
    sentence = r"events 16384\.\.32767 cannot be decoded \(an ECF chunk of .* breaks at"
    with open_recording(path) as recording, pytest.raises(BadFileError, match=sentence):
        recording.report()
    with open_recording(path, mode="repair") as recording:
        report = recording.report()
        assert (report.events, report.dropped) == (67_445 - 16_384, 16_384)
        assert "events 16384..32767 cannot be decoded" in report.notes[0]
