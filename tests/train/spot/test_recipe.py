"""A whole training: what a finished folder holds, the same run after a kill, and reading it back."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from neurofer.data.long.pool import open_long_pool
from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.evaluate.spotting import score_spotting
from neurofer.evaluate.spotting_run import evaluate_spot_run, pool_spot_runs
from neurofer.spotting.csv import read_intervals
from neurofer.spotting.decode import decode_all
from neurofer.train.run_folder import load_run
from neurofer.train.spot import optimise, recipe
from neurofer.train.spot.inputs import Skips
from neurofer.train.spot.load import load_spot_run
from neurofer.train.spot.recipe import train_spot
from trees.kills import Killed
from trees.long_store import small_config


def trained(store: Path, out: Path, *words: str) -> Path:
    return train_spot(small_config(f"data=[{store}]", f"out={out}", *words))


@pytest.fixture(scope="module")
def run(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(store, tmp_path_factory.mktemp("runs") / "run")


def test_a_finished_folder_holds_its_record(run: Path, store: Path) -> None:
    assert {path.name for path in run.iterdir()} == {
        "card.json", "config.yaml", "curves.png", "metrics.jsonl", "model.safetensors", "predictions.csv", "run.json",
        "timeline.png", "truth.csv"}
    record = json.loads((run / "run.json").read_text())
    assert record["subjects"] == {"train": ["p1", "p2"], "test": ["p0"]}
    found = score_spotting(read_intervals(run / "truth.csv"), read_intervals(run / "predictions.csv"))
    assert record["scores"]["overall"]["tp"] == found.overall.tp
    assert record["scores"]["overall"]["fp"] == found.overall.fp


def test_a_run_read_back_spots_the_same(run: Path, store: Path) -> None:
    loaded, long_set = load_spot_run(run), open_long_pool([store])
    assert str(run) in loaded._repr_html_()
    assert loaded.fps == 30 and loaded.crop_px == 32  # noqa: PT018
    scorer = loaded.scorer()
    frames = np.load(store / "frames" / "p0_0.npy")
    state, scores = scorer.push(scorer.start(), frames)
    scores = np.concatenate([scores, scorer.finish(state)])
    found = decode_all(scores, "p0_0", loaded.decodings)
    said = read_intervals(run / "predictions.csv")
    assert [(one.kind, one.onset, one.offset) for one in found] == [(one.kind, one.onset, one.offset) for one in said]
    assert scorer.skips == Skips(loaded.card["skips"]["micro"], loaded.card["skips"]["macro"])
    assert long_set.truth["p0_0"] == tuple(read_intervals(run / "truth.csv"))


@pytest.mark.parametrize("words", [(), ("decode.source=inner",)])
def test_a_killed_run_goes_on_to_the_same_weights(words: tuple[str, ...], store: Path, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained(store, tmp_path / "whole", *words)
    config, saved = small_config(f"data=[{store}]", f"out={tmp_path / 'killed'}", *words), list[object]()
    real = optimise.save_checkpoint

    def killing(*given: object) -> None:
        real(*given)  # type: ignore[arg-type]
        saved.append(given)
        if len(saved) == (3 if words else 1):
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(optimise, "save_checkpoint", killing)
        with pytest.raises(Killed):
            train_spot(config)
    with pytest.raises(NeuroferError, match="--resume"):
        train_spot(config)
    folder = train_spot(config, resume=True)
    assert (folder / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert (folder / "predictions.csv").read_text() == (whole / "predictions.csv").read_text()
    assert train_spot(config, resume=True) == folder  # finished: left as it is
    with pytest.raises(NeuroferError, match="other settings"):
        train_spot(config.model_copy(update={"seed": 5}), resume=True)


def test_an_altered_or_wrong_run_is_refused(run: Path, store: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    (copy / "truth.csv").write_text("video,type,onset,offset\n")
    with pytest.raises(BadFileError, match="truth.csv"):
        load_spot_run(copy)
    with pytest.raises(BadFileError, match="neurofer spot"):
        load_run(run)
    with pytest.raises(BadFileError, match="no such run folder"):
        load_spot_run(tmp_path / "absent")


def test_the_picture_is_of_the_first_video_with_the_most_expressions() -> None:
    truth = {"a": (1,), "b": (1, 2), "c": (1, 2)}
    shown = recipe._most_told(SimpleNamespace(scores=dict.fromkeys("cba")),  # type: ignore[arg-type]
                              SimpleNamespace(truth=truth))  # type: ignore[arg-type]
    assert shown == "b"


def test_data_and_out_are_needed() -> None:
    with pytest.raises(UsageError, match="--data and --out missing"):
        train_spot(small_config())


def test_runs_are_scored_again_and_folds_pooled(run: Path, store: Path, tmp_path: Path) -> None:
    other = trained(store, tmp_path / "fold1", "split.fold=1")
    found = [evaluate_spot_run(path) for path in (run, other)]
    record = json.loads((run / "run.json").read_text())
    for part in ("micro", "macro", "overall"):
        for name in ("tp", "fp", "fn", "f1"):
            assert found[0]["test"][part][name] == record["scores"][part][name]
    pooled = pool_spot_runs(found)["seed 0"]
    for name in ("tp", "fp", "fn"):
        assert pooled["test"]["micro"][name] == sum(one["test"]["micro"][name] for one in found)
    assert pooled["test"]["micro"]["tp"] + pooled["test"]["micro"]["fn"] == 2
    with pytest.raises(UsageError, match="tested by"):
        pool_spot_runs([found[0], found[0]])


def test_other_data_need_force(run: Path, tmp_path: Path) -> None:
    from trees.long_store import write_long_store

    other = write_long_store(tmp_path / "other", subjects=2, seed=9, name="elsewhere")
    with pytest.raises(NeuroferError, match="--force"):
        evaluate_spot_run(run, [other])
    found = evaluate_spot_run(run, [other], force=True)
    assert found["videos"] == ["p0_0", "p1_0"]
