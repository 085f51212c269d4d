"""One decision about a whole recording: for networks that see its central slices, whatever its length."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from neurofer.data.clip import Box
from neurofer.data.crop import square_box
from neurofer.events.events import Events
from neurofer.events.recording import Recording
from neurofer.models.resnet import ResNet18, SewResNet18
from neurofer.spiking.slices import central_span, slice_frames
from neurofer.stream.decisions import Verdict
from neurofer.train.slices_config import SlicesConfig

PIECE_US = 1_000_000
"""Read at a time; memory does not grow with the recording."""


class WholeVerdict(NamedTuple):
    """A decided class, the events of the stretch over the whole sensor, and the seconds from slices to decision."""

    verdict: Verdict
    events: int
    spent_s: float


@dataclass(frozen=True)
class WholeStep:
    """A stretch becomes binary frames of its central slices, and these one verdict.

    The stretch is read twice, piece by piece: once to count the events of the face box, once for the central ones.
    """

    model: SewResNet18 | ResNet18
    slices: SlicesConfig
    size_px: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a decision, every weight counted."""
        steps = self.slices.frames if isinstance(self.model, SewResNet18) else 1
        return self.model.trunk.macs * steps

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Let the first decision take no longer than others."""
        self._logits(torch.zeros(self.slices.frames, 2, self.size_px, self.size_px))

    @torch.inference_mode()
    def __call__(self, recording: Recording, box: Box, start_us: int, stop_us: int) -> WholeVerdict:
        """The verdict about the events with ``start_us <= t < stop_us``."""
        left, top, side, _ = square_box(box)
        inside, events = 0, 0
        for window in recording.windows(PIECE_US, start_us, stop_us):
            part = window.events.between(start_us, stop_us)
            inside, events = inside + len(part.crop(left, top, side, side)), events + len(part)
        first, last = central_span(inside, self.slices.frames, self.slices.events)
        kept, passed = [], 0
        for window in recording.windows(PIECE_US, start_us, stop_us):
            part = window.events.between(start_us, stop_us).crop(left, top, side, side)
            kept.append(part[max(first - passed, 0) : max(last - passed, 0)])
            passed += len(part)
            if passed >= last:
                break
        begun = time.perf_counter()
        frames = slice_frames(Events.concatenate(kept), None, self.size_px, self.slices.frames, self.slices.events)
        probabilities = torch.softmax(self._logits(torch.from_numpy(frames).float()).double(), dim=-1).numpy()
        verdict = Verdict(int(probabilities.argmax()), probabilities)
        return WholeVerdict(verdict, events, time.perf_counter() - begun)

    def _logits(self, frames: Tensor) -> Tensor:
        """``(K,)`` of frames ``(T, 2, S, S)``."""
        seen = frames[:, None] if isinstance(self.model, SewResNet18) else frames.flatten(0, 1)[None]
        logits: Tensor = self.model(seen)[0]
        return logits
