"""Whether targets fire the same spikes: every layer, every step, every neuron of all recordings, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.hardware.agreement import LayerAgreement, agreement
from neurofer.hardware.comparison.data import SnnSide
from neurofer.hardware.comparison.targets import Spikes, Target
from neurofer.hardware.network import ChipNetwork, Shape
from neurofer.progress import progress
from neurofer.train.snn import STRETCH_STEPS

MOST_CELLS = 1 << 25
"""Inputs and neurons times steps and recordings that are computed together, unless one recording needs more."""
MOST_TOGETHER = 16


class Piece(NamedTuple):
    """Some steps of recordings that run side by side."""

    places: NDArray[np.int64]
    """``(B,)`` place of each recording among all."""
    start: int
    """First step."""
    spikes: Spikes
    """``(T, B, C, H, W)``; silent behind a recording's end."""
    left: NDArray[np.int64]
    """``(B,)`` steps until the end of each, from ``start`` on; 0 if it has ended."""

    @property
    def there(self) -> NDArray[np.bool_]:
        """``(T, B)`` where a recording has not ended."""
        return np.arange(len(self.spikes))[:, None] < self.left

    def cut(self, traces: Sequence[Spikes]) -> list[Spikes]:
        """Traces ``(T, B, ...)`` without what was fired behind a recording's end."""
        return [trace * self.there.reshape(*self.there.shape, *[1] * (trace.ndim - 2)) for trace in traces]


@dataclass(frozen=True)
class Fired:
    """What some targets fired.

    Attributes:
        outputs: By target, the spikes of the last layer ``(T, K)`` of each recording.
        layers: By target other than the first, how far its layers agree with the first one's; ``first`` is ``(step,
            place of the recording, neuron)``.
        steps: Over all recordings.
    """

    outputs: dict[str, list[Spikes]]
    layers: dict[str, list[LayerAgreement]]
    steps: int


def pieces(snn: SnnSide, clips: NDArray[np.int64], stretch: int | None = STRETCH_STEPS) -> Iterator[Piece]:
    """Recordings as spikes, some side by side, in stretches; those of the same recordings come one after the other.

    Args:
        snn: Has the spikes.
        clips: Numbers of the clips.
        stretch: Steps at a time; None for whole recordings.
    """
    layers = snn.network.spiking_layers()
    cells = math.prod(snn.network.input_shape) + sum(math.prod(layer.output_shape) for layer in layers)
    longest = int(snn.prepared.rows.lengths()[clips].max())
    size = longest if stretch is None else stretch
    together = max(1, min(MOST_TOGETHER, MOST_CELLS // (cells * min(size, longest))))
    for places in np.array_split(np.arange(len(clips)), -(-len(clips) // together)):
        batch = snn.task.gather(clips[places])
        lengths = batch.lengths.numpy()
        for start in range(0, batch.steps, size):
            spikes = batch.chunk(start, start + size).numpy().astype(np.uint8)
            yield Piece(places, start, spikes, np.maximum(lengths - start, 0))


def fire(snn: SnnSide, clips: NDArray[np.int64], targets: Sequence[Target]) -> Fired:
    """Run targets over recordings and compare each with the first, layer by layer.

    Args:
        snn: Has the recordings' spikes.
        clips: Numbers of the clips.
        targets: At least one; if one of them keeps no state, whole recordings are run.
    """
    names = [layer.name for layer in snn.network.spiking_layers()]
    first, *others = targets
    stretch = STRETCH_STEPS if all(target.keeps_state for target in targets) else None
    outputs: dict[str, list[list[Spikes]]] = {target.name: [[] for _ in clips] for target in targets}
    layers = {target.name: [LayerAgreement(name, 0, 0, None) for name in names] for target in others}
    states: dict[str, Any] = {}
    steps = 0
    with progress(total=len(clips), unit="recording", desc=f"spikes of {', '.join(outputs)}") as bar:
        for piece in pieces(snn, clips, stretch):
            states = states if piece.start else {}
            steps += int(piece.there.sum())
            reference: list[Spikes] = []
            for target in targets:
                traces, states[target.name] = target.run(piece.spikes, states.get(target.name))
                traces = piece.cut(traces)
                _keep(outputs[target.name], piece, traces[-1])
                if target is first:
                    reference = traces
                else:
                    layers[target.name] = [joined(before, located(now, piece)) for before, now in zip(
                        layers[target.name], agreement(names, reference, traces), strict=True)]
            bar.update(int((piece.left <= len(piece.spikes)).sum() - (piece.left == 0).sum()))
    return Fired({name: [np.concatenate(parts) for parts in each] for name, each in outputs.items()}, layers, steps)


def _keep(outputs: list[list[Spikes]], piece: Piece, output: Spikes) -> None:
    for column, (place, left) in enumerate(zip(piece.places, piece.left, strict=True)):
        outputs[place].append(output[:left, column])


def located(found: LayerAgreement, piece: Piece) -> LayerAgreement:
    """An agreement within a piece, its first difference counted from the start and among all recordings."""
    if found.first is None:
        return found
    step, column, neuron = found.first
    return replace(found, first=(piece.start + step, int(piece.places[column]), neuron))


def joined(one: LayerAgreement, other: LayerAgreement) -> LayerAgreement:
    """Two observations of one layer together; the first difference is that of the earliest step."""
    firsts = [first for first in (one.first, other.first) if first is not None]
    return LayerAgreement(one.name, one.spikes + other.spikes, one.different + other.different,
                          min(firsts, default=None))


def told(fired: Fired, chip: ChipNetwork, recordings: Sequence[str]) -> dict[str, Any]:
    """Agreement of each target with the first, ready for JSON; see ``neurofer.hardware.compare``.

    Args:
        fired: What they fired.
        chip: Shapes of the layers.
        recordings: Names, in order.
    """
    found = {}
    for name, layers in fired.layers.items():
        each = [{"name": layer.name, "spikes": layer.spikes, "different": layer.different,
                 "first": difference(layer, shape, chip.dt_us, recordings)}
                for layer, shape in zip(layers, chip.shapes[1:], strict=True)]
        found[name] = {"recordings": len(recordings), "steps": fired.steps, "layers": each,
                       **{what: sum(getattr(layer, what) for layer in layers) for what in ("spikes", "different")},
                       "first": next((layer["first"] for layer in each if layer["first"]), None)}
    return found


def difference(layer: LayerAgreement, shape: Shape, dt_us: int, recordings: Sequence[str]) -> dict[str, Any] | None:
    """The first difference in a layer, at the earliest step, as a report tells it; None where there is none.

    Args:
        layer: How far it agrees.
        shape: Of its neurons.
        dt_us: Length of a step.
        recordings: Their names.

    Returns:
        ``{"layer", "step", "ms", "recording", "neuron", "place"}``: flat number of the neuron and its ``[channel, y,
        x]`` or ``[number]``.
    """
    if layer.first is None:
        return None
    step, recording, neuron = layer.first
    return {"layer": layer.name, "step": step, "ms": step * dt_us / 1000, "recording": recordings[recording],
            "neuron": neuron, "place": [int(axis) for axis in np.unravel_index(neuron, shape)]}
