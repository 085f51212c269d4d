"""Drawing the grey face from a picture of events: a U-Net generator, and a discriminator that judges patches."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from neurofer.models.encoder import Encoder, encoder_widths, scaled_width
from neurofer.models.front import LearnedGrid, Scale

DROPOUT_BLOCKS = 3
"""In how many of the seven decoder blocks of a 256 px generator, from the deepest, activations are dropped."""

_FULL_STAGES = 8
_UNSTRIDED = 4


class DecoderBlock(nn.Module):
    """Transposed convolution 4x4 with stride 2, batch norm, dropout; the skip is joined, if any, and ReLU on it all."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(outputs)
        self.drop = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, picture: Tensor, skip: Tensor | None = None) -> Tensor:
        """``(B, I, H, W)`` and the encoder's ``(B, K, 2H, 2W)`` to ``(B, O + K, 2H, 2W)``."""
        out: Tensor = self.drop(self.norm(self.conv(picture)))
        return torch.relu(out if skip is None else torch.cat([out, skip], dim=1))


class Generator(nn.Module):
    """The face that belongs to a picture of events: ``(B, C, S, S)`` to ``(B, 3, S, S)`` in -1..1.

    The encoder's blocks hand their outputs over to the decoder's. A size of ``2 ** n`` has ``n - 1`` decoder blocks:
    the last ones of the seven of 256 px, so a smaller generator lacks the deepest. Dropout is in the three deepest of
    the seven, hence in the two, one or none of them that 128, 64 or fewer pixels leave.

    With fewer ``skips`` the embedding must carry more of what is drawn: a U-Net with all of them hardly needs it.

    Attributes:
        encoder: What a classifier takes over; its weights are the state's ``encoder.*``.
        front: What pictures pass before it, or None; a classifier takes it over, too (``front.*``).

    Source:
        evTransFER (Verschae and Bugueno-Cordova 2026) after pix2pix (Isola et al., CVPR 2017).
    """

    def __init__(self, size_px: int = 256, width: float = 1.0, channels: int = 3, out_channels: int = 3,
                 dropout: float = 0.5, front: Scale | LearnedGrid | None = None, skips: int | None = None) -> None:
        """Build with the published initial weights: normal with a deviation of 0.02, drawn from torch's generator.

        Args:
            size_px: Side of the pictures, a power of two of at least 8.
            width: Factor on the channels, above 0.
            channels: Channels of the pictures of events, as they come from the front if there is one.
            out_channels: Channels of the faces.
            dropout: Share of activations dropped in training, in [0, 1).
            front: What every picture passes first; it must give as many channels as the encoder takes.
            skips: How many blocks of the encoder, the deepest first, hand their output to the decoder; all by default.

        Raises:
            ValueError: a size that is no power of two, or another number out of its range.
        """
        super().__init__()
        if out_channels < 1 or not 0 <= dropout < 1:
            raise ValueError(f"Generator: need out_channels >= 1 and 0 <= dropout < 1, got {out_channels}, {dropout}")
        if front is not None and front.out_channels != channels:
            raise ValueError(f"Generator: the front gives {front.out_channels} channels but the encoder takes "
                             f"{channels}")
        self.front = front
        self.encoder = Encoder(size_px, width, channels)
        widths = encoder_widths(size_px, width)[-2::-1]
        self.skips = len(widths) if skips is None else skips
        if not 0 <= self.skips <= len(widths):
            raise ValueError(f"Generator: {size_px} px have {len(widths)} skips, got skips={skips}")
        first = _FULL_STAGES - 1 - len(widths)
        inputs = [self.encoder.embedding,
                  *(2 * after if number < self.skips else after for number, after in enumerate(widths))]
        self.blocks = nn.ModuleList(
            DecoderBlock(before, after, dropout if first + number < DROPOUT_BLOCKS else 0.0)
            for number, (before, after) in enumerate(zip(inputs, widths, strict=False)))
        self.out = nn.ConvTranspose2d(inputs[-1], out_channels, 4, stride=2, padding=1)
        initialise(self)

    def forward(self, picture: Tensor) -> Tensor:
        """``(B, C, S, S)`` to ``(B, out_channels, S, S)``."""
        return self.draw(self.seen(picture))

    def fed(self, stored: Tensor) -> Tensor:
        """Stored pictures as the generator takes them."""
        return network_input(stored)

    def seen(self, picture: Tensor) -> Tensor:
        """The picture as it reaches the encoder: behind the front, if there is one."""
        return picture if self.front is None else self.front(picture)

    def draw(self, seen: Tensor, embedding: Tensor | None = None) -> Tensor:
        """The face for a picture that has passed the front; with another ``embedding`` ``(B, E, 1, 1)``, if given."""
        *stages, out = self.encoder.features(seen)
        out = out if embedding is None else embedding
        for number, (block, stage) in enumerate(zip(self.blocks, reversed(stages), strict=True)):
            out = block(out, stage if number < self.skips else None)
        return torch.tanh(self.out(out))


class Discriminator(nn.Module):
    """Whether patches of a face are real: a map of 14x14 logits for a picture of events and a face.

    ``log2(S) - 4`` layers with stride 2, then two with stride 1, all 4x4, so the map has 14x14 places at every size;
    each judges 142 px at 256, 70 at 128, 34 at 64, 16 at 32 and 7 at 16 px, where no layer with stride 2 is left. Batch
    norm in all layers but the first and the last.

    Source:
        evTransFER after pix2pix, as logits where they have a sigmoid.
    """

    def __init__(self, size_px: int = 256, width: float = 1.0, channels: int = 6) -> None:
        """Build with the initial weights of the generator.

        Args:
            size_px: Side of the pictures, a power of two of at least 16.
            width: Factor on the channels, above 0.
            channels: Channels of picture and face together.

        Raises:
            ValueError: another size, or a number that is not positive.
        """
        super().__init__()
        if size_px < 2**_UNSTRIDED or size_px & (size_px - 1) or width <= 0 or channels < 1:
            raise ValueError(f"Discriminator: need size_px a power of two of at least {2**_UNSTRIDED}, width > 0 and "
                             f"channels >= 1, got {size_px}, {width}, {channels}")
        strided = int(math.log2(size_px)) - _UNSTRIDED
        widths = [scaled_width(min(64 * 2**number, 512), width) for number in range(max(strided, 1))]
        layers: list[nn.Module] = []
        before = channels
        for number, after in enumerate([*widths[:strided], widths[-1]]):
            layers.append(nn.Conv2d(before, after, 4, stride=2 if number < strided else 1, padding=1))
            if number:
                layers.append(nn.BatchNorm2d(after))
            layers.append(nn.LeakyReLU(0.2))
            before = after
        layers.append(nn.Conv2d(before, 1, 4, stride=1, padding=1))
        self.layers = nn.Sequential(*layers)
        initialise(self)

    def forward(self, picture: Tensor, face: Tensor) -> Tensor:
        """``(B, C, S, S)`` and ``(B, 3, S, S)`` to ``(B, 1, 14, 14)`` logits, positive for real."""
        logits: Tensor = self.layers(torch.cat([picture, face], dim=1))
        return logits


def network_input(stored: Tensor) -> Tensor:
    """Stored pictures or faces as the networks take them: bytes as ``v / 127.5 - 1``, floating point as it is."""
    return stored.float().div_(127.5).sub_(1.0) if stored.dtype == torch.uint8 else stored.float()


@torch.no_grad()
def initialise(network: nn.Module) -> None:
    """Draw convolutions from N(0, 0.02) and scales of batch norms from N(1, 0.02); every bias starts at 0."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)):
            mean = 1.0 if isinstance(module, nn.BatchNorm2d) else 0.0
            nn.init.normal_(module.weight, mean, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
