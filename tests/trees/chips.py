"""Chip networks for the tests: random ones from all that a chip network can be, extreme ones, and golden traces."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.hardware.network import ChipLayer, ChipNetwork, Pair, Shape
from neurofer.hardware.simulate import LayerState, layer_steps

INPUT_RATE = 0.25
TUNING_STEPS, TUNING_BATCH = 24, 2
LEAST_RATE = 0.02


def random_spikes(network: ChipNetwork, steps: int, batch: int = 1, seed: int = 0,
                  rate: float = INPUT_RATE) -> NDArray[np.uint8]:
    """Input spikes ``(T, B, C, H, W)``, each with the probability ``rate``."""
    return _draw_spikes(np.random.default_rng(seed), network.input_shape, steps, batch, rate)


def even_weights(weights: NDArray[np.floating], scale: float) -> NDArray[np.int16]:
    """Float weights as the even integers -256..254 that a synapse of mixed sign holds.

    Rounds half to even. Any shape; the same shape comes back.
    """
    half = np.clip(np.rint(np.asarray(weights, np.float64) * (scale / 2)), -128, 127)
    return (2 * half).astype(np.int16)


def random_chip(seed: int) -> ChipNetwork:
    """A small network of up to three conv layers, none in every fifth, and one or two dense ones; every layer fires.

    Kernels, strides, paddings and dilations are odd and even and differ between y and x; weights are of both signs, of
    one, or mostly 0; neurons are with and without memory.
    """
    generator = np.random.default_rng(seed)
    shape: Shape = (int(generator.integers(1, 4)), int(generator.integers(5, 15)), int(generator.integers(5, 15)))
    convs = 0 if seed % 5 == 4 else int(generator.integers(1, 4))
    names = [f"conv{one + 1}" for one in range(convs)] + [f"dense{one + 1}" for one in range(generator.integers(1, 3))]
    spikes = _draw_spikes(generator, shape, TUNING_STEPS, TUNING_BATCH, INPUT_RATE)
    layers: list[ChipLayer] = []
    for name in names:
        layer, spikes = _firing_layer(generator, name, spikes)
        layers.append(layer)
    classes = tuple(f"class {one}" for one in range(layers[-1].outputs))
    return ChipNetwork(shape, tuple(layers), 1000, 20, 5000, classes)


def wrapping_chip(sign: int = 1) -> ChipNetwork:
    """Dense: 128 weights of one sign into each neuron, alpha 0.999, theta 300.

    At an input rate of 0.4 its currents wrap within 60 steps and its membranes saturate.
    """
    weight = even_weights(sign * np.random.default_rng(0).uniform(0, 1, (4, 128)), 254.0)
    layer = ChipLayer("dense1", "dense", weight, 4, 410, 300 * 254, 254.0)
    return ChipNetwork((2, 8, 8), (layer,), 1000, 20, 5000, ("a", "b", "c", "d"))


def saturating_chip() -> ChipNetwork:
    """Dense, membranes without leak, currents without memory: OFF pulls down, ON lifts; membranes saturate."""
    weight = np.repeat([[-254, 200], [-126, 100]], 64, 1).astype(np.int16)
    layer = ChipLayer("dense1", "dense", weight, 4096, 0, 131_071)
    return ChipNetwork((2, 8, 8), (layer,), 1000, 20, 5000, ("a", "b"))


def extreme_runs() -> dict[str, tuple[ChipNetwork, NDArray[np.uint8]]]:
    """Networks whose registers overflow, with input that makes them, by name."""
    found = {name: (network, random_spikes(network, 60, 2, 1, 0.4)) for name, network in
             (("wraps up", wrapping_chip(1)), ("wraps down", wrapping_chip(-1)))}
    network = saturating_chip()
    spikes = random_spikes(network, 70, 2, 1, 0.9)
    spikes[:20, :, 1], spikes[20:, :, 0] = 0, 0
    return {**found, "saturates": (network, spikes)}


class GoldenTrace(NamedTuple):
    """A network, its input, and what every layer answers without the chip's delay."""

    network: ChipNetwork
    spikes: NDArray[np.uint8]
    traces: list[NDArray[np.uint8]]


def golden_traces() -> dict[str, GoldenTrace]:
    """By name; computed neuron by neuron and written down once, never to be written again."""
    text = (Path(__file__).parent / "golden_chips.json").read_text(encoding="utf-8")
    return {name: GoldenTrace(_golden_network(said), _golden_spikes(said["spikes"]),
                              [_golden_spikes(trace) for trace in said["traces"]])
            for name, said in json.loads(text).items()}


def _golden_network(said: dict[str, Any]) -> ChipNetwork:
    def fields(given: dict[str, Any]) -> dict[str, Any]:
        return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    layers = []
    for given in said["layers"]:
        weight = np.frombuffer(bytes.fromhex(given["weight"]["hex"]), "<i2").astype(np.int16)
        layers.append(ChipLayer(**fields({**given, "weight": weight.reshape(given["weight"]["shape"])})))
    return ChipNetwork(layers=tuple(layers), **fields(said["network"]))


def _golden_spikes(said: dict[str, Any]) -> NDArray[np.uint8]:
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(said["hex"]), np.uint8), count=math.prod(said["shape"]))
    return bits.reshape(said["shape"])


def _draw_spikes(generator: np.random.Generator, shape: Shape, steps: int, batch: int,
                 rate: float) -> NDArray[np.uint8]:
    return (generator.random((steps, batch, *shape)) < rate).astype(np.uint8)


def _firing_layer(generator: np.random.Generator, name: str,
                  spikes: NDArray[np.uint8]) -> tuple[ChipLayer, NDArray[np.uint8]]:
    """A random layer that fires at these spikes, ``(T, B, *inputs)``, and what it fires."""
    while True:
        layer = _random_layer(generator, name, spikes.shape[2:])
        layer, fired = _tuned(layer, spikes, float(generator.uniform(0.7, 0.9)))
        if fired.mean() > LEAST_RATE:
            return layer, fired


def _random_layer(generator: np.random.Generator, name: str, shape: Shape) -> ChipLayer:
    """One that fits behind ``shape``; one in four without synaptic memory, one in eight without a leak."""
    def pair(low: int, high: int) -> Pair:
        return int(generator.integers(low, high)), int(generator.integers(low, high))
    current = 4096 if generator.random() < 0.25 else int(generator.integers(300, 4096))
    voltage = 0 if generator.random() < 0.125 else int(generator.integers(50, 4096))
    if name.startswith("dense"):
        weight = _random_weight(generator, (int(generator.integers(3, 13)), math.prod(shape)))
        return ChipLayer(name, "dense", weight, current, voltage, 1)
    while True:
        weight = _random_weight(generator, (int(generator.integers(2, 7)), shape[0], *pair(1, 6)))
        layer = ChipLayer(name, "conv", weight, current, voltage, 1, 1.0, pair(1, 4), pair(0, 3), pair(1, 3))
        if not layer.problems(shape):
            return layer


def _random_weight(generator: np.random.Generator, shape: Shape) -> NDArray[np.int16]:
    kind = generator.choice(["both signs", "both signs", "positive", "mostly 0"])
    real = generator.normal(10, 80, shape)
    if kind == "positive":
        real = np.abs(real)
    if kind == "mostly 0":
        real[generator.random(shape) < 0.7] = 0
    return even_weights(real, 1.0)


def _tuned(layer: ChipLayer, spikes: NDArray[np.uint8], share: float) -> tuple[ChipLayer, NDArray[np.uint8]]:
    """The layer with a threshold that ``share`` of its membranes would not reach if none fired; and what it fires."""
    fresh = LayerState(*(np.zeros((spikes.shape[1], *layer.output_shape(spikes.shape[2:])), np.int64) for _ in "uv"))
    silent = dataclasses.replace(layer, threshold=131_071)
    membranes = np.stack([step.unsaturated for step in layer_steps(silent, spikes, fresh)])
    threshold = int(np.clip(np.quantile(membranes, share) / 64, 1, 131_071))
    tuned = dataclasses.replace(layer, threshold=threshold)
    return tuned, np.stack([step.spikes for step in layer_steps(tuned, spikes, fresh)]).astype(np.uint8)
