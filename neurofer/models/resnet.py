"""ResNet-18 twice, as Spiking-FER compares them: one of spikes over time, one of the same frames as channels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from neurofer.models.encoder import scaled_width
from neurofer.spiking.integrate import integrate

Activation = Callable[[Tensor], Tensor]
STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))
"""Channels and stride of the stages, two blocks each, at full width."""

SMALLEST_PX = 8


class Block(nn.Module):
    """Two convolutions 3x3 with batch norm, and what goes around them; the last norm starts at zero.

    With ``spikes`` every branch fires first and spikes are added (SEW, "ADD"); otherwise the sum is activated.
    """

    beyond_grammar = ("skip connection (leave it out)",)

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        nn.init.zeros_(self.norm2.weight)
        same = stride == 1 and inputs == outputs
        self.around = None if same else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                                                      nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor, activate: Activation, spikes: bool) -> Tensor:
        out = self.norm2(self.conv2(activate(self.norm1(self.conv1(x)))))
        if not spikes:
            return activate(out + (x if self.around is None else self.around(x)))
        return activate(out) + (x if self.around is None else activate(self.around(x)))


class Trunk(nn.Module):
    """Stem 7x7 with stride 2, max-pool, eight blocks, mean over places: ``(N, C, S, S) -> (N, E)``.

    Attributes:
        embedding: Length E of the result, ``512 * width``.
    """

    beyond_grammar = ("mean over places, pooling (stride 2 in the convolution before)",)

    def __init__(self, channels: int, size_px: int = 128, width: float = 1.0) -> None:
        """Build with fresh weights.

        Args:
            channels: Channels C of the input.
            size_px: Side S of the input, at least 8.
            width: Factor on the channels of all stages; none has fewer than 8.

        Raises:
            ValueError: a size below 8, or a width or channel count that is not positive.
        """
        super().__init__()
        if size_px < SMALLEST_PX or width <= 0 or channels < 1:
            raise ValueError(f"ResNet-18: need size_px >= {SMALLEST_PX}, width > 0 and channels >= 1, got "
                             f"size_px={size_px}, width={width}, channels={channels}")
        self.channels, self.size_px = channels, size_px
        inputs = scaled_width(STAGES[0][0], width)
        self.conv = nn.Conv2d(channels, inputs, 7, 2, 3, bias=False)
        self.norm = nn.BatchNorm2d(inputs)
        self.pool = nn.MaxPool2d(3, 2, 1)
        blocks = []
        for full, stride in STAGES:
            outputs = scaled_width(full, width)
            blocks += [Block(inputs, outputs, stride), Block(outputs, outputs, 1)]
            inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        self.embedding = inputs
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor, activate: Activation, spikes: bool) -> Tensor:
        x = self.pool(activate(self.norm(self.conv(x))))
        for block in self.blocks:
            x = block(x, activate, spikes)
        return x.mean((2, 3))

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one input (convolutions; batch norm is a part of them after training)."""
        side = halved(self.size_px)
        total = self.conv.weight.numel() * side * side
        side = halved(side)
        for block in self.blocks:
            side = halved(side) if block.conv1.stride == (2, 2) else side
            total += side * side * sum(layer.weight.numel() for layer in block.modules()
                                       if isinstance(layer, nn.Conv2d))
        return total


def halved(side: int) -> int:
    """Places of a side after stride 2."""
    return (side + 1) // 2


class SewResNet18(nn.Module):
    """Spikes over time to logits: ``(T, B, C, S, S)`` zeros and ones to ``(B, K)``.

    Integrate-and-fire neurons start fresh with every sequence. The pooled spikes pass a linear layer into an
    integrator without threshold; its last potential is read. Batch norm sees all steps of a batch together.

    It is for training, and for GPUs: batch norm, pooling, sums of spikes and biases are outside the grammar of the
    chips, so it cannot be exported.

    Source:
        Barchid et al., "Spiking-FER", CBMI 2023 (arXiv:2304.10211); SEW-ResNet: Fang et al., NeurIPS 2021.
    """

    beyond_grammar = ("a read-out that never fires (outputs that fire are counted)",
                      "neurons without leak (a beta below 1)")

    def __init__(self, classes: int = 6, channels: int = 2, dropout: float = 0.5, size_px: int = 128,
                 width: float = 1.0) -> None:
        """Build with fresh weights.

        Args:
            classes: Number of classes K.
            channels: Channels C of a frame.
            dropout: On the integrator, while training.
            size_px: Side S of a frame, at least 8.
            width: Factor on the channels.

        Raises:
            ValueError: a number out of range.
        """
        super().__init__()
        self.trunk = Trunk(channels, size_px, width)
        self.hidden = nn.Linear(self.trunk.embedding, self.trunk.embedding)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.trunk.embedding, classes, bias=False)

    def forward(self, frames: Tensor, watch: Callable[[Tensor], None] | None = None) -> Tensor:
        """``(B, K)`` logits.

        Args:
            frames: ``(T, B, C, S, S)``.
            watch: Gets the spikes ``(T * B, ...)`` of every layer of neurons, in order.

        Raises:
            ValueError: frames of another shape.
        """
        wanted = (self.trunk.channels, self.trunk.size_px, self.trunk.size_px)
        if frames.ndim != 5 or tuple(frames.shape[2:]) != wanted:
            raise ValueError(f"SewResNet18: frames must be (T, B, {', '.join(map(str, wanted))}), got "
                             f"{tuple(frames.shape)}")
        time = frames.shape[:2]

        def fire(current: Tensor) -> Tensor:
            if current.dtype in (torch.float16, torch.bfloat16):  # of a convolution in mixed precision; sums need more
                current = current.float()
            spikes = integrate(current.unflatten(0, time))[0].flatten(0, 1)
            if watch is not None:
                watch(spikes)
            return spikes

        pooled = self.trunk(frames.flatten(0, 1), fire, True)
        potential = self.hidden(pooled).unflatten(0, time).sum(0)
        logits: Tensor = self.head(self.dropout(potential))
        return logits


class ResNet18(nn.Module):
    """Its twin without spikes: the frames of all steps and polarities as channels, ``(B, C, S, S)`` to ``(B, K)``."""

    def __init__(self, classes: int = 6, channels: int = 12, size_px: int = 128, width: float = 1.0,
                 dropout: float = 0.0) -> None:
        """Build with fresh weights.

        Args:
            classes: Number of classes K.
            channels: Channels C; 6 frames of 2 polarities by default.
            size_px: Side S of the input, at least 8.
            width: Factor on the channels of all stages.
            dropout: Before the head, while training; none as published.

        Raises:
            ValueError: a number out of range.
        """
        super().__init__()
        self.trunk = Trunk(channels, size_px, width)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.trunk.embedding, classes, bias=False)

    def forward(self, picture: Tensor) -> Tensor:
        """``(B, K)`` logits.

        Raises:
            ValueError: an input of another shape.
        """
        wanted = (self.trunk.channels, self.trunk.size_px, self.trunk.size_px)
        if picture.ndim != 4 or tuple(picture.shape[1:]) != wanted:
            raise ValueError(f"ResNet18: input must be (B, {', '.join(map(str, wanted))}), got {tuple(picture.shape)}")
        logits: Tensor = self.head(self.dropout(self.trunk(picture, nn.functional.relu, False)))
        return logits

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one decision."""
        return self.trunk.macs + self.head.weight.numel()
