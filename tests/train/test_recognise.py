"""The whole recipe on blobs: it learns, repeats, resumes to the same bytes, and refuses what it must."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.evaluate.recognition import evaluate_run
from neurofer.train import recognise
from neurofer.train.config import TrainConfig
from neurofer.train.recognise import train_recogniser
from neurofer.train.run_folder import load_run, read_card, write_card
from trees.kills import Killed, kill_after

Make = Callable[..., TrainConfig]
FILES = {"model.safetensors", "config.yaml", "card.json", "metrics.jsonl", "run.json", "predictions.csv", "windows.csv",
         "curves.png", "confusion.png", "anytime.png"}


def history(folder: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if "seconds" not in name} for row in rows]


@pytest.mark.parametrize(("backend", "more"), [("ann", ["train.epochs=20"]),
                                               ("snn", ["train.epochs=20", "train.lr=5e-2"])])
def test_it_learns_and_leaves_a_whole_folder(backend: str, more: list[str], small_config: Make) -> None:
    folder = train_recogniser(small_config(backend, *more))
    assert {path.name for path in folder.iterdir()} == FILES
    card = json.loads((folder / "card.json").read_text())
    assert card["metrics"]["validation_accuracy"] >= 0.8  # six clips of one unseen subject, chance is a third
    record = json.loads((folder / "run.json").read_text())
    parts = [set(record["split"][part]) for part in ("train", "validation", "test")]
    assert not (parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2])
    assert record["test"]["reads"] == 1
    assert str(folder) not in (folder / "run.json").read_text()
    with open(folder / "predictions.csv", newline="") as file:
        said = list(csv.DictReader(file))
    assert {row["subject"] for row in said} == parts[2]
    strongest = [max(card["classes"], key=lambda name: float(row[name])) for row in said]  # noqa: B023
    assert strongest == [row["predicted"] for row in said]
    right = [row["truth"] == row["predicted"] for row in said]
    assert sum(right) / len(said) == card["metrics"]["test"]["accuracy"]
    with open(folder / "windows.csv", newline="") as file:
        windows = list(csv.DictReader(file))
    assert len(windows) == record["test"]["result"]["metrics"]["window"]["samples"]
    assert [row["window"] for row in windows if row["clip"] == said[0]["clip"]][:3] == ["0", "1", "2"]
    assert [row["epoch"] for row in history(folder)] == list(range(1, len(history(folder)) + 1))


@pytest.mark.parametrize("backend", ["ann", "snn"])
def test_two_runs_of_one_seed_are_the_same_and_another_seed_is_not(backend: str, small_config: Make) -> None:
    one, two, other = (train_recogniser(small_config(backend, f"seed={seed}", out=name))
                       for name, seed in (("one", 0), ("two", 0), ("other", 1)))
    assert history(one) == history(two)
    assert (one / "model.safetensors").read_bytes() == (two / "model.safetensors").read_bytes()
    assert (one / "model.safetensors").read_bytes() != (other / "model.safetensors").read_bytes()


@pytest.mark.parametrize("backend", ["ann", "snn"])
def test_a_killed_run_resumes_to_the_same_bytes(backend: str, small_config: Make,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train_recogniser(small_config(backend, "train.epochs=4", "train.average=0.9", out="whole"))
    config = small_config(backend, "train.epochs=4", "train.average=0.9", out="killed")
    with monkeypatch.context() as patched:
        kill_after(2, recognise, "fit", patched)
        with pytest.raises(Killed):
            train_recogniser(config)
    torch.rand(7)  # what the process drew in between must not matter
    killed = Path(str(config.out))
    with pytest.raises(BadFileError, match=r"not finished; go on with .*--resume"):
        load_run(killed)
    train_recogniser(config, resume=True)
    assert (killed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert history(killed) == history(whole)
    assert {path.name for path in killed.iterdir()} == FILES


def test_resume_with_other_settings_is_refused(small_config: Make, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        kill_after(1, recognise, "fit", patched)
        with pytest.raises(Killed):
            train_recogniser(small_config("snn"))
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with pytest.raises(BadFileError, match="a run with other configuration; resume with the same"):
        train_recogniser(small_config("snn", "train.lr=1e-3"), resume=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_a_finished_run_is_not_touched_without_being_told(small_config: Make) -> None:
    folder = train_recogniser(small_config("snn"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(NeuroferError, match="holds a finished run; go on with --resume, replace it with --overwrite"):
        train_recogniser(small_config("snn"))
    train_recogniser(small_config("snn"), resume=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    with pytest.raises(NeuroferError, match="holds a finished run with other settings; replace it with --overwrite"):
        train_recogniser(small_config("snn", "seed=5"), resume=True)
    train_recogniser(small_config("snn", "seed=5"), overwrite=True)
    assert (folder / "model.safetensors").read_bytes() != before["model.safetensors"]


def test_data_that_cannot_be_used_leave_the_run_that_was_to_be_overwritten(small_config: Make) -> None:
    folder = train_recogniser(small_config("ann"))
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(NeuroferError, match="shorter than 3 windows"):
        train_recogniser(small_config("ann", "represent.window_us=200000"), overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_a_folder_with_other_files_is_refused(small_config: Make, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("years")
    with pytest.raises(NeuroferError, match="holds other files"):
        train_recogniser(small_config("snn"), overwrite=True)
    assert (tmp_path / "run" / "thesis.tex").read_text() == "years"


def test_a_diverging_loss_stops_with_a_sentence(small_config: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from neurofer.train.ann import AnnTask

    honest = AnnTask.loss

    def broken(self, model, batch):  # type: ignore[no-untyped-def]
        loss = honest(self, model, batch)
        return loss._replace(total=loss.total * float("nan"))

    monkeypatch.setattr(AnnTask, "loss", broken)
    with pytest.raises(NeuroferError, match=r"diverged: the loss is nan in epoch 1, step 1; use a smaller train\.lr"):
        train_recogniser(small_config("ann"))


def test_too_short_clips_are_named(small_config: Make) -> None:
    with pytest.raises(NeuroferError, match=r"36 clip\(s\) are shorter than 3 windows .* \(s0_0"):
        train_recogniser(small_config("ann", "represent.window_us=200000"))


def test_missing_data_and_an_unknown_representation_are_told(small_config: Make, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--data missing"):
        train_recogniser(small_config("ann").model_copy(update={"data": None}))
    with pytest.raises(BadFileError, match="no such store"):
        train_recogniser(small_config("ann").model_copy(update={"data": str(tmp_path / "nowhere")}))
    with pytest.raises(UsageError, match="tencodes"):
        train_recogniser(small_config("ann", "represent.kind=tencodes", "represent.settings={}"))


def test_a_full_disk_keeps_the_last_checkpoint(small_config: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    with monkeypatch.context() as patched:
        kill_after(1, recognise, "fit", patched)
        with pytest.raises(Killed):
            train_recogniser(small_config("snn"))
    folder = Path(str(small_config("snn").out))
    before = (folder / "checkpoint.safetensors").read_bytes()

    def full(*words: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("neurofer.train.checkpoint.save_file", full)
        with pytest.raises(BadFileError, match="the disk is full"):
            train_recogniser(small_config("snn"), resume=True)
    assert (folder / "checkpoint.safetensors").read_bytes() == before
    train_recogniser(small_config("snn"), resume=True)
    assert load_run(folder).card["metrics"]["best_epoch"] >= 1


def test_a_run_of_version_0_1_is_read(small_config: Make) -> None:
    config = small_config("snn", "train.epochs=1", "snn.rate_target=0.3")
    folder = train_recogniser(config)
    new_keys = {"snn": ("input", "layers", "encoder", "neuron", "neuron_options", "per_channel", "learn_theta",
                        "target", "readout", "surrogate", "truncate_steps", "recompute_steps", "loss", "membrane_gain",
                        "rate_sides", "operations_weight"), "train": ("optimiser", "momentum")}
    said = config.model_dump(mode="json", exclude={"slices": True, "distill": True} | {
        part: set(names) for part, names in new_keys.items()})
    said["snn"]["rate_limit"] = said["snn"].pop("rate_target")
    (folder / "config.yaml").write_text(json.dumps(said))
    card = {name: value for name, value in read_card(folder).items()
            if name not in ("anytime", "input", "input_events", "readout", "teacher")}
    write_card(folder, card)
    assert load_run(folder).config == config
    found = evaluate_run(load_run(folder))
    assert found["metrics"]["clip"]["accuracy"] == card["metrics"]["test"]["accuracy"]
