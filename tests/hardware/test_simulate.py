"""The integer simulator: neurons and synapses by hand, a slow reference neuron by neuron, laws, refusals."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from neurofer.hardware.network import ChipLayer, ChipNetwork
from neurofer.hardware.simulate import (
    LayerPeaks,
    LayerState,
    aligned,
    fresh_state,
    layer_steps,
    neuron_step,
    observe,
    simulate,
    simulate_chip,
    synaptic_sums,
)
from trees.chips import extreme_runs, golden_traces, random_chip, random_spikes, wrapping_chip

SEEDS = range(12)


def one_neuron(weight: int, threshold: int, current_decay: int = 2048, voltage_decay: int = 2048) -> ChipNetwork:
    """A single synapse and a single neuron."""
    layer = ChipLayer("dense1", "dense", np.array([[weight]], np.int16), current_decay, voltage_decay, threshold)
    return ChipNetwork((1, 1, 1), (layer,), 1000, 4, 1000, ("a",))


def train(*spikes: int) -> NDArray[np.uint8]:
    """Spikes of one pixel over time."""
    return np.array(spikes, np.uint8).reshape(-1, 1, 1, 1, 1)


def run_by_step(network: ChipNetwork, spikes: NDArray[np.uint8]) -> tuple[list[int], list[int], list[int]]:
    """Spikes, and u and v after every step, of a network of one neuron; each step a call of its own."""
    state, fired, u, v = None, [], [], []
    for now in spikes:
        (trace,), state = simulate(network, now[None], state)
        fired.append(int(trace.item()))
        u.append(int(state[0].u.item()))
        v.append(int(state[0].v.item()))
    return fired, u, v


# By hand.

def test_a_membrane_that_only_reaches_the_threshold_stays_silent() -> None:
    # alpha = beta = 0.5, theta = 1 is a weight of 100 and x = 1; 100 << 6 = 6400: v = 1, 1, 0.75, 0.5
    fired, u, v = run_by_step(one_neuron(100, 100), train(1, 0, 0, 0))
    assert fired == [0, 0, 0, 0]
    assert u == [6400, 3200, 1600, 800]
    assert v == [6400, 6400, 4800, 3200]


def test_a_membrane_above_the_threshold_fires_and_falls_to_zero_while_the_current_goes_on() -> None:
    # x = 1.5: v = 1.5 (fires, to 0), then 0.75, 0.75, 0.5625
    fired, u, v = run_by_step(one_neuron(150, 100), train(1, 0, 0, 0))
    assert fired == [1, 0, 0, 0]
    assert u == [9600, 4800, 2400, 1200]
    assert v == [0, 4800, 4800, 3600]


def test_decays_round_toward_zero_on_both_sides() -> None:
    # 4095/4096 of 128 is 127.97 and becomes 127, of -128 becomes -127 (not -128); v keeps all and adds them up
    for sign in (1, -1):
        _, u, v = run_by_step(one_neuron(2 * sign, 131_071, 1, 0), train(1, 0, 0, 0))
        assert u == [sign * value for value in (128, 127, 126, 125)]
        assert v == [sign * value for value in (128, 255, 381, 506)]
    # the membrane likewise, beside a current that forgets at once
    _, _, v = run_by_step(one_neuron(-2, 131_071, 4096, 1), train(1, 0, 0))
    assert v == [-128, -127, -126]


def test_registers_at_their_ends() -> None:
    # iDecay 4096 keeps nothing of u; vDecay 4095 keeps 1/4096 of v: 16256 // 4096 = 3
    _, u, v = run_by_step(one_neuron(254, 131_071, 4096, 4095), train(1, 0, 0))
    assert (u, v) == ([16256, 0, 0], [16256, 3, 0])


def step_of(arriving: int, u: int, v: int, **registers: int) -> tuple[int, int, int]:
    layer = replace(one_neuron(2, 131_071, 1, 0).layers[0], **registers)
    step = neuron_step(layer, np.array([[arriving]]), LayerState(np.array([[u]]), np.array([[v]])))
    return int(step.spikes.item()), int(step.state.u.item()), int(step.state.v.item())


def test_the_current_wraps_at_24_bits_once() -> None:
    edge = 1 << 23
    assert step_of(edge >> 6, 0, -100) == (0, edge, edge - 100)           # 2^23 itself can be said
    assert step_of((edge >> 6) + 1, 0, 0) == (0, 64 - edge, 64 - edge)
    assert step_of(-(edge >> 6), 0, -edge + 1) == (0, edge, 1)            # -2^23 is not: it becomes 2^23
    assert step_of(-(edge >> 6) + 1, 0, 0) == (0, 64 - edge, 64 - edge)
    assert step_of(3 * edge >> 6, 0, -edge + 1)[1] == edge                # 3 * 2^23 - 2^24
    assert step_of(5 * edge >> 6, 0, 0)[1] == 3 * edge                    # once, as written


def test_the_membrane_saturates() -> None:
    edge = 1 << 23
    assert step_of(-10, -edge + 1, -edge + 1)[2] == -edge + 1
    assert step_of(100, 0, edge - 1, threshold=131_071) == (1, 6400, 0)
    assert step_of(0, 0, (131_071 << 6) + 1) == (1, 0, 0)
    assert step_of(0, 0, 131_071 << 6) == (0, 0, 131_071 << 6)


def test_a_convolution_by_hand_with_its_border() -> None:
    # rows of 3 x 4 pixels; kernel 2 x 3, stride (1, 2), padding (1, 0), dilation (2, 1)
    picture = np.array([[1, 0, 1, 0],
                        [0, 1, 1, 0],
                        [1, 1, 0, 1]], np.uint8)
    kernel = np.array([[2, 4, 6],
                       [20, 40, 60]], np.int16)
    layer = ChipLayer("conv1", "conv", kernel[None, None], 2048, 2048, 100, 1.0, (1, 2), (1, 0), (2, 1))
    assert layer.output_shape((1, 3, 4)) == (1, 3, 1)
    # row 0 sees the upper border and row 1, row 1 sees rows 0 and 2, row 2 sees row 1 and the lower border
    assert synaptic_sums(layer, picture[None, None]).ravel().tolist() == [40 + 60, 2 + 6 + 20 + 40, 4 + 6]


def test_a_dense_layer_reads_channels_slowest() -> None:
    layer = ChipLayer("dense1", "dense", np.arange(0, 24, 2, dtype=np.int16)[None], 2048, 2048, 100)
    spikes = np.zeros((1, 2, 2, 3), np.uint8)
    spikes[0, 1, 0, 2] = 1                                                # index 1 * 6 + 0 * 3 + 2 = 8
    assert synaptic_sums(layer, spikes).tolist() == [[16]]


# A reference of its own: plain integers, one neuron after the other.

class SlowTrace(NamedTuple):
    spikes: NDArray[np.uint8]
    peak: int
    wraps: int
    saturations: int


def slow_synapses(layer: ChipLayer, shape: tuple[int, ...]) -> dict[tuple[int, ...], list[tuple[tuple[int, ...], int]]]:
    """For each neuron where its synapses come from, and their weights."""
    if layer.kind == "dense":
        places = list(product(*map(range, shape)))
        return {(one,): [(place, int(layer.weight[one, number])) for number, place in enumerate(places)]
                for one in range(len(layer.weight))}
    outputs, channels, high, wide = layer.weight.shape
    found = {}
    reach = [(size + 2 * pad - dilate * (kernel - 1) - 1) // stride + 1 for size, pad, dilate, kernel, stride in
             zip(shape[1:], layer.padding, layer.dilation, (high, wide), layer.stride, strict=True)]
    for o, y, x in product(range(outputs), range(reach[0]), range(reach[1])):
        taps = []
        for c, ky, kx in product(range(channels), range(high), range(wide)):
            from_y = y * layer.stride[0] - layer.padding[0] + ky * layer.dilation[0]
            from_x = x * layer.stride[1] - layer.padding[1] + kx * layer.dilation[1]
            if 0 <= from_y < shape[1] and 0 <= from_x < shape[2]:
                taps.append(((c, from_y, from_x), int(layer.weight[o, c, ky, kx])))
        found[o, y, x] = taps
    return found


def slow_decay(value: int, register: int) -> int:
    size = abs(value) * (4096 - register) // 4096
    return size if value > 0 else -size


def slow_layer(layer: ChipLayer, spikes: NDArray[np.uint8], delayed: bool) -> SlowTrace:
    steps, batch, *shape = spikes.shape
    synapses = slow_synapses(layer, tuple(shape))
    sides = tuple(max(place[axis] for place in synapses) + 1 for axis in range(len(next(iter(synapses)))))
    fired = np.zeros((steps, batch, *sides), np.uint8)
    peak = wraps = saturations = 0
    for b, (neuron, taps) in product(range(batch), synapses.items()):
        u = v = waiting = 0
        for t in range(steps):
            arrives = sum(weight for place, weight in taps if spikes[(t, b, *place)])
            if delayed:
                arrives, waiting = waiting, arrives
            u = slow_decay(u, layer.current_decay) + arrives * 64
            peak = max(peak, abs(u))
            if u > 2**23:
                u, wraps = u - 2**24, wraps + 1
            elif u <= -(2**23):
                u, wraps = u + 2**24, wraps + 1
            v = slow_decay(v, layer.voltage_decay) + u
            if abs(v) > 2**23 - 1:
                v, saturations = (2**23 - 1 if v > 0 else -(2**23) + 1), saturations + 1
            if v > layer.threshold * 64:
                fired[(t, b, *neuron)], v = 1, 0
    return SlowTrace(fired, peak, wraps, saturations)


def slow_network(network: ChipNetwork, spikes: NDArray[np.uint8], delayed: bool = False) -> list[SlowTrace]:
    found: list[SlowTrace] = []
    for layer in network.layers:
        found.append(slow_layer(layer, found[-1].spikes if found else spikes, delayed))
    return found


def assert_same(found: list[NDArray[np.uint8]], wanted: list[NDArray[np.uint8]]) -> None:
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == other.dtype == np.uint8
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("delayed", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_random_networks_equal_the_slow_reference(seed: int, delayed: bool) -> None:
    network = random_chip(seed)
    spikes = random_spikes(network, 40, 1, seed)
    found, _ = simulate(network, spikes, delayed=delayed)
    assert_same(found, [trace.spikes for trace in slow_network(network, spikes, delayed)])
    assert all(trace.any() for trace in found)


@pytest.mark.parametrize("name", extreme_runs())
def test_wrapping_and_saturating_networks_equal_the_slow_reference(name: str) -> None:
    network, spikes = extreme_runs()[name]
    (slow,) = slow_network(network, spikes)
    assert slow.spikes.any()
    assert slow.saturations > 0
    assert (slow.wraps > 0) == (slow.peak > 2**23) == (name != "saturates") == (not network.layers[0].cannot_wrap)
    assert_same(simulate(network, spikes)[0], [slow.spikes])
    assert observe(network, spikes) == (LayerPeaks("dense1", slow.peak, slow.wraps, slow.saturations),)


def test_random_networks_cover_the_grammar() -> None:
    layers = [layer for seed in range(40) for layer in random_chip(seed).layers]
    convs = [layer for layer in layers if layer.kind == "conv"]
    assert {random_chip(seed).layers[0].kind for seed in range(5)} == {"conv", "dense"}
    for name in ("stride", "padding", "dilation"):
        assert any(len(set(getattr(layer, name))) == 2 for layer in convs)
    assert {size % 2 for layer in convs for size in layer.weight.shape[2:]} == {0, 1}
    assert any(layer.current_decay == 4096 for layer in layers)
    assert any(layer.voltage_decay == 0 for layer in layers)
    assert random_chip(3).digest == random_chip(3).digest != random_chip(4).digest


# Laws.

@pytest.mark.parametrize("seed", SEEDS)
def test_layer_l_of_the_chip_lags_by_l_steps(seed: int) -> None:
    network = random_chip(seed)
    spikes = random_spikes(network, 20, 2, seed)
    plain, _ = simulate(network, spikes)
    chip = simulate_chip(network, spikes)
    assert {len(trace) for trace in chip} == {20 + network.delay}
    for delay, (trace, wanted) in enumerate(zip(chip, plain, strict=True), 1):
        assert not trace[:delay].any()
        np.testing.assert_array_equal(trace[delay:20 + delay], wanted)
    assert_same(aligned(chip, 20), plain)


@pytest.mark.parametrize("delayed", [False, True])
@pytest.mark.parametrize("cuts", [(0, 1), (7, 7), (1, 29), (30, 30)])
def test_pieces_equal_the_whole(cuts: tuple[int, int], delayed: bool) -> None:
    network = random_chip(1)
    spikes = random_spikes(network, 30, 2)
    whole, end = simulate(network, spikes, delayed=delayed)
    state, pieces = None, []
    for piece in np.split(spikes, cuts):
        traces, state = simulate(network, piece, state, delayed=delayed)
        pieces.append(traces)
    assert_same([np.concatenate(layer) for layer in zip(*pieces, strict=True)], whole)
    assert_same_state(state, end)


def assert_same_state(state: Any, wanted: Any) -> None:
    for part, other in zip(state, wanted, strict=True):
        for values, expected in zip(part, other, strict=True):
            assert (values is None) == (expected is None)
            if values is not None:
                assert values.dtype == np.int64
                np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("seed", [0, 4])
def test_a_batch_equals_its_recordings_one_by_one(seed: int) -> None:
    network = random_chip(seed)
    spikes = random_spikes(network, 20, 3)
    together, _ = simulate(network, spikes)
    alone = [simulate(network, spikes[:, one:one + 1])[0] for one in range(3)]
    assert_same([np.concatenate(layer, 1) for layer in zip(*alone, strict=True)], together)


@pytest.mark.parametrize("numbers", [1, 3000, 1 << 24])
def test_how_much_is_computed_at_once_changes_nothing(numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_chip(0)
    spikes = random_spikes(network, 20, 2)
    wanted, _ = simulate(network, spikes)
    monkeypatch.setattr("neurofer.hardware.simulate.NUMBERS_AT_ONCE", numbers)
    assert_same(simulate(network, spikes)[0], wanted)


def test_sums_of_the_largest_weights_are_exact() -> None:
    # 2^16 synapses of -256, one of 2: beyond what float32 could tell from its neighbour
    layer = ChipLayer("dense1", "dense", np.full((1, (1 << 16) + 1), -256, np.int16), 4096, 0, 1)
    layer.weight[0, -1] = 2
    assert synaptic_sums(layer, np.ones((1, (1 << 16) + 1), np.uint8)).tolist() == [[2 - (1 << 24)]]


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (5, 0), (0, 0)])
def test_nothing_in_gives_nothing_out(steps: int, batch: int) -> None:
    network = random_chip(0)
    spikes = random_spikes(network, steps, batch)
    traces, state = simulate(network, spikes, delayed=True)
    assert [trace.shape for trace in traces] == [(steps, batch, *shape) for shape in network.shapes[1:]]
    assert_same_state(state, fresh_state(network, batch, delayed=True))
    assert [peaks.peak_current for peaks in observe(network, spikes)] == [0] * len(network.layers)


def test_input_may_be_bool_and_is_left_as_it_was() -> None:
    network = random_chip(2)
    spikes = random_spikes(network, 10)
    _, state = simulate(network, spikes, delayed=True)
    kept = [[values.copy() for values in part if values is not None] for part in state]
    frozen = spikes.astype(bool)
    frozen.flags.writeable = False
    assert_same(simulate(network, frozen, state, delayed=True)[0], simulate(network, spikes, state, delayed=True)[0])
    assert all(np.array_equal(now, before) for part, old in zip(state, kept, strict=True)
               for now, before in zip(part, old, strict=True))


def test_peaks_of_two_recordings_are_those_of_both() -> None:
    network = wrapping_chip()
    spikes = random_spikes(network, 40, 2, rate=0.4)
    (first,), (second,) = observe(network, spikes[:, :1]), observe(network, spikes[:, 1:])
    assert (first.joined(second),) == observe(network, spikes)


def test_the_steps_of_one_layer_tell_what_is_inside() -> None:
    network = one_neuron(150, 100)
    steps = list(layer_steps(network.layers[0], train(1, 0), fresh_state(network, 1)[0]))
    assert [int(step.unsaturated.item()) for step in steps] == [9600, 4800]
    assert [int(step.unwrapped.item()) for step in steps] == [9600, 4800]


# Golden traces.

@pytest.mark.parametrize("name", golden_traces())
def test_golden_traces(name: str) -> None:
    golden = golden_traces()[name]
    assert_same(simulate(golden.network, golden.spikes)[0], golden.traces)
    assert_same(aligned(simulate_chip(golden.network, golden.spikes), len(golden.spikes)), golden.traces)


# Refusals.

def test_input_of_another_shape_is_refused() -> None:
    network = random_chip(0)
    for run in (simulate, simulate_chip, observe):
        with pytest.raises(ValueError, match=r"input must be \(T, B, .*, got \(3, 4\)"):
            run(network, np.zeros((3, 4), np.uint8))


@pytest.mark.parametrize(("value", "kind"), [(2, np.uint8), (-1, np.int64)])
def test_another_value_than_0_and_1_is_named_with_its_place(value: int, kind: type) -> None:
    network = one_neuron(100, 100)
    spikes = train(1, 0, 1).astype(kind)
    spikes[1] = value
    with pytest.raises(ValueError, match=rf"the spike at .* \(1, 0, 0, 0, 0\) is {value}, need 0 or 1"):
        simulate(network, spikes)


def test_real_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="input spikes are float32, need uint8 or bool"):
        simulate(one_neuron(100, 100), train(1, 0).astype(np.float32))


def test_a_state_that_does_not_fit_is_refused() -> None:
    network, other = random_chip(0), random_chip(1)
    spikes = random_spikes(network, 3, 2)
    fresh = fresh_state(network, 2)
    real = tuple(LayerState(part.u.astype(float), part.v) for part in fresh)
    for state, told in ((fresh_state(network, 3), r"state u of conv1 is int64 \(3, .* needs int64 \(2, "),
                        (real, r"state u of conv1 is float64"), (fresh[:-1], "the state is of . layers"),
                        (fresh_state(other, 2), "the state is of|state u of"),
                        (fresh_state(network, 2, delayed=True), "comes from a run with delayed=True, but this one")):
        with pytest.raises(ValueError, match=f"simulate: .*{told}.*pass state=None at the start of new recordings"):
            simulate(network, spikes, state)
    with pytest.raises(ValueError, match="comes from a run with delayed=False"):
        simulate(network, spikes, fresh, delayed=True)


def test_traces_that_have_not_answered_cannot_be_aligned() -> None:
    network = random_chip(0)
    traces, _ = simulate(network, random_spikes(network, 10), delayed=True)
    with pytest.raises(ValueError, match="layer 1 has 10 steps but answers 10 only after 11; feed"):
        aligned(traces, 10)


def test_it_needs_no_torch() -> None:
    code = "import neurofer.hardware.simulate, sys; print([n for n in ('torch', 'lava') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
