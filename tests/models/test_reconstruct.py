"""Generator and discriminator: the published sizes, one trace, what they refuse."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from neurofer.models.encoder import Encoder
from neurofer.models.reconstruct import DecoderBlock, Discriminator, Generator

TABLE = [  # size, width, encoder, generator, discriminator, side of what one logit sees
    (256, 1, 19_540_672, 54_419_459, 6_965_441, 142),
    (128, 1, 15_344_832, 41_833_475, 1_716_161, 70),
    (64, 1, 11_148_992, 29_247_491, 402_241, 34),
    (128, 1 / 4, 960_816, 2_618_627, 109_553, 70),
    (64, 1 / 4, 698_288, 1_831_427, 26_833, 34),
    (64, 1 / 8, 175_064, 459_011, 7_273, 34),
]


def count(network: nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())


@pytest.mark.parametrize(("size_px", "width", "encoder", "generator", "discriminator", "field"), TABLE)
def test_parameters_are_the_published_ones(size_px: int, width: float, encoder: int, generator: int,
                                           discriminator: int, field: int) -> None:
    with torch.device("meta"):
        network, judge = Generator(size_px, width), Discriminator(size_px, width)
    assert (count(network.encoder), count(network), count(judge)) == (encoder, generator, discriminator)
    side = 1
    for layer in reversed([layer for layer in judge.layers if isinstance(layer, nn.Conv2d)]):
        side = (side - 1) * layer.stride[0] + 4
    assert side == field


@pytest.mark.parametrize("size_px", [256, 128, 64, 32, 16])
def test_shapes_and_range(size_px: int) -> None:
    torch.manual_seed(0)
    picture = torch.rand(2, 3, size_px, size_px) * 2 - 1
    face = Generator(size_px, 1 / 16)(picture)
    assert face.shape == (2, 3, size_px, size_px)
    assert face.abs().max() <= 1
    assert Discriminator(size_px, 1 / 16)(picture, face).shape == (2, 1, 14, 14)


def test_generator_takes_eight_pixels_and_other_channels() -> None:
    network = Generator(8, 1 / 8, channels=2, out_channels=1)
    assert network(torch.zeros(1, 2, 8, 8)).shape == (1, 1, 8, 8)


def test_a_classifier_can_take_the_encoder_over() -> None:
    network = Generator(32, 1 / 8)
    found = {name.removeprefix("encoder."): value for name, value in network.state_dict().items()
             if name.startswith("encoder.")}
    Encoder(32, 1 / 8).load_state_dict(found)


def test_decoder_block_by_hand() -> None:
    block = DecoderBlock(1, 1, dropout=0.0).eval()
    with torch.no_grad():
        block.conv.weight.fill_(1.0)
        block.conv.bias.fill_(-0.5)
    block.norm.eps = 0.0
    # One place of value 1 under a kernel of ones covers 4x4 places, of which padding 1 leaves the inner 2x2.
    out = block(torch.ones(1, 1, 1, 1), torch.tensor([[[[-2.0, 0.0], [3.0, -0.1]]]]))
    assert out.tolist() == [[[[0.5, 0.5], [0.5, 0.5]], [[0.0, 0.0], [3.0, 0.0]]]]  # ReLU on block and skip


@pytest.mark.parametrize(("size_px", "blocks"), [(256, 3), (128, 2), (64, 1), (32, 0)])
def test_the_deepest_blocks_drop(size_px: int, blocks: int) -> None:
    with torch.device("meta"):
        network = Generator(size_px, 1 / 8)
    drops = [isinstance(block.drop, nn.Dropout) for block in network.blocks]
    assert drops == [True] * blocks + [False] * (len(drops) - blocks)


def test_batch_norm_is_everywhere_but_at_the_ends() -> None:
    with torch.device("meta"):
        kinds = [type(layer).__name__ for layer in Discriminator(128, 1).layers]
    assert kinds == ["Conv2d", "LeakyReLU", *["Conv2d", "BatchNorm2d", "LeakyReLU"] * 3, "Conv2d"]


def test_initial_weights() -> None:
    torch.manual_seed(0)
    network = Generator(64, 1 / 4)
    weight = network.blocks[0].conv.weight
    assert weight.std().item() == pytest.approx(0.02, rel=0.02)  # 262 144 draws: a relative error of 0.0014
    assert abs(weight.mean().item()) < 4 * 0.02 / weight.numel() ** 0.5
    scales = torch.cat([module.weight for module in network.modules() if isinstance(module, nn.BatchNorm2d)])
    assert scales.mean().item() == pytest.approx(1.0, abs=4 * 0.02 / len(scales) ** 0.5)
    assert all(not value.any() for name, value in network.named_parameters() if name.endswith("bias"))


@pytest.mark.parametrize("size_px", [8, 48])
def test_discriminator_refuses_other_sizes(size_px: int) -> None:
    with pytest.raises(ValueError, match=f"power of two of at least 16, width > 0 and channels >= 1, got {size_px}"):
        Discriminator(size_px)


def test_generator_refuses_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="size_px must be a power of two"):
        Generator(48)
    with pytest.raises(ValueError, match=r"need out_channels >= 1 and 0 <= dropout < 1, got 3, 1\.0"):
        Generator(16, dropout=1.0)
    with pytest.raises(ValueError, match=r"input must be \(B, 3, 16, 16\), got \(1, 2, 16, 16\)"):
        Generator(16, 0.25)(torch.zeros(1, 2, 16, 16))
