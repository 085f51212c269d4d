"""Small runs that train in seconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from neurofer.config import load_config
from neurofer.data.store import open_store
from neurofer.models.reconstruct import Generator
from neurofer.train.checkpoint import save_weights
from neurofer.train.config import SplitConfig, TrainConfig
from neurofer.train.data import partition_of
from neurofer.train.pretrain_config import PretrainConfig
from neurofer.train.run_folder import write_card

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


@pytest.fixture
def pretrain_config(framed_store: Path, tmp_path: Path) -> Callable[..., PretrainConfig]:
    """``pretrain_config("train.epochs=4", out="gan")``; 16 px, an eighth of the width."""
    small = ("model.size_px=16", "model.width=0.125", "represent.window_us=50000", "train.batch=16", "train.epochs=2",
             "train.lr=2e-3", "train.threads=1", "train.held_out_pairs=12", "train.keep_every=2", "train.sheet_every=0")

    def make(*overrides: str, out: str = "gan") -> PretrainConfig:
        changed = {word.partition("=")[0] for word in overrides}
        words = [word for word in small if word.partition("=")[0] not in changed]
        return load_config(PretrainConfig, None, [f"data='{framed_store}'", f"out='{tmp_path / out}'", *words,
                                                  *overrides])

    return make


@pytest.fixture
def pretrained(blob_store: Path, tmp_path: Path) -> Callable[..., Path]:
    """``pretrained("gan", card={"width": 0.5}, record={"seen_clips": []})``: the folder of a finished pre-training.

    Its generator fits ``small_config`` and has random weights; it has seen the training part of the default split.
    """

    def make(name: str = "gan", *, size_px: int = 16, card: dict[str, Any] | None = None,
             record: dict[str, Any] | None = None) -> Path:
        folder, clip_set = tmp_path / name, open_store(blob_store)
        folder.mkdir()
        for epoch in (1, 2):
            torch.manual_seed(epoch)
            generator = Generator(size_px, 0.125)
            # As if it had learned: statistics that are not those of a fresh network.
            for module in generator.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.running_mean.uniform_(-0.1, 0.1)  # type: ignore[union-attr]
                    module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
            save_weights(folder / "epochs" / f"{epoch:04d}.safetensors", generator.state_dict())
        save_weights(folder / "model.safetensors", generator.state_dict())
        (folder / "config.yaml").write_text("task: reconstruct\n")
        partition = partition_of(SplitConfig(), clip_set)
        subjects, data = list(partition.subjects(clip_set, "train")), {"name": "blobs", "digest": clip_set.digest}
        said = {"format": "neurofer-run", "version": 1, "task": "reconstruct", "data": data, "epochs": 2,
                "seen_subjects": subjects, "seen_clips": list(partition.train)}
        (folder / "run.json").write_text(json.dumps(said | (record or {})))
        write_card(folder, {"task": "reconstruct", "backend": None, "representation": {"kind": "tie", "settings": {}},
                            "window_us": 50_000, "size_px": size_px, "width": 0.125, "channels": 3, "data": data,
                            "subjects": subjects, **(card or {})})
        return folder

    return make
