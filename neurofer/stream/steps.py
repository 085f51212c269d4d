"""One window in, perhaps one verdict out: the core that files and live streams share. State goes in and comes out."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurofer.data.crop import crop_resize
from neurofer.events.recording import Window
from neurofer.models.recurrent import SequenceClassifier
from neurofer.represent.base import Representation
from neurofer.spiking.bins import spike_tensor
from neurofer.spiking.network import NetworkState, SpikingNetwork
from neurofer.spiking.neuron import CubaState
from neurofer.spiking.readout import ReadOut
from neurofer.stream.decisions import Scene, Verdict, WindowStep
from neurofer.train.ann import pictures_to_network

__all__ = ["AnnStep", "Scene", "SnnMemory", "SnnStep", "Step", "Verdict", "digest_of"]


class Step(WindowStep, Protocol):
    """Decides window by window."""

    @property
    def model(self) -> nn.Module:
        """The network."""

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the network in one call, every weight counted."""

    def state_of(self, tensors: Mapping[str, Tensor]) -> Any:
        """The state whose tensors ``neurofer.stream.saved_state.flat`` has named.

        Raises:
            ValueError: one is missing, or does not fit the network.
        """


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
        embedding = self._embed(self._picture(window, scene)) if len(window.events) else self._silent
        logits, after = self.model.decide(embedding, state)
        return (_softmax_verdict(logits[0, -1]) if logits.shape[1] else None), after

    @torch.inference_mode()
    def finish(self, state: Tensor | None) -> Verdict | None:
        if state is None:
            return None
        silence = self._silent.expand(1, self.model.context_windows - state.shape[1], -1)
        logits, _ = self.model.decide(torch.cat([silence, state], dim=1))
        return _softmax_verdict(logits[0, -1])

    def state_of(self, tensors: Mapping[str, Tensor]) -> Tensor:
        state = _only(tensors, {"0"})["0"]
        self.model.decide(state.new_empty(1, 0, self.model.encoder.embedding), state)
        return state

    @functools.cached_property
    def _silent(self) -> Tensor:
        """Embedding of a window without events, which a long silence is full of."""
        shape = (self.representation.channels, self.size_px, self.size_px)
        return self._embed(np.full(shape, self.representation.empty_value, self.representation.dtype))

    def _picture(self, window: Window, scene: Scene) -> NDArray[Any]:
        edges = (window.start_us, window.stop_us)
        picture = self.representation(window.events, edges, origin_us=scene.origin_us)
        return crop_resize(picture, scene.box, self.size_px, self.representation.empty_value)

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

    def __call__(self, window: Window, scene: Scene, state: SnnMemory | None) -> tuple[Verdict, SnnMemory]:
        verdict, after, _ = self.observe(window, scene, state, layers=1)
        return verdict, after

    @torch.inference_mode()
    def observe(self, window: Window, scene: Scene, state: SnnMemory | None,
                layers: int | None = None) -> tuple[Verdict, SnnMemory, list[Tensor]]:
        """As a call, and what the last so many layers said, each ``(steps, 1, ...)``; of all by default."""
        bins = spike_tensor(window.events, window.start_us, window.stop_us, self.dt_us, scene.box, self.size_px,
                            self.graded)
        seen = torch.from_numpy(bins.spikes).unsqueeze(1)
        said, network = self.model.activity(seen, state.network if state else None, layers)
        out = said[-1]
        trail = torch.cat([state.output, out]) if state else out
        trail = trail[-(self.readout_us // self.dt_us) :]
        verdict = Verdict(int(self.read_out.decide(trail)[0]), self.read_out.probabilities(trail.double())[0].numpy())
        return verdict, SnnMemory(network, trail.clone()), said

    def state_of(self, tensors: Mapping[str, Tensor]) -> SnnMemory:
        layers = len(self.model.specs)
        names = {"1", *(f"0.{layer}.{part}" for layer in range(layers) for part in (0, 1))}
        found = _only(tensors, names)
        network = tuple(CubaState(found[f"0.{layer}.0"], found[f"0.{layer}.1"]) for layer in range(layers))
        self.model(torch.zeros(0, 1, *self.model.input_shape, dtype=torch.uint8), network)
        output = found["1"]
        if output.ndim != 3 or output.shape[1:] != (1, self.model.classes):
            raise ValueError(f"the output is {tuple(output.shape)}, the network's is (steps, 1, {self.model.classes})")
        return SnnMemory(network, output)

    def finish(self, state: SnnMemory | None) -> Verdict | None:
        return None


def digest_of(step: Step) -> str:
    """SHA-256 of a network's weights and its way of seeing."""
    sha = hashlib.sha256()
    seen = {name: value for name, value in vars(step).items() if name != "model" and not name.startswith("_")}
    sha.update(repr(sorted(seen.items())).encode())
    for name, value in step.model.state_dict().items():
        sha.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        sha.update(value.detach().cpu().contiguous().view(-1).numpy().tobytes())
    return sha.hexdigest()


def _only(tensors: Mapping[str, Tensor], names: set[str]) -> Mapping[str, Tensor]:
    if set(tensors) != names:
        raise ValueError(f"the state has the tensors {sorted(tensors)}, the network needs {sorted(names)}")
    if kinds := {value.dtype for value in tensors.values()} - {torch.float32}:
        raise ValueError(f"the state has tensors of {kinds}, the network needs float32")
    return tensors


def _softmax_verdict(logits: Tensor) -> Verdict:
    probabilities = torch.softmax(logits.double(), dim=-1).numpy()
    return Verdict(int(probabilities.argmax()), probabilities)
