"""Preparing what is shared by real data sets: problems together, the good rest, runs that go on."""

from __future__ import annotations

import csv
import dataclasses
import functools
from pathlib import Path

import numpy as np
import pytest

from neurofer.data.clip import Clip
from neurofer.data.preparing import Problem, prepare_store
from neurofer.data.store import StoredClip, read_store_index
from neurofer.errors import BadFileError, UsageError
from neurofer.events.columns import write_columns
from neurofer.events.events import Events

SENSOR = (8, 6)


@dataclasses.dataclass(frozen=True)
class ToyJob:
    name: str
    label: str = "joy"


def make(broken, made, folder, job):
    """Three events at times that follow from the name; jobs in ``broken`` fail as it says."""
    made.append(job.name)
    path = folder / "events" / job.name
    start_us = sum(job.name.encode())
    events = Events(np.arange(3) + start_us, np.zeros(3, np.uint16), np.zeros(3, np.uint16), np.ones(3, bool), SENSOR)
    info = write_columns(path, events, SENSOR)
    if job.name in broken:
        if isinstance(broken[job.name], BaseException):
            raise broken[job.name]
        return broken[job.name]
    return StoredClip(Clip(job.name, path, start_us, start_us + 3, job.name[0], job.label, "toy"), 3, info.digest)


@pytest.fixture
def prepare(tmp_path):
    """``prepare(broken)`` prepares four clips; the names that were made are in ``prepare.made``."""
    def run(broken=None, names=("a1", "a2", "b1", "b2"), parameters=None, **more):
        run.made.clear()
        return prepare_store(tmp_path / "store", name="toy", classes=("joy", "rage"), sensor=SENSOR,
                             parameters=parameters or {"seed": 3}, jobs=[ToyJob(name) for name in names], code="1",
                             make=functools.partial(make, broken or {}, run.made), **more)

    run.made = []
    return run


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_good_rest_is_prepared_and_everything_wrong_is_told(prepare, tmp_path):
    summary = prepare({"a2": BadFileError("/data/a2.raw: is cut"), "b1": Problem("/data/b1.png", "shows no face")},
                      problems=[Problem("/data/list.csv:7", "names c1, which is missing")], wanted=5)
    assert (summary.prepared, summary.wanted) == (2, 5)
    assert [clip.name for clip in summary.clip_set.clips] == ["a1", "b2"]
    assert list(map(str, summary.problems)) == ["/data/list.csv:7: names c1, which is missing",
                                                "/data/a2.raw: is cut", "/data/b1.png: shows no face"]
    with open(tmp_path / "store" / "problems.csv", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["where", "what"], *([one.where, one.what] for one in summary.problems)]
    assert read_store_index(tmp_path / "store").parameters == {"seed": 3, "dropped": ["a2", "b1"]}
    assert sorted(path.name for path in (tmp_path / "store" / "events").iterdir()) == ["a1", "b2"]


def test_only_failures_are_tried_again_and_a_mended_file_is_taken_in(prepare, tmp_path):
    prepare({"a2": BadFileError("/data/a2.raw: is cut")})
    summary = prepare()
    assert prepare.made == ["a2"]
    assert (summary.prepared, summary.problems) == (4, ())
    assert not (tmp_path / "store" / "problems.csv").exists()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*")}
    assert prepare().clip_set.digest == summary.clip_set.digest
    assert prepare.made == []
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_stopped_run_goes_on_where_it_was(prepare):
    with pytest.raises(KeyboardInterrupt):
        prepare({"b1": KeyboardInterrupt()})
    assert prepare().prepared == 4
    assert prepare.made == ["b1", "b2"]


def test_parts_give_the_same_store(prepare, tmp_path):
    broken = {"a1": BadFileError("/data/a1.raw: is cut")}
    assert prepare(broken, part=(2, 2)) is None
    assert prepare.made == ["a2", "b2"]
    assert prepare(broken, part=(1, 2)).prepared == 3
    parts = contents(tmp_path / "store")
    (tmp_path / "store").rename(tmp_path / "parts")
    prepare(broken)
    assert contents(tmp_path / "store") == parts


def test_nothing_prepared_leaves_no_index(prepare, tmp_path):
    summary = prepare({name: BadFileError(f"/data/{name}: is empty") for name in ("a1", "a2", "b1", "b2")})
    assert summary.clip_set is None
    assert summary.prepared == 0
    assert not (tmp_path / "store" / "store.json").exists()


def test_a_full_disk_ends_the_run(prepare, tmp_path):
    with pytest.raises(BadFileError, match="the disk is full"):
        prepare({"a2": BadFileError(f"{tmp_path / 'store' / 'events' / 'a2'}: the disk is full")})
    assert prepare().prepared == 4


def test_other_parameters_are_refused_and_change_nothing(prepare, tmp_path):
    prepare()
    before = contents(tmp_path / "store")
    with pytest.raises(UsageError, match=r"was prepared with seed 3 \(now 4\); choose another --out"):
        prepare(parameters={"seed": 4})
    assert contents(tmp_path / "store") == before


def test_facts_of_the_index_change_without_making_clips_again(prepare):
    prepare(facts={"a1": {"place": "1 of 4"}})
    summary = prepare(facts={"a1": {"place": "1 of 5"}})
    assert prepare.made == []
    assert summary.clip_set.clips[0].facts == {"place": "1 of 5"}


def test_names_must_differ_and_be_fit_for_files(prepare, tmp_path):
    for names, said in ((("a1", "a1"), "'a1' is given to 2 clips"), (("../a",), "'../a' is no file name"),
                        (("a b",), "'a b' is no file name"), ((".a",), "'.a' is no file name")):
        with pytest.raises(ValueError, match=said):
            prepare(names=names)
    assert not (tmp_path / "store").exists()


def test_what_a_killed_clip_left_is_taken_away_and_no_other(prepare, tmp_path):
    prepare({"a1": BadFileError("x: is cut")})
    events = tmp_path / "store" / "events"
    (events / ".a1-x0_9z.partial").mkdir()
    (events / ".a1-b-x0_9z.partial").mkdir()
    (tmp_path / "store" / "records" / ".a1-abc.partial.json").write_text("{")
    prepare()
    assert sorted(path.name for path in events.glob(".*")) == [".a1-b-x0_9z.partial"]
    assert not list((tmp_path / "store" / "records").glob(".*"))


def test_a_garbled_record_is_made_again(prepare, tmp_path):
    whole = prepare()
    for name, text in (("a1", "{"), ("a2", "[]"), ("b1", '{"key": 3}'), ("b2", "null")):
        Path(tmp_path / "store" / "records" / f"{name}.json").write_text(text)
    assert prepare().clip_set == whole.clip_set
    assert prepare.made == ["a1", "a2", "b1", "b2"]
