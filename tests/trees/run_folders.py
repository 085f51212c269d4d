"""Run folders of untrained recognisers, as ``neurofer train`` leaves them."""

from __future__ import annotations

from pathlib import Path

import torch

from neurofer.train.build import build_recogniser
from neurofer.train.checkpoint import copy_weights, save_weights
from neurofer.train.config import TrainConfig
from neurofer.train.run_folder import write_card

CLASSES = ("happy", "sad")


def make_run(folder: Path, backend: str) -> Path:
    """A run folder of an untrained network."""
    from neurofer.config import dump_config

    config = TrainConfig.model_validate({
        "backend": backend, "model": {"size_px": 16, "width": 0.125},
        "snn": {"preset": "tiny", "size_px": 16, "dt_us": 5_000, "decision_us": 50_000}})
    torch.manual_seed(0)
    model = build_recogniser(config, CLASSES, 3 if backend == "ann" else 2)
    folder.mkdir()
    save_weights(folder / "model.safetensors", copy_weights(model))
    (folder / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    ann = backend == "ann"
    write_card(folder, {
        "backend": backend, "classes": list(CLASSES), "channels": 3 if ann else 2, "size_px": 16,
        "window_us": 33_333 if ann else 50_000, "context_windows": 3 if ann else 1, "dt_us": None if ann else 5_000,
        "rate_gain": None if ann else 20.0, "representation": {"kind": "tie", "settings": {}} if ann else None})
    return folder
