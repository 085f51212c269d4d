"""The chip in whole numbers: what is correct, spike for spike, for everything else that runs a chip network.

Readable first: synaptic sums by a matrix product whose every partial sum is a whole number below 2^53, and so exact;
then the neuron of Loihi step by step. A batch of recordings runs side by side; state goes in and comes out.

On the chip a synapse delivers one step late. ``delayed=True`` computes that; without it the first layer answers one
step sooner, the second two, and otherwise the same, as no neuron has a bias and a silent one stays at zero.

Source:
    lava-nc 0.10.0 ``proc/lif/models.py`` (fixed point) and lava-dl 0.6.0 ``netx``, for the arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.hardware.network import ChipLayer, ChipNetwork, Shape, check_spikes
from neurofer.spiking.registers import DECAY_BITS, DECAY_ONE, INPUT_SHIFT, STATE_LIMIT

Spikes = NDArray[np.uint8]
Integers = NDArray[np.int64]

NUMBERS_AT_ONCE = 1 << 17
"""What the synaptic sums of one piece of time may fill, unless a single step needs more; fits a processor's cache."""


class LayerState(NamedTuple):
    """What a layer remembers between steps, ``(B, *neurons)`` int64 each."""

    u: Integers
    """Synaptic current."""
    v: Integers
    """Membrane after the reset."""
    arriving: Integers | None = None
    """Sums of weights that the synapses deliver in the next step; only with the chip's delay."""


ChipState = tuple[LayerState, ...]


class NeuronStep(NamedTuple):
    """What one step of a layer gives, ``(B, *neurons)`` each."""

    spikes: NDArray[np.bool_]
    state: LayerState
    unwrapped: Integers
    """Current before it is cut to 24 bits."""
    unsaturated: Integers
    """Membrane before it is held within 24 bits."""


@dataclass(frozen=True)
class LayerPeaks:
    """How near a layer came to the limits of its registers.

    Attributes:
        name: Of the layer.
        peak_current: Largest absolute u before it wraps, which it does beyond 2^23; a weight of 1 counts 64.
        wraps: How often a current wrapped, over all neurons and steps.
        saturations: How often a membrane was held at its limit.
    """

    name: str
    peak_current: int = 0
    wraps: int = 0
    saturations: int = 0

    def joined(self, other: LayerPeaks) -> LayerPeaks:
        """Two observations of the same layer as one."""
        return LayerPeaks(self.name, max(self.peak_current, other.peak_current), self.wraps + other.wraps,
                          self.saturations + other.saturations)


def simulate(network: ChipNetwork, spikes: NDArray[Any], state: ChipState | None = None, *,
             delayed: bool = False) -> tuple[list[Spikes], ChipState]:
    """Spikes of every layer, and the state after the last step.

    Args:
        network: To run.
        spikes: ``(T, B, C, H, W)`` zeros and ones, uint8 or bool; T may be 0.
        state: What an earlier call with the same ``delayed`` gave; None starts fresh.
        delayed: Whether every synapse delivers one step late, as on the chip.

    Returns:
        ``(traces, state)``: for each layer ``(T, B, *neurons)`` zeros and ones; and what the next piece of the same
        recordings starts from, so that pieces equal the whole.

    Raises:
        ValueError: ``spikes`` has another shape or other values, or ``state`` is of another network, batch or delay.
    """
    given = check_spikes(network, spikes)
    batch = given.shape[1]
    state = fresh_state(network, batch, delayed=delayed) if state is None else state
    _check_state(network, state, batch, delayed)
    traces, after = [], list(state)
    for number, (fired, steps) in enumerate(_layer_by_layer(network, given, state)):
        for step in steps:
            after[number] = step.state
        traces.append(fired)
    return traces, tuple(after)


def simulate_chip(network: ChipNetwork, spikes: NDArray[Any]) -> list[Spikes]:
    """Spikes of every layer as the chip gives them, from a fresh start until the last layer has answered every step.

    Args:
        network: To run.
        spikes: ``(T, B, C, H, W)`` zeros and ones; as many silent steps as there are layers, L, are appended.

    Returns:
        For each layer ``(T + L, B, *neurons)``; ``aligned`` takes the delay out.

    Raises:
        ValueError: ``spikes`` has another shape or other values.
    """
    given = check_spikes(network, spikes)
    silent = np.zeros((network.delay, *given.shape[1:]), np.uint8)
    return simulate(network, np.concatenate([given, silent]), delayed=True)[0]


def aligned(traces: Sequence[Spikes], steps: int) -> list[Spikes]:
    """Delayed spikes with each layer's own delay cut off, equal to what ``simulate`` gives without a delay.

    Args:
        traces: Of every layer from the first on.
        steps: Steps of input that they answer.

    Raises:
        ValueError: a trace ends before its layer has answered.
    """
    for delay, trace in enumerate(traces, 1):
        if len(trace) < steps + delay:
            raise ValueError(f"aligned: layer {delay} has {len(trace)} steps but answers {steps} only after "
                             f"{steps + delay}; feed {len(traces)} silent steps at the end")
    return [trace[delay:steps + delay] for delay, trace in enumerate(traces, 1)]


def observe(network: ChipNetwork, spikes: NDArray[Any]) -> tuple[LayerPeaks, ...]:
    """How near every layer comes to the limits of its registers, from a fresh start.

    Args:
        network: To run.
        spikes: ``(T, B, C, H, W)`` zeros and ones.

    Raises:
        ValueError: ``spikes`` has another shape or other values.
    """
    given = check_spikes(network, spikes)
    found = [LayerPeaks(layer.name) for layer in network.layers]
    for number, (_, steps) in enumerate(_layer_by_layer(network, given, fresh_state(network, given.shape[1]))):
        for step in steps:
            found[number] = found[number].joined(_peaks(found[number].name, step))
    return tuple(found)


def fresh_state(network: ChipNetwork, batch: int, *, delayed: bool = False) -> ChipState:
    """The state in which recordings start: all zeros, nothing on its way."""
    return tuple(LayerState(*(np.zeros((batch, *shape), np.int64) for _ in range(2 + delayed)))
                 for shape in network.shapes[1:])


def _layer_by_layer(network: ChipNetwork, spikes: Spikes,
                    state: ChipState) -> Iterator[tuple[Spikes, Iterator[NeuronStep]]]:
    """Each layer's spikes, ``(T, B, *neurons)``, and its steps, which fill them; take all before the next layer."""
    before = spikes
    for layer, start in zip(network.layers, state, strict=True):
        fired = np.empty((len(before), *start.u.shape), np.uint8)
        yield fired, _recorded(layer_steps(layer, before, start), fired)
        before = fired


def _recorded(steps: Iterator[NeuronStep], fired: Spikes) -> Iterator[NeuronStep]:
    for now, step in enumerate(steps):
        fired[now] = step.spikes
        yield step


def layer_steps(layer: ChipLayer, spikes: Spikes, state: LayerState) -> Iterator[NeuronStep]:
    """One layer, step by step; sums of several steps are computed together, which is faster.

    Args:
        layer: To run.
        spikes: ``(T, B, *inputs)`` zeros and ones.
        state: To start from.
    """
    size = _steps_at_once(layer, spikes.shape[1:])
    for start in range(0, len(spikes), size):
        piece = spikes[start:start + size]
        sums = synaptic_sums(layer, piece.reshape(-1, *piece.shape[2:]))
        for now in sums.reshape(len(piece), *state.u.shape):
            step = neuron_step(layer, now, state)
            state = step.state
            yield step


def neuron_step(layer: ChipLayer, sums: Integers, state: LayerState) -> NeuronStep:
    """One step of a layer's neurons as the chip's registers do it.

    Decays round toward zero, u wraps once, v saturates, a neuron fires strictly above its threshold and then v is 0.

    Args:
        layer: Whose neurons.
        sums: ``(B, *neurons)`` from ``synaptic_sums``, delivered now, or in the next step if the state holds what
            arrives now.
        state: Before the step.
    """
    arriving, waiting = (sums, None) if state.arriving is None else (state.arriving, sums)
    unwrapped = _decayed(state.u, layer.current_decay) + (arriving << INPUT_SHIFT)
    u = np.where(unwrapped > STATE_LIMIT, unwrapped - 2 * STATE_LIMIT, unwrapped)
    u = np.where(u <= -STATE_LIMIT, u + 2 * STATE_LIMIT, u)
    unsaturated = _decayed(state.v, layer.voltage_decay) + u
    v = np.clip(unsaturated, 1 - STATE_LIMIT, STATE_LIMIT - 1)
    spikes = v > layer.threshold << INPUT_SHIFT
    return NeuronStep(spikes, LayerState(u, np.where(spikes, 0, v), waiting), unwrapped, unsaturated)


def _decayed(value: Integers, register: int) -> Integers:
    product = value * (DECAY_ONE - register)
    return np.sign(product) * (np.abs(product) >> DECAY_BITS)


def synaptic_sums(layer: ChipLayer, spikes: Spikes) -> Integers:
    """Sum of the weights of all synapses that carry a spike, for each neuron; exact.

    Args:
        layer: Whose synapses.
        spikes: ``(N, *inputs)`` zeros and ones.

    Returns:
        ``(N, *neurons)``.
    """
    weight = layer.weight.reshape(layer.outputs, -1).astype(np.float64)
    if layer.kind == "dense":
        return (spikes.reshape(len(spikes), weight.shape[1]) @ weight.T).astype(np.int64)
    shape = layer.output_shape(spikes.shape[1:])
    return (weight @ _columns(layer, spikes, shape[1:])).reshape(-1, *shape).astype(np.int64)


def _columns(layer: ChipLayer, spikes: Spikes, size: Shape) -> NDArray[np.float64]:
    """What every tap of the kernel sees at every output pixel, ``(N, C * kH * kW, H * W)``; ``size`` is (H, W)."""
    (pad_y, pad_x), (step_y, step_x), (apart_y, apart_x) = layer.padding, layer.stride, layer.dilation
    padded = np.pad(spikes, ((0, 0), (0, 0), (pad_y, pad_y), (pad_x, pad_x)))
    kernel = layer.weight.shape[2:]
    columns = np.empty((*spikes.shape[:2], *kernel, *size))
    for y, x in np.ndindex(*kernel):
        rows = slice(y * apart_y, y * apart_y + size[0] * step_y, step_y)
        places = slice(x * apart_x, x * apart_x + size[1] * step_x, step_x)
        columns[:, :, y, x] = padded[:, :, rows, places]
    return columns.reshape(len(spikes), math.prod(layer.weight.shape[1:]), math.prod(size))


def _steps_at_once(layer: ChipLayer, inputs: Shape) -> int:
    """Steps whose sums, and the columns that they come from, together hold NUMBERS_AT_ONCE; ``inputs`` with batch."""
    batch, *shape = inputs
    seen = math.prod(layer.weight.shape[1:])
    neurons = math.prod(layer.output_shape(tuple(shape)))
    one = seen + neurons if layer.kind == "dense" else (seen + layer.outputs) * (neurons // layer.outputs)
    return max(1, NUMBERS_AT_ONCE // max(1, batch * one))


def _peaks(name: str, step: NeuronStep) -> LayerPeaks:
    return LayerPeaks(name, int(np.abs(step.unwrapped).max(initial=0)),
                      int(np.count_nonzero(step.unwrapped != step.state.u)),
                      int(np.count_nonzero(np.abs(step.unsaturated) >= STATE_LIMIT)))


def _check_state(network: ChipNetwork, state: ChipState, batch: int, delayed: bool) -> None:
    again = "pass state=None at the start of new recordings"
    if len(state) != len(network.layers):
        raise ValueError(f"simulate: the state is of {len(state)} layers, but the network has {len(network.layers)}; "
                         f"{again}")
    for layer, part, neurons in zip(network.layers, state, network.shapes[1:], strict=True):
        if (part.arriving is not None) != delayed:
            raise ValueError(f"simulate: the state comes from a run with delayed={not delayed}, but this one has "
                             f"delayed={delayed}; {again}")
        for name, values in part._asdict().items():
            if values is not None and (values.shape != (batch, *neurons) or values.dtype != np.int64):
                raise ValueError(f"simulate: state {name} of {layer.name} is {values.dtype} {values.shape}, but the "
                                 f"input needs int64 {(batch, *neurons)}; {again}")
