"""A trained ANN teaches a spiking network: it is heard, it is named, and it may not have seen too much."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from neurofer.config import load_config
from neurofer.data.store import open_store
from neurofer.errors import BadFileError, NeuroferError
from neurofer.train.checkpoint import save_weights
from neurofer.train.config import TrainConfig
from neurofer.train.data import prepare
from neurofer.train.distill import taught_probabilities, wanted_teacher
from neurofer.train.processes import Processes
from neurofer.train.recognise import train_recogniser
from neurofer.train.run_folder import read_card, write_card
from neurofer.train.snn import SnnTask, TaughtBatch

Make = Callable[..., TrainConfig]


@pytest.fixture(scope="module")
def trained(blob_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished ann run, of whose folder every test gets a copy."""
    words = ["backend=ann", f"data='{blob_store}'", f"out='{tmp_path_factory.mktemp('ann') / 'run'}'",
             "model.size_px=16", "model.width=0.125", "represent.window_us=50000", "train.epochs=1", "train.threads=1"]
    return train_recogniser(load_config(TrainConfig, None, words))


@pytest.fixture
def teacher(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "teacher"))


def change_card(run: Path, **said: object) -> None:
    card = {key: value for key, value in read_card(run).items() if key not in ("files", "digest", "card_digest")}
    write_card(run, {**card, **said})


def test_a_teacher_is_heard_and_named(teacher: Path, small_config: Make) -> None:
    alone = train_recogniser(small_config("snn", "train.epochs=1", out="alone"))
    taught = train_recogniser(small_config("snn", "train.epochs=1", f"distill.run='{teacher}'", out="taught"))
    assert (alone / "model.safetensors").read_bytes() != (taught / "model.safetensors").read_bytes()
    card, record = read_card(taught), json.loads((taught / "run.json").read_text())
    assert card["teacher"] == record["teacher"]
    assert card["teacher"]["digest"] == read_card(teacher)["digest"]
    assert card["teacher"]["run"] == "teacher"
    assert card["teacher"]["subjects"] == read_card(teacher)["protocol"]["split"]["train"]
    assert str(teacher) not in (taught / "run.json").read_text() + (taught / "card.json").read_text()
    assert read_card(alone)["teacher"] is None


def test_what_is_taught_is_what_the_teacher_says(teacher: Path, small_config: Make, blob_store: Path,
                                                 tmp_path: Path) -> None:
    config, clip_set = small_config("snn", "train.epochs=1", f"distill.run='{teacher}'"), open_store(blob_store)
    found = wanted_teacher(config, clip_set)
    assert found is not None
    prepared = prepare(config, clip_set, None, tmp_path)
    taught = taught_probabilities(found, clip_set, prepared.partition, tmp_path, Processes("cpu"))
    theirs = prepare(found.run.config, clip_set, None, tmp_path).task.decide(found.run.model, prepared.numbers["train"])
    np.testing.assert_array_equal(taught[prepared.numbers["train"]], theirs.probabilities)
    assert np.isnan(taught[prepared.numbers["test"]]).all()
    assert isinstance(prepared.task, SnnTask)
    prepared.task.teach(taught)
    batch = next(prepared.task.batches(np.random.default_rng(0)))
    assert isinstance(batch, TaughtBatch)
    order = np.random.default_rng(0).permutation(prepared.numbers["train"])[: len(batch.taught)]
    torch.testing.assert_close(batch.taught.double(), torch.from_numpy(taught[order]), rtol=0, atol=1e-7)
    with pytest.raises(ValueError, match="probabilities of every training clip"):
        prepared.task.teach(taught[:5])


def test_every_reason_against_a_teacher_is_told_together(teacher: Path, small_config: Make) -> None:
    change_card(teacher, classes=["down", "left", "up"], data={"name": "blobs", "digest": "0" * 64})
    config = small_config("snn", "train.epochs=1", f"distill.run='{teacher}'", "split.seed=3")
    with pytest.raises(NeuroferError) as refused:
        train_recogniser(config)
    said = str(refused.value)
    for reason in ("classes: need down, left, right, the teacher has down, left, up",
                   "data: need the store with digest", "the teacher was trained on 000000000000",
                   "subjects trained the teacher: s", "train it with the same split"):
        assert reason in said


def test_a_teacher_whose_epoch_the_tested_chose_is_refused(teacher: Path, small_config: Make) -> None:
    split = read_card(teacher)["protocol"]["split"]
    change_card(teacher, protocol={"name": "other", "split": split | {"validation": split["test"], "test": []}})
    with pytest.raises(NeuroferError, match="test subjects chose the teacher's epoch"):
        train_recogniser(small_config("snn", "train.epochs=1", f"distill.run='{teacher}'"))


def test_a_teacher_whose_card_and_record_differ_has_seen_both(teacher: Path, small_config: Make) -> None:
    split = read_card(teacher)["protocol"]["split"]
    everybody = sorted(name for part in ("train", "validation", "test") for name in split[part])
    config = small_config("snn", "train.epochs=1", f"distill.run='{teacher}'", "split.seed=3")
    change_card(teacher, protocol={"name": "other", "split": {"train": [], "validation": [], "test": everybody}})
    with pytest.raises(NeuroferError, match="does not say whom it has seen"):
        train_recogniser(config)
    change_card(teacher, protocol={"name": "other", "split": {
        "train": everybody[:1], "validation": [], "test": everybody[1:]}})
    with pytest.raises(NeuroferError, match="subjects trained the teacher: s"):
        train_recogniser(config)


def test_a_teacher_whose_encoder_has_seen_the_tested_is_refused(teacher: Path, small_config: Make) -> None:
    tested = read_card(teacher)["protocol"]["split"]["test"]
    change_card(teacher, encoder={"mode": "finetune", "subjects": tested})
    with pytest.raises(NeuroferError, match=f"test subjects trained the teacher: {tested[0]}"):
        train_recogniser(small_config("snn", "train.epochs=1", f"distill.run='{teacher}'"))


def test_spiking_unfinished_and_altered_teachers_are_refused(teacher: Path, small_config: Make,
                                                             tmp_path: Path) -> None:
    spiking = train_recogniser(small_config("snn", "train.epochs=1", out="spiking"))
    with pytest.raises(NeuroferError, match="backend: need ann, the teacher has snn"):
        train_recogniser(small_config("snn", "train.epochs=1", f"distill.run='{spiking}'"))
    with pytest.raises(BadFileError, match="no such run folder"):
        train_recogniser(small_config("snn", "train.epochs=1", f"distill.run='{tmp_path / 'nobody'}'"))
    with open(teacher / "model.safetensors", "r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    with pytest.raises(BadFileError, match="was altered after training"):
        train_recogniser(small_config("snn", "train.epochs=1", f"distill.run='{teacher}'"))


def test_a_run_goes_on_with_its_own_teacher_only(teacher: Path, small_config: Make,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    from neurofer.train import recognise
    from neurofer.train.loop import fit

    class Killed(Exception):  # noqa: N818  not an error, an end
        pass

    def stopping(*words: object, after_epoch, **named: object):  # type: ignore[no-untyped-def]
        def then(progress) -> None:  # type: ignore[no-untyped-def]
            raise Killed

        return fit(*words, after_epoch=then, **named)  # type: ignore[arg-type]

    config = small_config("snn", "train.epochs=1", f"distill.run='{teacher}'")
    whole = train_recogniser(small_config("snn", "train.epochs=1", f"distill.run='{teacher}'", out="whole"))
    with monkeypatch.context() as patched:
        patched.setattr(recognise, "fit", stopping)
        with pytest.raises(Killed):
            train_recogniser(config)
    folder = train_recogniser(config, resume=True)
    assert (folder / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(recognise, "fit", stopping)
        with pytest.raises(Killed):
            train_recogniser(config, overwrite=True)
    weights = load_file(teacher / "model.safetensors")
    save_weights(teacher / "model.safetensors", {name: value + 1 for name, value in weights.items()})
    change_card(teacher)
    with pytest.raises(BadFileError, match="a run with other teacher; resume"):
        train_recogniser(config, resume=True)
    with pytest.raises(NeuroferError, match="a finished run with other weights of its teacher"):
        train_recogniser(small_config("snn", "train.epochs=1", f"distill.run='{teacher}'", out="whole"), resume=True)


def test_the_option_and_what_it_needs(run_cli: Callable[..., object], tmp_path: Path) -> None:
    found = run_cli("train", "--backend", "ann", "--distill", tmp_path / "run", "--data", tmp_path, "--out", tmp_path)
    assert found.code == 2  # type: ignore[attr-defined]
    assert "distill.run teaches a spiking network, backend is ann" in found.err  # type: ignore[attr-defined]
    twice = run_cli("train", "--backend", "snn", "--distill", "a", "distill.run=b")
    assert twice.code == 2  # type: ignore[attr-defined]
    assert "distill.run is given by --distill and by distill.run=...; give it once" in twice.err  # type: ignore[attr-defined]


def test_a_network_for_a_chip_may_be_taught(teacher: Path, small_config: Make) -> None:
    from neurofer.hardware.export import export_chip
    from neurofer.train.run_folder import load_run

    run = load_run(train_recogniser(small_config("snn", "snn.quantise=loihi1", "snn.integer_share=0.5",
                                                 "train.epochs=2", f"distill.run='{teacher}'")))
    assert run.card["teacher"]["run"] == "teacher"
    assert all(not one.different for one in export_chip(run, "loihi1").compared or ())
