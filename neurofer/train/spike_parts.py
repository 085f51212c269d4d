"""The loss of a batch of spikes in parts, chunk by chunk of its steps: truncated back-propagation in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from neurofer.spiking.counting import fan_out
from neurofer.spiking.layers import SpikingLayer
from neurofer.spiking.network import NetworkState, SpikingNetwork, detached
from neurofer.spiking.neuron import CubaState
from neurofer.spiking.scan import integrate_membrane
from neurofer.train.config import SnnConfig
from neurofer.train.loop import StepLoss
from neurofer.train.spike_losses import (
    Stretch,
    Target,
    early_loss,
    membrane_loss,
    per_step_of_all,
    rate_loss,
    rate_penalty,
    stretch,
)


class Memory(NamedTuple):
    """What a chunk leaves to the next, all without history."""

    network: NetworkState
    outputs: Tensor
    """``(B, K)`` sums of the outputs."""
    drive: Tensor | None = None
    """``(B, K)`` sums of the currents into the output neurons."""
    twin: CubaState | None = None
    """State of the output neurons' twins that never fire."""
    searching: Tensor | None = None
    """``(B,)`` see ``early_loss``."""
    activity: tuple[Tensor, Tensor] | None = None
    """See ``per_step_of_all``."""


class SpikeLoss:
    """The loss of output spikes (or membranes) and what helps learning beside it.

    Args:
        settings: Kind of the loss, gains and weights; ``truncate_steps``.
    """

    def __init__(self, settings: SnnConfig) -> None:
        self._settings = settings
        self._fans: dict[str, Tensor] = {}

    def parts(self, network: SpikingNetwork, chunk: Callable[[int, int], Tensor], lengths: Tensor, steps: int,
              target: Target) -> Iterator[StepLoss]:
        """The loss of a batch, in one part or in chunks of ``truncate_steps``.

        The state goes from chunk to chunk, its history does not, so neither memory nor the reach of the gradient grow
        with the length of the clips. A chunk has the loss of what the network said until its end, weighted by the
        chunk's share of the clip's steps. A dropout mask holds for all chunks.

        Args:
            network: What learns.
            chunk: Input ``(t, B, C, H, W)`` of the steps ``start .. stop - 1``.
            lengths: ``(B,)`` steps of each clip.
            steps: Steps of the batch.
            target: What the clips should say.
        """
        every = self._settings.truncate_steps or max(steps, 1)
        draws = _Draws(lengths.device) if every < steps and network.dropout else None
        memory = None
        for start in range(0, steps, every):
            stop = min(start + every, steps)
            if draws is not None:
                draws.again()
            part, memory = self._part(network, chunk(start, stop), stretch(lengths, start, stop, steps), target, memory,
                                      last=stop == steps)
            yield part

    def _part(self, network: SpikingNetwork, spikes: Tensor, here: Stretch, target: Target, before: Memory | None,
              *, last: bool) -> tuple[StepLoss, Memory]:
        snn = self._settings
        output = network.spiking_layers()[-1]
        fires = output.spec.fires
        gain = snn.rate_gain if fires else snn.membrane_gain
        regular = bool(snn.rate_weight or snn.operations_weight)
        activity, state = network.activity(spikes, before.network if before else None, None if regular else 2)
        loss, means, sums = rate_loss(activity[-1], here, target, gain, before.outputs if before else None)
        memory = Memory(detached(state), sums.detach())
        current = None
        if fires and (snn.drive_weight or snn.loss == "membrane"):
            current = output.current(activity[-2] if len(activity) > 1 else spikes.to(output.weight.dtype))
        if snn.loss == "membrane":
            membranes = activity[-1]
            if current is not None:
                known = before.twin if before else None
                membranes, twin = integrate_membrane(current, known, output.alpha, output.beta)
                memory = memory._replace(twin=twin.detach())
            loss = membrane_loss(membranes, here, target, snn.membrane_gain)
        if snn.loss == "first_correct":
            early, searching = early_loss(activity[-1], here, target, gain, before.outputs if before else None,
                                          before.searching if before else None)
            loss, memory = loss + early, memory._replace(searching=searching)
        if current is not None and snn.drive_weight:
            drive, _, sums = rate_loss(current, here, target, snn.drive_gain, before.drive if before else None)
            loss, memory = loss + snn.drive_weight * drive, memory._replace(drive=sums.detach())
        if regular and len(activity) > 1:
            extra, counts = self._activity_loss(network, activity[:-1], here, before.activity if before else None)
            loss, memory = loss + extra, memory._replace(activity=counts)
        plain = float(Target(target.labels).mean(gain * means.detach())) if last else 0.0
        right = int((means.argmax(1) == target.labels).sum())
        return StepLoss(loss, plain, right, len(target.labels), last), memory

    def _activity_loss(self, network: SpikingNetwork, hidden: list[Tensor], here: Stretch,
                       before: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """What hidden spikes cost: rates off their target, and synaptic operations relative to the dense network's."""
        snn, layers = self._settings, network.spiking_layers()
        counted = [spikes.flatten(2) for spikes in hidden]
        spikes = torch.stack([(each.sum(2) * here.mask).sum() for each in counted])
        reached = spikes.new_zeros(1)
        if snn.operations_weight:
            reached = torch.stack([((each @ self._fan(layer, each)) * here.mask).sum()
                                   for each, layer in zip(counted, layers[1:], strict=True)]).sum().view(1)
        means, counts = per_step_of_all(torch.cat([spikes, reached]), here, before)
        neurons = means.new_tensor([float(each.shape[2]) for each in counted])
        penalty = rate_penalty(means[:-1] / neurons, snn.rate_target, snn.rate_sides)
        loss = snn.rate_weight * penalty + snn.operations_weight * means[-1] / network.dense_macs
        return (loss if here.shares is None else loss * here.shares.mean()), counts

    def _fan(self, layer: SpikingLayer, like: Tensor) -> Tensor:
        """Neurons that each input of a layer reaches, flat; of the device and type of ``like``."""
        known = self._fans.get(layer.name)
        if known is None or known.device != like.device or known.dtype != like.dtype:
            known = self._fans[layer.name] = fan_out(layer).flatten().to(like)
        return known


class _Draws:
    """Torch's random numbers of a device, from here on again and again."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._cpu = torch.get_rng_state()
        self._gpu = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def again(self) -> None:
        """Go back."""
        torch.set_rng_state(self._cpu)
        if self._gpu is not None:
            torch.cuda.set_rng_state(self._gpu, self._device)
