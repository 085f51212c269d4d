"""How fast events become arrays: our representations beside a bare compiled scatter, numpy's bincount and tonic.

    python benchmarks/representations.py [--events 2 --rounds 15] [--json representations.json]

One core. Every round runs everything once, one after the other, so that a busy moment of the machine hits all alike;
the best round of each counts. The bare scatter is the simplest loop, ``out[p, y, x] += 1``, compiled by numba, into a
fresh array of the same element type and number of channels; the second one adds ``t`` instead of 1, because whatever
looks at time must also read 8 more bytes an event. tonic has no TIE: its voxel grid is the nearest thing; and its
frames in bins are the nearest thing to the TQR tensor and to EST's steps.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from neurofer.events import Events
from neurofer.files import write_text
from neurofer.represent import (
    Accumulate,
    Behi,
    Counts,
    Est,
    EventFrame,
    Representation,
    Sae,
    Tbr,
    TbrTensor,
    Tencode,
    Tie,
    TimeSurface,
    TqrTensor,
    VoxelGrid,
)

SENSORS = {"1280x720": (1280, 720), "128x128 face crop": (128, 128)}
WINDOW_US = 33_333

OURS: dict[str, Representation] = {
    "counts": Counts(),
    "counts, binary": Counts("binary"),
    "voxel grid, 5 bins": VoxelGrid(5),
    "time surface, exponential": TimeSurface(),
    "time surface, linear": TimeSurface("linear"),
    "TIE, whole image": Tie(),
    "TIE, whole image, kernel est": Tie(kernel="est"),
    "event frame": EventFrame(),
    "accumulate": Accumulate(),
    "SAE": Sae(),
    "TBR8": Tbr(),
    "TBR tensor": TbrTensor(),
    "TQR tensor": TqrTensor(),
    "Tencode": Tencode(),
    "BEHI": Behi(),
    "EST, 32 steps": Est(),
}
BARE = {  # element type and channels of the array that each fills
    "counts": (np.uint16, 2),
    "counts, binary": (np.uint8, 2),
    "voxel grid, 5 bins": (np.float32, 5),
    "time surface, exponential": (np.float32, 2),
    "time surface, linear": (np.float32, 2),
    "TIE, channels only": (np.int32, 3),
    "TIE, whole image": (np.int32, 3),
    "TIE, whole image, kernel est": (np.int32, 3),
    "event frame": (np.uint8, 1),
    "accumulate": (np.int32, 1),
    "SAE": (np.int64, 2),
    "TBR8": (np.uint8, 1),
    "TBR tensor": (np.uint8, 8),
    "TQR tensor": (np.uint8, 16),
    "Tencode": (np.int64, 1),
    "BEHI": (np.uint8, 1),
    "EST, 32 steps": (np.uint8, 64),
}
READ_TIME = {name for name in BARE if name.startswith(("voxel", "time surface", "TIE"))} | {"SAE", "Tencode"}
TONIC = {
    "counts": "to_frame", "voxel grid, 5 bins": "to_voxel_grid", "time surface, exponential": "to_timesurface",
    "TIE, channels only": "to_voxel_grid", "TIE, whole image": "to_voxel_grid",
    "TIE, whole image, kernel est": "to_voxel_grid", "SAE": "to_timesurface", "TBR8": "to_frame, to_bina_rep",
    "TQR tensor": "to_frame of 8 bins", "EST, 32 steps": "to_frame of 32 bins",
}


@njit
def bare_scatter(x, y, p, out):
    for i in range(len(x)):
        out[p[i], y[i], x[i]] += 1


@njit
def bare_scatter_of_time(t, x, y, p, out):
    for i in range(len(x)):
        out[p[i], y[i], x[i]] += t[i]


def moving_edges(count: int, sensor: tuple[int, int], seed: int = 0) -> Events:
    """Forty ovals that drift: events in time order, along edges a few pixels wide, ON in front and OFF behind."""
    generator = np.random.default_rng(seed)
    width, height = sensor
    t = np.sort(generator.integers(0, WINDOW_US, count))
    oval, angle = generator.integers(0, 40, count), generator.uniform(0, 2 * np.pi, count)
    centre = generator.uniform(0.15, 0.85, (2, 40)) * np.array([[width], [height]])
    speed = generator.normal(0, 0.03, (2, 40)) * width
    radius = generator.uniform(0.03, 0.2, 40) * height
    moved = t / WINDOW_US
    x = centre[0, oval] + radius[oval] * np.cos(angle) + speed[0, oval] * moved + generator.normal(0, 1, count)
    y = centre[1, oval] + 1.3 * radius[oval] * np.sin(angle) + speed[1, oval] * moved + generator.normal(0, 1, count)
    p = np.cos(angle) * speed[0, oval] + np.sin(angle) * speed[1, oval] > 0
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    return Events(t, x.astype(np.uint16), y.astype(np.uint16), p, sensor)


def uniform_noise(count: int, sensor: tuple[int, int], seed: int = 0) -> Events:
    """Events anywhere: the worst case for every cache."""
    generator = np.random.default_rng(seed)
    t = np.sort(generator.integers(0, WINDOW_US, count))
    x, y = generator.integers(0, sensor[0], count), generator.integers(0, sensor[1], count)
    return Events(t, x.astype(np.uint16), y.astype(np.uint16), generator.random(count) < 0.5, sensor)


SCENES: dict[str, Callable[[int, tuple[int, int]], Events]] = {"moving edges": moving_edges, "uniform": uniform_noise}


def our_runs(events: Events) -> dict[str, Callable[[], Any]]:
    """Everything of ours, by row."""
    window = 0, WINDOW_US

    def channels_only() -> Any:
        state = Tie()._begin(events.sensor, window, 0)
        state.add(events)
        return state.fold()

    runs: dict[str, Callable[[], Any]] = {
        name: lambda recipe=recipe: recipe(events, window) for name, recipe in OURS.items()}  # type: ignore[misc]
    runs["TIE, channels only"] = channels_only
    return {name: runs[name] for name in BARE}


def bare_runs(events: Events) -> dict[str, Callable[[], Any]]:
    """The bare scatters, by element type and channels, and numpy's bincount."""
    width, height = events.sensor
    t, x, y, p = events.t, events.x, events.y, events.p.view(np.uint8)
    runs: dict[str, Callable[[], Any]] = {}
    nothing = np.zeros_like(p)
    for kind, channels in set(BARE.values()):
        shape, plane = (channels, height, width), nothing if channels == 1 else p
        runs[f"bare {np.dtype(kind)} {channels}"] = (
            lambda kind=kind, shape=shape, plane=plane: bare_scatter(x, y, plane, np.zeros(shape, kind)))
    runs["bare scatter of t"] = lambda: bare_scatter_of_time(t, x, y, p, np.zeros((2, height, width), np.int32))
    places = 2 * height * width
    runs["numpy bincount"] = lambda: np.bincount((p.astype(np.int64) * height + y) * width + x, minlength=places)
    return runs


def tonic_runs(events: Events) -> dict[str, Callable[[], Any]]:
    """tonic's counterparts on its own array, with polarities as int8, which its voxel grid overwrites."""
    try:
        from tonic import functional
    except ImportError:
        return {}
    array = np.empty(len(events), [("t", np.int64), ("x", np.uint16), ("y", np.uint16), ("p", np.int8)])

    def fresh() -> np.ndarray:
        for name in "txyp":
            array[name] = getattr(events, name)
        return array

    fresh()
    sensor = (*events.sensor, 2)
    span_us = int(events.t[-1] - events.t[0])

    def in_bins(bins: int) -> np.ndarray:
        return functional.to_frame_numpy(array, sensor, n_time_bins=bins)

    return {
        "to_frame": lambda: functional.to_frame_numpy(array, sensor, event_count=len(array)),
        "to_timesurface": lambda: functional.to_timesurface_numpy(array, sensor, dt=span_us, tau=30_000),
        "to_voxel_grid": lambda: functional.to_voxel_grid_numpy(array, sensor, n_time_bins=5),
        "to_frame, to_bina_rep": lambda: functional.to_bina_rep_numpy(in_bins(8), 1, 8),
        "to_frame of 8 bins": lambda: in_bins(8),
        "to_frame of 32 bins": lambda: in_bins(32),
    }


def best_seconds(runs: dict[str, Callable[[], Any]], rounds: int, slow: set[str], slow_rounds: int) -> dict[str, float]:
    """Best time of each run over interleaved rounds; the slow ones only in the first few."""
    for name, run in runs.items():
        if name not in slow:
            run()
    best = dict.fromkeys(runs, float("inf"))
    for turn in range(rounds):
        for name, run in runs.items():
            if name in slow and turn >= slow_rounds:
                continue
            start = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def measure(scene: str, sensor_name: str, count: int, rounds: int) -> dict[str, Any]:
    """All rows of one scene on one sensor."""
    events = SCENES[scene](count, SENSORS[sensor_name])
    theirs = tonic_runs(events)
    seconds = best_seconds({**bare_runs(events), **our_runs(events), **theirs}, rounds, set(theirs), 3)
    speed = {name: count / best / 1e6 for name, best in seconds.items()}
    rows = []
    for name, (kind, channels) in BARE.items():
        bare = speed[f"bare {np.dtype(kind)} {channels}"]
        peer = TONIC.get(name)
        tonic = speed[peer] if peer and peer in speed else None
        timed = speed[name] / speed["bare scatter of t"] if name in READ_TIME else None
        rows.append({"name": name, "mev_per_s": speed[name], "bare_mev_per_s": bare, "to_bare": speed[name] / bare,
                     "to_bare_of_t": timed,
                     "tonic": peer, "tonic_mev_per_s": tonic, "to_tonic": speed[name] / tonic if tonic else None})
    others = {name: speed[name] for name in ("bare scatter of t", "numpy bincount")}
    return {"scene": scene, "sensor": sensor_name, "events": count, "rows": rows, "others_mev_per_s": others,
            "tie_peak_planes": tie_peak_planes(events)}


def tie_peak_planes(events: Events) -> float:
    """Largest memory that TIE holds beyond the events, in planes of 32 bits a pixel (18 would be the whole grid)."""
    Tie()(events, (0, WINDOW_US))
    tracemalloc.start()
    Tie()(events, (0, WINDOW_US))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    width, height = events.sensor
    return peak / (4 * width * height)


def table(result: dict[str, Any]) -> str:
    """One result as Markdown."""
    lines = [f"### {result['scene']}, {result['sensor']}, {result['events'] / 1e6:g} M events in one window", "",
             "| | Mev/s | bare scatter, Mev/s | ratio | ratio to scatter of t | tonic's | tonic, Mev/s | times tonic |",
             "|---|---|---|---|---|---|---|---|"]
    for row in result["rows"]:
        peer = "- | - | -"
        if row["to_tonic"]:
            peer = f"{row['tonic']} | {row['tonic_mev_per_s']:.1f} | {row['to_tonic']:.0f}"
        ours = f"{row['name']} | {row['mev_per_s']:.0f} | {row['bare_mev_per_s']:.0f} | {row['to_bare']:.2f}"
        timed = f"{row['to_bare_of_t']:.2f}" if row["to_bare_of_t"] else "-"
        lines.append(f"| {ours} | {timed} | {peer} |")
    others = ", ".join(f"{name} {speed:.0f} Mev/s" for name, speed in result["others_mev_per_s"].items())
    memory = f"TIE holds at most {result['tie_peak_planes']:.1f} planes of 32 bits a pixel."
    return "\n".join([*lines, "", f"Beside these: {others}. {memory}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=float, default=2, help="million events")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, default=None, help="also write the figures there")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    count = round(arguments.events * 1e6)
    results = []
    for sensor in SENSORS:
        for scene in SCENES:
            results.append(measure(scene, sensor, count, arguments.rounds))
            print(table(results[-1]) + "\n", flush=True)
    if arguments.json is not None:
        machine = {"processor": platform.processor() or platform.machine(), "python": platform.python_version(),
                   "numpy": np.__version__, "cores_used": 1}
        write_text(arguments.json, json.dumps({"machine": machine, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
