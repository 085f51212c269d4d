"""A run for a chip stops before anything is prepared if the chip cannot run its network; every reason is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from neurofer.errors import NeuroferError, UsageError
from neurofer.train import recognise
from neurofer.train.config import TrainConfig
from neurofer.train.recognise import train_recogniser
from neurofer.train.target import refuse_outside_target

Make = Callable[..., TrainConfig]
CLASSES = ("down", "left", "right")


def reasons(config: TrainConfig) -> list[str]:
    with pytest.raises(UsageError) as told:
        refuse_outside_target(config, CLASSES)
    first, *rest = str(told.value).splitlines()
    assert first == f"snn.target={config.snn.target}: it cannot run this network exactly:"
    return [line.removeprefix("  - ") for line in rest]


@pytest.mark.parametrize("target", ["loihi1", "loihi2"])
def test_usual_networks_pass_and_without_a_target_nothing_is_asked(target: str, small_config: Make) -> None:
    refuse_outside_target(small_config("snn", f"snn.target={target}"), CLASSES)
    refuse_outside_target(small_config("snn", "snn.per_channel=true", "snn.input=graded"), CLASSES)
    refuse_outside_target(small_config("ann", f"snn.target={target}", "snn.per_channel=true"), CLASSES)


def test_nothing_is_prepared_and_no_folder_is_made(small_config: Make, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*words: object, **named: object) -> None:
        raise AssertionError("prepared all the same")

    monkeypatch.setattr(recognise, "prepare", never)
    config = small_config("snn", "snn.target=loihi2", "snn.per_channel=true", "snn.alpha=0.99999", "snn.input=graded")
    with pytest.raises(UsageError) as told:
        train_recogniser(config)
    for reason in ("input: graded", "decays of each channel", "conv1: alpha", "conv2: alpha", "dense1: alpha"):
        assert reason in str(told.value)
    assert not (tmp_path / "run").exists()


def test_a_target_changes_no_draw(small_config: Make) -> None:
    one, two = (train_recogniser(small_config("snn", "train.epochs=1", *more, out=name)) / "model.safetensors"
                for name, more in (("one", ()), ("two", ("snn.target=loihi1",))))
    assert one.read_bytes() == two.read_bytes()


def test_layers_that_cannot_be_built_are_told_with_all_else(small_config: Make) -> None:
    layers = ("[{kind: conv, outputs: 4, bias: true}, {kind: maxpool, outputs: 4}, "
              "{kind: conv, outputs: 8, groups: 2, alpha: 1.0}]")
    found = reasons(small_config("snn", "snn.target=loihi1", f"snn.layers={layers}", "snn.input=graded"))
    assert [line.partition(" (")[0] for line in found] == [
        "input: graded spikes", "maxpool1: kind 'maxpool'", "conv2: alpha 1 is outside register iDecay",
        "conv1: bias", "conv2: groups 2"]


def test_a_read_out_of_membranes_and_neurons_of_another_kind(small_config: Make) -> None:
    found = reasons(small_config("snn", "snn.target=loihi1", "snn.readout=integrator", "snn.loss=membrane"))
    assert [line.partition(" (")[0] for line in found] == ["dense1: neurons that never fire"]


def test_layers_that_only_do_not_fit_are_told_in_their_own_words(small_config: Make) -> None:
    config = small_config("snn", "snn.target=loihi1", "snn.layers=[{kind: conv, outputs: 4, kernel: 99}]")
    with pytest.raises(UsageError, match="kernel"):
        refuse_outside_target(config, CLASSES)


def test_the_published_spiking_network_is_not_for_chips(small_config: Make) -> None:
    found = reasons(small_config("snn", "snn.target=loihi2", "snn.preset=sew_resnet18", "snn.input=slices",
                                 "snn.width=0.125"))
    for what, how_many in (("BatchNorm2d", 20), ("MaxPool2d", 1), ("skip connection", 8), ("bias", 1),
                           ("slices instead", 1), ("mean over places", 1), ("never fires", 1), ("without leak", 1)):
        assert sum(what in line for line in found) == how_many, (what, found)


def test_the_command_exits_with_2(run_cli: Callable, blob_store: Path, tmp_path: Path) -> None:
    result = run_cli("train", "--backend", "snn", "--data", blob_store, "--out", tmp_path / "run",
                     "snn.target=loihi1", "snn.per_channel=true", "snn.input=graded")
    assert result.code == 2
    assert "decays of each channel" in result.err
    assert "graded spikes" in result.err


def test_neurons_that_cannot_be_built_are_told_with_all_else(small_config: Make) -> None:
    found = reasons(small_config("snn", "snn.target=loihi1", "snn.neuron=slayer.cuba", "snn.per_channel=true",
                                 "snn.readout=integrator", "snn.alpha=0.99999"))
    for reason in ("slayer.cuba", "decays of each channel", "conv1: alpha", "dense1: alpha", "dense1: neurons"):
        assert any(reason in line for line in found), reason


NONSENSE = [
    ("{kind: conv, outputs: abc}", "snn.layers[0]: outputs must be a whole number, got 'abc'"),
    ("{kind: conv, outputs: true}", "snn.layers[0]: outputs must be a whole number, got True"),
    ("{kind: [a], outputs: 2}", "snn.layers[0]: kind must be conv or dense, got ['a']"),
    ("{kind: conv, outputs: 2, kernel: [[3], 3]}", "kernel must be one or two whole numbers, got [[3], 3]"),
    ("{kind: conv, outputs: 2, beta: x, bias: 1}", "snn.layers[0]: unknown key 'bias'; beta must be a number, got 'x'"),
    ("{kind: conv}", "snn.layers[0]: outputs is missing"),
    ("{kind: conv, outputs: 1000000000}", "conv1: 18000000000 weights are more than"),
    ("{kind: dense, outputs: 1000000000}", "dense1: 1000000000 neurons are more than"),
    ("{kind: conv, outputs: 2, padding: 100000000}", "neurons are more than"),
    ("{kind: conv, outputs: 2, stride: 100000000, padding: 100000000}", "neurons are more than"),
    ("{kind: conv, outputs: 2, theta: .inf}", "conv1: theta must be above 0 and finite, got inf"),
]


@pytest.mark.parametrize(("layer", "said"), NONSENSE)
def test_layers_that_make_no_sense_are_told_before_anything_is_prepared(layer: str, said: str, small_config: Make,
                                                                        tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told:
        train_recogniser(small_config("snn", f"snn.layers=[{layer}]"))
    assert said in str(told.value)
    assert not (tmp_path / "run").exists()


def test_every_layer_that_makes_no_sense_is_told(small_config: Make) -> None:
    with pytest.raises(UsageError) as told:
        refuse_outside_target(small_config("snn", "snn.layers=[{kind: conv, outputs: a}, {outputs: 2.5}]"), CLASSES)
    assert str(told.value).splitlines()[1:] == [
        "  - snn.layers[0]: outputs must be a whole number, got 'a'",
        "  - snn.layers[1]: kind is missing; outputs must be a whole number, got 2.5"]


def test_decisions_further_apart_than_any_clip_is_long_are_refused(small_config: Make) -> None:
    with pytest.raises(NeuroferError, match="no clip of the validation part is as long as snn.decision_us=500000, the "
                                            "longest has 400000 us"):
        train_recogniser(small_config("snn", "snn.decision_us=500000"))


@pytest.mark.parametrize("key", ["snn.slope", "snn.rate_gain", "snn.operations_weight", "distill.temperature"])
def test_endless_numbers_are_refused(key: str, small_config: Make) -> None:
    with pytest.raises(UsageError, match=f"{key} is .inf; need a finite number"):
        small_config("snn", f"{key}=.inf")
