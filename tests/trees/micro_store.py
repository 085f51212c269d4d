"""A small store of procedural micro-expressions, and the settings of a training that takes a second or two."""

from __future__ import annotations

from pathlib import Path

from neurofer.config import load_config
from neurofer.data.micro.synthetic import MicroSyntheticPlan, prepare_micro_synthetic
from neurofer.train.micro.config import MicroConfig

SMALL = ("input.size_px=16", "model.width=0.1", "model.features=16", "model.projection=8", "key.views=2",
         "prior.epochs=2", "prior.pairs=16", "prior.batch=8", "prior.clips=6", "target.epochs=3",
         "target.frozen_epochs=1", "target.batch=4", "target.inner=head", "target.inner_folds=2", "threads=1",
         "snn.convolutions=[4,8]", "split.folds=4")


def write_micro_store(folder: Path, subjects: int = 4, seed: int = 3, **more: object) -> Path:
    """A store of a few people at 100 fps in a crop of 48 pixels, one clip of each class."""
    plan = MicroSyntheticPlan(subjects=subjects, seed=seed, fps=100.0, size_px=48, per_class=(1, 1, 1),
                              **more)  # type: ignore[arg-type]
    prepare_micro_synthetic(folder, plan)
    return folder


def small_config(*overrides: str) -> MicroConfig:
    """Settings of a training on such a store, changed by overrides."""
    keys = {word.split("=")[0] for word in overrides}
    kept = [word for word in SMALL if word.split("=")[0] not in keys]
    return load_config(MicroConfig, None, [*kept, *overrides])
