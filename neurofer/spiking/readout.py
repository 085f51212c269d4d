"""From the output of the last layer to a decision: spikes are counted, membranes of an integrator are averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class ReadOut:
    """How the last layer's output decides.

    Attributes:
        kind: ``spikes`` decides by their number, see ``decide``; ``integrator``, whose neurons never fire, by the mean
            membrane, see ``decide_membranes``.
        gain: Logit of a neuron that fires at every step, or whose mean membrane is 1.
    """

    kind: Literal["spikes", "integrator"] = "spikes"
    gain: float = 10.0

    def decide(self, output: Tensor) -> Tensor:
        """Class of each sequence, ``(T, B, K) -> (B,)`` int64."""
        return decide(output) if self.kind == "spikes" else decide_membranes(output)

    def running(self, output: Tensor) -> Tensor:
        """Class after every step, ``(T, B, K) -> (T, B)`` int64: what ``decide`` says of the steps up to it."""
        return running_decisions(output) if self.kind == "spikes" else running_membrane_decisions(output)

    def probabilities(self, output: Tensor) -> Tensor:
        """Softmax of ``gain`` times the mean output over the steps, ``(T, B, K) -> (B, K)``."""
        return rate_probabilities(output.sum(0), len(output), self.gain)


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


def running_decisions(spikes: Tensor) -> Tensor:
    """What ``decide`` says after every step, all at once.

    Args:
        spikes: ``(T, B, K)`` zeros and ones.

    Returns:
        ``(T, B)`` int64: row t is ``decide(spikes[: t + 1])``.
    """
    fired = spikes > 0
    order = torch.arange(1, len(spikes) + 1, device=spikes.device).view(-1, 1, 1)
    last = (order * fired).cummax(0).values
    return first_largest(spikes.long().cumsum(0) * (order + 1) + (order - last))


def decide_membranes(membranes: Tensor) -> Tensor:
    """Class of each sequence: largest mean membrane over the steps; ties go to the lower index.

    Args:
        membranes: ``(T, B, K)`` of neurons that never fire.

    Returns:
        ``(B,)`` int64 class numbers; 0 for no step.
    """
    if not len(membranes):
        return torch.zeros(membranes.shape[1], dtype=torch.int64, device=membranes.device)
    return running_membrane_decisions(membranes)[-1]


def running_membrane_decisions(membranes: Tensor) -> Tensor:
    """What ``decide_membranes`` says after every step, ``(T, B, K) -> (T, B)`` int64.

    The sums run in double precision and in order, so that a recording in pieces gives what it gives as a whole.
    """
    return first_largest(membranes.detach().cpu().double().cumsum(0)).to(membranes.device)


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

    Returns:
        ``(..., K)`` float64 for counts in that, else float32.
    """
    numbers = torch.promote_types(counts.dtype, torch.float32)
    return torch.softmax(counts.to(numbers) * (gain / max(steps, 1)), dim=-1)
