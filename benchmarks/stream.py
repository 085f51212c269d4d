"""Live streams: computing time of a decision, how fast a stream may be, and memory over an hour.

    python benchmarks/stream.py [--seconds 60] [--hour 3600] [--json FILE]

On one core. Events are made up: moving edges on a 128x128 sensor that is the face box, the same in every lap, with the
clock going on. Networks have fresh weights; those that spike have thresholds at which 15 % of their neurons fire.

1. Computing time of decisions, ``Predictor.push`` in pieces of 1 ms, at 1 Mev/s. ``window`` is what a decision covers.
2. How fast it goes with nothing dropped: cutting alone, with the picture or the spikes of the face, with the decision.
3. What becomes of 10 and 20 Mev/s that come in at real speed: windows decided about and dropped.
4. An hour of events, 0.3 Mev/s, pushed as fast as it goes: peak memory of a process after a sixth and at the end.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from neurofer.cli.options import text_table
from neurofer.data.clip import Box
from neurofer.data.crop import crop_resize
from neurofer.events.events import Events
from neurofer.files import write_text
from neurofer.models.build import build_ann, build_snn
from neurofer.represent import build_representation
from neurofer.spiking.bins import spike_tensor
from neurofer.spiking.calibrate import calibrate_rates
from neurofer.stream.cutting import Cutter
from neurofer.stream.predictor import Predictor
from neurofer.stream.watch.session import Session
from neurofer.stream.watch.source import Piece

SIDE = 128
BOX = Box(0, 0, SIDE, SIDE)
WINDOW_US = 33_000
HOUR_RATE = 300e3
HOUR_NETWORKS = (0, 3)
CLASSES = tuple(f"class{number}" for number in range(8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="of events in parts 1 to 3")
    parser.add_argument("--hour", type=float, default=3_600.0, help="seconds of events in part 4; 0 leaves it out")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    figures = {"decisions": decisions(asked.seconds), "speed": speeds(asked.seconds),
               "overload": overloads(min(asked.seconds, 10.0)), "hour": hour(asked.hour) if asked.hour else []}
    if asked.json is not None:
        write_text(asked.json, json.dumps(figures, indent=1) + "\n")


def lap(rate: float, seed: int = 0) -> Events:
    """A second of moving edges with noise, evenly busy."""
    rng = np.random.default_rng(seed)
    count = int(rate)
    t = np.sort(rng.integers(0, 1_000_000, count))
    angle = 2 * np.pi * t / 1e6
    edge = rng.integers(0, 6, count)
    x = (64 + (18 + 7 * edge) * np.cos(angle + edge) + rng.normal(0, 3, count)).astype(np.int64)
    y = (64 + (18 + 7 * edge) * np.sin(2 * angle + edge) + rng.normal(0, 3, count)).astype(np.int64)
    noise = rng.random(count) < 0.1
    x[noise], y[noise] = rng.integers(0, SIDE, noise.sum()), rng.integers(0, SIDE, noise.sum())
    return Events(t, np.clip(x, 0, SIDE - 1), np.clip(y, 0, SIDE - 1), rng.random(count) < 0.5, (SIDE, SIDE))


def stream(second: Events, seconds: float, piece_us: int = 1_000) -> Iterator[Events]:
    """The lap again and again, in pieces, with a clock that goes on."""
    edges = np.searchsorted(second.t, np.arange(0, 1_000_001, piece_us))
    for number in range(math.ceil(seconds)):
        t = second.t + number * 1_000_000
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            yield Events.trusted(t[low:high], second.x[low:high], second.y[low:high], second.p[low:high],
                                 second.sensor)


def predictors() -> Iterator[tuple[str, Predictor]]:
    """Fresh networks as runs; pictures and spikes of 128x128."""
    torch.manual_seed(0)
    ann = {"backend": "ann", "classes": CLASSES, "size_px": SIDE, "window_us": WINDOW_US, "context_windows": 3,
           "representation": {"kind": "tie", "settings": {}}}
    yield "ann, width 1/4, 128x128", Predictor(run("ann", ann, build_ann(8, SIDE, width=0.25)))
    for size_px, preset, dt_us in ((128, "small", 11_000), (128, "small", 5_500), (64, "small", 5_500),
                                   (64, "small", 1_000), (32, "small", 1_000)):
        torch.manual_seed(0)
        model = build_snn(8, size_px, preset)
        seen = spike_tensor(lap(1e6), 0, 50 * dt_us, dt_us, BOX, size_px).spikes
        calibrate_rates(model, torch.from_numpy(seen).unsqueeze(1), 0.15)
        card = {"backend": "snn", "classes": CLASSES, "size_px": size_px, "window_us": WINDOW_US, "dt_us": dt_us,
                "readout_us": 10 * WINDOW_US, "rate_gain": 10.0}
        yield f"snn {preset}, {size_px}x{size_px}, dt {dt_us / 1000:g} ms", Predictor(run("snn", card, model))


def run(name: str, card: dict[str, Any], model: torch.nn.Module) -> Any:
    return SimpleNamespace(path=Path(name), card=card, model=model.eval(), config=None)


def decisions(seconds: float) -> list[dict[str, Any]]:
    """Part 1."""
    rows = []
    for name, predictor in predictors():
        live = predictor.live(BOX)
        found = [decision for piece in stream(lap(1e6), seconds) for decision in live.push(piece)]
        spent_ms = np.array([decision.latency_ms for decision in found[10:]])
        p50, p99 = np.percentile(spent_ms, (50, 99))
        rows.append({"network": name, "decisions": len(spent_ms), "p50_ms": p50, "p99_ms": p99,
                     "worst_ms": spent_ms.max()})
    print("### Computing time of a decision about 33 ms at 1 Mev/s\n")
    print(text_table(("network", "decisions", "p50 ms", "p99 ms", "worst ms"),
                     [(row["network"], row["decisions"], *(f"{row[key]:.2f}" for key in
                                                           ("p50_ms", "p99_ms", "worst_ms"))) for row in rows]))
    return rows


def speeds(seconds: float) -> list[dict[str, Any]]:
    """Part 2."""
    second = lap(10e6)
    pieces = list(stream(second, min(seconds, 5.0)))
    total = sum(map(len, pieces))
    tie, origin = build_representation("tie"), 0

    def picture(window: Any) -> None:
        if len(window.events):
            crop_resize(tie(window.events, window[:2], origin_us=origin), BOX, SIDE, tie.empty_value)

    def spikes(window: Any) -> None:
        spike_tensor(window.events, window.start_us, window.stop_us, 11_000, BOX, SIDE)

    rows = []
    for name, work in (("cutting", lambda window: None), ("cutting, TIE, crop", picture), ("cutting, spikes", spikes)):
        for piece_us in (1_000, 33_000):
            parts = list(stream(second, min(seconds, 5.0), piece_us))
            cutter = Cutter((SIDE, SIDE), WINDOW_US)
            began = time.perf_counter()
            for part in parts:
                for window in cutter.push(part):
                    work(window)
            spent_s = time.perf_counter() - began
            rows.append({"work": name, "pieces_ms": piece_us / 1000, "mev_s": total / spent_s / 1e6})
    for name, predictor in predictors():
        live, began = predictor.live(BOX), time.perf_counter()
        for piece in pieces:
            live.push(piece)
        rows.append({"work": f"all: {name}", "pieces_ms": 1.0, "mev_s": total / (time.perf_counter() - began) / 1e6})
    print("\n### How fast a stream may be, 10 Mev in every second of it\n")
    print(text_table(("work", "pieces of ms", "Mev/s"),
                     [(row["work"], f"{row['pieces_ms']:g}", f"{row['mev_s']:.1f}") for row in rows]))
    return rows


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
    """Part 3."""
    rows = []
    for rate in (10e6, 20e6):
        for name, predictor in predictors():
            session = Session(predictor, Camera(rate, seconds), box=BOX)
            with session:
                place = session.subscribe()
                while not session.ended:
                    place.get(0.1)
                tally = session.tally
            rows.append({"mev_s": rate / 1e6, "network": name, "windows": tally.windows,
                         "decisions": tally.decisions, "dropped_windows": tally.dropped_windows,
                         "dropped_events": tally.dropped_events, "restarts": tally.restarts,
                         "failure": session.failure})
    print("\n### Streams at real speed\n")
    print(text_table(("Mev/s", "network", "windows", "decisions", "dropped", "events dropped", "restarts"),
                     [(f"{row['mev_s']:g}", row["network"], row["windows"], row["decisions"], row["dropped_windows"],
                       f"{row['dropped_events']:,}", row["restarts"]) for row in rows]))
    return rows


def hour(seconds: float) -> list[dict[str, Any]]:
    """Part 4, each network in a process of its own, so that a peak is its own."""
    rows = []
    for number in HOUR_NETWORKS:
        with multiprocessing.get_context("spawn").Pool(1) as alone:
            rows.append(alone.apply(hour_of, (number, seconds)))
    print(f"\n### {seconds:g} s of events\n")
    print(text_table(("network", "events", "decisions", "peak MiB after a sixth", "at the end", "took s"),
                     [(row["network"], f"{row['events']:,}", row["decisions"], f"{row['peak_early_mib']:.1f}",
                       f"{row['peak_end_mib']:.1f}", f"{row['spent_s']:.0f}") for row in rows]))
    return rows


def hour_of(number: int, seconds: float) -> dict[str, Any]:
    """One row of part 4."""
    torch.set_num_threads(1)
    name, predictor = list(predictors())[number]
    live, second, peaks, count, decided = predictor.live(BOX), lap(HOUR_RATE), [], 0, 0
    began = time.perf_counter()
    for lap_number in range(round(seconds)):
        for piece in stream(second, 1, 10_000):
            t = piece.t + lap_number * 1_000_000
            decided += len(live.push(Events.trusted(t, piece.x, piece.y, piece.p, piece.sensor)))
            count += len(piece)
        if lap_number in (round(seconds) // 6, round(seconds) - 1):
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return {"network": name, "events": count, "decisions": decided, "peak_early_mib": peaks[0],
            "peak_end_mib": peaks[-1], "spent_s": time.perf_counter() - began}


if __name__ == "__main__":
    main()
