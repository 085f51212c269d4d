"""What a reproduction of evTransFER is: both stages and what differs between its modes, in one file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, create_model

from neurofer.config import StrictModel
from neurofer.data.frames import FrameAt
from neurofer.train.config import (
    AugmentConfig,
    Mode,
    OptimiseConfig,
    ParityConfig,
    RepresentConfig,
    SampleConfig,
    SplitConfig,
)
from neurofer.train.pretrain_config import GanConfig, PretrainOptimise

MODES: tuple[Mode, ...] = ("scratch", "random", "linear", "finetune")
TRANSFERRED: tuple[Mode, ...] = ("linear", "finetune")


def partial(model: type[StrictModel]) -> type[StrictModel]:
    """The same keys with the same limits, none of which must be there: for values that replace others."""
    fields: dict[str, Any] = {}
    for name, known in model.model_fields.items():
        limited: Any = Annotated[(known.annotation, *known.metadata)] if known.metadata else known.annotation
        fields[name] = (limited | None, None)
    return create_model(f"Some{model.__name__}", __base__=StrictModel, **fields)


SomeOptimise = partial(OptimiseConfig)
SomeSample = partial(SampleConfig)
SomeAugment = partial(AugmentConfig)
SomeParity = partial(ParityConfig)


class NetworkConfig(StrictModel):
    """The recogniser around its encoder; without LSTM it sees one window, with it ``context_windows``."""

    context_windows: PositiveInt = Field(3, ge=2, le=64)
    lstm_layers: PositiveInt = Field(1, le=8)
    dropout: float = Field(0.5, ge=0, lt=1)


class PretrainStage(StrictModel):
    """Stage 1, as in a configuration of ``neurofer pretrain``."""

    frame_at: FrameAt = "middle"
    dropout: float = Field(0.5, ge=0, lt=1)
    gan: GanConfig = GanConfig()
    train: PretrainOptimise = PretrainOptimise()


class RecogniseStage(StrictModel):
    """Stage 2, as in a configuration of ``neurofer train``."""

    network: NetworkConfig = NetworkConfig()
    sample: SampleConfig = SampleConfig()
    augment: AugmentConfig = AugmentConfig()
    parity: ParityConfig = ParityConfig()
    train: OptimiseConfig = OptimiseConfig()


class Changes(StrictModel):
    """What differs from ``recognise`` in one case; what is not said stays. ``min_steps`` likewise."""

    sample: SomeSample | None = None  # type: ignore[valid-type]
    augment: SomeAugment | None = None  # type: ignore[valid-type]
    parity: SomeParity | None = None  # type: ignore[valid-type]
    train: SomeOptimise | None = None  # type: ignore[valid-type]
    encoder_lr_scale: PositiveFloat | None = Field(None, le=1)
    dropout: float | None = Field(None, ge=0, lt=1)
    min_steps: NonNegativeInt | None = None


class ModesConfig(StrictModel):
    """Changes of each mode."""

    scratch: Changes = Changes()
    random: Changes = Changes()
    linear: Changes = Changes()
    finetune: Changes = Changes()


class EncoderEpochs(StrictModel):
    """Epoch of the pre-training whose encoder is taken, without and with LSTM; null for the last."""

    frame: PositiveInt | None = None
    sequence: PositiveInt | None = None


class LadderConfig(StrictModel):
    """The network that climbs from the published to the clean protocol on e-CK+."""

    mode: Mode = "linear"
    lstm: bool = True
    folds: int = Field(10, ge=3, le=1000)


class EvtransferConfig(StrictModel):
    """Both stages of one reproduction.

    What both must agree on stands at the top. ``modes`` says what each mode changes of ``recognise``, such as its
    learning rate. Fewer labels make fewer optimiser steps an epoch; the epochs are then so many that there are at least
    ``min_steps``.
    """

    task: Literal["evtransfer"] = "evtransfer"
    represent: RepresentConfig = RepresentConfig()
    size_px: Literal[16, 32, 64, 128, 256] = 64
    width: PositiveFloat = Field(0.25, le=4)
    split: SplitConfig = SplitConfig()
    label: str | None = None
    pretrain: PretrainStage = PretrainStage()
    recognise: RecogniseStage = RecogniseStage()
    modes: ModesConfig = ModesConfig()
    frame: Changes = Changes()
    encoder_epochs: EncoderEpochs = EncoderEpochs()
    min_steps: NonNegativeInt = 0
    ladder: LadderConfig = LadderConfig()
