"""Preparing streams: memory at its peak does not grow with the number of clips, nor with the length of a recording."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# A process of its own for each size; the peak of a process never goes down again.
PROGRAM = """
import sys
from pathlib import Path

def peak_mb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024

kind, place, size = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
if kind == "clips":
    from neurofer.data.synthetic import SyntheticPlan, prepare_synthetic
    from neurofer.data.windows import clip_windows
    from neurofer.represent import build_representation

    plan = SyntheticPlan(subjects=size, clips_per_class=1, size_px=32, fps=60.0, frames=True)
    store = prepare_synthetic(place / "store", plan)
    clip_windows(store, build_representation("tie"), 16_667, 128, place / "cache")
else:
    import numpy as np
    from neurofer.events.columns import write_columns
    from neurofer.events.events import Events
    from neurofer.events.open import open_recording

    piece = 250_000
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 1280, piece).astype(np.uint16), generator.integers(0, 720, piece).astype(np.uint16)
    step = np.arange(piece) // 4
    pieces = (Events(step + 100_000 * number, x, y, x % 2 == 0, (1280, 720)) for number in range(size))
    if kind == "raw":
        from neurofer.events.writing import write_recording

        class Stream:
            path, format, sensor, start_us = None, "made up", (1280, 720), 0

        write_recording(place / "long.raw", Stream(), check=False, pieces=pieces)
    else:
        with open_recording(place / "long.raw") as recording:
            write_columns(place / "long", recording.pieces(), recording.sensor)
print(peak_mb())
"""
LIMIT_MB = 1000


def peak_mb(kind: str, place: Path, size: int) -> float:
    """Peak of memory of a process that does it, in MB."""
    place.mkdir(exist_ok=True)
    done = subprocess.run([sys.executable, "-c", PROGRAM, kind, str(place), str(size)], capture_output=True, text=True,
                          check=False, env={**os.environ, "OMP_NUM_THREADS": "1", "NEUROFER_PROGRESS": "0"})
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


needs_linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from /proc")


@needs_linux
def test_a_longer_store_needs_no_more_memory(tmp_path: Path) -> None:
    few, many = (peak_mb("clips", tmp_path / str(subjects), subjects) for subjects in (1, 4))
    rows = [next((tmp_path / str(subjects)).glob("cache/*/rows.npy")).stat().st_size for subjects in (1, 4)]
    assert many < LIMIT_MB
    assert rows[1] > rows[0] + 60e6, "the longer store's pictures alone would be seen"
    assert many < few + 25  # the allocator's moods


@needs_linux
def test_a_longer_recording_needs_no_more_memory(tmp_path: Path) -> None:
    found = {}
    for pieces in (4, 24):
        place = tmp_path / str(pieces)
        found[pieces] = peak_mb("raw", place, pieces), peak_mb("columns", place, pieces)
    for short, long in zip(found[4], found[24], strict=True):
        assert long < LIMIT_MB
        assert long < short + 25  # the allocator's moods; 5 million events more are 65 MB
