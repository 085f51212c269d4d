"""A whole training: who was read for what, the same run after a kill, and what a finished folder holds."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from neurofer.data.cache import ClipRows, cached_rows
from neurofer.data.clip import Clip
from neurofer.data.frames import Frames
from neurofer.data.micro.pool import frames_of, labelled, open_pool
from neurofer.data.micro.split import leave_one_out
from neurofer.errors import NeuroferError, UsageError
from neurofer.evaluate.micro_run import evaluate_micro_run, pool_runs
from neurofer.events.events import Events
from neurofer.train.micro import fold as fold_module
from neurofer.train.micro import inputs, instants, stages
from neurofer.train.micro.fold import fold_data, train_fold
from neurofer.train.micro.reads import PURPOSES, Reads, require_unread
from neurofer.train.micro.recipe import train_micro
from neurofer.train.run_folder import load_run, read_card
from trees.micro_store import small_config, write_micro_store

KINDS = {
    "flow": (), "linear": ("key.kind=linear",), "uniform": ("key.kind=uniform",),
    "flow apex": ("key.apex=flow",), "noise": ("key.apex_noise_frames=4",), "similarity": ("prior.loss=similarity",),
    "no prior": ("prior.loss=none",), "event": ("key.kind=event",), "slices": ("input.kind=slices",),
    "event slices": ("input.kind=slices", "key.kind=event"),
    "spiking": ("backend=snn", "input.kind=slices", "prior.lr=1e-3"),
    "drawn": ("key.kind=interp_cnn", "interpolate.steps=2", "interpolate.batch=2", "interpolate.crop_px=32"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_tested_subject_is_read_for_nothing_but_the_test(kind: str, store: Path, tmp_path: Path) -> None:
    config = small_config(*KINDS[kind], "prior.epochs=1", "target.epochs=1")
    clip_set = labelled(open_pool([store]), "label3")
    split = leave_one_out(clip_set, 1)
    fold = fold_data(config, clip_set, split, tmp_path)
    result = train_fold(config, clip_set, fold)
    record = fold.data.reads.record()
    require_unread(record, split.test)
    assert record["test"]["subjects"] == list(split.test)
    expected = {"statistics", "stage2", "alpha"} | ({"stage1"} if config.prior.loss != "none" else set())
    expected |= {"lag"} if config.key.kind == "event" else set()
    expected |= {"interpolator"} if config.key.kind == "interp_cnn" else set()
    for purpose in PURPOSES:
        assert bool(record[purpose]["subjects"]) == (purpose in expected | {"test"}), purpose
    assert set(record["stage2"]["subjects"]) == set(split.train)
    assert result.probabilities.shape == (3, 3)
    assert result.probabilities.sum(axis=1) == pytest.approx(np.ones(3))


def test_a_record_with_a_tested_subject_elsewhere_is_refused(store: Path) -> None:
    clip_set = labelled(open_pool([store]), "label3")
    reads = Reads(clip_set)
    reads.note("test", [0])
    require_unread(reads.record(), [clip_set.clips[0].subject])
    reads.note("alpha", [0, 5])
    with pytest.raises(NeuroferError, match=f"{clip_set.clips[0].subject} was read for alpha"):
        require_unread(reads.record(), [clip_set.clips[0].subject])


def test_the_training_does_not_depend_on_the_tested_clips(store: Path, tmp_path: Path) -> None:
    """Their maps are replaced by noise: not one weight changes."""
    config = small_config()
    clip_set = labelled(open_pool([store]), "label3")
    fold = fold_data(config, clip_set, leave_one_out(clip_set, 0), tmp_path)
    weights = train_fold(config, clip_set, fold).model.state_dict()
    maps = np.array(fold.data.inputs.maps)
    maps[fold.test] = np.random.default_rng(0).normal(size=maps[fold.test].shape)
    noisy = stages.MicroData(type(fold.data.inputs)("flow", maps), fold.data.labels, fold.data.subjects,
                             fold.data.classes, fold.data.statistics, Reads(clip_set))
    other = train_fold(config, clip_set, type(fold)(noisy, fold.train, fold.test, fold.instants, None, None))
    assert all(np.array_equal(value, other.model.state_dict()[name]) for name, value in weights.items())


@pytest.mark.parametrize("kind", ["event", "event slices", "drawn", "spiking"])
def test_nothing_is_learned_from_the_recordings_of_the_tested(kind: str, store: Path, tmp_path: Path,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    """Their films and events are others from the start: lag, statistics, interpolator and weights stay as they are."""
    config = small_config(*KINDS[kind], "prior.epochs=1", "target.epochs=1")
    clip_set = labelled(open_pool([store]), "label3")
    split = leave_one_out(clip_set, 0)

    def learned(cache: Path) -> tuple[object, ...]:
        fold = fold_data(config, clip_set, split, cache)
        weights = train_fold(config, clip_set, fold).model.state_dict()
        drawn = fold.interpolator.state_dict() if fold.interpolator else {}
        return (fold.instants.lag_us, fold.data.statistics, fold.interpolator_record, np.array(fold.data.inputs.maps),
                {name: value.tolist() for name, value in {**weights, **drawn}.items()})

    def other_frames(clip: Clip) -> Frames:
        frames = frames_of(clip)
        return frames if clip.subject in split.train else frames._replace(pictures=255 - frames.pictures[::-1])

    real = instants.clip_events

    def other_events(clip: Clip) -> Events:
        events = real(clip)
        if clip.subject in split.train:
            return events
        return Events(clip.stop_us - 1 - events.t[::-1], events.x[::-1], events.y[::-1], events.p[::-1], events.sensor)

    lag_us, statistics, record, maps, weights = learned(tmp_path / "one")
    with monkeypatch.context() as patch:
        for module in (fold_module, inputs, instants):
            patch.setattr(module, "frames_of", other_frames)
        for module in (inputs, instants):
            patch.setattr(module, "clip_events", other_events)
        other = learned(tmp_path / "other")
    changed = np.array([not np.array_equal(one, two) for one, two in zip(maps, other[3], strict=True)])  # type: ignore[call-overload]
    assert changed.tolist() == [clip.subject in split.test for clip in clip_set.clips]
    assert (lag_us, statistics, record, weights) == (*other[:3], other[4])


def test_the_lag_of_onsets_is_that_of_the_training_clips(store: Path, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    clip_set = labelled(open_pool([store]), "label3")
    split = leave_one_out(clip_set, 0)
    late_us = [[50_000] if clip.subject in split.train else [400_000] for clip in clip_set.clips]
    found_us = np.array([[clip.truth[name] for name in ("onset_us", "apex_us", "offset_us")]
                         for clip in clip_set.clips]) + np.array(late_us, np.float64)
    found_us[split.numbers(clip_set, "train")[2:]] = np.nan  # fewer than the three of the tested
    for module in (fold_module, instants):
        monkeypatch.setattr(module, "detections", lambda *given: found_us.copy())
    fold = fold_data(small_config("key.kind=event"), clip_set, split, tmp_path)
    assert fold.instants.lag_us == 50_000


def test_the_early_convolutions_stay_at_first(store: Path, tmp_path: Path) -> None:
    words = ("prior.loss=none", "target.alpha=none", "target.lr_trunk=1e-2")
    config = small_config(*words, "target.frozen_epochs=3")
    clip_set = labelled(open_pool([store]), "label3")
    fold = fold_data(config, clip_set, leave_one_out(clip_set, 0), tmp_path)
    fresh = stages.build_trunk(config, fold.data, fold.train, config.seed)
    trained = train_fold(config, clip_set, fold).model.trunk
    thawed = train_fold(small_config(*words, "target.frozen_epochs=2"), clip_set, fold).model.trunk
    for name, value in fresh.state_dict().items():
        early = name.startswith(("blocks.0", "blocks.1"))
        if early or name.startswith("blocks.3.0"):
            assert np.array_equal(value, trained.state_dict()[name]) == early, name
            assert not np.array_equal(value, thawed.state_dict()[name]), name  # the third epoch moves them


@pytest.mark.parametrize("kind", ["flow", "spiking"])
@pytest.mark.parametrize("stage", ["prior", "target"])
def test_a_killed_run_goes_on_to_the_same_weights(kind: str, stage: str, store: Path, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    words = (*KINDS[kind], f"data=[{json.dumps(str(store))}]", "target.alpha=none")
    whole = train_micro(small_config(*words, f"out={tmp_path / 'whole'}"))
    config, save = small_config(*words, f"out={tmp_path / 'killed'}"), stages.save_checkpoint

    def save_and_die(path: Path, *rest: object) -> None:
        save(path, *rest)  # type: ignore[arg-type]
        if path.name.startswith("checkpoint-prior") == (stage == "prior"):
            raise KeyboardInterrupt

    monkeypatch.setattr(stages, "save_checkpoint", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        train_micro(config)
    monkeypatch.undo()
    with pytest.raises(NeuroferError, match="unfinished run"):
        train_micro(config)
    resumed = train_micro(config, resume=True)
    assert read_card(resumed)["digest"] == read_card(whole)["digest"]
    assert not list(resumed.glob("checkpoint*"))
    assert train_micro(config, resume=True) == resumed  # a finished one is left as it is


def test_a_finished_folder_says_everything(store: Path, tmp_path: Path) -> None:
    config = small_config(f"data=[{json.dumps(str(store))}]", f"out={tmp_path / 'run'}", "split.kind=loso",
                          "split.subject=s002")
    folder = train_micro(config)
    card, record = read_card(folder), json.loads((folder / "run.json").read_text())
    assert card["task"] == "micro"
    assert card["protocol"]["subjects"]["test"] == ["s002"]
    assert record["alpha_search"]["chosen"] == card["alpha"]
    assert sorted(sum(record["alpha_search"]["folds"], [])) == ["s000", "s001", "s003"]
    with open(folder / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["subject"] for row in rows] == ["s002"] * 3
    for row in rows:
        assert float(row["negative"]) + float(row["positive"]) + float(row["surprise"]) == pytest.approx(1, abs=2e-6)
    assert {"curves.png", "confusion.png", "metrics.jsonl"} <= {path.name for path in folder.iterdir()}
    found = evaluate_micro_run(folder)
    assert found["test"]["confusion"] == record["test"]["confusion"]
    assert {name: said["predicted"] for name, said in found["decisions"].items()} == {
        row["clip"]: row["predicted"] for row in rows}
    with pytest.raises(NeuroferError, match="predict --task micro"):
        load_run(folder)


def test_folds_are_pooled_and_never_twice(store: Path, tmp_path: Path) -> None:
    found = []
    for fold in range(2):
        config = small_config(f"data=[{json.dumps(str(store))}]", f"out={tmp_path / str(fold)}", "split.kind=loso",
                              f"split.fold={fold}", "prior.loss=none", "target.alpha=none", "target.epochs=1")
        found.append(evaluate_micro_run(train_micro(config)))
    (pooled,) = pool_runs(found).values()
    assert pooled["test"]["samples"] == 6
    assert np.array_equal(pooled["test"]["confusion"],
                          np.sum([one["test"]["confusion"] for one in found], axis=0))
    assert set(pooled["baselines"]) == {"majority", "motion"}
    with pytest.raises(UsageError, match="tested by two runs"):
        pool_runs([found[0], found[0]])
    config = small_config(f"data=[{json.dumps(str(store))}]", f"out={tmp_path / 'other'}", "split.kind=loso",
                          "split.fold=2", "prior.loss=none", "target.alpha=inverse", "target.epochs=1")
    with pytest.raises(UsageError, match=f"{tmp_path / '0'} and {tmp_path / 'other'} are both of ann, seed 0, but"):
        pool_runs([found[0], evaluate_micro_run(train_micro(config))])


def test_people_are_known_again_among_several_stores(store: Path, tmp_path: Path) -> None:
    other = write_micro_store(tmp_path / "other", 2, 8, name="other")
    quick = ("prior.loss=none", "target.alpha=none", "target.epochs=1", "split.kind=loso")
    alone = train_micro(small_config(*quick, f"data=[{json.dumps(str(store))}]", f"out={tmp_path / 'alone'}",
                                     "split.subject=s002"))
    with pytest.raises(NeuroferError, match="was trained on other data"):
        evaluate_micro_run(alone, [store, other])
    found = evaluate_micro_run(alone, [store, other], force=True, cache=tmp_path / "cache")
    assert {said["subject"] for said in found["decisions"].values()} == {
        "micro_synthetic/s002", "other/s000", "other/s001"}
    assert len(evaluate_micro_run(alone, [other], force=True, cache=tmp_path / "cache")["decisions"]) == 6
    pool = f"data=[{json.dumps(str(store))}, {json.dumps(str(other))}]"
    pooled = train_micro(small_config(*quick, pool, f"out={tmp_path / 'pooled'}", "split.subject=other/s001"),
                         cache=tmp_path / "cache")
    found = evaluate_micro_run(pooled, [other], force=True, cache=tmp_path / "cache")
    assert {said["subject"] for said in found["decisions"].values()} == {"s001"}


def test_maps_and_instants_are_kept_under_the_code_that_made_them(store: Path, tmp_path: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, set[str]] = {}

    def note(kind: str, clip_set: object, recipe: object, modules: tuple[ModuleType, ...], *rest: object) -> ClipRows:
        seen[kind] = {module.__name__.removeprefix("neurofer.") for module in modules}
        return cached_rows(kind, clip_set, recipe, modules, *rest)  # type: ignore[arg-type]

    for module in (inputs, instants):
        monkeypatch.setattr(module, "cached_rows", note)
    clip_set = labelled(open_pool([store]), "label3")
    fold_data(small_config("key.kind=event"), clip_set, leave_one_out(clip_set, 0), tmp_path)
    of_instants = {"keyframes", "events.noise", "train.micro.instants"}
    assert seen == {"micro-found": of_instants, "micro-instants": of_instants,
                    "micro-flow": {"keyframes", "train.micro.inputs"}}


@pytest.mark.parametrize(("words", "message"), [
    (("split.kind=loso", "split.subject=s009"), "is none of micro_synthetic"),
    (("split.kind=loso", "split.fold=7"), "has 4 subjects"), (("split.folds=9",), "cannot make 9 folds"),
    (("label=label5",), "no clip of micro_synthetic has it"), (("target.inner_folds=4",), "cannot make 4 folds")])
def test_what_cannot_be_is_one_sentence(words: tuple[str, ...], message: str, store: Path, tmp_path: Path) -> None:
    with pytest.raises((UsageError, NeuroferError), match=message):
        train_micro(small_config(*words, f"data=[{json.dumps(str(store))}]", f"out={tmp_path / 'run'}"))
