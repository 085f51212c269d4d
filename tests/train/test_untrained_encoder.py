"""The control of a transfer: an encoder of fresh weights that stays as it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from safetensors.torch import load_file

from neurofer.config import load_config
from neurofer.errors import UsageError
from neurofer.models.encoder import Encoder
from neurofer.models.recurrent import SequenceClassifier
from neurofer.train.config import TrainConfig
from neurofer.train.recognise import train_recogniser
from neurofer.train.run_folder import load_run

Make = Callable[..., TrainConfig]
WEIGHTS = ("conv.weight", "conv.bias", "neck.weight", "neck.bias")


def test_its_weights_are_those_it_started_with_and_its_norms_are_measured(small_config: Make) -> None:
    config = small_config("ann", "model.mode=random", "train.epochs=1")
    one = load_file(train_recogniser(config) / "model.safetensors")
    other = load_file(train_recogniser(small_config("ann", "model.mode=random", "train.epochs=3", out="longer"))
                      / "model.safetensors")
    encoder = [name for name in one if name.startswith("encoder.")]
    assert all(torch.equal(one[name], other[name]) for name in encoder)
    assert any(not torch.equal(one[name], other[name]) for name in one if name.startswith("head."))
    means = [one[name] for name in encoder if name.endswith("running_mean")]
    assert means
    assert all(value.abs().sum() > 0 for value in means)
    assert load_run(config.out or "").card["encoder"] is None


def test_settled_norms_are_the_mean_over_batches() -> None:
    torch.manual_seed(0)
    network = SequenceClassifier(Encoder(16, 0.125), classes=2, context_windows=1, lstm_layers=0)
    first, second = torch.randn(1, 8, 3, 16, 16), 3 + torch.randn(1, 8, 3, 16, 16)
    network.settle_norms([first, second])
    norm, before = network.encoder.blocks[1].norm, network.encoder.blocks[1].conv
    wanted = [before(network.encoder.blocks[0](batch.flatten(0, 1))).mean(dim=(0, 2, 3)) for batch in (first, second)]
    torch.testing.assert_close(norm.running_mean, (wanted[0] + wanted[1]) / 2, rtol=1e-5, atol=1e-6)  # float32 sums
    assert norm.momentum == 0.1


def test_fresh_weights_come_from_nowhere() -> None:
    with pytest.raises(UsageError, match="scratch and random start with fresh weights"):
        load_config(TrainConfig, None, ["model.mode=random", "model.encoder_from=gan"])
