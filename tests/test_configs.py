"""Every shipped configuration is read, opens with its command, and builds its network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from neurofer.config import dump_config, load_config, shipped_configs
from neurofer.errors import UsageError
from neurofer.represent import build_representation
from neurofer.train.build import build_recogniser
from neurofer.train.config import TrainConfig
from neurofer.train.gan import build_gan
from neurofer.train.micro.config import MicroConfig
from neurofer.train.micro.stages import empty_classifier
from neurofer.train.pretrain_config import PretrainConfig

NAMES = ("ann_demo", "ann_synthetic", "evtransfer_256", "snn_demo", "snn_synthetic")
MICRO = ("mersiamc3d", "mersiamc3d_synthetic", "micro_ann", "micro_snn")
PRETRAIN = ("pretrain_256", "pretrain_snn_synthetic", "pretrain_synthetic")


def test_all_are_shipped() -> None:
    assert {*NAMES, *PRETRAIN, *MICRO} <= set(shipped_configs())


@pytest.mark.parametrize("name", [*NAMES, *PRETRAIN, *MICRO])
def test_it_says_its_command(name: str) -> None:
    path = shipped_configs()[name]
    opening = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    commands = [line.lstrip("# ") for line in opening if re.match(r"# neurofer ", line)]
    assert commands == [command for command in commands if f"--config {name} " in command]
    assert len(commands) == 1
    assert path.read_text(encoding="utf-8").startswith("#")


@pytest.mark.parametrize("name", NAMES)
def test_it_builds(name: str) -> None:
    config = load_config(TrainConfig, shipped_configs()[name])
    assert config.backend == ("snn" if name.startswith("snn") else "ann")
    channels = 2
    if config.backend == "ann":
        channels = build_representation(config.represent.kind, **config.represent.settings).channels
    assert sum(value.numel() for value in build_recogniser(config, tuple("abcdefg"), channels).parameters()) > 0


@pytest.mark.parametrize("name", [name for name in PRETRAIN if "snn" not in name])
def test_a_generator_is_built_for_the_classifier_that_takes_its_encoder(name: str) -> None:
    config = load_config(PretrainConfig, shipped_configs()[name])
    channels = build_representation(config.represent.kind, **config.represent.settings).channels
    with torch.device("meta"):
        encoder = build_gan(config, channels).generator.encoder
    other = load_config(TrainConfig, shipped_configs()[name.replace("pretrain_256", "evtransfer_256")
                                                       .replace("pretrain_synthetic", "ann_synthetic")])
    assert config.represent == other.represent
    assert (encoder.size_px, encoder.width) == (other.model.size_px, other.model.width)


@pytest.mark.parametrize("name", MICRO)
def test_a_micro_network_is_built(name: str) -> None:
    config = load_config(MicroConfig, shipped_configs()[name])
    assert config.backend == ("snn" if name == "micro_snn" else "ann")
    model = empty_classifier(config, 3).eval()
    size_px = config.input.size_px
    assert model(torch.zeros(2, 3, 10, size_px, size_px)).shape == (2, 3)
    parameters = sum(value.numel() for value in model.parameters())
    assert parameters == 1_247_811 or name != "mersiamc3d"  # the reference's number, both biases and batch norm


@pytest.mark.parametrize("name", [*NAMES, *PRETRAIN, *MICRO])
def test_the_resolved_form_is_read_back_the_same(name: str, tmp_path: Path) -> None:
    model = PretrainConfig if name in PRETRAIN else MicroConfig if name in MICRO else TrainConfig
    config = load_config(model, shipped_configs()[name])
    (tmp_path / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    assert load_config(model, tmp_path / "config.yaml") == config


@pytest.mark.parametrize("model", [TrainConfig, PretrainConfig])
def test_numbers_that_no_generator_and_no_power_can_take_are_refused(model: type[TrainConfig | PretrainConfig]) -> None:
    key = "sample.event_power" if model is TrainConfig else "train.event_power"
    assert load_config(model, None, ["seed=18446744073709551615"]).seed == 2**64 - 1
    with pytest.raises(UsageError) as told:
        load_config(model, None, ["seed=18446744073709551616", f"{key}=.inf"])
    assert "seed is 18446744073709551616; need at most 18446744073709551615" in str(told.value)
    assert f"{key} is .inf; need at most 16" in str(told.value)


def test_the_preset_of_the_paper_has_its_size() -> None:
    config = load_config(TrainConfig, shipped_configs()["evtransfer_256"])
    model = build_recogniser(config, tuple("abcdefg"), 3)
    assert sum(value.numel() for value in model.parameters()) == 25_977_543
