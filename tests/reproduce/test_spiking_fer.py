"""``neurofer reproduce spiking_fer``: a small table of each kind of store, both protocols or none, estimates marked."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from neurofer.cli.app import main
from neurofer.config import dump_config, load_config, shipped_configs
from neurofer.data.ckplus_tree import CLASSES
from neurofer.data.clip import ClipSet
from neurofer.data.folds import fold_partition
from neurofer.data.store import open_store
from neurofer.errors import NeuroferError, UsageError
from neurofer.hardware.energy import TABLES
from neurofer.reproduce.spiking_fer import fer_lines, fer_rows, gap, line_of, ordered_classes, plan_spiking_fer
from neurofer.reproduce.spiking_fer_report import energy_section, operations_section
from neurofer.train.build import build_recogniser
from neurofer.train.config import TrainConfig
from trees.ckplus import write_tree

Cli = Callable[..., Any]
NAMES = ("spiking_fer", "spiking_fer_synthetic")
SMALL = ("snn.size_px=16", "model.size_px=16", "snn.width=0.125", "model.width=0.125", "slices.frames=3",
         "slices.events=100", "split.folds=3", "train.epochs=1", "train.batch=4", "train.threads=1")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fer") / "out"


def command(store: Path, table: Path, *words: str) -> tuple[object, ...]:
    """One split of each protocol; ``words`` are stronger than the small settings."""
    said = {word.partition("=")[0] for word in words}
    splits = () if "--splits" in said else ("--splits", 1)
    return ("reproduce", "spiking_fer", "--config", "spiking_fer_synthetic", "--data", store, "--out", table,
            *splits, "--workers", 1, *(word for word in SMALL if word.partition("=")[0] not in said), *words)


@pytest.fixture(scope="module")
def tree_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up e-CK+ with all seven classes of each of three people."""
    home = tmp_path_factory.mktemp("tree")
    write_tree(home / "tree")
    with pytest.raises(SystemExit) as end:
        main(["prepare", "ckplus", "--root", str(home / "tree"), "--out", str(home / "store"), "--workers", "1"])
    assert not end.value.code
    return home / "store"


def test_a_store_ends_in_both_protocols_with_operations_and_marked_estimates(run_cli: Cli, tree_store: Path,
                                                                             table: Path) -> None:
    done = run_cli(*command(tree_store, table))
    assert done.code == 0, done.err
    assert "4 of 4 cells, 4 of them run now" in done.out
    assert [line.split()[:2] for line in done.out.splitlines()[2:6]] == [
        ["published", "snn"], ["published", "ann"], ["clean", "snn"], ["clean", "ann"]]
    assert "accuracy" not in done.err  # no protocol is told while the others are under way
    said = (table / "report.md").read_text()
    for words in ("published minus clean is", "spiking minus twin is", "65.39", "45 nm FP32 (estimated)", "rate x T",
                  "a sum of n spikes counts n times", "Nothing here is measured", "recordings never tested"):
        assert words in said
    assert "Loihi" not in said  # no chip runs it
    with open(table / "table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    for row in rows:
        clean = row["protocol"] == "clean"
        assert (row["people_also_trained_on"] == "0") == clean
        assert (row["operation"] == "MAC") == (row["network"] == "ann")
    again = run_cli(*command(tree_store, table), "--resume")
    assert "4 of 4 cells, 0 of them run now" in again.out
    assert (table / "report.md").read_text() == said


def test_published_is_never_told_without_clean(run_cli: Cli, tree_store: Path, table: Path, tmp_path: Path) -> None:
    assert (table / "cells").is_dir(), "needs the test above"
    for absent in ("clean0-snn*", "published0-ann*"):
        place = tmp_path / absent[:-1]
        shutil.copytree(table / "cells", place / "cells", ignore=shutil.ignore_patterns(absent))
        (place / "table.csv").write_text("of an earlier run")
        done = run_cli(*command(tree_store, place), "--render")
        assert done.code == 0, done.err
        said = (place / "report.md").read_text()
        assert "Not finished: 1 of 4 trainings are missing" in said
        assert "accuracy" not in said.lower().replace("reproduce spiking_fer", "")
        assert not (place / "table.csv").exists()


def test_e_ckplus_meets_the_clean_folds_of_seven_classes(tree_store: Path, table: Path) -> None:
    assert (table / "cells").is_dir(), "needs the test above"
    clip_set = open_store(tree_store)
    assert (clip_set.name, len(clip_set.classes)) == ("ckplus", 7)
    wanted = fold_partition(clip_set, 3, 0)  # that of 'neurofer reproduce evtransfer'
    for network in ("snn", "ann"):
        cell = json.loads((table / "cells" / f"clean0-{network}-s0.json").read_text())
        assert cell["result"]["predictions"]["clip"] == list(wanted.test)
    assert "| contempt |" in (table / "report.md").read_text()


def test_several_stores_have_their_own_tables_and_need_their_own_names(run_cli: Cli, ckplus_store: Path,
                                                                      blob_store: Path, tmp_path: Path) -> None:
    words = [*command(ckplus_store, tmp_path), "--data", blob_store]
    shard = run_cli(*words, "--shard", "1/4")
    assert shard.code == 0, shard.err
    assert {path.name for path in tmp_path.iterdir()} == {"ckplus", "blobs"}
    twice = run_cli(*command(ckplus_store, tmp_path / "twice"), "--data", ckplus_store)
    assert twice.code == 2
    assert "the stores are called ckplus, ckplus" in twice.err


def made_up(right: dict[str, int]) -> tuple[list[Any], dict[str, Any]]:
    """Cells of one split and seed, and results of 10 tests each, of which so many are right."""
    cells, records = [], {}
    for protocol, network in ((p, n) for p in ("published", "clean") for n in ("snn", "ann")):
        name = f"{protocol}-{network}"
        cells.append(SimpleNamespace(name=name, parameters={"protocol": protocol, "network": network, "split": 0,
                                                            "seed": 0}))
        work = {"kind": "MAC", "per_decision": 1e6} if network == "ann" else {
            "kind": "synaptic operation", "per_decision": 2e5, "rate": 0.1, "steps_per_clip": 6, "spikes_per_clip": 50,
            "input_spikes_per_clip": 9, "updates_per_clip": 500, "nonzero_operations_per_clip": 1e5,
            "macs_per_clip": 1e4, "dense_macs_per_clip": 6e6}
        wrong = 10 - right[name]
        records[name] = {"seconds": 1.0, "result": {
            "confusion": {"clip": [[right[name], wrong], [0, 0]]}, "clip": {
                "accuracy": right[name] / 10, "uar": 0.5, "macro_f1": 0.5, "samples": 10},
            "predictions": {"clip": [f"r{number}" for number in range(10)]}, "operations": work, "parameters": 7,
            "subjects": {"train": ["a", "b"], "test": ["b", "c"] if protocol == "published" else ["c", "d"]},
            "per_subject": {"clip": {"c": [right[name], 5 + right[name]], "d": [0, 5 - right[name]]}},
            "clips": {"train": 40}, "best_epoch": 1, "epochs": 1, "classes": ["happy", "fear"], "baselines": {}}}
    return cells, records


def test_gap_and_estimates_by_hand() -> None:
    cells, records = made_up({"published-snn": 8, "published-ann": 9, "clean-snn": 5, "clean-ann": 5})
    lines = fer_lines(cells, records)
    assert gap(lines, "snn").mean == pytest.approx(0.3)
    assert gap(lines, "ann").mean == pytest.approx(0.4)
    assert line_of(lines, "published", "snn").interval == pytest.approx((0.490, 0.943), abs=1e-3)  # Wilson, 8 of 10
    assert [row["people_also_trained_on"] for row in fer_rows(cells, records)] == [1, 1, 0, 0]
    (section,) = energy_section(lines, tuple(TABLES.values()))
    rows = {row[0]: row[1:] for row in section.tables[0].rows}
    # 45 nm FP32: 0.2 M accumulates of 0.9 pJ and 0.01 M of 4.6 pJ are 0.226 uJ; 1 M of 4.6 pJ are 4.6 uJ.
    assert rows["45 nm FP32 (estimated)"][:5] == ("0.226", "4.6", "20.35", "0.100", "6")
    assert set(rows) == {"45 nm FP32 (estimated)", "45 nm FP16 (estimated)", "45 nm INT8 (estimated)",
                         "the authors (up to)"}
    assert "4.76 times" in operations_section(lines).text[1]  # 1 M to 0.21 M


def test_a_missing_cell_takes_all_numbers_along() -> None:
    cells, records = made_up(dict.fromkeys(("published-snn", "published-ann", "clean-snn", "clean-ann"), 5))
    del records["clean-ann"]
    assert fer_rows(cells, records) == []
    with pytest.raises(NeuroferError, match="1 of 4 trainings are missing; the published protocol is not told"):
        fer_lines(cells, records)


def test_classes_stand_in_the_order_of_the_authors() -> None:
    assert ordered_classes(CLASSES) == ["happiness", "fear", "surprise", "anger", "disgust", "sadness", "contempt"]


@pytest.mark.parametrize(("words", "said"), [
    (("--splits", "4"), "--splits is 4; need 1 to 3"), (("--seeds", "0"), "--seeds is 0; need 1 or more"),
    (("model.width=0.25",), "twins need the same"),
    (("snn.input=binary", "snn.preset=tiny"), "snn.input is binary; need slices"),
    (("model.kind=encoder",), "model.kind is encoder; need resnet18")])
def test_wrong_words_are_told(words: tuple[str, ...], said: str, run_cli: Cli, ckplus_store: Path,
                              tmp_path: Path) -> None:
    done = run_cli(*command(ckplus_store, tmp_path / "out", *words))
    assert done.code == 2
    assert said in done.err
    assert not (tmp_path / "out").exists()


def test_other_tables_refuse_the_published_split(run_cli: Cli, blob_store: Path, tmp_path: Path) -> None:
    done = run_cli("reproduce", "representations", "--data", blob_store, "--out", tmp_path, "split.kind=random")
    assert done.code == 2
    assert "or 'neurofer reproduce spiking_fer'" in done.err


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_configuration_says_its_command_builds_both_networks_and_is_read_back(name: str,
                                                                                       tmp_path: Path) -> None:
    path = shipped_configs()[name]
    commands = re.findall(r"^# (neurofer .*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 1
    assert f"spiking_fer --config {name} " in commands[0]
    config = load_config(TrainConfig, path)
    for backend, channels, published in (("snn", 2, 11_439_104), ("ann", 12, 11_207_808)):
        twin = load_config(TrainConfig, path, [f"backend={backend}"])
        count = sum(value.numel() for value in build_recogniser(twin, tuple("abcdef"), channels).parameters())
        assert count == published if name == "spiking_fer" else count < 200_000
    (tmp_path / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    assert load_config(TrainConfig, tmp_path / "config.yaml") == config


def test_the_full_size_is_the_published_one(ckplus_store: Path) -> None:
    config = load_config(TrainConfig, shipped_configs()["spiking_fer"])
    train, events = config.train, config.augment.events
    assert (train.epochs, train.batch, train.lr, train.momentum, train.weight_decay) == (500, 32, 5e-3, 0.9, 5e-4)
    assert (train.optimiser, train.schedule) == ("sgd", "cosine")
    assert (events.flip, events.noise, events.noise_share, events.reverse, events.mirror) == (0.5, 0.5, 0.2, 0.2, 0.5)
    assert (events.drop, events.crop, events.polarity) == (1.0, 1.0, 0.0)
    assert (config.snn.size_px, config.snn.dropout, config.slices.frames, config.slices.events) == (128, 0.5, 6, 2500)
    store = open_store(ckplus_store)
    small = load_config(TrainConfig, shipped_configs()["spiking_fer"], ["split.folds=3"])
    cells = {cell.name: TrainConfig.model_validate(cell.parameters["config"])
             for cell in plan_spiking_fer(small, store, 1)}
    assert len(cells) == 12
    assert cells["published1-snn-s0"].parity.best_on_test
    assert not cells["clean1-ann-s0"].parity.best_on_test
    assert (cells["published1-ann-s0"].split.kind, cells["clean1-snn-s0"].split.kind) == ("random", "folds")
    with pytest.raises(UsageError, match="--seeds is 0"):
        plan_spiking_fer(small, ClipSet("none", (), (), ""), 0)
