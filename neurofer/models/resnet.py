"""ResNet-18 twice, as Spiking-FER compares them: one of spikes over time, one of the same frames as channels."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from neurofer.spiking.integrate import integrate

Activation = Callable[[Tensor], Tensor]
STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))
"""Channels and stride of the stages, two blocks each."""


class Block(nn.Module):
    """Two convolutions 3x3 with batch norm, and what goes around them; the last norm starts at zero.

    With ``spikes`` every branch fires first and spikes are added (SEW, "ADD"); otherwise the sum is activated.
    """

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
    """Stem 7x7 with stride 2, max-pool, eight blocks, mean over places: ``(N, C, S, S) -> (N, 512)``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        self.norm = nn.BatchNorm2d(64)
        self.pool = nn.MaxPool2d(3, 2, 1)
        blocks, inputs = [], 64
        for outputs, stride in STAGES:
            blocks += [Block(inputs, outputs, stride), Block(outputs, outputs, 1)]
            inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor, activate: Activation, spikes: bool) -> Tensor:
        x = self.pool(activate(self.norm(self.conv(x))))
        for block in self.blocks:
            x = block(x, activate, spikes)
        return x.mean((2, 3))


class SewResNet18(nn.Module):
    """Spikes over time to logits: ``(T, B, C, S, S)`` zeros and ones to ``(B, K)``.

    Integrate-and-fire neurons start fresh with every sequence. The pooled spikes pass a linear layer into an
    integrator without threshold; its last potential is read. Batch norm sees all steps of a batch together.

    Args:
        classes: Number of classes K.
        channels: Channels C of a frame.
        dropout: On the integrator, while training.

    Source:
        Barchid et al., "Spiking-FER", CBMI 2023 (arXiv:2304.10211); SEW-ResNet: Fang et al., NeurIPS 2021.
    """

    def __init__(self, classes: int = 6, channels: int = 2, dropout: float = 0.5) -> None:
        super().__init__()
        self.trunk = Trunk(channels)
        self.hidden = nn.Linear(512, 512)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(512, classes, bias=False)

    def forward(self, frames: Tensor) -> Tensor:
        """``(B, K)`` logits.

        Raises:
            ValueError: not ``(T, B, C, S, S)``.
        """
        if frames.ndim != 5:
            raise ValueError(f"SewResNet18: frames must be (T, B, C, S, S), got {tuple(frames.shape)}")
        time = frames.shape[:2]

        def fire(current: Tensor) -> Tensor:
            return integrate(current.unflatten(0, time))[0].flatten(0, 1)

        pooled = self.trunk(frames.flatten(0, 1), fire, True)
        potential = self.hidden(pooled).unflatten(0, time).sum(0)
        logits: Tensor = self.head(self.dropout(potential))
        return logits


class ResNet18(nn.Module):
    """Its twin without spikes: the frames of all steps and polarities as channels, ``(B, C, S, S)`` to ``(B, K)``.

    Args:
        classes: Number of classes K.
        channels: Channels C; 6 frames of 2 polarities by default.
    """

    def __init__(self, classes: int = 6, channels: int = 12) -> None:
        super().__init__()
        self.trunk = Trunk(channels)
        self.head = nn.Linear(512, classes, bias=False)

    def forward(self, picture: Tensor) -> Tensor:
        """``(B, K)`` logits."""
        logits: Tensor = self.head(self.trunk(picture, nn.functional.relu, False))
        return logits
