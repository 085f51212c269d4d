"""The two networks of Spiking-FER: published sizes, the neuron by hand, silence, gradients."""

from __future__ import annotations

import math
import re

import pytest
import torch

from neurofer.models.resnet import Block, ResNet18, SewResNet18
from neurofer.spiking.integrate import integrate


def test_sizes_are_the_published_ones() -> None:
    with torch.device("meta"):
        for network, parameters in ((SewResNet18(), 11_439_104), (ResNet18(), 11_207_808)):
            assert sum(value.numel() for value in network.parameters()) == parameters


def test_the_neuron_by_hand() -> None:
    current = torch.tensor([[0.6], [0.4], [0.9], [0.3], [-0.5], [1.2]])
    spikes, v = integrate(current)  # v: 0.6, 1.0 fires, 0.9, 1.2 fires, -0.5, 0.7
    assert spikes.flatten().tolist() == [0, 1, 0, 1, 0, 0]
    assert v.item() == pytest.approx(0.7)
    first, state = integrate(current[:3])
    second, end = integrate(current[3:], state)
    assert torch.equal(torch.cat([first, second]), spikes)
    assert torch.equal(end, v)


def test_the_surrogate_by_hand() -> None:
    current = torch.tensor([[0.5], [0.8]], requires_grad=True)
    spikes, _ = integrate(current)  # v: 0.5, 1.3 fires; the reset lets no gradient through
    spikes.sum().backward()
    at = [1 / (1 + (math.pi * over) ** 2) for over in (-0.5, 0.3)]
    assert current.grad is not None
    assert current.grad.flatten().tolist() == pytest.approx([at[0] + at[1], at[1]], rel=1e-5)


def test_fresh_blocks_pass_on_what_comes() -> None:
    block = Block(4, 4, 1).eval()
    spikes = torch.tensor([0.0, 1.0]).repeat(2, 4, 3, 3)
    assert torch.equal(block(spikes, lambda current: (current >= 1).float(), True), spikes)
    assert torch.equal(block(spikes, torch.relu, False), spikes)


def test_shapes_silence_and_order_of_steps() -> None:
    torch.manual_seed(0)
    sew, twin = SewResNet18(classes=7, size_px=32).eval(), ResNet18(classes=7, size_px=32).eval()
    frames = (torch.rand(3, 2, 2, 32, 32) < 0.2).float()
    with torch.no_grad():
        assert twin(torch.rand(2, 12, 32, 32)).shape == (2, 7)
        logits = sew(frames)
        assert logits.shape == (2, 7)
        assert torch.allclose(sew(frames[:, :1]), logits[:1], atol=1e-5)  # other batches are summed in another order
        silent = sew.trunk(torch.zeros(1, 2, 32, 32), lambda current: integrate(current[None])[0][0], True)
    assert not silent.any()


def test_gradients_reach_the_stem() -> None:
    torch.manual_seed(1)
    sew = SewResNet18(size_px=32)
    sew((torch.rand(2, 2, 2, 32, 32) < 0.3).float()).square().sum().backward()
    assert sew.trunk.conv.weight.grad is not None
    assert sew.trunk.conv.weight.grad.abs().sum() > 0


def test_neurons_sum_in_32_bits_whatever_the_convolutions_compute_in() -> None:
    torch.manual_seed(2)
    sew, seen = SewResNet18(size_px=16, width=0.125).eval(), []
    frames = (torch.rand(3, 2, 2, 16, 16) < 0.3).float()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        sew(frames, seen.append)
    assert {spikes.dtype for spikes in seen} == {torch.float32}
    assert set(seen[0].unique().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("size_px", [8, 36, 128])
def test_macs_are_those_of_the_convolutions_that_ran(size_px: int) -> None:
    twin, ran = ResNet18(classes=5, size_px=size_px, width=0.125).eval(), []
    for layer in twin.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(lambda one, _, out: ran.append(one.weight.numel() * out[0, 0].numel()))
    with torch.no_grad():
        twin(torch.zeros(1, 12, size_px, size_px))
    assert len(ran) == 20
    assert twin.macs == sum(ran) + 64 * 5


def test_width_scales_all_channels_and_what_cannot_be_built_is_refused() -> None:
    with torch.device("meta"):
        half = SewResNet18(width=0.5, size_px=32)
    assert [block.conv1.out_channels for block in half.trunk.blocks] == [32, 32, 64, 64, 128, 128, 256, 256]
    assert (half.hidden.weight.shape, half.head.weight.shape) == ((256, 256), (6, 256))
    for words in ({"size_px": 7}, {"width": 0.0}, {"channels": 0}):
        with pytest.raises(ValueError, match="need size_px >= 8, width > 0 and channels >= 1"):
            SewResNet18(**words)


@pytest.mark.parametrize(("network", "shape", "wanted"), [
    (SewResNet18(size_px=8, width=0.125), (2, 12, 8, 8), r"\(T, B, 2, 8, 8\)"),
    (SewResNet18(size_px=8, width=0.125), (6, 1, 2, 16, 16), r"\(T, B, 2, 8, 8\)"),
    (ResNet18(size_px=8, width=0.125), (2, 10, 8, 8), r"\(B, 12, 8, 8\)")])
def test_inputs_of_another_shape_are_refused(network: torch.nn.Module, shape: tuple[int, ...], wanted: str) -> None:
    with pytest.raises(ValueError, match=f"must be {wanted}, got {re.escape(str(shape))}"):
        network(torch.zeros(shape))
