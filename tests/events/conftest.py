"""The same small recording in every format that can be written, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurofer.events.events import Events
from neurofer.events.writing import write_recording

WRITABLE = ("evt3.raw", "evt2.raw", "events.dat", "events.aedat4", "events.es", "events.npy", "events.npz",
            "events.csv", "events.txt", "events.bin", "events.h5")


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, face_events: Events) -> dict[str, Path]:
    """A file of ``face_events`` for each name in ``WRITABLE``."""
    pytest.importorskip("faery")
    folder = tmp_path_factory.mktemp("written")
    for name in WRITABLE:
        write_recording(folder / name, face_events, encoding="evt2" if name.startswith("evt2") else "evt3")
    return {name: folder / name for name in WRITABLE}
