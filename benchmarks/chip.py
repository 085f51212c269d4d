"""A chip network in our simulators beside Lava's, over the same recordings in one run.

    python benchmarks/chip.py [--chip net.h5] [--recordings 100] [--steps 75] [--lava-recordings N] [--json chip.json]

Without --chip, the network of the demo (configuration snn_demo, 8 classes) with random weights that fire. The input is
random with the rate of the demo's recordings. Each runner sees every recording from a fresh start and gives the last
layer's spikes; all must be equal, or there are no figures. One thread; Lava starts processes of its own, one a layer
and more, and may use all cores. Lava is left out where it is not installed (``make lava``).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurofer.errors import MissingExtraError
from neurofer.files import write_text
from neurofer.hardware.chip_file import read_chip, write_chip
from neurofer.hardware.gpu import BatchSimulator
from neurofer.hardware.lava.runner import run_lava_batch
from neurofer.hardware.network import ChipNetwork
from neurofer.hardware.quantise import Reading, chip_network
from neurofer.hardware.simulate import simulate
from neurofer.progress import progress
from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.network import SpikingNetwork, preset_layers

Spikes = NDArray[np.uint8]
RATE = 0.06
"""Share of ones in the input of the demo's recordings at 20 ms and 32 px."""


def demo_network() -> ChipNetwork:
    """The demo's layers, random weights, every layer firing at a tenth of its steps."""
    torch.manual_seed(0)
    network = SpikingNetwork.build(preset_layers("small", 8), (2, 32, 32), neuron=NeuronSettings(quantise=True))
    calibrate_rates(network, torch.from_numpy(made_up(network.input_shape, 50, 4)).float(), 0.1)
    classes = tuple(f"class {number}" for number in range(8))
    return chip_network(network.eval(), Reading(20_000, 15, 100_000, classes))


def made_up(shape: tuple[int, ...], steps: int, recordings: int) -> Spikes:
    """``(T, B, C, H, W)`` random spikes."""
    return (np.random.default_rng(0).random((steps, recordings, *shape)) < RATE).astype(np.uint8)


def timed(run: Callable[[], Spikes], rounds: int = 3) -> tuple[Spikes, float]:
    """What it gives, and the best time of some rounds after one to warm up; seconds."""
    found, best = run(), np.inf
    for _ in range(rounds):
        started = time.perf_counter()
        found = run()
        best = min(best, time.perf_counter() - started)
    return found, best


def one_by_one(run: Callable[[Spikes], Spikes], spikes: Spikes) -> Spikes:
    """Recordings after each other, a batch of one each."""
    return np.concatenate([run(spikes[:, number : number + 1]) for number in range(spikes.shape[1])], axis=1)


def ours(network: ChipNetwork, spikes: Spikes) -> list[tuple[str, Spikes, float]]:
    """``(name, spikes of the last layer, seconds for all recordings)``."""
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    found = []
    for device in devices:
        batched = BatchSimulator(network, device)

        def run(given: Spikes, batched: BatchSimulator = batched) -> Spikes:
            return batched.run(given)[0][0].cpu().numpy()

        found.append((f"gpu.py on {device}, all together", *timed(lambda run=run: run(spikes))))  # type: ignore[misc]
        found.append((f"gpu.py on {device}, one by one",
                      *timed(lambda run=run: one_by_one(run, spikes), 1)))  # type: ignore[misc]
    found.append(("simulate.py, all together", *timed(lambda: simulate(network, spikes)[0][-1], 1)))
    found.append(("simulate.py, one by one",
                  *timed(lambda: one_by_one(lambda one: simulate(network, one)[0][-1], spikes), 1)))
    return found


def lava(network: ChipNetwork, spikes: Spikes) -> tuple[Spikes, float] | None:
    """Lava's fixed-point simulation of Loihi 2, ten recordings in one worker; starting it is part of the time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.h5"
        write_chip(path, network)
        found, seconds = [], 0.0
        try:
            for first in progress(range(0, spikes.shape[1], 10), unit="ten recordings", desc="lava"):
                ten = list(spikes[:, first : first + 10].swapaxes(0, 1))
                started = time.perf_counter()
                found += [each[-1] for each in run_lava_batch(path, ten)]
                seconds += time.perf_counter() - started
        except MissingExtraError as error:
            print(f"without Lava: {error}")
            return None
    return np.stack(found, 1), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chip", type=Path, default=None, help="chip network, as 'neurofer export' writes it")
    parser.add_argument("--recordings", type=int, default=100)
    parser.add_argument("--steps", type=int, default=75, help="of each recording")
    parser.add_argument("--lava-recordings", type=int, default=None, help="of them for Lava; all by default")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures there")
    words = parser.parse_args()
    torch.set_num_threads(1)
    network = demo_network() if words.chip is None else read_chip(words.chip)
    spikes = made_up(network.input_shape, words.steps, words.recordings)
    rows = [(name, found, 1e3 * seconds / words.recordings) for name, found, seconds in ours(network, spikes)]
    some = words.recordings if words.lava_recordings is None else words.lava_recordings
    if (slow := lava(network, spikes[:, :some])) is not None:
        rows.append((f"Lava, Loihi2SimCfg ({some} recordings)", slow[0], 1e3 * slow[1] / some))
    reference = rows[-1][1]
    for name, found, _ in rows:
        if not np.array_equal(found[:, : reference.shape[1]], reference):
            raise SystemExit(f"{name} fires otherwise than {rows[-1][0]}")
    figures = [{"runner": name, "ms_per_recording": ms, "ms_per_step": ms / words.steps,
                "times_as_fast_as_the_last": rows[-1][2] / ms} for name, _, ms in rows]
    print(f"{network.neurons} neurons, {words.recordings} recordings of {words.steps} steps, "
          f"{int(reference.sum())} output spikes, all equal\n")
    print(f"| runner | ms a recording | ms a step | times as fast as {rows[-1][0]} |\n|---|---:|---:|---:|")
    for row in figures:
        print(f"| {row['runner']} | {row['ms_per_recording']:.2f} | {row['ms_per_step']:.3f} | "
              f"{row['times_as_fast_as_the_last']:.1f} |")
    if words.json is not None:
        facts: dict[str, Any] = {"neurons": network.neurons, "steps": words.steps, "recordings": words.recordings,
                                 "digest": network.digest, "rows": figures}
        write_text(words.json, json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
