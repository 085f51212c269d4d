"""Minutes of events at steps of a millisecond: peak memory of caching, training and evaluating a spiking network.

    python benchmarks/long_clip.py [--seconds 10 30 60] [--rate 100000] [--size-px 32] [--json long_clip.json]

For each length a store of made-up recordings (discs that sweep over the face box, one class a direction, a fifth of the
events noise; 4 people, 2 clips each) is written piece by piece. A process of its own then caches its spikes and trains
``snn`` for one epoch with ``snn.dt_us=1000`` and back-propagation cut every ``--truncate`` steps, validates, reads the
test people and counts operations. Memory is what is resident at most, above what the imports take; of that, what the
process itself allocated is told apart from pages of mapped files, which the system takes back when it needs them
(Linux; elsewhere only the first, from ``ru_maxrss``). Dense is what a tensor of a batch's input alone would take.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from neurofer.data.clip import Box, Clip
from neurofer.data.store import StoredClip, write_store_index
from neurofer.events.columns import write_columns
from neurofer.events.events import Events
from neurofer.files import write_text

MIB = 2**20
SENSOR, CLASSES, SUBJECTS, PIECE_US, BATCH = (346, 260), ("down", "right"), 4, 1_000_000, 2
STATUS = Path("/proc/self/status")


def pieces(label: str, seed: int, seconds: int, rate: int) -> Iterator[Events]:
    """A recording, second by second."""
    generator = np.random.default_rng(seed)
    width, height = SENSOR
    for second in range(seconds):
        t = np.sort(generator.integers(0, PIECE_US, rate))
        way, rim, p = 80 * (2 * (t / PIECE_US) - 1), generator.random(rate) * 2 * np.pi, generator.random(rate) < 0.5
        ahead = way + np.where(p, 4.0, -4.0)
        x = width / 2 + 20 * np.cos(rim) + (ahead if label == "right" else 0)
        y = height / 2 + 20 * np.sin(rim) + (ahead if label == "down" else 0)
        noise = generator.random(rate) < 0.2
        x = np.where(noise, generator.integers(0, width, rate), np.clip(x, 0, width - 1))
        y = np.where(noise, generator.integers(0, height, rate), np.clip(y, 0, height - 1))
        yield Events(t + second * PIECE_US, x.astype(np.uint16), y.astype(np.uint16), p, SENSOR)


def write_store(store: Path, seconds: int, rate: int) -> None:
    """Recordings of all people and classes, and their index."""
    clips = []
    for subject in range(SUBJECTS):
        for number, label in enumerate(CLASSES):
            name = f"s{subject}_{label}"
            info = write_columns(store / "events" / name, pieces(label, 10 * subject + number, seconds, rate), SENSOR)
            clip = Clip(name, store / "events" / name, 0, seconds * PIECE_US, f"s{subject}", label, "long",
                        Box(63, 20, 220, 220), SENSOR)
            clips.append(StoredClip(clip, info.events, info.digest))
    write_store_index(store, "long", CLASSES, SENSOR, {"made_by": "benchmarks/long_clip.py"}, clips, "1")


class Peak:
    """Largest resident memory while it runs, in bytes: everything, and without mapped files."""

    def __init__(self) -> None:
        self.all = self.own = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.002):
            everything, own = resident()
            self.all, self.own = max(self.all, everything), max(self.own, own)


def resident() -> tuple[int, int]:
    """Bytes resident now: everything, and without mapped files."""
    if not STATUS.exists():
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return most, most
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines() if ":" in line)
    sizes = [1024 * int(lines[name].split()[0]) for name in ("VmRSS", "RssAnon")]
    return sizes[0], sizes[1]


def child(store: Path, words: argparse.Namespace) -> dict[str, float]:
    """In a process of its own: cache, train, evaluate."""
    from neurofer.config import find_config, load_config
    from neurofer.data.store import open_store
    from neurofer.train.config import TrainConfig
    from neurofer.train.data import prepare
    from neurofer.train.recognise import train_recogniser

    settings = [f"data='{store}'", f"out='{store.parent / 'run'}'", f"snn.preset={words.preset}", "snn.dt_us=1000",
                f"snn.size_px={words.size_px}", f"snn.truncate_steps={words.truncate}", f"train.batch={BATCH}",
                "train.epochs=1", "train.threads=1", "train.device=cpu", "split.train=0.5", "split.validation=0.25",
                "split.test=0.25"]
    config, cache = load_config(TrainConfig, find_config("snn_synthetic"), settings), store.parent / "cache"
    before = resident()
    found: dict[str, float] = {}
    for name in ("cache", "train"):
        started = time.perf_counter()
        with Peak() as peak:
            if name == "cache":
                prepare(config, open_store(store), None, cache)
            else:
                train_recogniser(config, cache=cache)
        found |= {f"{name}_mib": (peak.all - before[0]) / MIB, f"{name}_own_mib": (peak.own - before[1]) / MIB,
                  f"{name}_s": time.perf_counter() - started}
    found["on_disk_mib"] = sum(path.stat().st_size for path in cache.rglob("*.npy")) / MIB
    return found


def measure(seconds: int, words: argparse.Namespace) -> dict[str, Any]:
    """One length, in a fresh process."""
    with tempfile.TemporaryDirectory(prefix="neurofer-") as place:
        store = Path(place) / "store"
        write_store(store, seconds, words.rate)
        command = [sys.executable, __file__, "--child", str(store), "--size-px", str(words.size_px), "--preset",
                   words.preset, "--truncate", str(words.truncate)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{seconds} s: {done.stderr}")
        found = json.loads(done.stdout.splitlines()[-1])
    return {"seconds": seconds, **found, "dense_batch_mib": 1000 * seconds * BATCH * 2 * words.size_px**2 * 4 / MIB}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, nargs="+", default=[10, 30, 60])
    parser.add_argument("--rate", type=int, default=100_000, help="events a second of each recording")
    parser.add_argument("--size-px", type=int, default=32)
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--truncate", type=int, default=500, help="steps of a chunk of back-propagation")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures there")
    parser.add_argument("--child", type=Path, default=None, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.child is not None:
        print(json.dumps(child(words.child, words)))
        return
    print(f"{2 * SUBJECTS} clips, {words.rate} events/s, steps of 1 ms, {words.size_px} px, {words.preset}, batch "
          f"{BATCH}, chunks of {words.truncate} steps; MiB above the imports (without mapped files)\n")
    print("| clip, s | caching | training and evaluation | spikes on disk | dense input of a batch | took, s |")
    print("|---:|---:|---:|---:|---:|---:|")
    rows = []
    for seconds in words.seconds:
        row = measure(seconds, words)
        rows.append(row)
        print(f"| {seconds} | {row['cache_mib']:.0f} ({row['cache_own_mib']:.0f}) | {row['train_mib']:.0f} "
              f"({row['train_own_mib']:.0f}) | {row['on_disk_mib']:.0f} | {row['dense_batch_mib']:.0f} | "
              f"{row['cache_s']:.0f} + {row['train_s']:.0f} |", flush=True)
    if words.json is not None:
        write_text(words.json, json.dumps({"settings": {name: getattr(words, name) for name in (
            "rate", "size_px", "preset", "truncate")}, "clips": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
