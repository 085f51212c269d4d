"""Two runs that do not test the same people on the same data are refused, with every reason."""

from __future__ import annotations

import shutil
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from neurofer.errors import NeuroferError, UsageError
from neurofer.hardware.comparison.data import shared_data
from neurofer.train.run_folder import Run, load_run
from trees.pair import TrainedPair, trained_pair


@pytest.fixture(scope="module")
def pair(blob_store: Path) -> TrainedPair:
    return trained_pair(blob_store)


@pytest.fixture(scope="module")
def runs(pair: TrainedPair) -> tuple[Run, Run]:
    return load_run(pair.ann), load_run(pair.snn)


def with_card(run: Run, change: Any) -> Run:
    card = deepcopy(run.card)
    change(card)
    return replace(run, card=card)


def test_the_shared_test_part(runs: tuple[Run, Run], pair: TrainedPair) -> None:
    found = shared_data(*runs)
    assert found.place == pair.store
    assert found.parts[0].test == found.parts[1].test
    assert len(found.parts[0].test) == 6


def test_runs_in_the_wrong_order(runs: tuple[Run, Run]) -> None:
    with pytest.raises(UsageError, match="is a run of backend snn, need ann there: neurofer compare RUN_ANN RUN_SNN"):
        shared_data(*reversed(runs))


def test_other_people_are_named(runs: tuple[Run, Run]) -> None:
    ann, snn = runs
    split = snn.card["protocol"]["split"]
    mine, theirs = split["test"][0], split["train"][0]

    def swap(card: dict[str, Any]) -> None:
        card["protocol"]["split"]["test"], card["protocol"]["split"]["train"] = [theirs], [mine]

    with pytest.raises(NeuroferError, match=rf"test other people: {ann.path} alone tests {mine}; "
                                            rf"{snn.path} alone tests {theirs} \(train both with the same split\)"):
        shared_data(ann, with_card(snn, swap))


def test_other_clips_of_the_same_people_are_named(runs: tuple[Run, Run]) -> None:
    ann, snn = runs
    (person,) = snn.card["protocol"]["split"]["test"]

    def fewer(card: dict[str, Any]) -> None:
        card["protocol"]["split"]["clips"] = {"train": [f"{name}_0" for name in card["protocol"]["split"]["train"]],
                                              "validation": [], "test": [f"{person}_{n}" for n in range(5)]}

    with pytest.raises(NeuroferError, match=f"test other clips: {ann.path} alone tests {person}_5"):
        shared_data(ann, with_card(snn, fewer))


def test_every_difference_of_the_data_is_told_together(runs: tuple[Run, Run]) -> None:
    ann, snn = runs

    def other(card: dict[str, Any]) -> None:
        card["data"]["digest"], card["classes"] = "0" * 64, ["down", "up"]

    imported = with_card(ann, lambda card: card["data"].update(digest=None))
    labelled = replace(imported, config=imported.config.model_copy(update={"label": "mood"}))
    with pytest.raises(NeuroferError) as refused:
        shared_data(labelled, with_card(snn, other))
    said = str(refused.value)
    assert f"{ann.path} was imported, so nobody can say which people it knows" in said
    assert f"{snn.path} was trained on other data (000000000000)" in said
    assert "knows the classes down, up, not down, left, right" in said
    assert f"learned the label mood, {snn.path} the clips' own" in said


def test_no_store_is_known(runs: tuple[Run, Run]) -> None:
    nowhere = [replace(run, config=run.config.model_copy(update={"data": None})) for run in runs]
    with pytest.raises(UsageError, match="neither run says where its data lies; give it with --data"):
        shared_data(*nowhere)


def test_a_store_that_has_moved_is_named(runs: tuple[Run, Run], pair: TrainedPair, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(pair.store, tmp_path / "moved", ignore=shutil.ignore_patterns(".cache")))
    assert shared_data(*runs, moved).place == moved
