"""``neurofer prepare ckplus``: good trees, bad trees, parts."""

from __future__ import annotations

import json
import shutil

import pytest

from neurofer.data.ckplus_tree import IMAGES
from neurofer.data.store import open_store
from trees.ckplus import write_emotion, write_events, write_tree


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("ck") / "CK+"
    write_tree(root, (11,), ("happiness", "sadness"))
    return root


@pytest.fixture
def prepare(run_cli, tmp_path):
    def run(root, *words):
        return run_cli("prepare", "ckplus", "--root", root, "--out", tmp_path / "store", "--workers", 1, *words)

    return run


def test_a_good_tree(prepare, tree, tmp_path):
    first = prepare(tree)
    assert first.code == 0, first.err
    assert f"{tmp_path / 'store'}: prepared 2 of 2 clips of 1 subjects, 7 classes" in first.out
    assert "warning: this copy is not the released one" in first.err
    assert "anger: labelled sequences         0        45" in first.err
    assert "happiness: labelled sequences     1        69" in first.err
    stamp = (tmp_path / "store" / "store.json").stat().st_mtime_ns
    again = prepare(tree)
    assert (again.code, again.out) == (0, first.out)
    assert (tmp_path / "store" / "store.json").stat().st_mtime_ns == stamp


def test_two_workers_give_the_same_store(prepare, run_cli, tree, tmp_path):
    prepare(tree, "--preset", "c_v2e")
    words = ("--root", tree, "--out", tmp_path / "two", "--preset", "c_v2e", "--workers", 2)
    result = run_cli("prepare", "ckplus", *words)
    assert result.code == 0, result.err
    assert open_store(tmp_path / "two").digest == open_store(tmp_path / "store").digest
    pixel = json.loads((tmp_path / "two" / "store.json").read_text())["parameters"]["pixel"]
    assert (pixel["threshold_on"], pixel["threshold_off"], pixel["threshold_sigma"]) == (0.15, 0.15, 0.03)


def test_parts_say_so(prepare, tree):
    assert "when the other parts are" in prepare(tree, "--shard", "1/2").out
    assert "prepared 2 of 2 clips" in prepare(tree, "--shard", "2/2").out


def test_problems_are_told_together_and_the_rest_is_prepared(prepare, tree, tmp_path):
    root = shutil.copytree(tree, tmp_path / "CK+")
    nine = write_emotion(root, "S011_002", 9)
    result = prepare(root)
    assert result.code == 0
    assert "1 problem\n" in result.err
    assert f"  {nine}: holds '9.0000000e+00', not a number of 1 to 7" in result.err
    assert "prepared 1 of 2 clips" in result.err
    assert "prepared 1 of 2 clips" in result.out
    assert str(nine) in (tmp_path / "store" / "problems.csv").read_text()
    # Mended, the same command takes it in.
    write_emotion(root, "S011_002", 6)
    assert "prepared 2 of 2 clips" in prepare(root).out
    assert not (tmp_path / "store" / "problems.csv").exists()


def test_nothing_to_prepare_ends_with_1(prepare, tree, tmp_path):
    root = shutil.copytree(tree, tmp_path / "CK+")
    for path in (root / IMAGES).rglob("S*_00000004.png"):
        path.write_bytes(path.read_bytes()[:60])
    result = prepare(root)
    assert result.code == 1
    assert "prepared 0 of 2 clips" in result.err
    assert result.err.count("damaged") == 2
    assert not (tmp_path / "store" / "store.json").exists()


def test_given_events_and_a_frame_list(prepare, tree, tmp_path):
    for name, label in (("S011_001", "happiness"), ("S011_002", "sadness")):
        write_events(tmp_path / "e-ck+", name, label)
    (tmp_path / "list.txt").write_text("\n".join(
        f"Train_Set/{number}/S011_00{place}/frame_000{window}.jpg" for place, number in ((1, 5), (2, 6))
        for window in range(1, 5)))
    result = prepare(tree, "--events", tmp_path / "e-ck+", "--frame-list", tmp_path / "list.txt")
    assert result.code == 0, result.err
    assert "prepared 2 of 2 clips" in result.out
    assert "happiness: test windows" in result.err
    assert {round((clip.stop_us - clip.start_us) * 30 / 1e6) for clip in open_store(tmp_path / "store").clips} == {4}


def test_wrong_roots_and_options(prepare, tree, tmp_path):
    for root, said in ((tmp_path / "nowhere", "no such folder"), (tree / "Emotion", "and no folder Emotion"),
                       (tree / IMAGES / "S011", "give the root of CK+")):
        result = prepare(root)
        assert (result.code, said in result.err) == (1, True), result.err
    without = shutil.copytree(tree, tmp_path / "CK+", ignore=shutil.ignore_patterns("Emotion"))
    assert "has no folder Emotion" in prepare(without).err
    for words, code, said in ((("--preset", "dvs"), 2, "unknown preset 'dvs'"), (("--shard", "0/2"), 2, "--shard"),
                              (("--events", tree), 1, "neither Train_Set nor Test_Set"),
                              (("--frame-list", tmp_path / "no.txt"), 1, "cannot be read as a frame list")):
        result = prepare(tree, *words)
        assert (result.code, said in result.err) == (code, True), result.err
    assert not (tmp_path / "store").exists()
