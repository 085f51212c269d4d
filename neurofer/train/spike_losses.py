"""Losses on what the last layer says over time: pure functions of outputs, lengths and targets, whole or in stretches.

A batch may be gone through in stretches of steps, one after the other, to bound memory: the sums of the steps before a
stretch come in without history, and the losses of all stretches are added up. What lies behind a clip's end never
counts, so a padded clip has the loss of an unpadded one.

==================  ====================================================================================
``rate_loss``       cross-entropy of the mean output (spikes per step, or membrane)
``membrane_loss``   mean over the steps of the cross-entropy of each step's membrane (TET)
``early_loss``      cross-entropy of the running decision, over the steps until it is right for the first time
==================  ====================================================================================
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from neurofer.models.shared_norm import SumOfAll, processes
from neurofer.spiking.network import step_mask
from neurofer.spiking.neuron import CubaState
from neurofer.spiking.scan import integrate_membrane


class Target(NamedTuple):
    """What a clip's logits should say: its class, and perhaps what a teacher said of it."""

    labels: Tensor
    """``(B,)`` class numbers."""
    smoothing: float = 0.0
    """Share of the target that is spread over all classes."""
    taught: Tensor | None = None
    """``(B, K)`` probabilities of a teacher; None without one."""
    weight: float = 0.0
    """Share of the teacher in the loss."""
    temperature: float = 1.0
    """Both sides' logits are divided by it before they are compared."""

    def each(self, logits: Tensor) -> Tensor:
        """Loss of every sample, ``(..., B, K) -> (..., B)``: ``(1 - weight) CE + weight temperature^2 KL(teacher)``.

        Source:
            Hinton et al. 2015 (arXiv:1503.02531) for the second term.
        """
        labels = self.labels.expand(logits.shape[:-1])
        plain = functional.cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="none",
                                         label_smoothing=self.smoothing).view(labels.shape)
        if self.taught is None:
            return plain
        soft = torch.log_softmax(self.taught.clamp_min(1e-12).log() / self.temperature, -1)
        said = torch.log_softmax(logits / self.temperature, -1)
        apart = (soft.exp() * (soft - said)).sum(-1)
        return (1 - self.weight) * plain + self.weight * self.temperature**2 * apart

    def mean(self, logits: Tensor, shares: Tensor | None = None) -> Tensor:
        """Mean loss of ``(B, K)`` logits, each weighted by its share; 0-dimensional."""
        if shares is None and self.taught is None:
            return functional.cross_entropy(logits, self.labels, label_smoothing=self.smoothing)
        each = self.each(logits)
        return each.mean() if shares is None else (each * shares).mean()


class Stretch(NamedTuple):
    """Consecutive steps of a batch, and what they are of each clip."""

    mask: Tensor
    """``(t, B)`` 1 where the clip has not ended."""
    so_far: Tensor
    """``(B,)`` steps of the clip up to the end of the stretch."""
    lengths: Tensor
    """``(B,)`` steps of the whole clip."""
    shares: Tensor | None
    """``(B,)`` share of the clip's steps that lie in the stretch; None where it holds all of every clip."""


def stretch(lengths: Tensor, start: int, stop: int, steps: int, dtype: torch.dtype = torch.float32) -> Stretch:
    """Steps ``start .. stop - 1`` of a batch of ``steps`` steps whose clips are ``lengths`` ``(B,)`` long."""
    mask = step_mask(lengths - start, stop - start).to(dtype)
    whole = start == 0 and stop == steps
    shares = None if whole else mask.sum(0) / lengths
    return Stretch(mask, lengths.clamp_max(stop), lengths, shares)


def running_sums(values: Tensor, here: Stretch, before: Tensor | None = None) -> Tensor:
    """``(t, B, K)`` sums of the values of a clip up to and with each step; what lies behind its end adds nothing.

    Args:
        values: ``(t, B, K)`` of the stretch.
        here: The stretch.
        before: ``(B, K)`` sums of the steps before it.
    """
    counted = values * here.mask.unsqueeze(-1)
    state = None if before is None else CubaState(torch.zeros_like(before), before)
    sums, _ = integrate_membrane(counted, state, 0.0, 1.0)  # a membrane that forgets nothing
    return sums


def rate_loss(values: Tensor, here: Stretch, target: Target, gain: float,
              before: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Loss of the mean output up to the end of a stretch, weighted by the stretch's share of the clip.

    Args:
        values: ``(t, B, K)`` spikes, membranes or currents of the last layer.
        here: The stretch.
        target: What they should say.
        gain: Times the mean output gives the logits.
        before: ``(B, K)`` sums of the steps before the stretch, without history.

    Returns:
        ``(loss, means (B, K), sums (B, K))``; the sums are ``before`` of the next stretch, once detached.
    """
    sums = (values * here.mask.unsqueeze(-1)).sum(0)
    if before is not None:
        sums = before + sums
    means = sums / here.so_far[:, None]
    return target.mean(gain * means, here.shares), means, sums


def membrane_loss(membranes: Tensor, here: Stretch, target: Target, gain: float) -> Tensor:
    """Loss of the membrane at each step, averaged over the steps of a clip; the stretches of a clip add up to it.

    Every step has to say what the whole clip says, so a decision is good early and stays good.

    Args:
        membranes: ``(t, B, K)`` of output neurons that do not fire, in units of the threshold.
        here: The stretch.
        target: What they should say.
        gain: Times a membrane gives its logit.

    Source:
        Deng et al., ICLR 2022 (arXiv:2202.11946): the average over time outside of the cross-entropy.
    """
    each = target.each(gain * membranes) * here.mask
    return (each.sum(0) / here.lengths).mean()


def early_loss(values: Tensor, here: Stretch, target: Target, gain: float, before: Tensor | None = None,
               searching: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Loss of the running mean output, summed over a clip's steps until it is right for the first time.

    With ``l[t]`` the loss of ``gain`` times the mean output of the steps ``0 .. t``, and ``r`` the first step at which
    the true class strictly leads in it (the last step, if it never does), a clip has the loss ``sum(l[0 .. r]) /
    length``. So being right early makes it small, and from then on nothing more is asked. A clip without a
    lead, such as one whose outputs are still silent, is not right. The stretches of a clip add up to its loss.

    Args:
        values: ``(t, B, K)`` spikes or membranes of the last layer.
        here: The stretch.
        target: What they should say.
        gain: Times the mean output gives the logits.
        before: ``(B, K)`` sums of the steps before the stretch, without history.
        searching: ``(B,)`` True for the clips that were not right before the stretch; all by default.

    Returns:
        ``(loss, searching)``: that for the stretch that follows.
    """
    sums = running_sums(values, here, before)
    # Steps of a clip up to each step of the stretch; a clip that has ended stays where it was.
    first = here.so_far - here.mask.sum(0)
    passed = (first + here.mask.int().cumsum(0)).clamp_min(1)
    logits = gain * sums / passed.unsqueeze(-1)
    of_class = target.labels[:, None] == torch.arange(sums.shape[-1], device=sums.device)
    others = sums.detach().masked_fill(of_class, float("-inf")).amax(-1)
    right = (sums.detach().masked_fill(~of_class, float("-inf")).amax(-1) > others) & (here.mask > 0)
    searching = torch.ones_like(target.labels, dtype=torch.bool) if searching is None else searching
    found_before = right.int().cumsum(0) - right.int()
    counted = here.mask * ((found_before == 0) & searching)
    return ((target.each(logits) * counted).sum(0) / here.lengths).mean(), searching & ~right.any(0)


def rate_penalty(rates: Tensor, target: float, sides: Literal["above", "both"]) -> Tensor:
    """Squared distance of each layer's rate from the wanted one, summed; ``above`` leaves lower rates alone.

    Args:
        rates: ``(layers,)`` spikes per neuron and step.
        target: Wanted rate.
        sides: Which distances count.
    """
    over = rates - target
    return (functional.relu(over) if sides == "above" else over).square().sum()


def per_step_of_all(total: Tensor, here: Stretch, before: tuple[Tensor, Tensor] | None = None,
                    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Mean per step and clip of something that was summed over a stretch, over all processes of a training.

    Args:
        total: ``(n,)`` sums over the steps of the stretch that count.
        here: The stretch.
        before: What this gave for the stretch before.

    Returns:
        ``(means (n,), sums)``: the means count the steps before the stretch as well, without their history.
    """
    both = torch.cat([total, here.mask.sum().to(total.dtype).view(1)])
    if processes() > 1:
        both = SumOfAll.apply(both)
    sums, count = both[:-1], both[-1].detach()
    if before is not None:
        sums, count = before[0] + sums, before[1] + count
    return sums / count.clamp_min(1), (sums.detach(), count)
