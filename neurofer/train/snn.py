"""The SNN recipe: raw events as spikes, surrogate gradients, cross-entropy on output spike rates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from neurofer.events.augment import EventAugment
from neurofer.models.shared_norm import mean_of_all
from neurofer.spiking.network import SpikingNetwork, step_mask
from neurofer.spiking.readout import decide, rate_probabilities, spike_counts
from neurofer.train.augment import draw_holes, draw_maps
from neurofer.train.config import TrainConfig
from neurofer.train.decisions import Decisions, decide_together, validation_scores
from neurofer.train.live import LiveSpikes
from neurofer.train.loop import StepLoss
from neurofer.train.processes import ALL, Processes, Share, device_of, place
from neurofer.train.spike_batch import SpikeBatch, SpikeSource
from neurofer.train.spike_rows import SpikeRows
from neurofer.train.spiking_encoder import groups_of_mode


class SnnTask:
    """Batches, loss and decisions of the SNN.

    The network sees a clip from its first step with a fresh state. Output spikes are counted while the clip runs (steps
    behind its end are masked); the counts per step, times ``rate_gain``, are the logits. A decision looks at these
    alone.

    Learning needs more: at first hardly an output neuron fires, and a silent neuron's surrogate gradient is next to
    nothing. So a second cross-entropy looks at the mean current into each output neuron (its drive), which is a smooth
    function of the last hidden spikes. It shapes the same weights, and leaves nothing behind in the network.

    Args:
        config: The run.
        spikes: Spikes of all clips.
        labels: ``(clips,)`` class numbers.
        train: Numbers of the training clips.
        validation: Numbers of the validation clips.
        live: Makes the spikes of training clips from changed events; by default they are the cached ones.
    """

    def __init__(self, config: TrainConfig, spikes: SpikeRows, labels: NDArray[np.int64], train: Sequence[int],
                 validation: Sequence[int], live: LiveSpikes | None = None) -> None:
        self._config = config
        self._source = SpikeSource(spikes, labels, live)
        self._spikes = spikes
        self._live = live
        self._labels = labels
        self._train = np.asarray(train, np.int64)
        self._validation = np.asarray(validation, np.int64)

    @property
    def steps(self) -> int:
        """Optimiser steps of one epoch."""
        return -(-len(self._train) // self._config.train.batch)

    def batches(self, generator: np.random.Generator, share: Share = ALL) -> Iterator[SpikeBatch]:
        """The training clips of one epoch, each once, in a drawn order."""
        order = generator.permutation(self._train)
        for clips in np.array_split(order, self.steps):
            mine = share.mine(len(clips))
            changes = self._live.draw(generator, len(clips), mine) if self._live else ()
            maps = draw_maps(generator, self._config.augment, len(clips))[mine]
            steps = int(self._spikes.lengths()[clips].max())
            holes = draw_holes(generator, self._config.augment, len(clips), self._config.snn.size_px)[mine]
            yield self.gather(clips[mine], list(maps), steps, changes, holes)

    def losses(self, model: nn.Module, batch: SpikeBatch) -> Iterator[StepLoss]:
        """The loss of one batch, in one part."""
        yield self.loss(model, batch)

    def loss(self, model: nn.Module, batch: SpikeBatch) -> StepLoss:
        """Cross-entropy of the output rates, and what helps learning beside it."""
        if not isinstance(model, SpikingNetwork):
            raise TypeError(f"SnnTask: need a SpikingNetwork, got {type(model).__name__}")
        snn, smoothing = self._config.snn, self._config.train.label_smoothing
        activity, _ = model.activity(batch.spikes)
        mask = step_mask(batch.lengths, batch.steps).unsqueeze(-1).to(activity[-1].dtype)
        rates = (activity[-1] * mask).sum(0) / batch.lengths[:, None]
        logits = snn.rate_gain * rates
        loss = functional.cross_entropy(logits, batch.labels, label_smoothing=smoothing)
        plain = float(functional.cross_entropy(logits.detach(), batch.labels))
        if snn.drive_weight:
            current = model.spiking_layers()[-1].current(activity[-2])
            drive = (current * mask).sum(0) / batch.lengths[:, None]
            loss = loss + snn.drive_weight * functional.cross_entropy(
                snn.drive_gain * drive, batch.labels, label_smoothing=smoothing)
        if snn.rate_weight:
            over = [functional.relu(mean_of_all(spikes) - snn.rate_target) for spikes in activity[:-1]]
            loss = loss + snn.rate_weight * torch.stack(over).square().sum()
        return StepLoss(loss, plain, int((rates.argmax(1) == batch.labels).sum()), len(batch.labels))

    def parameter_groups(self, model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
        """Every layer's weights with a learning rate in proportion to their size, and the decays.

        Layers that many spikes reach have small weights, layers that few reach have large ones: after calibration they
        differ up to tenfold, and one step size for all would leave one layer still and shake another to silence.
        """
        if not isinstance(model, SpikingNetwork):
            raise TypeError(f"SnnTask: need a SpikingNetwork, got {type(model).__name__}")
        groups: list[dict[str, Any]] = [
            {"params": [layer.weight], "weight_decay": weight_decay, "scale": float(layer.weight.detach().std())}
            for layer in model.spiking_layers()]
        decays = [value for value in model.parameters() if value.ndim == 0 and value.requires_grad]
        groups.append({"params": decays, "weight_decay": 0.0, "scale": 1.0})
        return groups_of_mode(groups, model, self._config)

    def validate(self, model: nn.Module, processes: Processes) -> dict[str, float]:
        """Scores per validation clip."""
        return validation_scores(decide_together(self.decide, model, self._validation, processes), self._labels)

    def decide(self, model: nn.Module, clips: Sequence[int] | NDArray[np.int64]) -> Decisions:
        """Decisions about clips by number: by the spikes of the clip, and every ``decision_us`` of the trail."""
        gain = self._config.snn.rate_gain
        window, readout = (every // self._config.snn.dt_us
                           for every in (self._config.snn.decision_us, self._config.snn.readout_us))
        each: list[tuple[Tensor, Tensor]] = []
        windows: list[tuple[Tensor, Tensor]] = []
        owner: list[int] = []
        with torch.inference_mode():
            for part in np.array_split(np.asarray(clips, np.int64), -(-len(clips) // self._config.train.batch)):
                batch = place(self.gather(part), device_of(model))
                output, _ = model(batch.spikes, lengths=batch.lengths)
                output = output.cpu()
                for column, steps in enumerate(batch.lengths.tolist()):
                    spikes = output[:steps, column, None]
                    each.append((decide(spikes), rate_probabilities(spike_counts(spikes), steps, gain)))
                    for stop in range(window, steps + 1, window):
                        trail = spikes[max(0, stop - readout) : stop]
                        windows.append((decide(trail), rate_probabilities(spike_counts(trail), len(trail), gain)))
                        owner.append(len(each) - 1)
        predicted, probabilities = (torch.cat(column).numpy() for column in zip(*each, strict=True))
        window_predicted, window_probabilities = (torch.cat(column).numpy() for column in zip(*windows, strict=True))
        return Decisions(np.asarray(clips, np.int64), predicted, probabilities.astype(np.float64),
                         np.array(owner, np.int64), window_predicted, window_probabilities.astype(np.float64))

    def typical_batch(self, count: int = 8) -> SpikeBatch:
        """The first training clips, unchanged; what fresh weights are scaled on."""
        clips = self._train[:: max(len(self._train) // count, 1)][:count]
        return self.gather(clips)

    def gather(self, clips: NDArray[np.int64], maps: Sequence[NDArray[np.float32]] = (),
               steps: int | None = None, changes: Sequence[EventAugment] = (),
               holes: NDArray[np.int64] | None = None) -> SpikeBatch:
        """Some clips as one batch, see ``SpikeSource.gather``."""
        return self._source.gather(clips, maps, steps, changes, holes)
