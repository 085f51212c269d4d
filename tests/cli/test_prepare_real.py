"""``neurofer prepare nefer`` and ``see`` on trees of their layout, good and bad, and training on what they make."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neurofer.data.nefer_tables import table_path
from neurofer.data.store import open_store
from trees import nefer as nefer_tree
from trees import see as see_tree

Cli = Callable[..., Any]
TINY = ("model.size_px=16", "model.width=0.125", "train.batch=8", "train.epochs=1", "train.threads=1",
        "split.kind=official", "sample.windows=3")


@pytest.fixture(scope="module")
def nefer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("trees") / "nefer"
    nefer_tree.write_tree(root, nefer_tree.nefer_clips())
    return root


@pytest.fixture(scope="module")
def see(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("trees") / "see"
    see_tree.write_tree(root, see_tree.see_clips())
    return root


def test_nefer_is_prepared_and_trained_on(run_cli: Cli, nefer: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    made = run_cli("prepare", "nefer", "--root", nefer, "--out", store, "--workers", "1")
    assert made.code == 0, made.err
    assert "prepared 34 of 34 clips of 5 subjects, 7 classes" in made.out
    # A small copy: the warning says what differs from the release.
    assert "train clips" in made.err
    assert "problem" not in made.err
    again = run_cli("prepare", "nefer", "--root", nefer, "--out", store, "--workers", "1")
    assert (again.code, again.out) == (0, made.out)
    done = run_cli("train", "--backend", "ann", "--data", store, "--out", tmp_path / "run", *TINY,
                   "label=reported", "represent.kind=counts", "represent.window_us=50000")
    assert done.code == 0, done.err
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["split"]["test"] == ["user_03", "user_07"]
    assert len(run["split"]["validation"]) == 1
    assert "official parts of nefer" in (tmp_path / "run" / "card.json").read_text()


def test_nefer_with_faults_is_prepared_as_far_as_it_goes(run_cli: Cli, nefer: Path, tmp_path: Path) -> None:
    clips = [clip for clip in nefer_tree.nefer_clips() if clip.number < 2 and clip.user == "user_01"]
    root = tmp_path / "root"
    nefer_tree.write_tree(root, clips, rgb=False)
    raw = nefer_tree.raw_path(root, clips[0])
    raw.write_bytes(raw.read_bytes()[:-1])
    table = table_path(root, "expected", "event", "train")
    table.write_bytes(table.read_bytes() + b"user_01,one,two\n")
    made = run_cli("prepare", "nefer", "--root", root, "--out", tmp_path / "store", "--workers", "1")
    assert made.code == 0, made.err
    assert f"{table}:7: has 3 columns, not 4" in made.err
    assert f"{raw}: ends inside a word" in made.err
    assert "prepared 1 of 2 clips" in made.err
    assert "6 problems" in made.err  # these two, and the four tables of validation users, which have no row
    assert [clip.name for clip in open_store(tmp_path / "store").clips] == [clips[1].name]
    raw.with_name(f"{clips[1].name}.raw").unlink()
    nothing = run_cli("prepare", "nefer", "--root", root, "--out", tmp_path / "none", "--workers", "1")
    assert nothing.code == 1
    assert "prepared 0 of 2 clips, so there is no store" in nothing.err


def test_nefer_options_that_do_not_fit(run_cli: Cli, nefer: Path, tmp_path: Path) -> None:
    for words, code, why in ((("--frames",), 2, "--frames needs --similarity"),
                             (("--frames", "--similarity", "1,2"), 2, "need fit or SCALE,DEGREES,X,Y"),
                             (("--frames", "--similarity", "0,0,0,0"), 2, "need a scale above 0"),
                             (("--mode", "trust"), 2, "choose strict or repair"),
                             (("--boxes", tmp_path / "none.csv"), 1, "no such table of face boxes"),
                             (("--root", tmp_path), 1, "give the root of NEFER")):
        told = run_cli("prepare", "nefer", "--root", nefer, "--out", tmp_path / "store", *words)
        assert told.code == code, told.err
        assert why in told.err
    assert not (tmp_path / "store").exists()


def test_see_is_prepared_and_trained_on(run_cli: Cli, see: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    made = run_cli("prepare", "see", "--root", see, "--out", store, "--frames", "--workers", "1")
    assert made.code == 0, made.err
    assert "prepared 23 of 23 clips of 3 subjects, 7 classes" in made.out
    assert "the official split has 1 subjects in training and in testing (001)" in made.err
    done = run_cli("train", "--backend", "ann", "--data", store, "--out", tmp_path / "run", *TINY,
                   "represent.kind=counts", "represent.window_us=33333")
    assert done.code == 0, done.err
    card = (tmp_path / "run" / "card.json").read_text()
    assert "not subject-disjoint, 1 of 2 test subjects are also trained or validated on" in card
    assert set(json.loads((tmp_path / "run" / "run.json").read_text())["split"]["clips"]) == {
        "train", "validation", "test"}


def test_see_of_a_wrong_root(run_cli: Cli, tmp_path: Path) -> None:
    told = run_cli("prepare", "see", "--root", tmp_path, "--out", tmp_path / "store")
    assert told.code == 1
    assert "give the root of SEE" in told.err
    assert not (tmp_path / "store").exists()
