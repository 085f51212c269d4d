"""An ANN, an SNN that was trained for a chip and one that was not, of a few seconds of training each."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from neurofer.config import load_config
from neurofer.train.config import TrainConfig
from neurofer.train.recognise import train_recogniser

SMALL = ("model.size_px=16", "model.width=0.125", "represent.window_us=50000", "snn.size_px=16", "snn.preset=tiny",
         "snn.dt_us=10000", "train.batch=8", "train.lr=5e-3", "train.epochs=3", "train.threads=1")


class TrainedPair(NamedTuple):
    """Run folders, all of one store and one split.

    Attributes:
        store: The store.
        ann: Decides window by window.
        snn: Trained in the integers of Loihi 2.
        floats: An SNN trained in float numbers.
    """

    store: Path
    ann: Path
    snn: Path
    floats: Path


@lru_cache(maxsize=1)
def trained_pair(store: Path) -> TrainedPair:
    """Train all three beside a store of moving blobs; once for all tests of a process."""
    folder = store.parent / "pair"
    return TrainedPair(store, train(store, folder / "ann", "backend=ann"),
                       train(store, folder / "snn", "backend=snn", "snn.quantise=loihi2"),
                       train(store, folder / "floats", "backend=snn"))


def train(store: Path, out: Path, *words: str) -> Path:
    """A small run with these settings."""
    changed = {word.partition("=")[0] for word in words}
    small = [word for word in SMALL if word.partition("=")[0] not in changed]
    return train_recogniser(load_config(TrainConfig, None, [f"data='{store}'", f"out='{out}'", *small, *words]))
