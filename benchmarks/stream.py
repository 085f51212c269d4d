"""Live streams: computing time of a decision, what becomes of too many events, and memory over an hour.

    python benchmarks/stream.py [--seconds 30] [--hour 3600] [--json FILE]

On one core. Events are made up: moving edges on a 128x128 sensor that is the face box, the same in every lap, with the
clock going on. Networks have fresh weights; of those that spike, 15 % of the neurons fire a step.

1. Computing time of decisions about 33 ms, ``LiveStream.push`` in pieces of 1 ms, at 1 Mev/s; beside the linear layers
   alone (convolutions, dense layers and the LSTM, on tensors that are there).
2. 10 and 20 Mev/s that come in at real speed: windows decided about and dropped. The last network is too slow for it.
3. An hour of events, 0.3 Mev/s, pushed as fast as it goes: peak memory of a process after a sixth and at the end.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import torch
from _made_up_stream import ANN, BOX, FULL_ANN, NETWORKS, SNNS, WINDOW_US, lap, predictor, stream
from torch.nn import functional

from neurofer.cli.options import text_table
from neurofer.files import write_text
from neurofer.stream.predictor import Predictor
from neurofer.stream.steps import AnnStep, SnnStep
from neurofer.stream.watch.session import Session
from neurofer.stream.watch.source import Piece

HOUR_RATE = 300e3
HOUR_NETWORKS = (ANN, list(SNNS)[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="of events in parts 1 and 2")
    parser.add_argument("--hour", type=float, default=3_600.0, help="seconds of events in part 3; 0 leaves it out")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    figures = {"decisions": decisions(asked.seconds), "overload": overloads(min(asked.seconds, 10.0)),
               "hour": hour(asked.hour) if asked.hour else []}
    if asked.json is not None:
        write_text(asked.json, json.dumps(figures, indent=1) + "\n")


def decisions(seconds: float) -> list[dict[str, Any]]:
    """Part 1."""
    rows = []
    for name in NETWORKS:
        deciding = predictor(name)
        live = deciding.live(BOX)
        found = [decision for piece in stream(lap(1e6), seconds) for decision in live.push(piece)]
        spent_ms = np.array([decision.latency_ms for decision in found[10:]])
        p50, p99 = np.percentile(spent_ms, (50, 99))
        rows.append({"network": name, "decisions": len(spent_ms), "p50_ms": p50, "p99_ms": p99,
                     "worst_ms": spent_ms.max(), "linear_ms": linear_ms(deciding)})
    print("### Computing time of a decision about 33 ms at 1 Mev/s\n")
    print(text_table(("network", "decisions", "p50 ms", "p99 ms", "worst ms", "linear layers, p50 ms", "times"),
                     [(row["network"], row["decisions"], *(f"{row[key]:.2f}" for key in
                                                           ("p50_ms", "p99_ms", "worst_ms", "linear_ms")),
                       f"{row['p50_ms'] / row['linear_ms']:.2f}") for row in rows]))
    return rows


@torch.inference_mode()
def linear_ms(deciding: Predictor) -> float:
    """Median time of the layers with weights alone, for one decision."""
    step = deciding.decides().step
    spent = []
    if isinstance(step, AnnStep):
        picture = torch.rand(1, 1, 3, step.size_px, step.size_px)
        context = torch.rand(1, step.model.context_windows, step.model.encoder.embedding)
        for _ in range(60):
            began = time.perf_counter()
            step.model.embed(picture)
            step.model.decide(context)
            spent.append(time.perf_counter() - began)
    elif isinstance(step, SnnStep):
        steps, layers = WINDOW_US // step.dt_us, step.model.spiking_layers()
        inputs = [(torch.rand(steps, *layer.input_shape) < 0.15).float() for layer in layers]
        for _ in range(60):
            began = time.perf_counter()
            for layer, seen in zip(layers, inputs, strict=True):
                if layer.spec.kind == "dense":
                    functional.linear(seen.flatten(1), layer.weight)
                else:
                    functional.conv2d(seen, layer.weight, None, layer.spec.stride, layer.spec.padding)
            spent.append(time.perf_counter() - began)
    return 1000 * float(np.median(spent[10:]))


class Camera:
    """A live source that gives what would have come by now."""

    name = "made-up camera"

    def __init__(self, rate: float, seconds: float) -> None:
        self._second, self._seconds = lap(rate), seconds

    def pieces(self, stop: Event) -> Iterator[Piece]:
        began = time.perf_counter()
        for number, events in enumerate(stream(self._second, self._seconds)):
            if stop.wait(max(0.0, (number + 1) / 1_000 - (time.perf_counter() - began))):
                return
            yield Piece(events)

    def close(self) -> None: ...


def overloads(seconds: float) -> list[dict[str, Any]]:
    """Part 2."""
    rows = []
    for rate in (10e6, 20e6):
        for name in (*NETWORKS, FULL_ANN):
            session = Session(predictor(name), Camera(rate, seconds), box=BOX)
            with session:
                place = session.subscribe()
                while not session.ended:
                    place.get(0.1)
                tally = session.tally
            if session.failure is not None:
                raise SystemExit(f"{name}: {session.failure}")
            rows.append({"mev_s": rate / 1e6, "network": name, "windows": tally.windows,
                         "decisions": tally.decisions, "dropped_windows": tally.dropped_windows,
                         "dropped_events": tally.dropped_events, "restarts": tally.restarts})
    print("\n### Streams at real speed\n")
    print(text_table(("Mev/s", "network", "windows", "decisions", "dropped", "events dropped", "restarts"),
                     [(f"{row['mev_s']:g}", row["network"], row["windows"], row["decisions"], row["dropped_windows"],
                       f"{row['dropped_events']:,}", row["restarts"]) for row in rows]))
    return rows


def hour(seconds: float) -> list[dict[str, Any]]:
    """Part 3, each network in a process of its own, so that a peak is its own."""
    rows = []
    for name in HOUR_NETWORKS:
        with multiprocessing.get_context("spawn").Pool(1) as alone:
            rows.append(alone.apply(hour_of, (name, seconds)))
    print(f"\n### {seconds:g} s of events\n")
    print(text_table(("network", "events", "decisions", "peak MiB after a sixth", "at the end", "took s"),
                     [(row["network"], f"{row['events']:,}", row["decisions"], f"{row['peak_early_mib']:.1f}",
                       f"{row['peak_end_mib']:.1f}", f"{row['spent_s']:.0f}") for row in rows]))
    return rows


def hour_of(name: str, seconds: float) -> dict[str, Any]:
    """One row of part 3."""
    torch.set_num_threads(1)
    live, second, peaks, count, decided = predictor(name).live(BOX), lap(HOUR_RATE), [], 0, 0
    began = time.perf_counter()
    for number in range(round(seconds)):
        for piece in stream(second, 1, 10_000, number):
            decided += len(live.push(piece))
            count += len(piece)
        if number in (round(seconds) // 6, round(seconds) - 1):
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return {"network": name, "events": count, "decisions": decided, "peak_early_mib": peaks[0],
            "peak_end_mib": peaks[-1], "spent_s": time.perf_counter() - began}


if __name__ == "__main__":
    main()
