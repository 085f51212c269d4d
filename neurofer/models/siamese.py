"""MERSiamC3D: one 3D convolutional trunk, seen twice by pairs in the first stage, with a head in the second."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = (32, 64, 128, 128)
POOLS = ((1, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2))
EARLY = 2
"""Convolutions that the second stage keeps at first."""


class Trunk(nn.Module):
    """What both stages need of a network: features of a sequence of maps, and which of its modules come first.

    Attributes:
        features: Numbers that it gives for a sequence.
    """

    features: int

    def early(self) -> list[nn.Module]:
        """The modules that stay as they are while the head is new."""
        raise NotImplementedError


class ConvTrunk(Trunk):
    """Four 3D convolutions with batch norm, ReLU and pooling, then one dense layer.

    Args:
        channels: C of the maps.
        steps: T of the maps.
        size_px: H and W of the maps.
        width: Factor of all channels; 1 is the reference.
        features: Neurons of the dense layer.
        dropout: Behind the dense layer.

    Raises:
        ValueError: maps that the pools leave nothing of.

    Source:
        Micro-expression specification, section 2.4.
    """

    def __init__(self, channels: int = 3, steps: int = 10, size_px: int = 64, width: float = 1.0, features: int = 256,
                 dropout: float = 0.5) -> None:
        super().__init__()
        blocks = []
        shape: tuple[int, ...] = (channels, steps, size_px, size_px)
        for number, (wide, pool) in enumerate(zip(CHANNELS, POOLS, strict=True)):
            outputs = max(1, round(wide * width))
            blocks.append(nn.Sequential(nn.Conv3d(shape[0], outputs, 3, padding=1), nn.BatchNorm3d(outputs), nn.ReLU(),
                                        nn.MaxPool3d(pool)))
            shape = (outputs, *(side // by for side, by in zip(shape[1:], pool, strict=True)))
            if min(shape) < 1:
                raise ValueError(f"ConvTrunk: maps of {steps} steps and {size_px} pixels are too small, nothing is "
                                 f"left behind pool {number + 1}; use 8 steps and 16 pixels or more")
        self.blocks = nn.ModuleList(blocks)
        self.dense = nn.Linear(math.prod(shape), features)
        self.dropout = nn.Dropout(dropout)
        self.features = features
        # About 1.3 times as fast on a CPU.
        self.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]

    def forward(self, maps: Tensor) -> Tensor:
        """``(B, C, T, H, W)`` maps to ``(B, features)``."""
        passing = maps.contiguous(memory_format=torch.channels_last_3d)
        for block in self.blocks:
            passing = block(passing)
        hidden: Tensor = self.dropout(functional.relu(self.dense(passing.flatten(1))))
        return hidden

    def early(self) -> list[nn.Module]:
        """The first two blocks."""
        return list(self.blocks)[:EARLY]


class Siamese(nn.Module):
    """Stage 1: a trunk and a projection onto the unit sphere; both sides of a pair go through the same weights.

    Args:
        trunk: Shared by both sides, and by stage 2 later.
        projection: Dimensions of an embedding.
    """

    def __init__(self, trunk: Trunk, projection: int = 128) -> None:
        super().__init__()
        self.trunk = trunk
        self.projection = nn.Linear(trunk.features, projection)

    def forward(self, maps: Tensor) -> Tensor:
        """``(B, C, T, H, W)`` maps to ``(B, projection)`` vectors of length 1."""
        return functional.normalize(self.projection(self.trunk(maps)), dim=1)


class Similarity(nn.Module):
    """How likely two embeddings are of one class: ``w . |first - second| + b``, a logit.

    Args:
        projection: Dimensions of an embedding.
    """

    def __init__(self, projection: int = 128) -> None:
        super().__init__()
        self.weigh = nn.Linear(projection, 1)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """``(B, D)`` embeddings of both sides to ``(B,)`` logits."""
        logits: Tensor = self.weigh((first - second).abs()).squeeze(1)
        return logits


class MicroClassifier(nn.Module):
    """Stage 2: the trunk with a head of one linear layer.

    Args:
        trunk: Usually that of a ``Siamese``; it is taken over, not copied.
        classes: Number of classes.
    """

    def __init__(self, trunk: Trunk, classes: int = 3) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = nn.Linear(trunk.features, classes)

    def forward(self, maps: Tensor) -> Tensor:
        """``(B, C, T, H, W)`` maps to ``(B, classes)`` logits."""
        logits: Tensor = self.head(self.trunk(maps))
        return logits


def embed_each_once(network: Siamese, maps: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Embeddings of both sides of pairs among some maps; a map that is in several pairs is computed once.

    Args:
        network: Of stage 1.
        maps: ``(M, C, T, H, W)``.
        first: ``(P,)`` places in ``maps``.
        second: ``(P,)`` places in ``maps``.

    Returns:
        Two ``(P, projection)``.
    """
    embedded = network(maps)
    return embedded[first], embedded[second]
