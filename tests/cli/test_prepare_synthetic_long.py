"""``neurofer prepare synthetic --long``."""

from __future__ import annotations

import pytest

from neurofer.data.long.store import open_long
from neurofer.data.store import read_store_index

TINY = ("--long", "--subjects", "2", "--videos", "1", "--length-s", "3", "--size", "64", "--workers", "1")


def test_a_store_is_made_and_a_second_call_changes_nothing(run_cli, tmp_path):
    store, more = tmp_path / "store", ("--light", "varying", "--name", "dim", "--seed", "3")
    first = run_cli("prepare", "synthetic", "--out", store, *TINY, *more)
    assert first.code == 0, first.err
    assert "2 clips of 2 subjects, 4 classes" in first.out
    made = open_long(store)
    assert made.clip_set.name == "dim"
    assert [clip.facts["light"] for clip in made.videos] == ["varying", "varying"]
    parameters = read_store_index(store).parameters
    assert (parameters["length_s"], parameters["fps"], parameters["seed"]) == (3.0, 30.0, 3)
    stamp = (store / "intervals.csv").stat().st_mtime_ns
    again = run_cli("prepare", "synthetic", "--out", store, *TINY, *more)
    assert (again.code, again.out) == (0, first.out)
    assert (store / "intervals.csv").stat().st_mtime_ns == stamp


def test_one_part_of_two_says_so(run_cli, tmp_path):
    one = run_cli("prepare", "synthetic", "--out", tmp_path / "store", *TINY, "--shard", "1/2")
    assert "when the other parts are" in one.out
    two = run_cli("prepare", "synthetic", "--out", tmp_path / "store", *TINY, "--shard", "2/2")
    assert "2 clips" in two.out


@pytest.mark.parametrize(("words", "said"), [
    (("--long", "--micro"), "--micro, --long: a store holds either short clips or long recordings"),
    (("--long", "--clips-per-class", "2"), "--long has no --clips-per-class:"),
    (("--long", "--per-class", "4,2,2", "--frames"), "--long has no --frames, --per-class:"),
    (("--micro", "--videos", "2", "--light", "steady"), "--micro has no --videos, --light:"),
    (("--videos", "2", "--length-s", "9"), "--videos, --length-s: only with --long"),
    (("--videos", "2", "--name", "x"), "--videos, --name: only with --long"),
    (("--long", "--light", "dim"), "light is 'dim'; need steady or varying"),
    (("--long", "--length-s", "0"), "length_s is 0.0; need 1 to 600"),
    (("--long", "--fps", "1000"), "fps is 1000.0; need 10 to 500"),
])
def test_options_that_do_not_go_together_end_with_2(run_cli, tmp_path, words, said):
    result = run_cli("prepare", "synthetic", "--out", tmp_path / "store", *words)
    assert result.code == 2
    assert said in result.err
    assert not (tmp_path / "store").exists()
