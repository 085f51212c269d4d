"""``neurofer cast``: train with one library's neurons, use the native ones."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from neurofer.config import dump_config
from neurofer.train.build import build_recogniser
from neurofer.train.checkpoint import copy_weights, save_weights
from neurofer.train.config import TrainConfig
from neurofer.train.run_folder import load_run, write_card

TINY = ("snn.preset=tiny", "snn.size_px=16", "snn.dt_us=25000", "train.epochs=1", "train.batch=8", "train.lr=0.01")


def made_run(folder: Path, neuron: str, backend: str = "snn", **options: object) -> Path:
    """A run folder of an untrained network; the neuron's library is not needed."""
    snn = {"preset": "tiny", "size_px": 16, "neuron": "lif" if neuron == "norse.lifbox" else "cuba"}
    config = TrainConfig.model_validate({"backend": backend, "model": {"size_px": 16, "width": 0.125}, "snn": snn})
    folder.mkdir()
    model = build_recogniser(config, ("happy", "sad"), 2 if backend == "snn" else 3)
    save_weights(folder / "model.safetensors", copy_weights(model))
    said = config.model_dump() | {"snn": config.snn.model_dump() | {"neuron": neuron, "neuron_options": options}}
    (folder / "config.yaml").write_text(dump_config(TrainConfig.model_validate(said)), encoding="utf-8")
    write_card(folder, {"task": "recognise", "backend": backend, "classes": ["happy", "sad"],
                        "channels": 2 if backend == "snn" else 3})
    return folder


def test_train_with_snntorch_then_use_the_native_neuron(run_cli: Callable, blob_store: Path, tmp_path: Path) -> None:
    pytest.importorskip("snntorch")
    run, out = tmp_path / "run", tmp_path / "native"
    words = ("train", "--backend", "snn", "--data", blob_store, "--out", run, "--cache", tmp_path / "cache")
    assert run_cli(*words, "snn.neuron=snntorch.synaptic", *TINY).code == 0
    result = run_cli("cast", run, "-o", out)
    assert result.code == 0, result.err
    assert "cuba neurons" in result.out
    assert "(snntorch.synaptic); 0 of " in result.out
    card, before = (json.loads((folder / "card.json").read_text()) for folder in (out, run))
    assert card["cast"]["from_neuron"] == "snntorch.synaptic"
    assert card["cast"]["to_neuron"] == "cuba"
    assert card["cast"]["from_card_digest"] == before["card_digest"]
    assert card["cast"]["on_random_input"]["spikes"] > 0
    assert card["digest"] == before["digest"]
    assert (out / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
    evaluated = run_cli("evaluate", out, "--cache", tmp_path / "cache", "--json", tmp_path / "again.json")
    assert evaluated.code == 0, evaluated.err
    again, first = json.loads((tmp_path / "again.json").read_text()), json.loads((run / "run.json").read_text())
    for name in ("metrics", "confusion", "operations"):
        assert again[name] == first["test"]["result"][name]


def test_the_library_it_was_trained_with_need_not_be_there(run_cli: Callable, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "norse"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "norse", None)
    result = run_cli("cast", made_run(tmp_path / "run", "norse.lifbox"), "-o", tmp_path / "out")
    assert result.code == 0, result.err
    assert "lif neurons" in result.out
    assert "not compared on random input: neuron norse.lifbox needs norse: pip install" in result.out
    run = load_run(tmp_path / "out")
    assert run.card["cast"]["on_random_input"] is None
    assert run.config.snn.neuron == "lif"
    assert [float(layer.alpha) for layer in run.model.spiking_layers()] == [0.0] * 3
    again = run_cli("evaluate", tmp_path / "run")
    assert again.code == 1
    assert "neuron norse.lifbox needs norse: pip install --no-deps" in again.err


def test_every_reason_is_listed_by_layer(run_cli: Callable, tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", "snntorch.synaptic", reset_mechanism="subtract", reset_delay=True)
    result = run_cli("cast", run, "-o", tmp_path / "out")
    assert result.code == 1
    assert "a network of snntorch.synaptic neurons cannot become one of cuba exactly" in result.err
    assert result.err.count("\n  - ") == 6
    assert "  - dense1: snntorch.synaptic: reset_delay=true" in result.err
    assert not (tmp_path / "out").exists()
    slayer = run_cli("cast", made_run(tmp_path / "slayer", "slayer.cuba"), "-o", tmp_path / "out")
    assert slayer.code == 1
    assert "conv1: slayer.cuba: state in fixed point" in slayer.err


def test_what_cannot_be_cast(run_cli: Callable, tmp_path: Path) -> None:
    run, ann = made_run(tmp_path / "run", "cuba"), made_run(tmp_path / "ann", "cuba", "ann")
    out = tmp_path / "out"
    for words, code, told in (
        ((run, "--neuron", "lif", "-o", out), 1, "conv1: alpha is 0.75, but lif has no synaptic memory"),
        ((run, "--neuron", "norse", "-o", out), 2, "unknown neuron 'norse'; choose one of cuba, lif"),
        ((run, "-o", run), 2, "is the run itself"),
        ((ann, "-o", out), 1, "is no spiking recogniser"),
        ((tmp_path / "none", "-o", out), 1, "no such run folder"),
    ):
        result = run_cli("cast", *words)
        assert result.code == code
        assert told in result.err
        assert not out.exists()


def test_nothing_is_replaced_unasked(run_cli: Callable, tmp_path: Path) -> None:
    run, out = made_run(tmp_path / "run", "cuba"), tmp_path / "out"
    assert run_cli("cast", run, "-o", out).code == 0
    result = run_cli("cast", run, "-o", out)
    assert result.code == 1
    assert "holds a finished run" in result.err
    assert run_cli("cast", run, "-o", out, "--overwrite").code == 0


def test_training_with_a_neuron_that_is_not_known_ends_before_anything_is_read(run_cli: Callable,
                                                                               tmp_path: Path) -> None:
    words = ("train", "--backend", "snn", "--data", tmp_path / "none", "--out", tmp_path / "out")
    for settings, told in (
        (("snn.neuron=snntorch.lif",), "unknown neuron 'snntorch.lif'; choose one of cuba, lif, snntorch.leaky"),
        (("snn.neuron=snntorch.leaky", "snn.neuron_options.reset=zero"),
         "unknown option reset; it has reset_mechanism, reset_delay"),
    ):
        result = run_cli(*words, *settings)
        assert result.code == 2
        assert told in result.err
