"""How fast events come from disk: our EVT3 and EVT2 readers beside eventcv's, and our store beside a bare copy.

    python benchmarks/reading.py [--events 16 --rounds 5] [--json reading.json]

Makes its own recording (a moving scene of 1280 x 720 pixels, written as EVT3 and EVT2 by faery), reads it in windows of
20 ms by each reader in turn, several rounds, and prints the best of each with its ratio to the first row.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from neurofer.events import Events, open_recording, write_columns, write_recording
from neurofer.events.columns import ColumnsRecording
from neurofer.files import write_text

SENSOR = (1280, 720)
WINDOW_US = 20_000
RATE_PER_S = 8e6


def make_scene(count: int, seed: int = 0) -> Events:
    """Events of edges that drift over the sensor: runs of neighbouring pixels in a row, as real scenes give."""
    generator = np.random.default_rng(seed)
    runs = generator.integers(1, 9, count)
    runs = runs[: int(np.searchsorted(np.cumsum(runs), count)) + 1]
    first = np.repeat(np.cumsum(runs) - runs, runs)[:count]
    step = np.arange(count) - first
    t = np.sort(generator.integers(0, int(count / RATE_PER_S * 1e6), len(runs)))
    blur = generator.normal(0, 6, len(runs)).astype(int)
    edge = (generator.integers(0, 12, len(runs)) * 107 + t // 900 + blur) % 1272
    x = np.repeat(edge, runs)[:count] + step
    y = np.repeat(generator.integers(0, SENSOR[1], len(runs)), runs)[:count]
    p = np.repeat(generator.random(len(runs)) < 0.5, runs)[:count]
    return Events(np.repeat(t, runs)[:count], x.astype(np.uint16), y.astype(np.uint16), p, SENSOR)


def read_ours(path: Path) -> int:
    with open_recording(path) as recording:
        return sum(len(window.events) for window in recording.windows(WINDOW_US))


def read_eventcv(path: Path) -> int:
    import eventcv

    return sum(len(window.numpy()) for window in eventcv.open(str(path), dt_ms=WINDOW_US / 1e3).windows())


def read_store(path: Path) -> int:
    """Every byte of every window of our store."""
    total = 0
    with ColumnsRecording(path) as recording:
        for _, _, events in recording.windows(WINDOW_US):
            total += len(events)
            _ = events.t.sum(), events.x.sum(), events.y.sum(), events.p.sum()
    return total


def read_arrays(path: Path) -> int:
    """The same sums over plain memory-mapped arrays, the whole at once: what the memory gives."""
    arrays = [np.load(path / f"{name}.npy", mmap_mode="r") for name in "txyp"]
    _ = [array.sum() for array in arrays]
    return len(arrays[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=float, default=16, help="million events")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=None, help="also write the figures there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = make_scene(int(arguments.events * 1e6))
        for encoding in ("evt3", "evt2"):
            write_recording(folder / f"{encoding}.raw", scene, encoding=encoding, check=False)
        write_columns(folder / "store", scene, SENSOR)
        count = len(scene)
        del scene
        groups: list[list[tuple[str, Callable[[Path], int], str]]] = [
            [("eventcv, EVT3", read_eventcv, "evt3.raw"), ("neurofer, EVT3", read_ours, "evt3.raw")],
            [("eventcv, EVT2", read_eventcv, "evt2.raw"), ("neurofer, EVT2", read_ours, "evt2.raw")],
            [("numpy sums of whole columns", read_arrays, "store"),
             ("neurofer store, sums by window", read_store, "store")],
        ]
        best: dict[str, float] = {}
        for _ in range(arguments.rounds + 1):
            for group in groups:
                for label, read, file in group:
                    start = time.perf_counter()
                    found = read(folder / file)
                    seconds = time.perf_counter() - start
                    if found != count:
                        raise SystemExit(f"{label}: read {found} of {count} events")
                    best[label] = min(best.get(label, np.inf), seconds)
    rows = [{"reader": label, "seconds": best[label], "events_per_s": count / best[label],
             "ratio": best[group[0][0]] / best[label]} for group in groups for label, _, _ in group]
    print(f"{count / 1e6:g} M events, {SENSOR[0]}x{SENSOR[1]}, windows of {WINDOW_US / 1e3:g} ms, best of "
          f"{arguments.rounds + 1} rounds\n")
    print("| reader | s | Mev/s | ratio |\n|---|---:|---:|---:|")
    for row in rows:
        print(f"| {row['reader']} | {row['seconds']:.3f} | {row['events_per_s'] / 1e6:.0f} | {row['ratio']:.2f} |")
    if arguments.json is not None:
        write_text(arguments.json, json.dumps({"events": count, "window_us": WINDOW_US, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
