"""The store's index: what is written comes back, and everything wrong is told at once."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from neurofer.data.clip import Box, Clip
from neurofer.data.store import StoredClip, open_store, read_store_index, write_store_index
from neurofer.errors import BadFileError
from neurofer.events import Events, write_columns

CLASSES = ("happy", "sad")


def make(folder, clips=3):
    stored = []
    for number in range(clips):
        t = np.arange(10 + number) * 100
        path = folder / "events" / f"c{number}"
        info = write_columns(path, Events(t, t % 8, t % 6, t % 3 == 0, (8, 6)), (8, 6))
        truth = {"onset_us": 100, "apex_us": 300} if number else {}
        clip = Clip(f"c{number}", path, 0, 2000, f"s{number % 2}", CLASSES[number % 2], "toy",
                    Box(-1, 0, 5, 5) if number != 1 else None, (8, 6), truth)
        stored.append(StoredClip(clip, info.events, info.digest))
    return write_store_index(folder, "toy", CLASSES, (8, 6), {"seed": 1}, stored[::-1], "0+x"), stored


def test_what_is_written_comes_back(tmp_path):
    index, stored = make(tmp_path)
    store = open_store(tmp_path)
    assert store.clips == tuple(one.clip for one in stored)
    assert (store.name, store.classes, store.digest) == ("toy", CLASSES, index.digest)
    assert read_store_index(tmp_path) == index


def test_a_store_can_be_moved(tmp_path):
    index, _ = make(tmp_path / "a")
    shutil.move(tmp_path / "a", tmp_path / "b")
    store = open_store(tmp_path / "b")
    assert store.digest == index.digest
    assert store.clips[0].path == tmp_path / "b" / "events" / "c0"


def test_the_digest_follows_the_events(tmp_path):
    one, _ = make(tmp_path / "a")
    two, _ = make(tmp_path / "b")
    three, _ = make(tmp_path / "c", clips=2)
    assert one.digest == two.digest != three.digest


def test_all_problems_come_together(tmp_path):
    make(tmp_path)
    lines = (tmp_path / "clips.csv").read_text().splitlines()
    lines[1] = lines[1].replace("happy", "angry")
    lines[2] = lines[2].replace("events/c1", "../c1").replace(",2000,", ",0,")
    lines[3] = lines[3].replace(",2000,", ",soon,")
    lines.append(lines[1])
    (tmp_path / "clips.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "events" / "c0" / "x.npy").unlink()
    with pytest.raises(BadFileError) as caught:
        open_store(tmp_path)
    said = str(caught.value)
    for part in (
            "8 problems", "line 2: label 'angry' is not among happy, sad", "line 2: recording events/c0 lacks x.npy",
            "line 3: path '../c1' leads out of the store", "line 3: ends (0 us) before it starts",
            "line 4: stop_us is 'soon'", "line 5: label 'angry'", "clip c0 is there 2 times"):
        assert part in said


def test_missing_and_other_recordings_are_named(tmp_path):
    make(tmp_path)
    shutil.rmtree(tmp_path / "events" / "c0")
    (tmp_path / "events" / "c1" / "meta.json").write_text("{")
    write_columns(tmp_path / "events" / "c2", Events(np.arange(12), [0] * 12, [0] * 12, [True] * 12, (8, 6)), (8, 6))
    with pytest.raises(BadFileError) as caught:
        open_store(tmp_path)
    for part in ("c0 is missing", "c1 is incomplete", "c2 is not the one"):
        assert part in str(caught.value)


def test_a_changed_table_is_noticed(tmp_path):
    make(tmp_path)
    text = (tmp_path / "clips.csv").read_text()
    (tmp_path / "clips.csv").write_text(text.replace(",s1,", ",s9,"))
    with pytest.raises(BadFileError, match="was changed after the store was made"):
        open_store(tmp_path)


def test_places_that_are_no_store(tmp_path):
    with pytest.raises(BadFileError, match=r"no such store; make one with 'neurofer prepare synthetic"):
        open_store(tmp_path / "nothing")
    with pytest.raises(BadFileError, match="is not a store"):
        open_store(tmp_path)
    (tmp_path / "events").mkdir()
    with pytest.raises(BadFileError, match="the store is unfinished"):
        open_store(tmp_path)


@pytest.mark.parametrize(("change", "said"), [
    ({"format": "x"}, "not the index of a store"), ({"version": 9}, "store of version 9"),
    ({"sensor": [8]}, "sensor is"), ({"classes": ["a", "a"]}, "different names"),
    ({"digest": None}, "digest is missing"), (None, "cannot be read")])
def test_a_broken_index_is_told(tmp_path, change, said):
    make(tmp_path)
    path = tmp_path / "store.json"
    path.write_text("{" if change is None else json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(BadFileError, match=said):
        open_store(tmp_path)


def test_a_table_without_its_columns_is_told(tmp_path):
    make(tmp_path)
    (tmp_path / "clips.csv").write_text("name,label\n")
    with pytest.raises(BadFileError, match="lacks the columns subject, path"):
        open_store(tmp_path)
    (tmp_path / "clips.csv").unlink()
    with pytest.raises(BadFileError, match=r"clips\.csv: cannot be read"):
        open_store(tmp_path)


def test_recordings_outside_are_refused(tmp_path):
    clip = Clip("c", tmp_path / "elsewhere", 0, 1, "s", "happy", "toy")
    with pytest.raises(ValueError, match="is not inside"):
        write_store_index(tmp_path / "store", "toy", CLASSES, (8, 6), {}, [StoredClip(clip, 0, "")], "0")
