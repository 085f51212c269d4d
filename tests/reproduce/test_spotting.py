"""``neurofer reproduce spotting``: a small table of a small store, resumed and rendered."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neurofer.data.long.synthetic import LongSyntheticPlan, prepare_long_synthetic
from neurofer.reproduce.cells import _digest

Cli = Callable[..., Any]
SMALL = ("input.size_px=32", "model.width=0.25", "train.epochs=1", "sample.most=4", "sample.negatives=1")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people, eight seconds each."""
    place = tmp_path_factory.mktemp("long") / "store"
    prepare_long_synthetic(place, LongSyntheticPlan(subjects=3, videos=1, length_s=8.0, size_px=32))
    return place


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spotting") / "out"


def command(store: Path, table: Path, *words: str) -> tuple[object, ...]:
    return ("reproduce", "spotting", "--config", "spotting_synthetic", "--data", store, "--out", table, "--variants",
            "base,event", "--workers", 1, *SMALL, *words)


def test_a_store_ends_in_a_table_of_pooled_folds(run_cli: Cli, store: Path, table: Path) -> None:
    done = run_cli(*command(store, table))
    assert done.code == 0, done.err
    assert "6 of 6 cells, 6 of them run now" in done.out
    said = (table / "report.md").read_text()
    for words in ("| base |", "| event |", "| base, no_floor |", "| event, no_veto |", "In 6 finished folds",
                  "![F1 of micro expressions"):
        assert words in said
    assert "published" not in said
    assert {path.name for path in table.iterdir()} >= {"report.html", "config.yaml", "f1_overall.png", "megc_log.txt"}
    assert (table / "megc_log.txt").read_text().startswith("1\ns000_00 ")
    with open(table / "table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    base = next(row for row in rows if (row["method"], row["decoding"]) == ("base", "base"))
    truth = len((store / "intervals.csv").read_text().splitlines()) - 1
    assert int(base["overall_tp"]) + int(base["overall_fn"]) == truth  # every annotated expression is scored once
    assert (base["videos"], base["subjects"], base["folds"]) == ("3", "3", "3")
    again = run_cli(*command(store, table), "--resume")
    assert "6 of 6 cells, 0 of them run now" in again.out
    assert (table / "report.md").read_text() == said


def test_a_fold_that_is_gone_is_run_alone_and_gives_the_same(run_cli: Cli, store: Path, table: Path,
                                                             tmp_path: Path) -> None:
    assert (table / "cells").is_dir(), "needs the test above"
    shutil.copytree(table / "cells", tmp_path / "cells")
    lost = next((tmp_path / "cells").glob("event-001-*.json"))
    lost.unlink()
    partly = run_cli(*command(store, tmp_path), "--render")
    assert partly.code == 0, partly.err
    assert "| event |" not in (tmp_path / "report.md").read_text()  # no number of a part of the folds
    done = run_cli(*command(store, tmp_path), "--resume")
    assert "6 of 6 cells, 1 of them run now" in done.out
    before, after = (json.loads((place / "cells" / lost.name).read_text())["result"] for place in (table, tmp_path))
    assert before["test"] == after["test"]
    for other in (tmp_path / "cells").iterdir():
        if other.name != lost.name:
            other.unlink()
    early = run_cli(*command(store, tmp_path), "--render")
    assert early.code == 0, early.err
    assert "Not finished: no variant has all of its folds yet." in (tmp_path / "report.md").read_text()
    assert not (tmp_path / "table.csv").exists()
    assert not (tmp_path / "megc_log.txt").exists()


def test_a_table_with_a_leak_is_refused(run_cli: Cli, store: Path, table: Path, tmp_path: Path) -> None:
    assert (table / "cells").is_dir(), "needs the first test"
    shutil.copytree(table / "cells", tmp_path / "cells")
    place = next((tmp_path / "cells").glob("base-002-*.json"))
    record = json.loads(place.read_text())
    tested = record["parameters"]["subject"]
    assert record["result"]["reads"]["test"]["subjects"] == [tested]
    record["result"]["reads"]["decoding"]["subjects"].append(tested)
    record["digest"] = _digest(record)
    place.write_text(json.dumps(record))
    done = run_cli(*command(store, tmp_path), "--render")
    assert done.code == 1
    assert f"test subject {tested} was read for decoding; such a result is not shown" in done.err
    assert not (tmp_path / "report.md").exists()


def test_wrong_words_are_told_before_anything_is_made(run_cli: Cli, store: Path, tmp_path: Path) -> None:
    done = run_cli("reproduce", "spotting", "--config", "spotting_synthetic", "--data", store, "--out",
                   tmp_path / "out", "--variants", "base,no_lnc")
    assert done.code == 2
    assert "did you mean no_lcn?" in done.err
    assert not (tmp_path / "out").exists()


def test_help_shows_an_example(run_cli: Cli) -> None:
    said = run_cli("reproduce", "spotting", "--help")
    assert said.code == 0
    assert "neurofer reproduce spotting" in said.out.split("Usage:", 1)[1].split("\n", 2)[2]
