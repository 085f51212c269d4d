"""What a training run is: typed, strict, and written resolved beside every model."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from neurofer.config import StrictModel

Backend = Literal["ann", "snn"]


class SplitConfig(StrictModel):
    """Shares of the subjects; the split has its own seed, so runs with other seeds keep the same test subjects."""

    train: PositiveFloat = 0.6
    validation: PositiveFloat = 0.2
    test: PositiveFloat = 0.2
    seed: NonNegativeInt = 0

    @model_validator(mode="after")
    def _whole(self) -> SplitConfig:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + validation + test must be 1, they are {total:g}")
        return self


class RepresentConfig(StrictModel):
    """What the ANN sees: ``neurofer.represent.build_representation(kind, **settings)`` of every window."""

    kind: str = "tie"
    settings: dict[str, Any] = Field(default_factory=lambda: {"variant": "t0_t0", "kernel": "triangle14"})
    window_us: PositiveInt = 33_333


class ModelConfig(StrictModel):
    """The ANN: encoder of one window, LSTM over ``context_windows`` of them, head."""

    size_px: Literal[16, 32, 64, 128, 256] = 64
    width: PositiveFloat = Field(0.25, le=4)
    context_windows: PositiveInt = Field(3, le=64)
    lstm_layers: NonNegativeInt = Field(1, le=8)
    dropout: float = Field(0.5, ge=0, lt=1)


class SnnConfig(StrictModel):
    """The SNN: spikes of ``dt_us`` in a face crop of ``size_px``, a preset of layers, CUBA decays to start from.

    In a stream it decides every ``decision_us`` by the output spikes of the last ``readout_us``. ``drive_*`` and
    ``rate_*`` belong to the loss, see ``neurofer.train.snn``.
    """

    preset: Literal["tiny", "small", "base"] = "small"
    size_px: PositiveInt = Field(32, ge=8, le=256)
    dt_us: PositiveInt = 10_000
    decision_us: PositiveInt = 100_000
    readout_us: PositiveInt = 300_000
    alpha: float = Field(0.75, ge=0, lt=1)
    beta: float = Field(0.9, ge=0, lt=1)
    dropout: float = Field(0.2, ge=0, lt=1)
    slope: PositiveFloat = 5.0
    start_rate: float = Field(0.1, gt=0, lt=1)
    rate_gain: PositiveFloat = 10.0
    drive_gain: PositiveFloat = 4.0
    drive_weight: NonNegativeFloat = 1.0
    rate_limit: float = Field(0.2, gt=0, le=1)
    rate_weight: NonNegativeFloat = 0.0

    @model_validator(mode="after")
    def _whole_steps(self) -> SnnConfig:
        for name in ("decision_us", "readout_us"):
            if getattr(self, name) % self.dt_us:
                raise ValueError(f"dt_us={self.dt_us} does not divide {name}={getattr(self, name)}")
        return self


class AugmentConfig(StrictModel):
    """Largest random changes of a training sequence, drawn once for the whole sequence."""

    flip: float = Field(0.5, ge=0, le=1)
    shift: float = Field(0.06, ge=0, le=0.5)
    rotate_deg: float = Field(10.0, ge=0, le=180)
    zoom: float = Field(0.08, ge=0, lt=1)
    erase: float = Field(0.0, ge=0, le=1)


class SampleConfig(StrictModel):
    """What of a clip the ANN sees in one epoch: runs of consecutive windows, more often where more happens."""

    per_clip: PositiveInt = 1
    windows: PositiveInt = 10
    event_power: NonNegativeFloat = 1.0


class OptimiseConfig(StrictModel):
    """Optimiser and schedule: AdamW, one warm-up epoch, cosine to zero.

    With ``average`` above 0, the network that is validated and kept is a running mean of the weights, renewed by a
    share of ``1 - average`` at each step: steadier than the weights of any one step. ``threads`` 0 leaves torch's own
    choice.
    """

    epochs: PositiveInt = 40
    batch: PositiveInt = 32
    lr: PositiveFloat = Field(1e-3, le=10)
    weight_decay: NonNegativeFloat = 1e-2
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    clip_gradient: PositiveFloat = 1.0
    average: float = Field(0.0, ge=0, lt=1)
    threads: NonNegativeInt = 0


class TrainConfig(StrictModel):
    """One training run.

    ``data`` and ``out`` may come from the command line instead. ``represent``, ``model`` and ``sample`` are
    read by ``ann``, ``snn`` by ``snn``.
    """

    task: Literal["recognise"] = "recognise"
    backend: Backend = "ann"
    data: str | None = None
    out: str | None = None
    seed: NonNegativeInt = 0
    split: SplitConfig = SplitConfig()
    represent: RepresentConfig = RepresentConfig()
    model: ModelConfig = ModelConfig()
    snn: SnnConfig = SnnConfig()
    sample: SampleConfig = SampleConfig()
    augment: AugmentConfig = AugmentConfig()
    train: OptimiseConfig = OptimiseConfig()
