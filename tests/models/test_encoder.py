"""The encoder: published sizes, shapes, costs, and what it refuses."""

from __future__ import annotations

import pytest
import torch

from neurofer.models.encoder import Encoder

SIZES = [
    (256, 1.0, 19_540_672, 2.02e9), (128, 1.0, 15_344_832, 503e6), (64, 1.0, 11_148_992, 125e6),
    (128, 0.25, 960_816, 34e6), (64, 0.25, 698_288, 8.4e6), (64, 0.125, 175_064, 2.3e6),
]


@pytest.mark.parametrize(("size_px", "width", "parameters", "macs"), SIZES)
def test_parameters_and_operations_are_the_published_ones(size_px: int, width: float, parameters: int,
                                                          macs: float) -> None:
    with torch.device("meta"):
        encoder = Encoder(size_px, width)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == parameters
    # The table gives two to three digits.
    assert encoder.macs == pytest.approx(macs, rel=0.02)


@pytest.mark.parametrize(("size_px", "width", "channels"), [(256, 0.125, 3), (64, 1.0, 3), (32, 0.25, 10), (8, 0.5, 1)])
def test_a_picture_becomes_one_vector(size_px: int, width: float, channels: int) -> None:
    encoder = Encoder(size_px, width, channels).eval()
    pictures = torch.rand(2, channels, size_px, size_px)
    assert encoder(pictures).shape == (2, 512 * width if size_px > 8 else 128, 1, 1)
    sides = [feature.shape[-1] for feature in encoder.features(pictures)]
    assert sides == [size_px >> stage for stage in range(1, len(sides) + 1)]
    assert sides[-1] == 1


def test_the_first_block_and_the_neck_are_not_normalised() -> None:
    encoder = Encoder(64, 0.125)
    normalised = [isinstance(block.norm, torch.nn.BatchNorm2d) for block in encoder.blocks]
    assert normalised == [False, True, True, True, True]
    assert (encoder(torch.rand(4, 3, 64, 64)) >= 0).all()


def test_a_picture_does_not_see_its_neighbours_in_eval_mode() -> None:
    encoder = Encoder(64, 0.125).eval()
    pictures = torch.rand(3, 3, 64, 64)
    # Batches of another size may be summed in another order.
    assert torch.allclose(encoder(pictures)[1:2], encoder(pictures[1:2]), atol=1e-5)


def test_impossible_sizes_and_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="must be a power of two of at least 8, such as 64, 128 or 256, got 100"):
        Encoder(100)
    with pytest.raises(ValueError, match="need width > 0"):
        Encoder(64, 0.0)
    with pytest.raises(ValueError, match=r"input must be \(B, 3, 64, 64\), got \(1, 3, 32, 32\)"):
        Encoder(64, 0.125)(torch.zeros(1, 3, 32, 32))
