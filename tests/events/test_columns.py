"""The store of columns: exact, found by time, and noticing what was done to it."""

import json

import numpy as np
import pytest

from neurofer.errors import BadFileError
from neurofer.events import Events, open_recording, write_columns
from neurofer.events.columns import ColumnsRecording
from neurofer.events.recording import Window

SENSOR = (32, 24)


def test_pieces_and_the_whole_give_the_same_store(tmp_path, small_events):
    windows = [Window(low, low + 7_000, small_events.between(low, low + 7_000)) for low in range(0, 50_000, 7_000)]
    first = write_columns(tmp_path / "whole", small_events, SENSOR, meta={"source": "a"})
    second = write_columns(tmp_path / "pieces", windows, SENSOR)
    assert (first.digest, first.columns) == (second.digest, second.columns)
    assert first.meta == {"source": "a"}
    for name in ("t", "x", "y", "p", "index"):
        assert (tmp_path / "whole" / f"{name}.npy").read_bytes() == (tmp_path / "pieces" / f"{name}.npy").read_bytes()


def test_columns_are_plain_numpy_files(tmp_path, small_events):
    write_columns(tmp_path / "store", small_events, SENSOR)
    assert np.array_equal(np.load(tmp_path / "store" / "t.npy"), small_events.t)
    assert np.load(tmp_path / "store" / "p.npy").dtype == np.bool_
    index = np.load(tmp_path / "store" / "index.npy")
    assert index.tolist() == np.searchsorted(small_events.t, small_events.start_us + 10_000 * np.arange(5)).tolist()


def test_slices_are_not_copied(tmp_path, small_events):
    write_columns(tmp_path / "store", small_events, SENSOR)
    recording = ColumnsRecording(tmp_path / "store")
    events = recording.between(11_000, 31_000)
    assert np.array_equal(events.t, small_events.between(11_000, 31_000).t)
    base = events.t
    while base.base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert not events.t.flags.owndata
    assert not events.t.flags.writeable


def test_a_store_without_events(tmp_path):
    info = write_columns(tmp_path / "store", [], SENSOR)
    assert (info.events, info.start_us, info.end_us) == (0, 0, 0)
    with open_recording(tmp_path / "store") as recording:
        assert len(recording.between(0, 10)) == 0
        assert list(recording.windows(10)) == []
        assert list(recording.pieces()) == []


def test_a_long_pause_does_not_make_a_long_index(tmp_path):
    events = Events([0, 10**15, 10**15 + 5], [1, 2, 3], [1, 2, 3], [1, 0, 1], SENSOR)
    info = write_columns(tmp_path / "store", events, SENSOR)
    assert (tmp_path / "store" / "index.npy").stat().st_size < 20_000_000
    assert info.index_step_us > 10_000
    recording = ColumnsRecording(tmp_path / "store")
    assert recording.between(10**15, 10**15 + 1).x.tolist() == [2]
    assert recording.between(1, 10**15 + 9).x.tolist() == [2, 3]
    assert recording.between(-5, 1).x.tolist() == [1]


@pytest.mark.parametrize("damage", ["altered", "cut", "missing", "meta", "swapped", "version"])
def test_damage_is_told(tmp_path, small_events, damage):
    folder = tmp_path / "store"
    write_columns(folder, small_events, SENSOR)
    column = folder / "x.npy"
    data = bytearray(column.read_bytes())
    if damage == "altered":
        data[500] ^= 1
        column.write_bytes(data)
        sentence = r"x\.npy: was altered \(its digest is not the one in meta\.json\); make the store again"
    elif damage == "cut":
        column.write_bytes(data[:-100])
        sentence = r"x\.npy: is cut or altered"
    elif damage == "missing":
        column.unlink()
        sentence = r"x\.npy: is missing; make the store again"
    elif damage == "meta":
        (folder / "meta.json").write_text("{")
        sentence = r"meta\.json: is not readable JSON"
    elif damage == "swapped":
        (folder / "y.npy").write_bytes(data[:-2])
        sentence = r"y\.npy: is cut or altered"
    else:
        said = json.loads((folder / "meta.json").read_text())
        (folder / "meta.json").write_text(json.dumps({**said, "version": 9}))
        sentence = "is version 9 of the store"
    with pytest.raises(BadFileError, match=sentence):
        open_recording(folder)


def test_disorder_is_refused_and_leaves_the_earlier_store(tmp_path, small_events):
    write_columns(tmp_path / "store", small_events, SENSOR)
    with pytest.raises(ValueError, match="a piece starts at .* before the one before it ends"):
        write_columns(tmp_path / "store", [small_events, small_events], SENSOR)
    with pytest.raises(ValueError, match=r"a piece has sensor \(32, 24\), the store \(64, 48\)"):
        write_columns(tmp_path / "store", small_events, (64, 48))
    with open_recording(tmp_path / "store") as recording:
        assert recording.report().events == len(small_events)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_something_else_is_not_overwritten(tmp_path, small_events):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("dear reader")
    with pytest.raises(BadFileError, match="exists and is no folder of columns; nothing was changed there"):
        write_columns(tmp_path / "thesis", small_events, SENSOR)
    assert (tmp_path / "thesis" / "chapter1.tex").read_text() == "dear reader"
