"""What a training of a micro-expression recogniser is: typed, strict, and written resolved beside every model."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from neurofer.config import StrictModel
from neurofer.train.config import LARGEST_SEED, Backend
from neurofer.train.micro.interpolate import InterpolateConfig

KeyKind = Literal["nearest", "linear", "uniform", "interp_cnn", "event"]


class MicroSplitConfig(StrictModel):
    """Who is tested; everybody else trains, and nothing is chosen by looking at the tested people.

    ``loso`` leaves out one subject: ``subject`` by name, or number ``fold`` of all, sorted. ``folds`` leaves out fold
    ``fold`` of ``folds`` subject-disjoint ones. ``none`` trains on everybody and tests nobody.
    """

    kind: Literal["folds", "loso", "none"] = "folds"
    folds: int = Field(5, ge=2, le=1000)
    fold: NonNegativeInt = 0
    subject: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> MicroSplitConfig:
        if self.kind == "folds" and self.fold >= self.folds:
            raise ValueError(f"fold {self.fold} of {self.folds} folds does not exist; they are numbered from 0")
        if self.subject is not None and self.kind != "loso":
            raise ValueError(f"subject names who is left out by kind=loso; kind is {self.kind}")
        return self


class KeyConfig(StrictModel):
    """The eleven key frames.

    ``nearest`` and ``linear`` take or blend frames of the film between annotated onset, apex and offset; ``interp_cnn``
    draws them with a network trained on the training subjects; ``uniform`` ignores the apex; ``event`` finds all three
    in the events, and moves on with equal motion. ``apex`` midpoint or flow (largest displacement) replaces the
    annotated one, and ``apex_noise_frames`` moves it by that much to a side drawn for each clip. ``views`` sequences of
    each training clip are kept, all but the first with inner instants moved by up to ``jitter_frames``.
    """

    kind: KeyKind = "nearest"
    apex: Literal["annotated", "midpoint", "flow"] = "annotated"
    apex_noise_frames: NonNegativeInt = Field(0, le=10_000)
    jitter_frames: NonNegativeInt = Field(1, le=100)
    views: PositiveInt = Field(4, le=64)

    @model_validator(mode="after")
    def _used(self) -> KeyConfig:
        if self.kind in ("uniform", "event") and (self.apex != "annotated" or self.apex_noise_frames):
            raise ValueError(f"kind={self.kind} uses no annotated apex; leave apex and apex_noise_frames out")
        return self


class EventKeyConfig(StrictModel):
    """How ``key.kind=event`` finds an expression; see ``neurofer.keyframes.detect``.

    ``parts`` of the face are watched; blinks and glances are the largest bursts of the eyes, which are left out by
    default. With ``calibrate`` the lag of onsets, which are found late, is measured on the training subjects and taken
    off.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    parts: list[Literal["brows", "eyes", "nose", "mouth"]] = Field(["brows", "nose", "mouth"], min_length=1)
    bin_us: PositiveInt = Field(5_000, le=1_000_000)
    start_z: PositiveFloat = 3.0
    start_bins: PositiveInt = 3
    end_z: PositiveFloat = 1.0
    end_bins: PositiveInt = 5
    offset_share: float = Field(0.2, gt=0, lt=1)
    calibrate: bool = True


class MicroInputConfig(StrictModel):
    """What the network sees: ``flow`` between key frames as (u, v, magnitude), or ``slices`` of events between key
    instants as (ON, OFF, time). ``stabilise`` takes the median motion of each flow map off."""

    kind: Literal["flow", "slices"] = "flow"
    size_px: int = Field(64, ge=16, le=512)
    stabilise: bool = True


class TrunkConfig(StrictModel):
    """The 3D convolutions of ``backend=ann``; ``width`` multiplies all channels, 1 is the reference."""

    width: PositiveFloat = Field(1.0, le=4)
    features: PositiveInt = Field(256, le=8192)
    projection: PositiveInt = Field(128, le=8192)
    dropout: float = Field(0.5, ge=0, lt=1)


class SpikingTrunkConfig(StrictModel):
    """The LIF convolutions of ``backend=snn``, whose time steps are the ten maps; features, projection as the trunk's.

    ``alpha`` and ``beta`` are decays to start from, ``start_rate`` the spikes per neuron and step.
    """

    convolutions: list[PositiveInt] = Field([16, 32, 64], min_length=1, max_length=8)
    alpha: float = Field(0.0, ge=0, lt=1)
    beta: float = Field(0.8, gt=0, lt=1)
    start_rate: float = Field(0.1, gt=0, lt=1)
    dropout: float = Field(0.2, ge=0, lt=1)


class PriorConfig(StrictModel):
    """Stage 1: pairs of training clips, so many ``pairs`` an epoch, half of one class.

    ``clips`` above 0 draws the pairs of a batch among that many clips, each of which is computed once; 0 gives every
    pair two clips of its own, as published.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    loss: Literal["contrastive", "similarity", "none"] = "contrastive"
    margin: PositiveFloat = 1.0
    epochs: PositiveInt = 30
    pairs: int = Field(2000, ge=2)
    batch: int = Field(32, ge=2)
    clips: NonNegativeInt = Field(0, le=4096)
    lr: PositiveFloat = Field(1e-4, le=10)


class TargetConfig(StrictModel):
    """Stage 2: the trunk with a head; its first convolutions stay as they are for ``frozen_epochs``.

    ``alpha`` weighs classes in the focal loss; ``search`` chooses it by ``inner_folds`` subject-disjoint folds of the
    training subjects: ``whole`` trains all of stage 2 in each, ``head`` only the head on the features of stage 1.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    loss: Literal["focal", "cross_entropy"] = "focal"
    gamma: NonNegativeFloat = 2.0
    alpha: Literal["search", "none", "inverse", "sqrt_inverse"] = "search"
    inner: Literal["whole", "head"] = "whole"
    inner_folds: int = Field(3, ge=2, le=20)
    epochs: PositiveInt = 30
    frozen_epochs: NonNegativeInt = 5
    batch: PositiveInt = 16
    lr_trunk: PositiveFloat = Field(1e-5, le=10)
    lr_head: PositiveFloat = Field(1e-4, le=10)

    @model_validator(mode="after")
    def _used(self) -> TargetConfig:
        if self.loss == "cross_entropy" and self.alpha == "search":
            raise ValueError("alpha=search weighs the focal loss; with loss=cross_entropy say none, inverse or "
                             "sqrt_inverse")
        return self


class MicroAugmentConfig(StrictModel):
    """Largest random changes of a training clip, one draw for all its maps; ``gain`` is for flow alone."""

    model_config = ConfigDict(allow_inf_nan=False)

    flip: float = Field(0.5, ge=0, le=1)
    rotate_deg: float = Field(5.0, ge=0, le=180)
    crop: float = Field(0.9, gt=0.1, le=1)
    gain_low: PositiveFloat = 0.7
    gain_high: PositiveFloat = 1.5

    @model_validator(mode="after")
    def _ordered(self) -> MicroAugmentConfig:
        if self.gain_low > self.gain_high:
            raise ValueError(f"gain_low {self.gain_low:g} is above gain_high {self.gain_high:g}")
        return self


class MicroConfig(StrictModel):
    """One training of a micro-expression recogniser (MERSiamC3D, and its event and spiking variants).

    ``data`` names one or several stores, which are pooled. ``label`` is the fact of a clip that is learned: ``label3``
    for the three classes of the composite protocol, ``emotion`` for the data set's own.
    """

    task: Literal["micro"] = "micro"
    backend: Backend = "ann"
    data: list[str] | None = None
    out: str | None = None
    seed: NonNegativeInt = Field(0, le=LARGEST_SEED)
    label: str = "label3"
    split: MicroSplitConfig = MicroSplitConfig()
    key: KeyConfig = KeyConfig()
    event: EventKeyConfig = EventKeyConfig()
    interpolate: InterpolateConfig = InterpolateConfig()
    input: MicroInputConfig = MicroInputConfig()
    model: TrunkConfig = TrunkConfig()
    snn: SpikingTrunkConfig = SpikingTrunkConfig()
    prior: PriorConfig = PriorConfig()
    target: TargetConfig = TargetConfig()
    augment: MicroAugmentConfig = MicroAugmentConfig()
    threads: int = Field(0, ge=0, le=4096)

    @model_validator(mode="after")
    def _together(self) -> MicroConfig:
        if self.input.kind == "slices" and self.key.kind in ("linear", "interp_cnn"):
            raise ValueError(f"input.kind=slices has no frames to make, so key.kind={self.key.kind} means nothing; use "
                             "nearest, uniform or event")
        return self
