"""``neurofer prepare synthetic --micro``."""

from __future__ import annotations

import pytest

from neurofer.data.store import open_store, read_store_index

SMALL = ("--micro", "--subjects", "1", "--per-class", "1,0,1", "--size", "40", "--fps", "100", "--workers", "1")


def test_a_store_is_made_and_a_second_call_changes_nothing(run_cli, tmp_path):
    store = tmp_path / "store"
    first = run_cli("prepare", "synthetic", "--out", store, *SMALL, "--name", "slow", "--threshold", "0.2")
    assert first.code == 0, first.err
    assert "2 clips of 1 subjects, 7 classes" in first.out
    made = open_store(store)
    assert (made.name, [clip.facts["label3"] for clip in made.clips]) == ("slow", ["negative", "surprise"])
    assert read_store_index(store).parameters["threshold"] == 0.2
    stamp = (store / "store.json").stat().st_mtime_ns
    again = run_cli("prepare", "synthetic", "--out", store, *SMALL, "--name", "slow", "--threshold", "0.2")
    assert (again.code, again.out) == (0, first.out)
    assert (store / "store.json").stat().st_mtime_ns == stamp


def test_one_part_of_two_says_so(run_cli, tmp_path):
    one = run_cli("prepare", "synthetic", "--out", tmp_path / "store", *SMALL, "--shard", "1/2")
    assert "when the other parts are" in one.out
    two = run_cli("prepare", "synthetic", "--out", tmp_path / "store", *SMALL, "--shard", "2/2")
    assert "2 clips" in two.out


@pytest.mark.parametrize(("words", "said"), [
    (("--micro", "--clips-per-class", "2"), "--micro has no --clips-per-class:"),
    (("--micro", "--preset", "clean", "--frames"), "--micro has no --preset, --frames:"),
    (("--per-class", "4,2,2"), "--per-class: only with --micro"),
    (("--name", "x", "--threshold", "0.1"), "--threshold, --name: only with --micro or --long"),
    (("--micro", "--per-class", "4,2"), "need the clips of negative, positive and surprise such as 4,2,2, got '4,2'"),
    (("--micro", "--per-class", "4,-2,2"), "got '4,-2,2'"),
    (("--micro", "--per-class", "0,0,0"), "per_class is 0,0,0"),
    (("--micro", "--fps", "30"), "fps is 30.0; need 100 to 1000"),
    (("--micro", "--name", "a/b"), "name is 'a/b'"),
])
def test_options_that_do_not_go_together_end_with_2(run_cli, tmp_path, words, said):
    result = run_cli("prepare", "synthetic", "--out", tmp_path / "store", *words)
    assert result.code == 2
    assert said in result.err
    assert not (tmp_path / "store").exists()
