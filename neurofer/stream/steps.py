"""One window in, perhaps one verdict out: the core that files and live streams share. State goes in and comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurofer.data.crop import crop_resize
from neurofer.events.recording import Window
from neurofer.models.recurrent import SequenceClassifier
from neurofer.represent.base import Representation
from neurofer.spiking.bins import spike_tensor
from neurofer.spiking.network import NetworkState, SpikingNetwork
from neurofer.spiking.readout import ReadOut
from neurofer.stream.decisions import Scene, Verdict, WindowStep
from neurofer.train.ann import pictures_to_network

__all__ = ["AnnStep", "Scene", "SnnMemory", "SnnStep", "Step", "Verdict"]


class Step(WindowStep, Protocol):
    """Decides window by window."""

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the network in one call, every weight counted."""


@dataclass(frozen=True)
class AnnStep:
    """A window becomes a picture, then an embedding; the last few embeddings become a verdict.

    The state is the embeddings ``(1, n, E)`` of the windows before; each window is encoded once, by itself, so any way
    of cutting a recording into calls gives the same numbers.
    """

    model: SequenceClassifier
    representation: Representation
    size_px: int

    @property
    def macs(self) -> int:
        return self.model.macs_per_decision

    @torch.inference_mode()
    def __call__(self, window: Window, scene: Scene, state: Tensor | None) -> tuple[Verdict | None, Tensor]:
        logits, after = self.model.decide(self._embed(self._picture(window, scene)), state)
        return (_softmax_verdict(logits[0, -1]) if logits.shape[1] else None), after

    @torch.inference_mode()
    def finish(self, state: Tensor | None) -> Verdict | None:
        if state is None:
            return None
        silence = self._embed(self._silence()).expand(1, self.model.context_windows - state.shape[1], -1)
        logits, _ = self.model.decide(torch.cat([silence, state], dim=1))
        return _softmax_verdict(logits[0, -1])

    def _picture(self, window: Window, scene: Scene) -> NDArray[Any]:
        if not len(window.events):
            return self._silence()
        edges = (window.start_us, window.stop_us)
        picture = self.representation(window.events, edges, origin_us=scene.origin_us)
        return crop_resize(picture, scene.box, self.size_px, self.representation.empty_value)

    def _silence(self) -> NDArray[Any]:
        shape = (self.representation.channels, self.size_px, self.size_px)
        return np.full(shape, self.representation.empty_value, self.representation.dtype)

    def _embed(self, picture: NDArray[Any]) -> Tensor:
        return self.model.embed(pictures_to_network(picture[None, None]))


class SnnMemory(NamedTuple):
    """State of a spiking stream: that of the network, and its output over the trailing read-out."""

    network: NetworkState
    output: Tensor
    """``(steps, 1, K)``, at most the read-out long."""


@dataclass(frozen=True)
class SnnStep:
    """A window becomes spikes; the network runs on, and its output over the trailing read-out decides."""

    model: SpikingNetwork
    size_px: int
    dt_us: int
    readout_us: int
    read_out: ReadOut
    graded: bool = False

    @property
    def macs(self) -> int:
        return self.model.dense_macs

    @torch.inference_mode()
    def __call__(self, window: Window, scene: Scene, state: SnnMemory | None) -> tuple[Verdict, SnnMemory]:
        bins = spike_tensor(window.events, window.start_us, window.stop_us, self.dt_us, scene.box, self.size_px,
                            self.graded)
        out, network = self.model(torch.from_numpy(bins.spikes).unsqueeze(1), state.network if state else None)
        trail = torch.cat([state.output, out]) if state else out
        trail = trail[-(self.readout_us // self.dt_us) :]
        verdict = Verdict(int(self.read_out.decide(trail)[0]), self.read_out.probabilities(trail.double())[0].numpy())
        return verdict, SnnMemory(network, trail.clone())

    def finish(self, state: SnnMemory | None) -> Verdict | None:
        return None


def _softmax_verdict(logits: Tensor) -> Verdict:
    probabilities = torch.softmax(logits.double(), dim=-1).numpy()
    return Verdict(int(probabilities.argmax()), probabilities)
