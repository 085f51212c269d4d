"""Batches of spikes: the same as ever, in any pieces."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neurofer.data.store import open_store
from neurofer.train.config import TrainConfig
from neurofer.train.data import prepare

Make = Callable[..., TrainConfig]
MOVED = ("augment.flip=0.5", "augment.shift=0.03", "augment.rotate_deg=5.0", "augment.zoom=0.04", "augment.erase=0.3")
LIVE = ("augment.events.flip=0.5", "augment.events.noise=0.5", "augment.events.reverse=0.5",
        "augment.events.mirror=0.5", "augment.events.drop=0.5", "augment.events.crop=0.5")


@pytest.mark.parametrize(("settings", "digest"), [
    (MOVED, "61fbe251e0072ee0"),
    (("snn.size_px=32", "snn.dt_us=4000", "snn.decision_us=100000", *MOVED), "daa64223f977051c"),
    ((*MOVED, *LIVE), "fe8229b89e6278f7"),
    ((*LIVE, "augment.shift=0", "augment.zoom=0", "augment.erase=0"), "cd8315ef6934e60e"),
])
def test_batches_are_those_of_old(settings: tuple[str, ...], digest: str, small_config: Make, blob_store: Path,
                                  tmp_path: Path) -> None:
    task = prepare(small_config("snn", *settings), open_store(blob_store), None, tmp_path).task
    found = hashlib.sha256()
    for batch in task.batches(np.random.default_rng(11)):
        spikes = batch.spikes.numpy()
        found.update(f"{spikes.shape} {spikes.dtype} {batch.lengths.tolist()} {batch.labels.tolist()}".encode())
        found.update(spikes.tobytes())
    assert found.hexdigest()[:16] == digest
