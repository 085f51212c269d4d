"""What a spiking network costs in training: the fused time scan beside the readable loop and the linear layers alone.

    python benchmarks/spiking.py [--rounds 11] [--threads 1] [--json spiking.json]

Forward and backward on the CPU, every variant once a round, the best round of each counts; ratios are to the linear
layers alone, which no spiking network can undercut. Peers (snntorch, norse, ...) are compared in a later version.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor

from neurofer.files import write_text
from neurofer.spiking import layers
from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.layers import dense
from neurofer.spiking.network import SpikingNetwork, preset_layers
from neurofer.spiking.neuron import cuba_loop
from neurofer.spiking.scan import cuba_scan


def settings() -> dict[str, tuple[SpikingNetwork, Tensor]]:
    """The two settings of the specification, with layers that fire."""
    torch.manual_seed(0)
    found = {}
    for name, specs, shape, steps, batch in (
        ("conv 16/32/64, T = 20, B = 8, 2x64x64", preset_layers("base", 7), (2, 64, 64), 20, 8),
        ("linear 512 to 512, T = 500, B = 16", (dense(512),), (2, 16, 16), 500, 16),
    ):
        network = SpikingNetwork.build(specs, shape)
        spikes = (torch.rand(steps, batch, *shape) < 0.05).float()
        calibrate_rates(network, spikes, 0.1)
        found[name] = network, spikes
    return found


def variants(network: SpikingNetwork, spikes: Tensor) -> dict[str, Callable[[], None]]:
    """What is timed; each call is a forward and a backward pass."""
    def pass_through(neuron: Callable[..., object]) -> None:
        with mock.patch.object(layers, "cuba_scan", neuron):
            network.zero_grad()
            network(spikes)[0].sum().backward()

    def linear_alone(current: Tensor, state: object, *rest: object, **more: object) -> tuple[Tensor, object]:
        return current, None

    def loop(current: Tensor, state: None, alpha: Tensor, beta: Tensor, theta: float, slope: float,
             who: str) -> object:
        return cuba_loop(current, state, alpha, beta, theta, slope)

    return {"linear layers alone": lambda: pass_through(linear_alone), "fused scan": lambda: pass_through(cuba_scan),
            "loop over the step": lambda: pass_through(loop)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    words = parser.parse_args()
    torch.set_num_threads(words.threads)
    rows = []
    print(f"torch {torch.__version__}, {words.threads} thread(s), {platform.processor() or platform.machine()}")
    for name, (network, spikes) in settings().items():
        timed = variants(network, spikes)
        best = dict.fromkeys(timed, float("inf"))
        for number in range(words.rounds + 1):
            for variant, run in timed.items():
                started = time.perf_counter()
                run()
                if number:
                    best[variant] = min(best[variant], time.perf_counter() - started)
        print(f"\n{name}")
        for variant, seconds in best.items():
            ratio = seconds / best["linear layers alone"]
            rows.append({"setting": name, "variant": variant, "ms": 1000 * seconds, "ratio": ratio})
            print(f"  {variant:<22}{1000 * seconds:9.1f} ms  {ratio:6.2f}")
    if words.json is not None:
        write_text(words.json, json.dumps({"torch": torch.__version__, "threads": words.threads, "rows": rows},
                                          indent=1) + "\n")


if __name__ == "__main__":
    main()
