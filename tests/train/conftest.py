"""Small runs that train in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from neurofer.config import load_config
from neurofer.train.config import TrainConfig

SMALL = ("model.size_px=16", "model.width=0.125", "represent.window_us=50000", "snn.size_px=16", "snn.preset=tiny",
         "snn.dt_us=10000", "train.batch=8", "train.lr=5e-3", "train.epochs=2", "train.threads=1", "augment.flip=0",
         "augment.rotate_deg=0")


@pytest.fixture
def small_config(blob_store: Path, tmp_path: Path) -> Callable[..., TrainConfig]:
    """``small_config("snn", "train.epochs=4", out="run")``."""

    def make(backend: str, *overrides: str, out: str = "run") -> TrainConfig:
        changed = {word.partition("=")[0] for word in overrides}
        words = [word for word in SMALL if word.partition("=")[0] not in changed]
        return load_config(TrainConfig, None, [f"backend={backend}", f"data='{blob_store}'", f"out='{tmp_path / out}'",
                                               *words, *overrides])

    return make
