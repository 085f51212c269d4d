"""From the spikes of the last layer to a decision."""

from __future__ import annotations

import torch
from torch import Tensor


def spike_counts(spikes: Tensor) -> Tensor:
    """Spikes of each class, ``(T, B, K) -> (B, K)``."""
    return spikes.sum(0)


def decide(spikes: Tensor) -> Tensor:
    """Class of each sequence: most spikes; ties go to the class whose last spike came first, then to the lower index.

    Args:
        spikes: ``(T, B, K)`` zeros and ones.

    Returns:
        ``(B,)`` int64 class numbers.
    """
    steps = len(spikes)
    counts = spikes.sum(0).long()
    order = torch.arange(1, steps + 1, device=spikes.device).view(-1, 1, 1)
    last = (order * (spikes > 0)).amax(0) if steps else torch.zeros_like(counts)
    # One number that sorts by count, then by the earlier last spike; argmax keeps the lower index among equals.
    return first_largest(counts * (steps + 1) + (steps - last))


def first_largest(score: Tensor) -> Tensor:
    """Index of the largest value along the last axis, the lowest among equals (``argmax`` leaves that open)."""
    classes = score.shape[-1]
    index = torch.arange(classes, device=score.device).expand_as(score)
    best = score == score.amax(-1, keepdim=True)
    return torch.where(best, index, classes).amin(-1)


def rate_probabilities(counts: Tensor, steps: int, gain: float) -> Tensor:
    """Softmax of ``gain * spikes per step``; the same scale as the training loss makes them probabilities.

    Args:
        counts: ``(..., K)`` spikes of each class over ``steps`` steps.
        steps: Steps counted, at least 1.
        gain: Logit of a neuron that fires at every step.
    """
    return torch.softmax(counts.to(torch.float32) * (gain / max(steps, 1)), dim=-1)
