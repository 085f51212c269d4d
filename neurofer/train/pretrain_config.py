"""What a pre-training run is: a generator learns to draw the face from a picture of events."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from neurofer.config import StrictModel
from neurofer.data.frames import FrameAt
from neurofer.train.config import LARGEST_SEED, MOST_POWER, RepresentConfig, SplitConfig


class GeneratorConfig(StrictModel):
    """The generator, whose encoder a classifier of the same ``size_px`` and ``width`` can take over."""

    size_px: Literal[16, 32, 64, 128, 256] = 64
    width: PositiveFloat = Field(0.25, le=4)
    dropout: float = Field(0.5, ge=0, lt=1)


class GanConfig(StrictModel):
    """The generator's loss is that of fooling the discriminator plus ``l1_weight`` times the mean difference."""

    l1_weight: NonNegativeFloat = 100.0
    adversarial_weight: NonNegativeFloat = 1.0


class PretrainOptimise(StrictModel):
    """Adam for both networks, without a schedule.

    An epoch takes ``pairs_per_clip`` windows of each clip, drawn anew with odds ``events ** event_power``; 0 takes all.
    ``augment_flip`` mirrors that share of the pairs. ``held_out_pairs`` windows at most, evenly spread over the
    validation clips, are drawn after each epoch for the scores. The generator is kept every ``keep_every`` epochs, a
    sheet of pictures every ``sheet_every``; 0 leaves only the last. ``threads`` 0 leaves torch's own choice.
    """

    epochs: PositiveInt = 100
    batch: PositiveInt = 32
    lr: PositiveFloat = Field(2e-4, le=1)
    beta1: float = Field(0.5, ge=0, lt=1)
    beta2: float = Field(0.999, ge=0, lt=1)
    pairs_per_clip: NonNegativeInt = 0
    event_power: float = Field(0.0, ge=0, le=MOST_POWER)
    augment_flip: float = Field(0.0, ge=0, le=1)
    held_out_pairs: PositiveInt = 256
    keep_every: NonNegativeInt = 10
    sheet_every: NonNegativeInt = 10
    threads: NonNegativeInt = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["no", "bf16", "fp16"] = "no"


class PretrainConfig(StrictModel):
    """One pre-training run on the training subjects of ``split``.

    ``data`` and ``out`` may come from the command line instead. ``frame_at`` says which frame a window is paired with:
    the one nearest to its start (as published), its middle or its end. Labels serve to part the people evenly and for
    nothing else: ``label`` must be that of the recogniser to come, and ``split.labels`` plays no part.
    """

    task: Literal["reconstruct"] = "reconstruct"
    data: str | None = None
    out: str | None = None
    seed: NonNegativeInt = Field(0, le=LARGEST_SEED)
    label: str | None = None
    split: SplitConfig = SplitConfig()
    represent: RepresentConfig = RepresentConfig()
    model: GeneratorConfig = GeneratorConfig()
    frame_at: FrameAt = "middle"
    gan: GanConfig = GanConfig()
    train: PretrainOptimise = PretrainOptimise()
