"""The SNN recipe: raw events as spikes, surrogate gradients, cross-entropy on output spike rates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurofer.events.augment import EventAugment
from neurofer.spiking.network import SpikingNetwork
from neurofer.spiking.readout import ReadOut
from neurofer.train.augment import draw_holes, draw_maps
from neurofer.train.config import SnnConfig, TrainConfig
from neurofer.train.decisions import Decisions, decide_together, validation_scores
from neurofer.train.live import LiveSpikes
from neurofer.train.loop import StepLoss
from neurofer.train.processes import ALL, Processes, Share, device_of, place
from neurofer.train.spike_batch import SpikeBatch, SpikeSource
from neurofer.train.spike_losses import Target
from neurofer.train.spike_parts import SpikeLoss
from neurofer.train.spike_rows import SpikeRows
from neurofer.train.spiking_encoder import groups_of_mode

STRETCH_STEPS = 250
"""Steps that go through the network together when it decides."""


class TaughtBatch(NamedTuple):
    """A batch, and what a teacher says of its clips."""

    batch: SpikeBatch
    taught: Tensor
    """``(B, K)`` probabilities."""


class SnnTask:
    """Batches, loss and decisions of the SNN.

    The network sees a clip from its first step with a fresh state. Output spikes are counted while the clip runs (steps
    behind its end are masked); the counts per step, times ``rate_gain``, are the logits. A decision looks at these
    alone. With ``readout=integrator`` the mean membrane of output neurons that never fire stands for the counts per
    step, and ``membrane_gain`` for the gain.

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

    Attributes:
        read_out: How the network's output decides.
    """

    def __init__(self, config: TrainConfig, spikes: SpikeRows, labels: NDArray[np.int64], train: Sequence[int],
                 validation: Sequence[int], live: LiveSpikes | None = None) -> None:
        self._config = config
        self._loss = SpikeLoss(config.snn)
        self.read_out = read_out(config.snn)
        self._source = SpikeSource(spikes, labels, live)
        self._spikes = spikes
        self._live = live
        self._labels = labels
        self._train = np.asarray(train, np.int64)
        self._validation = np.asarray(validation, np.int64)
        self._taught: Tensor | None = None

    @property
    def steps(self) -> int:
        """Optimiser steps of one epoch."""
        return -(-len(self._train) // self._config.train.batch)

    def batches(self, generator: np.random.Generator, share: Share = ALL) -> Iterator[SpikeBatch | TaughtBatch]:
        """The training clips of one epoch, each once, in a drawn order."""
        order = generator.permutation(self._train)
        for clips in np.array_split(order, self.steps):
            mine = share.mine(len(clips))
            changes = self._live.draw(generator, len(clips), mine) if self._live else ()
            maps = draw_maps(generator, self._config.augment, len(clips))[mine]
            steps = int(self._spikes.lengths()[clips].max())
            holes = draw_holes(generator, self._config.augment, len(clips), self._config.snn.size_px)[mine]
            batch = self.gather(clips[mine], list(maps), steps, changes, holes)
            yield batch if self._taught is None else TaughtBatch(batch, self._taught[clips[mine]])

    def losses(self, model: nn.Module, batch: SpikeBatch | TaughtBatch) -> Iterator[StepLoss]:
        """The loss of one batch: in one part, or in chunks of ``snn.truncate_steps``; see ``SpikeLoss``."""
        spikes, taught = batch if isinstance(batch, TaughtBatch) else (batch, None)
        target = Target(spikes.labels, self._config.train.label_smoothing)
        if taught is not None:
            distill = self._config.distill
            target = target._replace(taught=taught, weight=distill.weight, temperature=distill.temperature)
        return self._loss.parts(spiking_network(model), spikes.chunk, spikes.lengths, spikes.steps, target)

    def teach(self, probabilities: NDArray[np.float64]) -> None:
        """From now on training batches come with what a teacher says of their clips.

        Args:
            probabilities: ``(clips, K)``; those of the training clips are read.

        Raises:
            ValueError: they are of other clips, or no probabilities.
        """
        of_training = probabilities[self._train] if len(probabilities) == len(self._labels) else np.zeros((1, 1))
        if not np.allclose(of_training.sum(1), 1, atol=1e-3):
            raise ValueError("SnnTask.teach: need the probabilities of every training clip, one row for each clip of "
                             f"{len(self._labels)}, got {probabilities.shape}")
        self._taught = torch.from_numpy(probabilities.astype(np.float32))

    def parameter_groups(self, model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
        """Every layer's weights with a learning rate in proportion to their size; decays and thresholds.

        Layers that many spikes reach have small weights, layers that few reach have large ones: after calibration they
        differ up to tenfold, and one step size for all would leave one layer still and shake another to silence. See
        ``groups_of_mode`` for those of an encoder that was taken over.
        """
        groups: list[dict[str, Any]] = [
            {"params": [layer.weight], "weight_decay": weight_decay, "scale": float(layer.weight.detach().std())}
            for layer in spiking_network(model).spiking_layers()]
        others = [value for value in model.parameters() if value.ndim < 2 and value.requires_grad]
        groups.append({"params": others, "weight_decay": 0.0, "scale": 1.0})
        return groups_of_mode(groups, spiking_network(model), self._config)

    def validate(self, model: nn.Module, processes: Processes) -> dict[str, float]:
        """Scores per validation clip."""
        return validation_scores(decide_together(self.decide, model, self._validation, processes), self._labels)

    def decide(self, model: nn.Module, clips: Sequence[int] | NDArray[np.int64]) -> Decisions:
        """Decisions about clips by number: by the output of the clip, and every ``decision_us`` by that of the trail.
        """
        window, trail = (every // self._config.snn.dt_us
                         for every in (self._config.snn.decision_us, self._config.snn.readout_us))
        each: list[tuple[Tensor, Tensor]] = []
        windows: list[tuple[Tensor, Tensor]] = []
        owner: list[int] = []
        for number, output in enumerate(self.outputs(model, clips)):
            each.append(self._said(output))
            for stop in range(window, len(output) + 1, window):
                windows.append(self._said(output[max(0, stop - trail) : stop]))
                owner.append(number)
        predicted, probabilities = (torch.cat(column).numpy() for column in zip(*each, strict=True))
        window_predicted, window_probabilities = (torch.cat(column).numpy() for column in zip(*windows, strict=True))
        return Decisions(np.asarray(clips, np.int64), predicted, probabilities.astype(np.float64),
                         np.array(owner, np.int64), window_predicted, window_probabilities.astype(np.float64))

    def outputs(self, model: nn.Module, clips: Sequence[int] | NDArray[np.int64]) -> Iterator[Tensor]:
        """What the last layer says about each clip over time, ``(steps, 1, K)`` on the CPU; clips by number.

        Long clips go through the network in stretches, the state handed on, so memory does not grow with them.
        """
        for part in np.array_split(np.asarray(clips, np.int64), -(-len(clips) // self._config.train.batch)):
            batch = place(self.gather(part), device_of(model))
            with torch.inference_mode():
                found, state = [], None
                for start in range(0, batch.steps, STRETCH_STEPS):
                    said, state = model(batch.chunk(start, min(start + STRETCH_STEPS, batch.steps)), state)
                    found.append(said.cpu())
                output = torch.cat(found)
            for column, steps in enumerate(batch.lengths.tolist()):
                yield output[:steps, column, None]

    def _said(self, output: Tensor) -> tuple[Tensor, Tensor]:
        return self.read_out.decide(output), self.read_out.probabilities(output)

    def typical_batch(self, count: int = 8) -> SpikeBatch:
        """Training clips, unchanged, long ones cut to their busiest stretch; what fresh weights are scaled on."""
        clips = self._train[:: max(len(self._train) // count, 1)][:count]
        return self._source.busiest(clips, STRETCH_STEPS)

    def gather(self, clips: NDArray[np.int64], maps: Sequence[NDArray[np.float32]] = (),
               steps: int | None = None, changes: Sequence[EventAugment] = (),
               holes: NDArray[np.int64] | None = None) -> SpikeBatch:
        """Some clips as one batch, see ``SpikeSource.gather``."""
        return self._source.gather(clips, maps, steps, changes, holes)


def spiking_network(model: nn.Module) -> SpikingNetwork:
    """The model, if it is the SNN.

    Raises:
        TypeError: it is another.
    """
    if not isinstance(model, SpikingNetwork):
        raise TypeError(f"SnnTask: need a SpikingNetwork, got {type(model).__name__}")
    return model


def read_out(settings: SnnConfig) -> ReadOut:
    """How the output of a spiking run decides."""
    return ReadOut(settings.readout, settings.rate_gain if settings.readout == "spikes" else settings.membrane_gain)
