"""What a training run is: typed, strict, and written resolved beside every model."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from neurofer.config import StrictModel
from neurofer.spiking.form_options import NATIVE_FORMS, checked_options
from neurofer.spiking.time_steps import refuse_rests
from neurofer.train.slices_config import SlicesConfig, slices_problems, snn_problems

Backend = Literal["ann", "snn"]
LARGEST_SEED = 2**64 - 1
"""That torch takes."""

MOST_POWER = 16
"""Exponent of a number of events that leaves it finite, however many there are."""


class SplitConfig(StrictModel):
    """Who trains, who chooses the epoch, who is tested; it has its own seed, so other seeds keep the test subjects.

    ``subjects`` takes shares of the subjects; ``folds`` tests fold number ``fold`` of ``folds`` subject-disjoint ones,
    and chooses the epoch on the next; ``official`` follows the data set's own parts; ``paper`` is the published split
    of e-CK+, which shares subjects and chooses on the test part; ``random`` is that of Spiking-FER, which does so too:
    draw ``fold`` of ``folds`` random test sets, a share ``test`` of the clips each. ``labels`` is the share of the
    training clips that is used, the same of each class.
    """

    kind: Literal["subjects", "folds", "official", "paper", "random"] = "subjects"
    train: PositiveFloat = 0.6
    validation: PositiveFloat = 0.2
    test: PositiveFloat = 0.2
    seed: NonNegativeInt = 0
    folds: int = Field(10, ge=3, le=1000)
    fold: NonNegativeInt = 0
    labels: float = Field(1.0, gt=0, le=1)

    @model_validator(mode="after")
    def _whole(self) -> SplitConfig:
        if self.fold >= self.folds:
            raise ValueError(f"fold {self.fold} of {self.folds} folds does not exist; they are numbered from 0")
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + validation + test must be 1, they are {total:g}")
        return self


class RepresentConfig(StrictModel):
    """What the ANN sees: ``neurofer.represent.build_representation(kind, **settings)`` of every window.

    Another ``kind`` alone has its own default settings.
    """

    kind: str = "tie"
    settings: dict[str, Any] = Field(default_factory=lambda: {"variant": "t0_t0", "kernel": "triangle14"})
    window_us: PositiveInt = 33_333

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_kind(cls, said: Any) -> Any:
        if isinstance(said, dict) and said.get("kind", "tie") != "tie" and "settings" not in said:
            return {**said, "settings": {}}
        return said


Mode = Literal["scratch", "random", "linear", "finetune"]


class ModelConfig(StrictModel):
    """The ANN: encoder of one window, LSTM over ``context_windows`` of them, head.

    ``kind`` resnet18 is another one, the twin of ``snn.preset=sew_resnet18``: it sees a clip as the ``slices`` of the
    run, and reads ``size_px``, ``width`` and ``dropout`` alone.

    ``mode`` says what becomes of the encoder: ``scratch`` starts it with fresh weights; ``linear`` takes that of the
    pre-training run ``encoder_from`` and keeps it as it is; ``finetune`` takes it and trains it on, with
    ``train.lr * encoder_lr_scale``. ``random`` keeps fresh weights as they are: what ``linear`` must beat.
    ``encoder_epoch`` names an earlier checkpoint of that run.
    """

    kind: Literal["encoder", "resnet18"] = "encoder"
    mode: Mode = "scratch"
    encoder_from: str | None = None
    encoder_epoch: PositiveInt | None = None
    encoder_lr_scale: PositiveFloat = Field(0.1, le=1)
    size_px: Literal[16, 32, 64, 128, 256] = 64
    width: PositiveFloat = Field(0.25, le=4)
    context_windows: PositiveInt = Field(3, le=64)
    lstm_layers: NonNegativeInt = Field(1, le=8)
    dropout: float = Field(0.5, ge=0, lt=1)

    @model_validator(mode="after")
    def _encoder_known(self) -> ModelConfig:
        if (self.mode in ("scratch", "random")) != (self.encoder_from is None):
            raise ValueError("scratch and random start with fresh weights, linear and finetune need encoder_from=RUN; "
                             f"mode is {self.mode} and encoder_from is {self.encoder_from}")
        return self


class SnnConfig(StrictModel):
    """The SNN: events as spikes of ``dt_us`` in a face crop of ``size_px``, layers, neurons, loss.

    Input: ``binary`` spikes (several events count as one), ``graded`` ones (their number), or ``slices`` of a fixed
    number of events, which ``sew_resnet18`` is fed; that one has ``width`` times its published channels, and reads but
    ``size_px``, ``width`` and ``dropout``. Layers: a ``preset``, or those before the last dense one as a list of
    ``layers``. Neurons: see ``neurofer.spiking.forms``; ``alpha`` and ``beta`` are decays to start from;
    ``per_channel`` gives each channel its own, ``learn_theta`` trains thresholds as well. ``readout`` integrator has
    output neurons that never fire, whose membrane decides. ``target`` names a chip; what it cannot run is refused
    before the first epoch. ``quantise`` trains for a chip, and is its ``target`` too: with weights, decays and
    thresholds on the chip's grid, and in the chip's own integers for the last ``integer_share`` of the epochs; the
    network that is validated, kept and tested computes in integers.

    ``encoder`` is what ``model.mode`` is about: the convolutions, or all layers but the last.

    In a stream it decides every ``decision_us`` by the output of the last ``readout_us``. ``truncate_steps`` cuts a
    clip into chunks for back-propagation, the state going on; ``recompute_steps`` keeps memory down by computing
    forward twice; 0 switches either off. The other keys belong to the loss, see ``neurofer.train.spike_losses``.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    input: Literal["binary", "graded", "slices"] = "binary"
    preset: Literal["tiny", "small", "base", "sew_resnet18"] = "small"
    layers: list[dict[str, Any]] | None = None
    encoder: Literal["conv", "hidden"] = "conv"
    size_px: PositiveInt = Field(32, ge=8, le=256)
    width: PositiveFloat = Field(1.0, le=4)
    dt_us: PositiveInt = 10_000
    decision_us: PositiveInt = 100_000
    readout_us: PositiveInt = 300_000
    neuron: str = "cuba"
    neuron_options: dict[str, Any] = Field(default_factory=dict)
    alpha: float = Field(0.75, ge=0, lt=1)
    beta: float = Field(0.9, ge=0, lt=1)
    per_channel: bool = False
    learn_theta: bool = False
    readout: Literal["spikes", "integrator"] = "spikes"
    target: Literal["loihi1", "loihi2"] | None = None
    quantise: Literal["none", "loihi1", "loihi2"] = "none"
    integer_share: float = Field(0.1, ge=0, le=1)
    dropout: float = Field(0.2, ge=0, lt=1)
    surrogate: Literal["fast_sigmoid", "atan", "triangle"] = "fast_sigmoid"
    slope: PositiveFloat = 5.0
    start_rate: float = Field(0.1, gt=0, lt=1)
    truncate_steps: NonNegativeInt = 0
    recompute_steps: NonNegativeInt = 0
    loss: Literal["rate", "membrane", "first_correct"] = "rate"
    rate_gain: PositiveFloat = 10.0
    membrane_gain: PositiveFloat = 1.0
    drive_gain: PositiveFloat = 4.0
    drive_weight: NonNegativeFloat = 1.0
    rate_target: float = Field(0.2, gt=0, le=1)
    rate_weight: NonNegativeFloat = 0.0
    rate_sides: Literal["above", "both"] = "above"
    operations_weight: NonNegativeFloat = 0.0

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, said: Any) -> Any:
        """Runs of version 0.1 call ``rate_target`` so."""
        if isinstance(said, dict) and "rate_limit" in said and "rate_target" not in said:
            return {"rate_target" if name == "rate_limit" else name: value for name, value in said.items()}
        return said

    @model_validator(mode="after")
    def _whole_steps(self) -> SnnConfig:
        refuse_rests(self.dt_us, decision_us=self.decision_us, readout_us=self.readout_us)
        if problems := snn_problems(self):
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _neuron_known(self) -> SnnConfig:
        checked_options(self.neuron, self.neuron_options)
        return self

    @model_validator(mode="after")
    def _one_chip(self) -> SnnConfig:
        if self.quantise == "none":
            return self
        if self.target not in (None, self.quantise):
            raise ValueError(f"quantise={self.quantise} trains for another chip than target={self.target}; leave one "
                             "of them out")
        if self.neuron not in NATIVE_FORMS:
            raise ValueError(f"quantise={self.quantise} computes in integers, for which neuron={self.neuron} has no "
                             f"form; use {' or '.join(NATIVE_FORMS)}")
        return self

    @property
    def chip(self) -> str | None:
        """The chip that the network is for, if any."""
        return self.target if self.quantise == "none" else self.quantise


class DistillConfig(StrictModel):
    """Learning from a trained ANN: the finished run ``run``, on the same split, whose softened decisions about the
    training clips are a second target of this ``weight``."""

    model_config = ConfigDict(allow_inf_nan=False)

    run: str | None = None
    weight: float = Field(0.5, gt=0, le=1)
    temperature: PositiveFloat = 2.0


class EventAugmentConfig(StrictModel):
    """How likely the events of a training sequence are changed, see ``neurofer.events.augment``; all off by default.

    Odds of a flip, of ``noise_share`` noise events, of time running backwards, of EventDrop, of a crop of at least
    ``crop_smallest`` of the face box, and of one half of the face mirrored onto the other; and the share of the events
    that change their polarity. With any of them on, training sequences are made from events as they are needed.
    """

    flip: float = Field(0.0, ge=0, le=1)
    noise: float = Field(0.0, ge=0, le=1)
    noise_share: float = Field(0.2, ge=0, le=10)
    reverse: float = Field(0.0, ge=0, le=1)
    polarity: float = Field(0.0, ge=0, le=1)
    drop: float = Field(0.0, ge=0, le=1)
    crop: float = Field(0.0, ge=0, le=1)
    crop_smallest: float = Field(0.08, ge=0.05, le=1)
    mirror: float = Field(0.0, ge=0, le=1)


class AugmentConfig(StrictModel):
    """Largest random changes of a training sequence, drawn once for the whole sequence.

    With ``model.mode=linear`` the encoder sees each training clip in ``views`` such changes, computed once; elsewhere
    every sample of every epoch has a draw of its own.
    """

    flip: float = Field(0.5, ge=0, le=1)
    shift: float = Field(0.06, ge=0, le=0.5)
    rotate_deg: float = Field(10.0, ge=0, le=180)
    zoom: float = Field(0.08, ge=0, lt=1)
    erase: float = Field(0.0, ge=0, le=1)
    views: PositiveInt = Field(8, le=1000)
    events: EventAugmentConfig = EventAugmentConfig()


class SampleConfig(StrictModel):
    """What of a clip the ANN sees in one epoch.

    ``draw``: ``per_clip`` runs of ``windows`` consecutive windows, more often where more happens, and the loss of a run
    is that of its mean probabilities. ``every``: each context of the clip once, and each has a loss of its own, as
    published.
    """

    kind: Literal["draw", "every"] = "draw"
    per_clip: PositiveInt = 1
    windows: PositiveInt = 10
    event_power: float = Field(1.0, ge=0, le=MOST_POWER)


class ParityConfig(StrictModel):
    """What the authors' code does and a clean protocol does not; all off by default (evTransFER, section 5).

    ``bn_train``: a frozen encoder still normalises by its batch and moves its running means. ``augment_per_frame``: the
    windows of one sample are changed each by a draw of its own. ``double_windowing``: triples are cut twice, so n
    windows give 3 n - 8 samples. ``best_on_test``: the epoch is chosen on the test part; with ``sample.kind=every`` by
    its samples, else by its clips.
    """

    bn_train: bool = False
    augment_per_frame: bool = False
    double_windowing: bool = False
    best_on_test: bool = False


class OptimiseConfig(StrictModel):
    """Optimiser and schedule: AdamW or SGD with ``momentum``, one warm-up epoch, cosine to zero.

    With ``average`` above 0, the network that is validated and kept is a running mean of the weights, renewed by a
    share of ``1 - average`` at each step: steadier than the weights of any one step. ``threads`` 0 leaves torch's own
    choice. ``schedule`` constant keeps the learning rate. ``device`` auto takes a GPU where there is one; ``precision``
    is for it alone.
    """

    epochs: PositiveInt = 40
    batch: PositiveInt = 32
    optimiser: Literal["adamw", "sgd"] = "adamw"
    momentum: float = Field(0.9, ge=0, lt=1)
    lr: PositiveFloat = Field(1e-3, le=10)
    weight_decay: NonNegativeFloat = 1e-2
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    clip_gradient: PositiveFloat = 1.0
    average: float = Field(0.0, ge=0, lt=1)
    threads: int = Field(0, ge=0, le=4096)
    schedule: Literal["cosine", "constant"] = "cosine"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["no", "bf16", "fp16"] = "no"


class TrainConfig(StrictModel):
    """One training run.

    ``data`` and ``out`` may come from the command line instead. ``label`` names another label that the data set has,
    such as ``reported``; clips without it are left out. ``represent``, ``model`` and ``sample`` are
    read by ``ann``, ``snn`` by ``snn``.
    """

    task: Literal["recognise"] = "recognise"
    backend: Backend = "ann"
    data: str | None = None
    out: str | None = None
    seed: NonNegativeInt = Field(0, le=LARGEST_SEED)
    label: str | None = None
    split: SplitConfig = SplitConfig()
    represent: RepresentConfig = RepresentConfig()
    model: ModelConfig = ModelConfig()
    snn: SnnConfig = SnnConfig()
    slices: SlicesConfig = SlicesConfig()
    distill: DistillConfig = DistillConfig()
    sample: SampleConfig = SampleConfig()
    augment: AugmentConfig = AugmentConfig()
    parity: ParityConfig = ParityConfig()
    train: OptimiseConfig = OptimiseConfig()

    @model_validator(mode="after")
    def _together(self) -> TrainConfig:
        if self.distill.run is not None and self.backend != "snn":
            raise ValueError(f"distill.run teaches a spiking network, backend is {self.backend}; use backend=snn")
        if self.parity.double_windowing and self.sample.kind != "every":
            raise ValueError("parity.double_windowing cuts the samples of sample.kind=every; "
                             f"sample.kind is {self.sample.kind}")
        if problems := slices_problems(self):
            raise ValueError("; ".join(problems))
        return self
