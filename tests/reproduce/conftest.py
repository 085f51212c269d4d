"""Cells whose functions do next to nothing, and a small stand-in for e-CK+."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neurofer.reproduce.cells import Cell, Source

TOYS = '''
import os
from pathlib import Path

from neurofer.errors import NeuroferError


def note(job):
    with open(job.source.data / "log", "a") as file:
        file.write(job.cell + "\\n")
    job.folder.mkdir(parents=True, exist_ok=True)
    (job.folder / "model").write_text(job.cell)


def add(job):
    note(job)
    others = sum(one["value"] for one in job.needs.values())
    assert all((folder / "model").exists() for folder in job.folders.values())
    return {"value": job.parameters["value"] + others, "pid": os.getpid()}


def fail(job):
    note(job)
    if (job.source.data / "repaired").exists():
        return {"value": 0}
    raise (NeuroferError if job.parameters["value"] else ZeroDivisionError)(f"{job.cell} cannot")


def stop(job):
    job.folder.mkdir(parents=True, exist_ok=True)
    half = job.folder / "half"
    if half.exists():
        return {"value": 1, "went_on": True}
    half.write_text("half")
    raise KeyboardInterrupt


def die(job):
    if (job.source.data / "repaired").exists():
        return {"value": 0}
    os._exit(3)
'''

Make = Callable[..., Cell]


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """``toy("a", "add", value=1, needs=("b",))``: a cell of a module that other processes find too."""
    home = tmp_path / "modules"
    home.mkdir()
    (home / "toy_cells.py").write_text(TOYS)
    monkeypatch.syspath_prepend(str(home))

    def make(name: str, function: str = "add", value: int = 1, needs: tuple[str, ...] = (), kept: bool = False) -> Cell:
        return Cell(name, f"toy_cells.{function}", {"value": value}, needs, kept)

    return make


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """What toys read: a folder with the log of what ran."""
    data = tmp_path / "data"
    data.mkdir()
    return Source(data, "digest", "code", tmp_path / "cache")


@pytest.fixture(scope="session")
def ckplus_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store called ``ckplus`` with frames: 6 subjects ``S###``, 3 classes of a moving blob, 12 sequences each."""
    from neurofer.data.clip import Box, Clip
    from neurofer.data.frames import write_frames
    from neurofer.data.store import StoredClip, write_store_index
    from neurofer.events.columns import write_columns
    from tests.conftest import moving_blob

    store, sensor, classes = tmp_path_factory.mktemp("ckplus") / "store", (32, 32), ("anger", "happy", "surprise")
    clips, directions = [], {"anger": "down", "happy": "left", "surprise": "right"}
    for subject in range(6):
        for number in range(6):
            label, name = classes[number % 3], f"S{10 + subject:03d}_{number + 1:03d}"
            duration_us = 300_000 + 50_000 * (number % 3)
            events = moving_blob(directions[label], 100 * subject + number, duration_us, sensor)
            path = store / "events" / name
            digest = write_columns(path, events, sensor).digest
            times = np.arange(0, duration_us, 33_333, dtype=np.int64)
            ramp = np.linspace(0, 200, 32, dtype=np.uint8)
            frames = np.stack([np.roll(np.tile(ramp, (32, 1)), subject + step, axis=1) for step in range(len(times))])
            write_frames(store, name, times, frames)
            clip = Clip(name, path, 0, duration_us, f"S{10 + subject:03d}", label, "ckplus", Box(0, 0, 32, 32), sensor)
            clips.append(StoredClip(clip, len(events), digest))
    write_store_index(store, "ckplus", classes, sensor, {"made_by": "the tests"}, clips, "1")
    return store
