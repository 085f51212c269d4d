"""What the spiking ResNet does: one spike by hand, every layer against a plain convolution, sums of spikes."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from neurofer.models.resnet import ResNet18, SewResNet18
from neurofer.models.resnet_counting import ResnetActivity, count_resnet


@pytest.fixture
def lively() -> SewResNet18:
    """A small network whose neurons fire: fresh ones hardly do."""
    torch.manual_seed(3)
    network = SewResNet18(classes=4, size_px=16, width=0.125).eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.constant_(layer.weight, 1.5)
            nn.init.constant_(layer.bias, 0.5)
    return network


@pytest.mark.parametrize(("place", "reached"), [((9, 9), 16), ((8, 8), 9), ((0, 0), 4), ((8, 0), 6)])
def test_one_spike_reaches_the_stem_by_hand(lively: SewResNet18, place: tuple[int, int], reached: int) -> None:
    frames = torch.zeros(2, 1, 2, 16, 16)
    frames[1, 0, 1][place] = 1  # kernel 7, stride 2, padding 3: neuron j sees 2 j - 3 .. 2 j + 3
    _, found = count_resnet(lively, frames)
    stem = found.layers[0]
    assert (stem.name, stem.neurons, found.input_spikes) == ("trunk.conv", 8 * 8 * 8, 1)
    assert stem.synaptic_operations == stem.events == reached * 8
    assert stem.updates == 2 * stem.neurons
    assert stem.dense_macs == 2 * lively.trunk.conv.weight.numel() * 64


def test_every_layer_against_a_plain_convolution_of_ones(lively: SewResNet18) -> None:
    frames = (torch.rand(3, 2, 2, 16, 16) < 0.3).float()
    inputs: dict[str, torch.Tensor] = {}
    for name, layer in lively.trunk.named_modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_pre_hook(lambda _, given, name=name: inputs.__setitem__(f"trunk.{name}", given[0]))
    logits, found = count_resnet(lively, frames)
    assert len(found.layers) == len(inputs) == 20
    with torch.no_grad():
        torch.testing.assert_close(lively(frames), logits)
    modules = dict(lively.named_modules())
    for one in found.layers:
        layer, values = modules[one.name], inputs[one.name]
        for given, counted in ((values, one.synaptic_operations), ((values != 0).float(), one.events)):
            out = functional.conv2d(given.double(), torch.ones_like(layer.weight).double(), None, layer.stride,
                                    layer.padding)
            assert counted == int(out.sum())
    assert found.synaptic_operations > found.events > 0  # skip connections make sums of spikes
    assert max(float(values.max()) for values in inputs.values()) > 1
    assert 0 < found.rate < 1


def test_dense_work_is_that_of_the_twin_with_as_many_channels(lively: SewResNet18) -> None:
    _, found = count_resnet(lively, torch.zeros(3, 2, 2, 16, 16))
    trunk = ResNet18(classes=4, channels=2, size_px=16, width=0.125).trunk
    assert found.macs == 2 * (3 * 64 * 64 + 64 * 4)
    assert found.dense_macs == 2 * 3 * trunk.macs + found.macs
    assert found.layers[0].synaptic_operations == found.input_spikes == 0


def test_samples_add_up_and_nothing_stays_behind(lively: SewResNet18) -> None:
    frames = (torch.rand(2, 3, 2, 16, 16) < 0.3).float()
    _, whole = count_resnet(lively, frames)
    parts = [count_resnet(lively, frames[:, number : number + 1])[1] for number in range(3)]
    assert isinstance(parts[0] + parts[1] + parts[2], ResnetActivity)
    assert parts[0] + parts[1] + parts[2] == whole
    assert not any(layer._forward_pre_hooks for layer in lively.modules())
