"""Run folders: loaded as they were written, or refused by the name of the file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from neurofer.errors import BadFileError
from neurofer.train.config import TrainConfig
from neurofer.train.recognise import train_recogniser
from neurofer.train.run_folder import load_run, write_card

CARD_KEYS = {"format", "version", "backend", "classes", "representation", "window_us", "size_px", "sensor", "box",
             "protocol", "metrics", "parameters", "operations", "digest", "licence", "dt_us"}


@pytest.fixture
def run(small_config: Callable[..., TrainConfig], tmp_path_factory: pytest.TempPathFactory,
        tmp_path: Path) -> Path:
    kept = tmp_path_factory.getbasetemp() / "kept-run"
    if not kept.exists():
        shutil.copytree(train_recogniser(small_config("snn", out="first")), kept)
    return Path(shutil.copytree(kept, tmp_path / "copy"))


def test_what_was_written_is_loaded(run: Path) -> None:
    loaded = load_run(run)
    weights = load_file(run / "model.safetensors")
    assert set(weights) == set(loaded.model.state_dict())
    assert all(torch.equal(value, loaded.model.state_dict()[name]) for name, value in weights.items())
    assert not loaded.model.training
    assert set(loaded.card) >= CARD_KEYS
    assert loaded.record["data"]["digest"] == loaded.card["data"]["digest"]


def test_the_three_files_of_the_model_are_enough(run: Path, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    for name in ("model.safetensors", "config.yaml", "card.json"):
        shutil.copy(run / name, tmp_path / "bare" / name)
    assert load_run(tmp_path / "bare").record == {}


@pytest.mark.parametrize("name", ["model.safetensors", "config.yaml", "card.json"])
def test_a_missing_file_is_named(run: Path, name: str) -> None:
    (run / name).unlink()
    with pytest.raises(BadFileError, match=rf"{name}: missing"):
        load_run(run)


@pytest.mark.parametrize("name", ["model.safetensors", "config.yaml", "metrics.jsonl", "run.json", "curves.png",
                                  "confusion.png", "predictions.csv", "windows.csv"])
def test_an_altered_file_is_named(run: Path, name: str) -> None:
    whole = bytearray((run / name).read_bytes())
    whole[-3] ^= 1
    (run / name).write_bytes(bytes(whole))
    with pytest.raises(BadFileError, match=rf"{name}: was altered after training .* train it again"):
        load_run(run)


def test_an_altered_card_is_told(run: Path) -> None:
    card = json.loads((run / "card.json").read_text())
    card["metrics"]["test"]["accuracy"] = 0.999
    (run / "card.json").write_text(json.dumps(card))
    with pytest.raises(BadFileError, match=r"card\.json: was altered"):
        load_run(run)


@pytest.mark.parametrize(("change", "message"), [({"format": "other"}, "format is 'other'"),
                                                 ({"version": 99}, "version 99 is newer")])
def test_another_format_or_version_is_refused(run: Path, change: dict[str, object], message: str) -> None:
    card = json.loads((run / "card.json").read_text()) | change
    (run / "card.json").write_text(json.dumps(card))
    with pytest.raises(BadFileError, match=message):
        load_run(run)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00\x01"])
def test_a_card_that_is_none_is_refused(run: Path, text: str) -> None:
    (run / "card.json").write_text(text)
    with pytest.raises(BadFileError, match=r"card\.json: is not a model card"):
        load_run(run)


def test_weights_of_another_network_are_refused(run: Path) -> None:
    card = json.loads((run / "card.json").read_text())
    save_file({"stranger": torch.zeros(3)}, run / "model.safetensors")
    write_card(run, {key: value for key, value in card.items() if key not in ("files", "digest", "card_digest")})
    with pytest.raises(BadFileError, match=r"model\.safetensors: does not fit its config\.yaml"):
        load_run(run)


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="no such run folder"):
        load_run(tmp_path / "nothing")
