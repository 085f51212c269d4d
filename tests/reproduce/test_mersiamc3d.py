"""``neurofer reproduce mersiamc3d``: a small table, resumed and rendered; its numbers by hand; who was read."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurofer.cli.app import main
from neurofer.config import load_config, shipped_configs
from neurofer.data.clip import Clip, ClipSet
from neurofer.data.micro.record import LABELS3
from neurofer.errors import NeuroferError, UsageError
from neurofer.reproduce.mersiamc3d import _modules
from neurofer.reproduce.mersiamc3d_apex import apex_section
from neurofer.reproduce.mersiamc3d_published import COMPOSITE, count_differences, published_section
from neurofer.reproduce.mersiamc3d_report import needs_no_face
from neurofer.reproduce.mersiamc3d_tables import changes, micro_lines, micro_rows, parts_of
from neurofer.reproduce.mersiamc3d_variants import (
    BASE,
    DEFAULT,
    VARIANTS,
    plan_mersiamc3d,
    settings_of,
    subjects_in_turn,
    variant_config,
    without_apex,
)
from neurofer.train.micro.config import MicroConfig
from neurofer.train.micro.reads import PURPOSES

Cli = Callable[..., Any]
SMALL = ("input.size_px=16", "model.width=0.1", "model.features=8", "model.projection=4", "prior.epochs=1",
         "prior.pairs=16", "prior.batch=8", "prior.clips=8", "target.epochs=1", "target.frozen_epochs=0", "key.views=1",
         "snn.convolutions=[4,4]", "target.inner_folds=2")
SHOWN = "base,cross_entropy,slices_event"


@pytest.fixture(autouse=True)
def quick_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search of alpha takes few steps for each of its many heads."""
    monkeypatch.setattr("neurofer.train.micro.stages._HEAD_STEPS", 5)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people with four micro-expressions each."""
    place = tmp_path_factory.mktemp("micro") / "store"
    with pytest.raises(SystemExit) as end:
        main(["prepare", "synthetic", "--micro", "--out", str(place), "--subjects", "3", "--size", "48", "--fps", "100",
              "--per-class", "2,1,1", "--workers", "1"])
    assert not end.value.code
    return place


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mersiamc3d") / "out"


def command(store: Path, table: Path, *words: str, variants: str = SHOWN) -> tuple[object, ...]:
    return ("reproduce", "mersiamc3d", "--config", "mersiamc3d_synthetic", "--data", store, "--out", table,
            "--variants", variants, "--workers", 1, *SMALL, *words)


def test_a_store_ends_in_a_table_of_pooled_folds(run_cli: Cli, store: Path, table: Path) -> None:
    done = run_cli(*command(store, table))
    assert done.code == 0, done.err
    assert "10 of 10 cells, 10 of them run now" in done.out  # three variants of three folds, and the apexes
    said = (table / "report.md").read_text()
    for words in ("UF1, other people", "| majority |", "| motion in flow |", "| motion in slices |",
                  "In 9 finished folds the record of who was read was checked", "Distance from the annotated apex",
                  "![UF1 of every variant", "| base |", "event slices of equal motion", "apex halfway, none annotated"):
        assert words in said
    assert "published" not in said  # of made-up data nobody has numbers
    assert {path.name for path in table.iterdir()} >= {"report.html", "config.yaml", "variants.png", "confusion.png"}
    with open(table / "table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["variant"] for row in rows] == SHOWN.split(",")
    assert {(row["clips"], row["subjects"], row["folds"]) for row in rows} == {("12", "3", "3")}
    again = run_cli(*command(store, table), "--resume")
    assert "10 of 10 cells, 0 of them run now" in again.out
    assert (table / "report.md").read_text() == said


def test_a_fold_that_is_gone_is_run_alone_and_gives_the_same(run_cli: Cli, store: Path, table: Path,
                                                             tmp_path: Path) -> None:
    assert (table / "cells").is_dir(), "needs the test above"
    shutil.copytree(table / "cells", tmp_path / "cells")
    lost = next((tmp_path / "cells").glob("cross_entropy-001-*.json"))
    lost.unlink()
    partly = run_cli(*command(store, tmp_path), "--render")
    assert partly.code == 0, partly.err
    assert "| cross_entropy |" not in (tmp_path / "report.md").read_text()  # no number of a part of the folds
    done = run_cli(*command(store, tmp_path), "--resume")
    assert "10 of 10 cells, 1 of them run now" in done.out
    for other in set((tmp_path / "cells").iterdir()) - {tmp_path / "cells" / "apex.json"}:
        if other.name != lost.name:
            other.unlink()
    early = run_cli(*command(store, tmp_path), "--render")
    assert early.code == 0, early.err
    assert "Not finished: no variant has all of its folds yet." in (tmp_path / "report.md").read_text()
    assert not (tmp_path / "table.csv").exists()
    before, after = (json.loads((place / "cells" / lost.name).read_text())["result"] for place in (table, tmp_path))
    assert before["predictions"] == after["predictions"]


def test_the_record_of_a_fold_proves_who_was_read(table: Path) -> None:
    assert (table / "cells").is_dir(), "needs the first test"
    record = json.loads(next((table / "cells").glob("slices_event-000-*.json")).read_text())
    tested = record["parameters"]["subject"]
    reads = record["result"]["reads"]
    assert reads["test"]["subjects"] == [tested]
    assert {name for name in PURPOSES if reads[name]["subjects"]} == set(PURPOSES) - {"interpolator"}
    for purpose in set(PURPOSES) - {"test"}:
        assert tested not in reads[purpose]["subjects"]
    assert record["parameters"]["config"]["threads"] == 1


def test_a_table_with_a_leak_is_refused(run_cli: Cli, store: Path, table: Path, tmp_path: Path) -> None:
    from neurofer.reproduce.cells import _digest

    assert (table / "cells").is_dir(), "needs the first test"
    shutil.copytree(table / "cells", tmp_path / "cells")
    place = next((tmp_path / "cells").glob("base-002-*.json"))
    record = json.loads(place.read_text())
    tested = record["parameters"]["subject"]
    record["result"]["reads"]["alpha"]["subjects"].append(tested)
    record["digest"] = _digest(record)
    place.write_text(json.dumps(record))
    done = run_cli(*command(store, tmp_path), "--render")
    assert done.code == 1
    assert f"test subject {tested} was read for alpha; such a result is not shown" in done.err
    assert not (tmp_path / "report.md").exists()


def test_two_stores_are_pooled_and_told_apart(run_cli: Cli, store: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as end:
        main(["prepare", "synthetic", "--micro", "--out", str(tmp_path / "other"), "--subjects", "2", "--size", "48",
              "--fps", "100", "--per-class", "1,1,1", "--workers", "1", "--name", "other", "--seed", "1"])
    assert not end.value.code
    done = run_cli(*command(store, tmp_path / "out", "target.alpha=none", variants="base"),
                   "--data", tmp_path / "other", "--subjects", 2)
    assert done.code == 0, done.err
    assert "3 of 3 cells" in done.out
    cells = {path.name for path in (tmp_path / "out" / "cells").iterdir()}
    assert cells == {"apex.json", "base-000-micro_synthetic+s000-s0.json", "base-003-other+s000-s0.json"}
    said = (tmp_path / "out" / "report.md").read_text()
    assert "The other 3 subjects only trained, so this is a part of the protocol." in said
    for words in ("micro_synthetic UF1", "other UF1", "| all |", f"--data {tmp_path / 'other'}", "none (given)"):
        assert words in said


@pytest.mark.parametrize(("words", "told"), [
    (("--seeds", "0"), "--seeds is 0; need 1 or more"), (("--subjects", "4"), "--subjects is 4; need 1 to 3"),
    (("--variants", "base,no_prio"), "no_prio is unknown; did you mean no_prior?"),
    (("--variants", "base,base"), "--variants names base 2 times"), (("--variants", ","), "--variants is empty"),
    (("--variants", "base,no_prior", "prior.loss=none", "target.frozen_epochs=0"),
     "no_prior and base are the same with these settings"),
    (("--variants", "linear", "input.kind=slices"), "linear cannot be made of this configuration")])
def test_wrong_words_are_told(words: tuple[str, ...], told: str, run_cli: Cli, store: Path, tmp_path: Path) -> None:
    done = run_cli("reproduce", "mersiamc3d", "--config", "mersiamc3d_synthetic", "--data", store, "--out",
                   tmp_path / "out", *words)
    assert done.code == 2
    assert told in done.err
    assert not (tmp_path / "out").exists()


def test_help_shows_an_example(run_cli: Cli) -> None:
    said = run_cli("reproduce", "mersiamc3d", "--help")
    assert said.code == 0
    assert "neurofer reproduce mersiamc3d" in said.out.split("Usage:", 1)[1].split("\n", 2)[2]


def made_up_clips(datasets: dict[str, int], per_subject: int = 3) -> ClipSet:
    """So many subjects of each data set, who show each class in turn."""
    clips = [Clip(f"{name}/p{person}_{number}", Path("events"), 0, 1, f"{name}/p{person}", LABELS3[number % 3], name)
             for name, people in datasets.items() for person in range(people) for number in range(per_subject)]
    return ClipSet("+".join(datasets), LABELS3, tuple(clips), "digest")


def made_up(clip_set: ClipSet, said: dict[tuple[str, int], Callable[[Clip], int]],
            seeds: int = 1) -> tuple[list[Any], dict[str, Any]]:
    """Cells of some variants, and records in which each clip is said to be what a function says."""
    cells = plan_mersiamc3d(MicroConfig(), clip_set, seeds, list(dict.fromkeys(variant for variant, _ in said)))
    records = {}
    for cell in without_apex(cells):
        subject, place = cell.parameters["subject"], (cell.parameters["variant"], cell.parameters["seed"])
        mine = [clip for clip in clip_set.clips if clip.subject == subject]
        odds = {clip.name: np.eye(3)[said[place](clip)].tolist() for clip in mine}
        others = [name for name in clip_set.subjects if name != subject]
        reads = {purpose: {"clips": 1, "subjects": [subject] if purpose == "test" else others} for purpose in PURPOSES}
        records[cell.name] = {"seconds": 1.0, "result": {
            "classes": list(LABELS3), "reads": reads, "subjects": {"train": others, "test": [subject]},
            "predictions": {clip.name: {"subject": subject, "dataset": clip.dataset, "truth": clip.label,
                                        "probabilities": odds[clip.name]} for clip in mine},
            "baselines": {"majority": [0] * len(mine), "motion": [1] * len(mine)}}}
    return cells, records


def right(clip: Clip) -> int:
    return LABELS3.index(clip.label)


def test_scores_by_hand() -> None:
    clip_set = made_up_clips({"a": 2, "b": 1})
    cells, records = made_up(clip_set, {
        (BASE, 0): lambda clip: right(clip) if clip.dataset == "a" else 0, ("no_prior", 0): lambda clip: 0,
        (BASE, 1): right, ("no_prior", 1): right}, seeds=2)
    lines = micro_lines(cells, records)
    assert parts_of(lines) == ["a", "b"]
    full, a, b = (lines[0].scores(part)["uf1"].values[0] for part in (None, "a", "b"))
    # 9 clips, 3 of each class; of b all three are said to be negative: F1 6/8, 4/5, 4/5.
    assert full == pytest.approx((6 / 8 + 4 / 5 + 4 / 5) / 3)
    assert (a, b) == (1, pytest.approx(2 / 4 / 3))
    assert full != pytest.approx((2 * a + b) / 3)  # folds are pooled, not averaged
    assert lines[0].scores()["uf1"].values[1] == 1
    (change,) = changes(lines, "uar")
    assert change.variant == "no_prior"
    assert change.values.values == {0: pytest.approx(1 / 3 - 7 / 9), 1: 0}
    assert change.interval is not None
    assert change.interval[0] <= change.values.mean <= change.interval[1]
    rows = micro_rows(lines)
    assert [(row["variant"], row["part"], row["seed"]) for row in rows[:3]] == [
        (BASE, "full", 0), (BASE, "full", 1), (BASE, "a", 0)]
    assert rows[0]["majority_uf1"] == pytest.approx(1 / 6)  # all nine negative: F1 1/2, 0, 0
    assert set(needs_no_face(lines)) == {"majority", "motion in flow"}


def test_the_order_of_folds_changes_no_score() -> None:
    clip_set = made_up_clips({"a": 4}, 6)
    cells, records = made_up(clip_set, {(BASE, 0): lambda clip: int(clip.name[-1]) % 2})
    there = micro_lines(cells, records)[0].scores()
    back = micro_lines(cells[::-1], records)[0].scores()
    assert {name: one.values for name, one in there.items()} == {name: one.values for name, one in back.items()}


def test_a_seed_without_all_folds_has_no_number() -> None:
    clip_set = made_up_clips({"a": 3})
    cells, records = made_up(clip_set, {(BASE, 0): right, (BASE, 1): right}, seeds=2)
    del records[next(cell.name for cell in without_apex(cells) if cell.parameters["seed"])]
    (line,) = micro_lines(cells, records)
    assert set(line.decisions) == {0}
    del records[without_apex(cells)[0].name]
    assert micro_lines(cells, records) == []


def test_another_subject_than_planned_is_refused() -> None:
    clip_set = made_up_clips({"a": 3})
    cells, records = made_up(clip_set, {(BASE, 0): right})
    first, second = (cell.name for cell in without_apex(cells)[:2])
    records[first]["result"] = records[second]["result"]
    with pytest.raises(NeuroferError, match="tested a/p1 and tells of a/p1, but was to test a/p0"):
        micro_lines(cells, records)


def test_subjects_are_tested_from_every_data_set_in_turn() -> None:
    assert subjects_in_turn(made_up_clips({"b": 1, "a": 3})) == ("a/p0", "b/p0", "a/p1", "a/p2")


def test_every_variant_changes_what_it_says_and_nothing_else() -> None:
    base = MicroConfig()
    assert set(DEFAULT) - {"apex_noise_5", "apex_noise_15"} <= set(VARIANTS)
    assert variant_config(base, BASE) == base
    said = base.model_dump()
    for name in [*VARIANTS, "apex_noise_7"]:
        made = variant_config(base, name).model_dump()
        changed = {(key, inner) for key in said if isinstance(said[key], dict) for inner in said[key]
                   if made[key][inner] != said[key][inner]} | {
                   (key, "") for key in said if not isinstance(said[key], dict) and made[key] != said[key]}
        wanted = {("key", "apex_noise_frames")} if name == "apex_noise_7" else {
            (key, inner) for key, value in VARIANTS[name][1].items()
            for inner in (value if isinstance(value, dict) else [""])}
        assert changed <= wanted, name
        assert bool(changed) == (name not in (BASE,)), name
    moved = variant_config(base, "apex_noise_7")
    assert variant_config(moved, "event").key.apex_noise_frames == 0  # what is found is not moved


def test_a_plan_is_whole_seed_by_seed_and_one_thread_each() -> None:
    cells = plan_mersiamc3d(MicroConfig(data=["x"], out="y"), made_up_clips({"a": 2}), 2, [BASE, "snn"])
    assert [cell.name for cell in cells] == [
        "apex", "base-000-a+p0-s0", "base-001-a+p1-s0", "snn-000-a+p0-s0", "snn-001-a+p1-s0", "base-000-a+p0-s1",
        "base-001-a+p1-s1", "snn-000-a+p0-s1", "snn-001-a+p1-s1"]
    last = settings_of(cells[-1])
    assert (last.backend, last.seed, last.split.subject, last.threads) == ("snn", 1, "a/p1", 1)
    assert (last.data, last.out) == (None, None)


def composite(**people: int) -> ClipSet:
    """The composite protocol's clips, or so many subjects of a data set instead."""
    clips = []
    for name, (subjects, counts) in COMPOSITE.items():
        labels = [label for label, count in zip(LABELS3, counts, strict=True) for _ in range(count)]
        clips += [Clip(f"{name}/{number:03d}", Path("events"), 0, 1, f"{name}/p{number % people.get(name, subjects)}",
                       label, name) for number, label in enumerate(labels)]
    return ClipSet("casme2+samm+smic", LABELS3, tuple(clips), "digest")


def test_published_numbers_stand_beside_ours_with_who_tells_them() -> None:
    clip_set = composite()
    cells, records = made_up(clip_set, {(BASE, 0): right})
    lines = micro_lines(cells, records)
    (section,) = published_section(lines, clip_set, True)
    (shown,) = section.tables
    assert shown.header == ("method", "full", "SMIC-HS", "CASME II", "SAMM")
    assert shown.rows[0] == ("ours: base, 1 seed(s)", *["100.0 / 100.0"] * 4)
    rows = {row[0]: row[1:] for row in shown.rows}
    assert rows["MERSiamC3D 2021"] == ("80.7 / 79.9 (recalled)", "73.6 / 76.0 (recalled)", "88.2 / 87.6 (recalled)",
                                       "74.8 / 72.8 (secondary)")
    assert "best epoch on the tested subject" in section.text[0]
    assert section.text[1] == "Subjects and clips are as many as the composite protocol has: 442 clips of 68 subjects."
    assert published_section([], clip_set, True) == ()
    assert published_section(lines, clip_set, False) == ()
    assert published_section(lines, made_up_clips({"micro_synthetic": 2}), True) == ()


def test_other_counts_than_the_protocol_has_are_told() -> None:
    (said,) = count_differences(composite(samm=27))
    assert "SAMM: 27 subjects with 92/26/15 clips instead of 28 subjects with 92/26/15 clips" in said
    one = made_up_clips({"smic": 16})
    assert "SMIC-HS: 16 subjects with 16/16/16 clips" in count_differences(one)[0]


def test_apex_errors_by_hand() -> None:
    clips = {"one": {"subject": "p", "dataset": "a", "true_us": [0, 50_000, 100_000], "midpoint_us": 40_000,
                     "found_us": [30_000.0, 55_000.0, 110_000.0], "flow_us": 50_000, "frame_us": 5_000.0,
                     "lag_us": 20_000, "events": 900},
             "two": {"subject": "q", "dataset": "a", "true_us": [0, 50_000, 100_000], "midpoint_us": 80_000,
                     "found_us": None, "flow_us": 60_000, "frame_us": 10_000.0, "lag_us": 30_000, "events": 1_100}}
    records = {"apex": {"result": {"clips": clips, "no_apex": {"smic": 3}}}}
    (section,) = apex_section(records)
    assert "3 clip(s) have no annotated apex and are left out (smic)" in section.text[0]
    assert "a live detector would have to know before" in section.text[1]  # the background is that of later, too
    errors = {row[0]: row[1:] for row in section.tables[0].rows}
    assert errors["a, events"] == ("1", "5.0", "5.0", "5.0", "1.0", "1.0", "1.0")
    assert errors["a, midpoint, the same clips"][:2] == ("1", "10.0")
    assert errors["a, midpoint, all clips"] == ("2", "20.0", "20.0", "30.0", "2.5", "2.5", "3.0")
    assert errors["a, largest displacement, all clips"][:2] == ("2", "5.0")
    assert section.tables[1].rows == (("a", "1 of 2", "+30", "20 to 30", "10", "+10", "60", "60", "1.00 k"),)
    assert apex_section({}) == ()


def test_the_full_size_is_that_of_the_specification() -> None:
    config = load_config(MicroConfig, shipped_configs()["mersiamc3d"])
    assert config == MicroConfig()  # the defaults are section 2.5's
    prior, target = config.prior, config.target
    assert (prior.epochs, prior.pairs, prior.batch, prior.lr, prior.clips) == (30, 2000, 32, 1e-4, 0)
    assert (target.gamma, target.alpha, target.inner, target.frozen_epochs) == (2, "search", "whole", 5)
    assert (target.lr_trunk, target.lr_head) == (1e-5, 1e-4)
    assert (config.input.size_px, config.model.width, config.model.features) == (64, 1, 256)


@pytest.mark.parametrize("name", ["mersiamc3d", "mersiamc3d_synthetic"])
def test_a_shipped_configuration_says_its_command_and_makes_every_variant(name: str) -> None:
    path = shipped_configs()[name]
    commands = re.findall(r"^# (neurofer reproduce mersiamc3d .*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 1
    assert f"--config {name} " in commands[0]
    config = load_config(MicroConfig, path)
    made = [variant_config(config, variant) for variant in DEFAULT]
    assert len({one.model_dump_json() for one in made}) == len(DEFAULT)


def test_the_code_of_a_fold_is_all_that_decides_it() -> None:
    names = {module.__name__ for module in _modules()}
    assert {"neurofer.events.noise", "neurofer.data.splits", "neurofer.data.folds", "neurofer.keyframes",
            "neurofer.train.micro"} <= names  # noise: what counts as an expression; splits: the inner folds


def test_no_subjects_to_leave_out_is_told() -> None:
    with pytest.raises(UsageError, match="a has 1 subject"):
        plan_mersiamc3d(MicroConfig(), made_up_clips({"a": 1}), 1, [BASE])
