"""A run for a chip: it computes in integers whenever it is judged, ends trained in them, resumes to the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from neurofer.errors import NeuroferError, UsageError
from neurofer.evaluate.recognition import evaluate_run
from neurofer.hardware.quantise import Reading, chip_network
from neurofer.hardware.simulate import simulate
from neurofer.spiking.network import SpikingNetwork
from neurofer.train import recognise
from neurofer.train.cast import cast_run
from neurofer.train.config import TrainConfig
from neurofer.train.quantised import arithmetic_by_epoch, integer_epochs
from neurofer.train.recognise import train_recogniser
from neurofer.train.run_folder import load_run
from neurofer.train.target import refuse_outside_target
from trees.kills import Killed, kill_after

Make = Callable[..., TrainConfig]
CHIP = ("snn.quantise=loihi2", "train.lr=5e-2")


@pytest.fixture
def network(small_config: Make) -> SpikingNetwork:
    from neurofer.train.build import build_recogniser

    torch.manual_seed(0)
    built = build_recogniser(small_config("snn", *CHIP), ("a", "b", "c"), 2)
    assert isinstance(built, SpikingNetwork)
    return built


@pytest.mark.parametrize(("epochs", "share", "wanted"), [(36, 0.1, 4), (10, 0.1, 1), (2, 0.1, 1), (5, 0.0, 0),
                                                         (5, 1.0, 5), (30, 0.1, 3)])
def test_the_last_tenth_of_the_epochs_is_in_integers(epochs: int, share: float, wanted: int,
                                                     small_config: Make) -> None:
    config = small_config("snn", *CHIP, f"train.epochs={epochs}", f"snn.integer_share={share}")
    assert integer_epochs(config) == wanted
    assert integer_epochs(small_config("snn", f"train.epochs={epochs}")) == 0


def test_scales_are_kept_from_the_first_integer_epoch_on_and_the_mean_has_the_same(
        network: SpikingNetwork, small_config: Make) -> None:
    import copy

    before = arithmetic_by_epoch(small_config("snn", *CHIP, "train.epochs=10"))
    mean = copy.deepcopy(network)
    with torch.no_grad():
        for layer in mean.spiking_layers():
            layer.weight.mul_(0.7)
    before(8, (network, mean))
    assert [layer.arithmetic for layer in network.train().spiking_layers()] == ["fake"] * 3
    assert not any(float(layer.kept_scale) for layer in network.spiking_layers())
    before(9, (network, mean))
    assert [layer.arithmetic for layer in network.spiking_layers()] == ["integer"] * 3
    kept = [float(layer.kept_scale) for layer in network.spiking_layers()]
    assert all(kept)
    assert [float(layer.kept_scale) for layer in mean.spiking_layers()] == kept


def test_it_learns_and_what_it_says_is_what_the_chip_says(small_config: Make) -> None:
    config = small_config("snn", *CHIP, "train.epochs=20", "train.average=0.9")
    run = load_run(train_recogniser(config))
    assert run.card["metrics"]["validation_accuracy"] >= 0.8  # six clips of one unseen subject, chance is a third
    assert run.card["quantised"]["for"] == "loihi2"
    assert run.card["quantised"]["integer_epochs"] == 2
    assert 0 <= run.card["quantised"]["float"]["accuracy"] <= 1
    assert isinstance(run.model, SpikingNetwork)
    chip = chip_network(run.model, Reading.of_card(run.card))
    spikes = (torch.rand(50, 3, 2, 16, 16, generator=torch.Generator().manual_seed(0)) < 0.2).float()
    traces, _ = simulate(chip, spikes.numpy().astype("uint8"))
    with torch.no_grad():
        for trained, simulated in zip(run.model.activity(spikes)[0], traces, strict=True):
            assert torch.equal(trained, torch.from_numpy(simulated).float())


def test_the_score_of_the_run_is_that_of_the_integers(small_config: Make) -> None:
    run = load_run(train_recogniser(small_config("snn", *CHIP, "train.epochs=4")))
    again = evaluate_run(run)
    assert again["metrics"]["clip"]["accuracy"] == run.card["metrics"]["test"]["accuracy"]
    assert isinstance(run.model, SpikingNetwork)
    assert {layer.arithmetic for layer in run.model.spiking_layers()} == {"integer"}


@pytest.mark.parametrize("killed_after", [2, 5])
def test_a_killed_run_goes_on_to_the_same_bytes(killed_after: int, small_config: Make,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    settings = (*CHIP, "train.epochs=6", "snn.integer_share=0.5", "train.average=0.9")
    whole = train_recogniser(small_config("snn", *settings, out="whole"))

    config = small_config("snn", *settings, out="killed")
    with monkeypatch.context() as patch:
        kill_after(killed_after, recognise, "fit", patch)
        with pytest.raises(Killed):
            train_recogniser(config)
    killed = train_recogniser(config, resume=True)
    assert (whole / "model.safetensors").read_bytes() == (killed / "model.safetensors").read_bytes()
    assert json.loads((whole / "card.json").read_text())["quantised"] == \
        json.loads((killed / "card.json").read_text())["quantised"]


def test_what_the_chip_cannot_run_is_told_before_anything_is_prepared(
        small_config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*words: object, **named: object) -> None:
        raise AssertionError("prepared all the same")

    monkeypatch.setattr(recognise, "prepare", never)
    config = small_config("snn", "snn.quantise=loihi1", "snn.per_channel=true", "snn.input=graded", "snn.size_px=128",
                          "snn.layers=[{kind: conv, outputs: 1}]")
    with pytest.raises(UsageError, match=r"snn\.quantise=loihi1: it cannot run this network exactly") as told:
        train_recogniser(config)
    for reason in ("input: graded", "decays of each channel", "dense1"):
        assert reason in str(told.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("setting", "reason"), [
    ("snn.target=loihi1", "another chip than target=loihi1"),
    ("snn.neuron=snntorch.synaptic", "has no form; use cuba or lif")])
def test_settings_that_do_not_go_together(setting: str, reason: str, small_config: Make) -> None:
    with pytest.raises(UsageError, match=reason):
        small_config("snn", *CHIP, setting)


def test_a_target_of_the_same_chip_may_be_said_too(small_config: Make) -> None:
    config = small_config("snn", *CHIP, "snn.target=loihi2")
    assert config.snn.chip == "loihi2"
    refuse_outside_target(config, ("a", "b", "c"))


def test_an_encoder_trained_in_floats_may_be_tuned_for_a_chip(small_config: Make) -> None:
    from neurofer.train.build import build_recogniser
    from neurofer.train.transfer import PretrainedEncoder, take_encoder

    plain = build_recogniser(small_config("snn"), ("a", "b", "c"), 2)
    assert isinstance(plain, SpikingNetwork)
    state = {f"encoder.layers.{number}.{name}": value.detach().clone()
             for number, layer in enumerate(plain.spiking_layers()[:2]) for name, value in layer.named_parameters()}
    fields = dict.fromkeys(PretrainedEncoder.__dataclass_fields__) | {"state": state, "run": Path("gan")}
    chip: nn.Module = build_recogniser(small_config("snn", *CHIP), ("a", "b", "c"), 2)
    take_encoder(chip, PretrainedEncoder(**fields), small_config("snn", *CHIP))  # type: ignore[arg-type]
    assert isinstance(chip, SpikingNetwork)
    assert torch.equal(chip.spiking_layers()[1].weight, plain.spiking_layers()[1].weight)


def test_a_run_for_a_chip_is_not_cast_to_float_neurons(small_config: Make, tmp_path: Path) -> None:
    run = train_recogniser(small_config("snn", *CHIP, "train.epochs=1"))
    with pytest.raises(NeuroferError, match=r"computes in float numbers, the network in a chip's integers"):
        cast_run(run, tmp_path / "cast", "snntorch.synaptic")
