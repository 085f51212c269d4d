"""What a pre-training run is: a generator learns to draw the face from a picture of events."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from neurofer.config import StrictModel
from neurofer.data.frames import FrameAt
from neurofer.spiking.time_steps import refuse_rests
from neurofer.train.config import LARGEST_SEED, MOST_POWER, Backend, RepresentConfig, SnnConfig, SplitConfig

Skips = Literal["all", "none"] | NonNegativeInt
"""How many stages of an encoder hand their output to the decoder, the deepest first, beside the embedding."""


def skip_count(skips: Skips) -> int | None:
    """As the networks take it: None for all."""
    if isinstance(skips, int):
        return skips
    return None if skips == "all" else 0


_OF_THE_LOSS = {"rate_target", "rate_weight"}


class GeneratorConfig(StrictModel):
    """The generator, whose encoder a classifier of the same ``size_px`` and ``width`` can take over.

    ``skips`` says how many of its stages hand their output to the decoder: ``all`` as published, ``none`` to leave it
    the embedding alone, or that many of the deepest.
    """

    size_px: Literal[16, 32, 64, 128, 256] = 64
    width: PositiveFloat = Field(0.25, le=4)
    dropout: float = Field(0.5, ge=0, lt=1)
    skips: Skips = "all"


class SpikingGeneratorConfig(StrictModel):
    """A generator whose encoder is the first layers of a spiking network, fed the raw events of a window.

    The encoder runs over the window's ``window_us`` and, so that its neurons are no longer at rest, over ``lead_us``
    before it; what it says in the window is read: the spikes per step of each neuron of its last layer. ``skips`` hands
    earlier layers to the decoder as well (see ``GeneratorConfig``); by default there is no way past the last. The
    decoder has ``decoder_width`` times the channels of the published one.

    Keys that ``snn`` of a recogniser has, too, mean the same here, and those of ``of_recogniser`` must agree for it to
    take the encoder. Weights start so that every layer fires at ``start_rate``; ``rate_weight`` holds the rate of a
    layer down to ``rate_target``. ``lr`` is the encoder's learning rate in parts of the size of its weights.
    """

    input: Literal["binary", "graded"] = "binary"
    preset: Literal["tiny", "small", "base"] = "small"
    layers: list[dict[str, Any]] | None = None
    encoder: Literal["conv", "hidden"] = "conv"
    size_px: Literal[16, 32, 64, 128, 256] = 32
    dt_us: PositiveInt = 20_000
    window_us: PositiveInt = 160_000
    lead_us: NonNegativeInt = 100_000
    neuron: str = "cuba"
    neuron_options: dict[str, Any] = Field(default_factory=dict)
    alpha: float = Field(0.75, ge=0, lt=1)
    beta: float = Field(0.9, ge=0, lt=1)
    per_channel: bool = False
    learn_theta: bool = False
    surrogate: Literal["fast_sigmoid", "atan", "triangle"] = "fast_sigmoid"
    slope: PositiveFloat = 5.0
    start_rate: float = Field(0.1, gt=0, lt=1)
    rate_target: float = Field(0.2, gt=0, le=1)
    rate_weight: NonNegativeFloat = 100.0
    lr: PositiveFloat = Field(3e-2, le=1)
    decoder_width: PositiveFloat = Field(0.5, le=4)
    skips: Skips = "none"

    @model_validator(mode="after")
    def _whole_steps(self) -> SpikingGeneratorConfig:
        refuse_rests(self.dt_us, window_us=self.window_us, lead_us=self.lead_us)
        return self

    @classmethod
    def names_of_recogniser(cls) -> tuple[str, ...]:
        """Keys that ``snn`` of a recogniser has with the same meaning."""
        return tuple(name for name in cls.model_fields if name in SnnConfig.model_fields and name not in _OF_THE_LOSS)

    def of_recogniser(self) -> SnnConfig:
        """The network of a recogniser that can take the encoder over."""
        shared = self.model_dump(include=set(self.names_of_recogniser()))
        return SnnConfig.model_validate({**shared, "decision_us": self.dt_us, "readout_us": self.dt_us})

    @classmethod
    def for_recogniser(cls, snn: SnnConfig, **settings: Any) -> SpikingGeneratorConfig:
        """A generator whose encoder the recogniser ``snn`` can take over, with other ``settings``.

        Raises:
            ValueError: its layers or its size cannot be drawn from.
        """
        shared = snn.model_dump(include=set(cls.names_of_recogniser()))
        return cls.model_validate({**shared, **settings})


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
    threads: int = Field(0, ge=0, le=4096)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["no", "bf16", "fp16"] = "no"


class PretrainConfig(StrictModel):
    """One pre-training run on the training subjects of ``split``.

    ``data`` and ``out`` may come from the command line instead. ``frame_at`` says which frame a window is paired with:
    the one nearest to its start (as published), its middle or its end. Labels serve to part the people evenly and for
    nothing else: ``label`` must be that of the recogniser to come, and ``split.labels`` plays no part.

    ``represent`` and ``model`` are read by ``ann``, ``snn`` by ``snn``.
    """

    task: Literal["reconstruct"] = "reconstruct"
    backend: Backend = "ann"
    data: str | None = None
    out: str | None = None
    seed: NonNegativeInt = Field(0, le=LARGEST_SEED)
    label: str | None = None
    split: SplitConfig = SplitConfig()
    represent: RepresentConfig = RepresentConfig()
    model: GeneratorConfig = GeneratorConfig()
    snn: SpikingGeneratorConfig = SpikingGeneratorConfig()
    frame_at: FrameAt = "middle"
    gan: GanConfig = GanConfig()
    train: PretrainOptimise = PretrainOptimise()
