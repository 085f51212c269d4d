"""What the two stages make small: distances of pairs, and focal losses of classes."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Alpha = Literal["none", "inverse", "sqrt_inverse"]
ALPHAS: tuple[Alpha, ...] = ("none", "sqrt_inverse", "inverse")
"""From the mildest correction of imbalance to the strongest; of equally good ones the search takes the first."""


def contrastive_loss(first: Tensor, second: Tensor, same: Tensor, margin: float = 1.0) -> Tensor:
    """Mean over pairs of ``d^2`` where both are of one class, else ``max(0, margin - d)^2``.

    Args:
        first: ``(P, D)`` embeddings.
        second: ``(P, D)`` embeddings.
        same: ``(P,)`` True for pairs of one class.
        margin: Distance from which a pair of two classes counts as apart.

    Source:
        Micro-expression specification, section 2.5; Hadsell et al., CVPR 2006.

    Example:
        >>> near = contrastive_loss(torch.tensor([[0.3]]), torch.tensor([[0.0]]), torch.tensor([True]))
        >>> round(float(near), 6)
        0.09
    """
    squared = (first - second).square().sum(dim=1)
    distance = torch.sqrt(squared.clamp_min(1e-12))  # its slope at 0 would be no number
    return torch.where(same, squared, (margin - distance).clamp_min(0).square()).mean()


def similarity_loss(logits: Tensor, same: Tensor) -> Tensor:
    """Binary cross-entropy of ``(P,)`` similarity logits, 1 for pairs of one class."""
    return functional.binary_cross_entropy_with_logits(logits, same.to(logits.dtype))


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: Tensor | None = None) -> Tensor:
    """Mean of ``-alpha (1 - p)^gamma log p`` with p the probability of the true class; gamma 0 is cross-entropy.

    Args:
        logits: ``(B, K)``.
        labels: ``(B,)`` class numbers.
        gamma: How little well-classified samples count.
        alpha: ``(K,)`` weights of the classes; all 1 by default. The mean is over samples, not over weights.

    Source:
        Lin et al., ICCV 2017; gamma 2 by the micro-expression specification, section 1.

    Example:
        >>> even = focal_loss(torch.zeros(1, 2), torch.tensor([0]))
        >>> round(float(even), 6)
        0.173287
    """
    log_odds = functional.log_softmax(logits, dim=1).gather(1, labels[:, None]).squeeze(1)
    loss = -log_odds
    if gamma:
        # 1 - p without the loss of digits near p = 1, whose slope is needed as well.
        loss = loss * (-torch.expm1(log_odds)).clamp_min(1e-12) ** gamma
    if alpha is not None:
        loss = loss * alpha[labels]
    return loss.mean()


def class_weights(labels: NDArray[np.int64], classes: int, alpha: Alpha) -> NDArray[np.float64]:
    """``(K,)`` weights with mean 1 over the samples' classes that occur; those that do not occur have weight 1.

    Args:
        labels: ``(N,)`` class numbers of the training clips.
        classes: K.
        alpha: ``none`` weighs all alike, ``inverse`` by 1 / n of the class, ``sqrt_inverse`` by its square root.
    """
    counts = np.bincount(labels, minlength=classes).astype(np.float64)
    if alpha == "none":
        return np.ones(classes)
    there = counts > 0
    raw = np.where(there, 1 / np.maximum(counts, 1), 0.0)
    if alpha == "sqrt_inverse":
        raw = np.sqrt(raw)
    return np.where(there, raw / raw[there].mean(), 1.0)
