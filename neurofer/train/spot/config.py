"""What a training of a spotter is: typed, strict, and written resolved beside every model."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from neurofer.config import StrictModel
from neurofer.train.config import LARGEST_SEED
from neurofer.train.micro.config import MicroSplitConfig


class SkipConfig(StrictModel):
    """Distance k of the reference frames, in frames of the video.

    None takes ``floor(mean length / 2)`` of the training subjects' expressions, times ``factor``. ``half_micro`` and
    ``half_macro`` are how far an interval reaches from its peak; None takes k of factor 1.
    """

    micro: PositiveInt | None = Field(None, le=100_000)
    macro: PositiveInt | None = Field(None, le=100_000)
    factor: PositiveFloat = Field(1.0, le=10)
    half_micro: NonNegativeInt | None = Field(None, le=100_000)
    half_macro: NonNegativeInt | None = Field(None, le=100_000)


class SpotInputConfig(StrictModel):
    """What the network sees of a moment t.

    ``video``: frames t-k, t, t+k; with ``references=before`` the last is t itself. ``events``: how many of either sign
    came in [t-k, t] and in [t, t+k]. ``lcn`` normalises contrast locally; None does so for video alone. Of each video
    every ``frame_stride``-th frame is used; intervals stay in its own frames.
    """

    kind: Literal["video", "events"] = "video"
    size_px: int = Field(112, ge=32, le=512)
    lcn: bool | None = None
    references: Literal["both", "before"] = "both"
    frame_stride: PositiveInt = Field(1, le=1000)


class SpotModelConfig(StrictModel):
    """The network; ``width`` multiplies all channels, 1 is the reference of 7,218 parameters."""

    width: PositiveFloat = Field(1.0, le=8)
    residual: bool = True
    dropout: float = Field(0.3, ge=0, lt=1)


class SpotSampleConfig(StrictModel):
    """Which moments are learned from.

    Every ``stride``-th of an expression's (None: 1 below 60 frames a second, 4 above), and ``negatives`` times as many
    of the rest of its video, drawn anew each epoch; videos without get the mean number of the others. ``label``
    interval is 1 inside of an expression; ``iou`` is the overlap of [t-k, t+k] with it. ``most`` positives a video,
    type and epoch are drawn where there are more.
    """

    stride: PositiveInt | None = Field(None, le=1000)
    negatives: PositiveFloat = Field(2.0, le=100)
    label: Literal["interval", "iou"] = "interval"
    most: PositiveInt | None = None


class SpotAugmentConfig(StrictModel):
    """Largest random changes, the same for all frames of a sample; ``noise`` in grey levels."""

    model_config = ConfigDict(allow_inf_nan=False)

    flip: float = Field(0.5, ge=0, le=1)
    gain: float = Field(0.1, ge=0, lt=1)
    blur_px: NonNegativeFloat = Field(0.5, le=10)
    noise: NonNegativeFloat = Field(2.0, le=50)


class SpotOptimiseConfig(StrictModel):
    """How weights are found; the number of epochs is fixed. With ``schedule=cosine`` the rate falls to 0 at the end."""

    model_config = ConfigDict(allow_inf_nan=False)

    epochs: PositiveInt = 10
    batch: PositiveInt = 48
    lr: PositiveFloat = Field(5e-4, le=10)
    optimiser: Literal["adam", "sgd"] = "adam"
    schedule: Literal["constant", "cosine"] = "constant"


class SpotTuneConfig(StrictModel):
    """How scores become intervals; see ``neurofer.spotting.settings.Decoding``.

    With ``tune`` the relative threshold, the floor, and ``extend`` where it is None are chosen on the training
    subjects, whose videos are scored at every ``stride``-th frame; else ``peak_share`` and a floor of 0 are used.
    ``source`` says which scores: ``training`` those of the network itself, ``inner`` those of two networks, each
    trained on one half of the training subjects and applied to the other.
    """

    tune: bool = True
    source: Literal["training", "inner"] = "training"
    stride: PositiveInt = Field(1, le=1000)
    peak_share: float = Field(0.55, ge=0, le=1)
    smoothing: Literal["mean", "butterworth", "none"] = "mean"
    extend: bool | None = None
    merge: bool = True
    gate: bool = True
    nms: bool = False
    veto: bool = True


class SpotConfig(StrictModel):
    """One training of a spotter (3D-CNN with temporally oriented reference frames, and its event variant).

    ``data`` names one or several stores of long videos of one frame rate.
    """

    task: Literal["spot"] = "spot"
    backend: Literal["ann"] = "ann"
    data: list[str] | None = None
    out: str | None = None
    seed: NonNegativeInt = Field(0, le=LARGEST_SEED)
    split: MicroSplitConfig = MicroSplitConfig()
    skip: SkipConfig = SkipConfig()
    input: SpotInputConfig = SpotInputConfig()
    model: SpotModelConfig = SpotModelConfig()
    sample: SpotSampleConfig = SpotSampleConfig()
    augment: SpotAugmentConfig = SpotAugmentConfig()
    train: SpotOptimiseConfig = SpotOptimiseConfig()
    decode: SpotTuneConfig = SpotTuneConfig()
    threads: int = Field(0, ge=0, le=4096)
