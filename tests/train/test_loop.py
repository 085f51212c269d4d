"""The loop's parts: learning rate, reading ahead."""

from __future__ import annotations

import threading

import pytest
import torch

from neurofer.spiking.layers import dense
from neurofer.spiking.network import SpikingNetwork
from neurofer.train.config import OptimiseConfig
from neurofer.train.loop import ahead, follow, learning_rate


def test_the_learning_rate_warms_up_and_ends_near_zero() -> None:
    settings = OptimiseConfig(epochs=10, lr=1.0)
    rates = [learning_rate(settings, step, 20) for step in range(200)]
    assert rates[0] == pytest.approx(0.05)
    assert max(rates) == rates[19] == 1.0
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[-1] < 1e-3


def test_the_mean_of_weights_by_hand() -> None:
    mean, model = torch.nn.BatchNorm1d(1), torch.nn.BatchNorm1d(1)
    with torch.no_grad():
        mean.weight.fill_(1.0)
        model.weight.fill_(3.0)
        model.num_batches_tracked.fill_(7)
    follow(mean, model, 0.75)
    assert mean.weight.item() == 1.5
    assert mean.num_batches_tracked.item() == 7
    assert model.weight.item() == 3.0


def test_a_decay_of_zero_stays_zero_in_the_mean() -> None:
    mean, model = SpikingNetwork([dense(3, alpha=0.0)], (1, 2, 2)), SpikingNetwork([dense(3, alpha=0.0)], (1, 2, 2))
    before = mean.spiking_layers()[0].weight.clone()
    follow(mean, model, 0.75)
    assert [float(layer.alpha) for layer in mean.spiking_layers()] == [0.0]
    torch.testing.assert_close(mean.spiking_layers()[0].weight,
                               torch.lerp(before, model.spiking_layers()[0].weight, 0.25), rtol=0, atol=0)


def test_items_come_in_order_and_an_error_arrives() -> None:
    def items():  # type: ignore[no-untyped-def]
        yield from range(5)
        raise ValueError("broken clip")

    found = []
    with pytest.raises(ValueError, match="broken clip"):
        for item in ahead(items()):
            found.append(item)
    assert found == list(range(5))


def test_a_reader_that_leaves_stops_the_thread() -> None:
    before = threading.active_count()
    endless = ahead(iter(int, 1))
    assert next(endless) == 0
    endless.close()
    assert threading.active_count() == before
