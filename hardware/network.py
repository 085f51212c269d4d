"""The chip network: integers only, everything that a chip needs to know of a trained spiking network and nothing else.

``neurofer.hardware.chip_file`` writes and reads it; ``simulate``, ``gpu`` and Lava run it, spike for spike alike.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neurofer.hardware.limits import CHIPS, current_cannot_wrap, weight_problems
from neurofer.spiking.layer_size import MOST_NEURONS, conv_sides
from neurofer.spiking.registers import CURRENT_DECAY, THRESHOLD_MANTISSA, VOLTAGE_DECAY, Registers

CURRENTS = "currents"
"""Word of ``ChipNetwork.source`` that says why no current leaves 24 bits; the digest covers it."""

LONGEST_WORD = 200
"""Letters of a name."""

Shape = tuple[int, ...]
Pair = tuple[int, int]


@dataclass(frozen=True)
class ChipLayer:
    """Weights and neurons of one layer, in the integers of the chip.

    Attributes:
        name: As in the trained network, ``conv1`` or ``dense2``.
        kind: ``conv`` or ``dense``.
        weight: Even int16 of -256..254, ``(O, I, kH, kW)`` or ``(O, I)``; inputs of a dense layer behind a conv layer
            are in the order (C, H, W).
        current_decay: Register iDecay, 1..4096.
        voltage_decay: Register vDecay, 0..4095.
        threshold: Register vThMant, 1..131071.
        scale: Integers per unit of the trained weights; what the integers mean, not what the chip computes.
        stride: ``(y, x)``, conv only; padding and dilation likewise.
    """

    name: str
    kind: Literal["conv", "dense"]
    weight: NDArray[np.int16]
    current_decay: int
    voltage_decay: int
    threshold: int
    scale: float = 1.0
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)

    @property
    def outputs(self) -> int:
        """Channels of a conv layer, neurons of a dense one."""
        return int(self.weight.shape[0])

    @property
    def registers(self) -> Registers:
        """Of the neurons, together."""
        return Registers(self.current_decay, self.voltage_decay, self.threshold)

    @property
    def alpha(self) -> float:
        """Decay of the current that the chip has."""
        return self.registers.alpha

    @property
    def beta(self) -> float:
        """Decay of the membrane that the chip has."""
        return self.registers.beta

    @property
    def theta(self) -> float:
        """Threshold in units of the trained weights."""
        return self.threshold / self.scale

    @property
    def largest_drive(self) -> int:
        """Largest absolute sum of weights that spikes can add up in one neuron in one step: all positive, or all
        negative ones."""
        each = self.weight.astype(np.int64).reshape(self.outputs, -1)
        return int(max(np.maximum(each, 0).sum(1).max(), np.maximum(-each, 0).sum(1).max()))

    @property
    def cannot_wrap(self) -> bool:
        """Whether the current stays within 24 bits whatever the spikes are."""
        return current_cannot_wrap(self.largest_drive, self.current_decay)

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of the neurons behind an activity of ``shape``, (C, H, W) or (N,), both without batch."""
        if self.kind == "dense":
            return (self.outputs,)
        return (self.outputs, *conv_sides(shape[1:], self.weight.shape[2:], self.stride, self.padding, self.dilation))

    def problems(self, shape: Shape) -> list[str]:
        """Why a chip cannot hold this layer behind an activity of ``shape``, one sentence each; empty if it can."""
        found = weight_problems(self.name, self.weight) if self.weight.size else [f"{self.name}: has no weights"]
        for register, value, (low, high) in (("iDecay", self.current_decay, CURRENT_DECAY),
                                             ("vDecay", self.voltage_decay, VOLTAGE_DECAY),
                                             ("vThMant", self.threshold, THRESHOLD_MANTISSA)):
            if not low <= value <= high:
                found.append(f"{self.name}: {register} is {value}, need {low} to {high}")
        if not (math.isfinite(self.scale) and self.scale > 0):
            found.append(f"{self.name}: scale is {self.scale}, need a finite number above 0")
        return found + self._shape_problems(shape)

    def _shape_problems(self, shape: Shape) -> list[str]:
        axes = 4 if self.kind == "conv" else 2
        if self.weight.ndim != axes:
            return [f"{self.name}: weights of a {self.kind} layer have {axes} axes, got {self.weight.shape}"]
        if self.kind == "dense":
            wanted = math.prod(shape)
            return [] if self.weight.shape[1] == wanted else [
                f"{self.name}: has weights for {self.weight.shape[1]} inputs, but {wanted} come in"]
        if len(shape) != 3:
            return [f"{self.name}: a conv layer cannot follow a dense one"]
        if min(*self.stride, *self.dilation) < 1 or min(self.padding) < 0:
            return [f"{self.name}: stride and dilation must be at least 1, padding at least 0, got {self.stride}, "
                    f"{self.dilation} and {self.padding}"]
        if self.weight.shape[1] != shape[0]:
            return [f"{self.name}: has weights for {self.weight.shape[1]} channels, but {shape[0]} come in"]
        if min(self.output_shape(shape)[1:]) < 1:
            return [f"{self.name}: its kernel is larger than the input {shape[1:]}"]
        padded = shape[0] * math.prod(size + 2 * pad for size, pad in zip(shape[1:], self.padding, strict=True))
        most = max(padded, math.prod(self.output_shape(shape)))
        return [] if most <= MOST_NEURONS else [f"{self.name}: {most} neurons, at most {MOST_NEURONS} are run"]


@dataclass(frozen=True)
class ChipNetwork:
    """A whole network and how its output is read.

    Attributes:
        input_shape: ``(channels, height, width)`` of one step; one bit each, channel 0 OFF, 1 ON.
        layers: From the input on; the neurons of the last one are the classes.
        dt_us: Length of a step in microseconds.
        steps: Steps of output that a decision looks at.
        decision_us: How often a stream is decided about.
        classes: Class names.
        rate_gain: Logit of a class that fires at every step; for probabilities alone.
        target: Chip that it was made for, a key of ``neurofer.hardware.limits.CHIPS``.
        source: Where it comes from, words by name; no part of what is computed, nor of the digest but ``currents``.

    Raises:
        ValueError: a chip cannot hold it; every reason is listed.
    """

    input_shape: Shape
    layers: tuple[ChipLayer, ...]
    dt_us: int
    steps: int
    decision_us: int
    classes: tuple[str, ...]
    rate_gain: float = 10.0
    target: str = "loihi2"
    source: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if found := self._problems():
            raise ValueError("chip network: this cannot be one:\n  - " + "\n  - ".join(found))

    @property
    def delay(self) -> int:
        """Steps by which a chip's output lags behind its input: one for each weight layer."""
        return len(self.layers)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Shapes of the input and of every layer's neurons."""
        found = [self.input_shape]
        for layer in self.layers:
            found.append(layer.output_shape(found[-1]))
        return tuple(found)

    @property
    def neurons(self) -> int:
        """Of all layers."""
        return sum(math.prod(shape) for shape in self.shapes[1:])

    @property
    def header(self) -> dict[str, object]:
        """What it says of itself beside the layers, ready for JSON; ``source`` is left out."""
        return {"input_shape": list(self.input_shape), "dt_us": self.dt_us, "steps": self.steps,
                "decision_us": self.decision_us, "classes": list(self.classes), "rate_gain": float(self.rate_gain),
                "target": self.target, CURRENTS: self.source.get(CURRENTS, "")}

    @property
    def digest(self) -> str:
        """SHA-256 over everything that decides what is computed and how it is read, layer by layer."""
        found = hashlib.sha256(json.dumps(self.header, sort_keys=True).encode())
        for layer in self.layers:
            said = [layer.name, layer.kind, list(layer.weight.shape), layer.current_decay, layer.voltage_decay,
                    layer.threshold, float(layer.scale), layer.stride, layer.padding, layer.dilation]
            found.update(json.dumps(said).encode())
            found.update(np.ascontiguousarray(layer.weight, "<i2").tobytes())
        return found.hexdigest()

    def _problems(self) -> list[str]:
        found = _header_problems(self)
        names = [layer.name for layer in self.layers]
        found += [f"layer {number} is called {name[:40]!r}, need at most {LONGEST_WORD} letters that can be printed"
                  for number, name in enumerate(names, 1) if not is_word(name)]
        found += [f"{name}: two layers have this name" for name in sorted({n for n in names if names.count(n) > 1})]
        if len(self.input_shape) != 3 or min(self.input_shape, default=0) < 1:
            return [*found, f"input: must be (channels, height, width), got {self.input_shape}"]
        shape: Shape = self.input_shape
        for layer in self.layers:
            wrong = layer.problems(shape)
            found += wrong
            if wrong:
                return found
            shape = layer.output_shape(shape)
        if not self.layers or self.layers[-1].kind != "dense":
            found.append("the last layer must be dense; its neurons are the classes")
        elif shape != (len(self.classes),):
            found.append(f"{self.layers[-1].name}: {shape[0]} neurons for {len(self.classes)} classes")
        return found


def _header_problems(network: ChipNetwork) -> list[str]:
    found = [f"{name} must be at least 1, got {value}" for name, value in
             (("dt_us", network.dt_us), ("steps", network.steps), ("decision_us", network.decision_us)) if value < 1]
    if network.dt_us >= 1 and network.decision_us % network.dt_us:
        found.append(f"decision_us {network.decision_us} is no whole number of steps of {network.dt_us} us")
    if not (math.isfinite(network.rate_gain) and network.rate_gain > 0):
        found.append(f"rate_gain must be above 0 and finite, got {network.rate_gain}")
    found += [f"class {number} is called {name[:40]!r}, need at most {LONGEST_WORD} letters that can be printed"
              for number, name in enumerate(network.classes) if not is_word(name)]
    found += [f"{name!r}: two classes have this name" for name in sorted(set(network.classes))
              if network.classes.count(name) > 1]
    found += [f"source: {name[:40]!r} or what it says is no word of at most {LONGEST_WORD} letters that can be printed"
              for name, said in network.source.items() if not is_word(name) or said and not is_word(said)]
    if network.target not in CHIPS:
        found.append(f"target {network.target!r} is none of {', '.join(CHIPS)}")
    return found


def is_word(name: str) -> bool:
    """Whether a name can be shown anywhere: not empty, not endless, without anything that steers a terminal."""
    return 0 < len(name) <= LONGEST_WORD and name.isprintable()


def check_spikes(network: ChipNetwork, spikes: NDArray[Any], first: int = 0) -> NDArray[np.uint8]:
    """Input spikes as uint8, if they are some.

    Args:
        network: That is to run on them.
        spikes: ``(T, B, C, H, W)`` zeros and ones, whole numbers or bool.
        first: Number of the first recording, for the message.

    Raises:
        ValueError: another shape or type, or another value, which is named with its place.
    """
    spikes = np.asarray(spikes)
    check_spikes_shape(network, spikes.shape)
    if spikes.dtype.kind not in "bui":
        raise ValueError(f"chip network: input spikes are {spikes.dtype}, need uint8 or bool")
    wrong = (spikes != 0) & (spikes != 1)
    if wrong.any():
        place = [int(axis) for axis in np.argwhere(wrong)[0]]
        raise no_spike(spikes[tuple(place)], [place[0], place[1] + first, *place[2:]])
    return spikes.astype(np.uint8, copy=False)


def check_spikes_shape(network: ChipNetwork, shape: Sequence[int]) -> None:
    """Raise unless ``shape`` is that of input spikes, ``(T, B, C, H, W)``.

    Raises:
        ValueError: another shape.
    """
    if len(shape) != 5 or tuple(shape[2:]) != network.input_shape:
        raise ValueError(f"chip network: input must be (T, B, {', '.join(map(str, network.input_shape))}), "
                         f"got {tuple(shape)}")


def no_spike(value: object, place: Sequence[int]) -> ValueError:
    """The error for a value of the input that is neither zero nor one, at (step, recording, channel, y, x)."""
    return ValueError(f"chip network: input must be zeros and ones, but the spike at (step, recording, channel, y, x) "
                      f"{tuple(place)} is {value}, need 0 or 1; several events of a step count as one")
