"""A spiking network that also tells which of its neurons fired."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.events.recording import Window
from neurofer.spiking.network import layer_names
from neurofer.stream.decisions import Scene, Verdict
from neurofer.stream.steps import SnnMemory, SnnStep

MOST_NEURONS = 64
"""Shown of a layer, evenly spread."""


@dataclass
class ObservedSnn:
    """Decides as its step does, and keeps the spikes of the window before.

    Attributes:
        step: Decides.
        raster: ``(steps, neurons)`` of each layer, uint8; None before the first window.
    """

    step: SnnStep
    raster: dict[str, NDArray[np.uint8]] | None = field(default=None)

    def __call__(self, window: Window, scene: Scene, state: SnnMemory | None) -> tuple[Verdict, SnnMemory]:
        verdict, after, said = self.step.observe(window, scene, state)
        fires = self.step.model.specs[-1].fires
        names = layer_names(self.step.model.specs)
        pairs = list(zip(names, said, strict=True))
        # An integrator at the end never fires.
        self.raster = {name: _some(spikes.flatten(1).numpy()) for name, spikes in (pairs if fires else pairs[:-1])}
        return verdict, after

    def finish(self, state: Any) -> Verdict | None:
        """As the step."""
        return self.step.finish(state)


def _some(spikes: NDArray[Any]) -> NDArray[np.uint8]:
    neurons = spikes.shape[1]
    places = np.linspace(0, neurons - 1, min(neurons, MOST_NEURONS)).round().astype(np.int64)
    return np.asarray(spikes[:, places] > 0, np.uint8)
