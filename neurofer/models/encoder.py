"""The encoder of a U-Net: a picture of events becomes one vector. The GAN trains it first, the classifier uses it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

MIN_WIDTH = 8
"""No layer gets fewer channels than this, whatever the width factor."""


class EncoderBlock(nn.Module):
    """Convolution 4x4 with stride 2, batch norm except in the first block, LeakyReLU 0.2."""

    def __init__(self, inputs: int, outputs: int, normalised: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(outputs) if normalised else nn.Identity()
        self.act = nn.LeakyReLU(0.2)

    def forward(self, picture: Tensor) -> Tensor:
        out: Tensor = self.act(self.norm(self.conv(picture)))
        return out


class Encoder(nn.Module):
    """Halves a square picture until one place is left: ``(B, C, S, S) -> (B, E, 1, 1)``.

    ``log2(S) - 1`` blocks of 64, 128, 256, 512, 512, ... channels, then a neck (convolution, ReLU). Channels are
    multiplied by ``width``; the embedding has ``E = 512 * width`` numbers.

    Attributes:
        size_px: Side S of the pictures.
        width: Factor on the channels.
        embedding: Length E of the vector.

    Source:
        evTransFER (Verschae and Bugueno-Cordova 2026), whose generator is pix2pix's (Isola et al. 2017).
    """

    def __init__(self, size_px: int = 256, width: float = 1.0, channels: int = 3) -> None:
        """Build with the framework's initial weights.

        Args:
            size_px: Side of the pictures, a power of two of at least 8; 256, 128 and 64 are the sizes in use.
            width: Factor on the channels, above 0.
            channels: Channels of the pictures.

        Raises:
            ValueError: a size that is no power of two, or a width or channel count that is not positive.
        """
        super().__init__()
        if size_px < 8 or size_px & (size_px - 1):
            raise ValueError(f"Encoder: size_px must be a power of two of at least 8, such as 64, 128 or 256, "
                             f"got {size_px}")
        if width <= 0 or channels < 1:
            raise ValueError(f"Encoder: need width > 0 and channels >= 1, got width={width}, channels={channels}")
        self.size_px, self.width, self.channels = size_px, width, channels
        widths = encoder_widths(size_px, width)
        inputs = [channels, *widths]
        self.blocks = nn.ModuleList(
            EncoderBlock(before, after, normalised=number > 0)
            for number, (before, after) in enumerate(zip(inputs, widths[:-1], strict=False)))
        self.neck = nn.Conv2d(widths[-2], widths[-1], 4, stride=2, padding=1)
        self.embedding = widths[-1]

    def forward(self, picture: Tensor) -> Tensor:
        """``(B, C, S, S)`` to ``(B, E, 1, 1)``."""
        return self.features(picture)[-1]

    def features(self, picture: Tensor) -> list[Tensor]:
        """The output of every block, largest first, and the embedding at the end; the skips of a generator.

        Raises:
            ValueError: pictures of another size or number of channels.
        """
        wanted = (self.channels, self.size_px, self.size_px)
        if picture.ndim != 4 or tuple(picture.shape[1:]) != wanted:
            raise ValueError(f"Encoder: input must be (B, {', '.join(map(str, wanted))}), got {tuple(picture.shape)}")
        found = []
        for block in self.blocks:
            picture = block(picture)
            found.append(picture)
        found.append(torch.relu(self.neck(picture)))
        return found

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one picture (convolutions)."""
        total, side = 0, self.size_px
        for conv in (module for module in self.modules() if isinstance(module, nn.Conv2d)):
            side //= 2
            total += conv.weight.numel() * side * side
        return total


def encoder_widths(size_px: int, width: float) -> list[int]:
    """Channels of the blocks and, last, of the neck."""
    stages = int(math.log2(size_px))
    full = [64, 128, 256] + [512] * stages
    return [scaled_width(channels, width) for channels in full[:stages]]


def scaled_width(channels: int, width: float) -> int:
    """``channels * width``, rounded, at least 8."""
    return max(MIN_WIDTH, round(channels * width))
