"""``neurofer reproduce``: a whole small table once, the same files again, and what it refuses."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
SMALL = ("size_px=16", "width=0.125", "represent.window_us=50000", "pretrain.train.epochs=1", "ladder.folds=3",
         "recognise.train.epochs=1", "min_steps=0")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("table") / "out"


def test_e_ckplus_ends_in_the_ablation_and_the_whole_ladder(run_cli: Cli, ckplus_store: Path, table: Path) -> None:
    words = ("reproduce", "evtransfer", "--data", ckplus_store, "--out", table, "--seeds", 1, "--lstm", "with",
             "--modes", "scratch,linear", "--labels", "1,0.5", "--workers", 1, *SMALL)
    done = run_cli(*words)
    assert done.code == 0, done.err
    assert "17 of 17 cells, 17 of them run now" in done.out
    assert "accuracy" not in "".join(line for line in done.err.splitlines() if "ladder" in line)  # but in its report
    with open(table / "table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["mode"], row["labels"]) for row in rows] == [("scratch", "1.0"), ("scratch", "0.5"), ("linear", "1.0"),
                                                             ("linear", "0.5")]
    assert all(row["pretrain_psnr_db"] for row in rows if row["mode"] == "linear")
    before = {name: (table / name).read_bytes() for name in ("report.md", "report.html", "table.csv", "ladder.csv",
                                                             "labels.png")}
    said = before["report.md"].decode()
    for words_said in ("P-paper", "P-clean", "the gap between lines (1) and (6)", "window index alone",
                       "linear - scratch", "event count alone", "neurofer reproduce evtransfer", "digest"):
        assert words_said in said
    assert said.count("| (") == 6  # the lines of the ladder
    again = run_cli(*words, "--resume")
    assert again.code == 0, again.err
    assert "17 of 17 cells, 0 of them run now" in again.out
    for name, content in before.items():
        assert (table / name).read_bytes() == content, name
    assert run_cli(*words, "--render").code == 0


def test_no_pretraining_saw_whom_its_recogniser_was_tested_on(table: Path) -> None:
    cells = {path.stem: json.loads(path.read_text()) for path in (table / "cells").iterdir()}
    assert cells, "needs the test above"
    checked = 0
    for cell in cells.values():
        clean = cell["parameters"].get("config", {}).get("split", {}).get("kind") != "paper"
        for need in cell["needs"] if clean else ():
            assert not set(cells[need]["result"]["subjects"]) & set(cell["result"]["subjects"]["test"])
            checked += 1
    assert checked == 2 + 3  # the linear ones of the ablation, the folds of the ladder
    tested = [subject for name, cell in cells.items() if "-fold" in name and "pretrain" not in name
              for subject in cell["result"]["subjects"]["test"]]
    assert len(tested) == len(set(tested)) == 6


def test_the_ladder_is_not_told_before_it_is_whole(run_cli: Cli, ckplus_store: Path, table: Path,
                                                   tmp_path: Path) -> None:
    import shutil

    shutil.copytree(table / "cells", tmp_path / "cells", ignore=shutil.ignore_patterns("ladder5-fold1*"))
    done = run_cli("reproduce", "evtransfer", "--data", ckplus_store, "--out", tmp_path, "--seeds", 1, "--ladder",
                   "only", "--render", *SMALL)
    assert done.code == 0, done.err
    said = (tmp_path / "report.md").read_text()
    assert "line(s) (5), (6) are not finished" in said
    assert "| (1)" not in said
    assert not (tmp_path / "ladder.csv").exists()


def test_representations_are_compared(run_cli: Cli, blob_store: Path, tmp_path: Path) -> None:
    done = run_cli("reproduce", "representations", "--data", blob_store, "--out", tmp_path / "out", "--kinds",
                   "counts,tie", "--seeds", 1, "--workers", 1, "model.size_px=16", "model.width=0.125",
                   "represent.window_us=50000", "train.epochs=1")
    assert done.code == 0, done.err
    said = (tmp_path / "out" / "report.md").read_text()
    assert "| counts - tie |" in said
    assert (tmp_path / "out" / "representations.png").exists()


def test_all_wrong_options_are_told_together(run_cli: Cli, tmp_path: Path) -> None:
    done = run_cli("reproduce", "evtransfer", "--data", tmp_path, "--out", tmp_path / "out", "--seeds", 0, "--modes",
                   "scrach,linear", "--variants", "t0_t1", "--labels", "0.5,2")
    assert done.code == 2
    for said in ("--seeds is 0", "'scrach'", "'t0_t1'", "--labels: 2 is no share"):
        assert said in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("words", "said"), [
    (("--lstm", "maybe"), "--lstm: need both, with or without"), (("--ladder", "up"), "--ladder: need auto"),
    (("--labels", "half"), "--labels: need shares"), (("--shard", "3/2"), "--shard: need i/n"),
    (("--config", "reproduce_evtransfers"), "did you mean reproduce_evtransfer?")])
def test_a_wrong_word_is_told(words: tuple[str, ...], said: str, run_cli: Cli, tmp_path: Path) -> None:
    done = run_cli("reproduce", "evtransfer", "--data", tmp_path, "--out", tmp_path / "out", *words)
    assert done.code == 2
    assert said in done.err


def test_all_problems_of_a_configuration_are_told_by_line(run_cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("size_px: 65\nmodes:\n  linear: {train: {epocs: 3, lr: -1}}\nwidht: 1\n")
    done = run_cli("reproduce", "evtransfer", "--data", tmp_path, "--out", tmp_path / "out", "--config", path)
    assert done.code == 2
    for said in ("4 problems", "line 1: size_px is 65", "modes.linear.train.epocs; did you mean epochs?",
                 "modes.linear.train.lr is -1; need more than 0", "widht; did you mean width?"):
        assert said in done.err


def test_unknown_kinds_and_no_store(run_cli: Cli, blob_store: Path, tmp_path: Path) -> None:
    done = run_cli("reproduce", "representations", "--data", blob_store, "--out", tmp_path / "out", "--kinds", "tie,ty")
    assert done.code == 2
    assert "'ty' is none of" in done.err
    done = run_cli("reproduce", "representations", "--data", blob_store, "--out", tmp_path / "out", "split.kind=paper")
    assert (done.code, "are not told without P-clean" in done.err) == (2, True)
    done = run_cli("reproduce", "evtransfer", "--data", tmp_path / "nowhere", "--out", tmp_path / "out")
    assert done.code == 1
    assert "no such store" in done.err


def test_a_store_without_frames_fails_cell_by_cell(run_cli: Cli, blob_store: Path, tmp_path: Path) -> None:
    done = run_cli("reproduce", "evtransfer", "--data", blob_store, "--out", tmp_path / "out", "--seeds", 1, "--lstm",
                   "with", "--modes", "scratch,linear", "--labels", "1", "--workers", 1, *SMALL)
    assert done.code == 1
    assert "2 cell(s) failed" in done.err
    assert "keeps no grey frames" in done.err
    assert "not run, because it needs pretrain-t0_t0-s0" in done.err
    assert "scratch" in (tmp_path / "out" / "table.csv").read_text()


@pytest.mark.parametrize(("words", "code", "said"), [
    (("represent.kind=voxel", "represent.settings={}", "--variants", "t0_t"), 2, "--variants: are of tie"),
    (("represent.kind=voxl", "represent.settings={}"), 2, "did you mean voxel?"),
    (("--ladder", "only", "ladder.folds=7"), 2, "ladder.folds=7: data set ckplus has 6 subject(s)"),
    (("--ladder", "off", "split.kind=paper"), 2, "are not told without P-clean"),
    (("--ladder", "off", "--render"), 1, "holds no finished cell")])
def test_what_cannot_work_is_told_before_anything_runs(words: tuple[str, ...], code: int, said: str, run_cli: Cli,
                                                       ckplus_store: Path, tmp_path: Path) -> None:
    small = [word for word in SMALL if not word.startswith("ladder")]
    done = run_cli("reproduce", "evtransfer", "--data", ckplus_store, "--out", tmp_path / "out", *small, *words)
    assert done.code == code
    assert said in done.err
    assert not (tmp_path / "out").exists()


def test_a_place_with_other_things_is_left_alone(run_cli: Cli, ckplus_store: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    for out, said in ((tmp_path, "holds other files"), (tmp_path / "thesis.txt", "is a file")):
        done = run_cli("reproduce", "evtransfer", "--data", ckplus_store, "--out", out, "--ladder", "off", *SMALL)
        assert done.code == 1
        assert said in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
