"""What the table of spiking against ordinary recognisers is: both sides and what differs between the arms."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import Field, PositiveFloat, PositiveInt

from neurofer.config import StrictModel
from neurofer.data.frames import FrameAt
from neurofer.reproduce.config import EvtransferConfig, SomeAugment, SomeOptimise, partial
from neurofer.train.config import AugmentConfig, Backend, Mode, OptimiseConfig, SnnConfig
from neurofer.train.pretrain_config import GanConfig, PretrainOptimise, SpikingGeneratorConfig

Teacher = Literal["ann_scratch", "ann_transferred"]


class Arm(NamedTuple):
    """One way to train a recogniser: its backend, what its encoder starts from, whether it has a teacher."""

    backend: Backend
    mode: Mode
    distilled: bool = False


ARMS: dict[str, Arm] = {
    "ann_scratch": Arm("ann", "scratch"),
    "ann_transferred": Arm("ann", "finetune"),
    "snn_scratch": Arm("snn", "scratch"),
    "snn_distilled": Arm("snn", "scratch", distilled=True),
    "snn_transferred": Arm("snn", "finetune"),
    "snn_transferred_distilled": Arm("snn", "finetune", distilled=True),
}
TABLE = tuple(ARMS)[:5]
"""The arms that are run unless others are named."""

REFERENCE = "ann_transferred"
"""What every spiking arm is compared with."""

SomeSnn = partial(SnnConfig)
SomeGenerator = partial(SpikingGeneratorConfig)


class SpikingStage(StrictModel):
    """The spiking recogniser, as in a configuration of ``neurofer train``."""

    snn: SnnConfig = SnnConfig()
    augment: AugmentConfig = AugmentConfig()
    train: OptimiseConfig = OptimiseConfig()


class SpikingPretrainStage(StrictModel):
    """The pre-training of the spiking encoder, as in a configuration of ``neurofer pretrain``; what ``generator`` does
    not say is that of ``recognise.snn``, or has its default."""

    frame_at: FrameAt = "middle"
    generator: SomeGenerator = SomeGenerator()  # type: ignore[valid-type]
    gan: GanConfig = GanConfig()
    train: PretrainOptimise = PretrainOptimise()


class SpikingChanges(StrictModel):
    """What differs from ``recognise`` in one case; what is not said stays."""

    snn: SomeSnn | None = None  # type: ignore[valid-type]
    augment: SomeAugment | None = None  # type: ignore[valid-type]
    train: SomeOptimise | None = None  # type: ignore[valid-type]
    encoder_lr_scale: PositiveFloat | None = Field(None, le=1)


class SpikingArms(StrictModel):
    """Changes of each spiking arm."""

    snn_scratch: SpikingChanges = SpikingChanges()
    snn_distilled: SpikingChanges = SpikingChanges()
    snn_transferred: SpikingChanges = SpikingChanges()
    snn_transferred_distilled: SpikingChanges = SpikingChanges()


class TeacherConfig(StrictModel):
    """Which ANN teaches, and how, see ``distill`` in a configuration of ``neurofer train``."""

    arm: Teacher = "ann_transferred"
    weight: float = Field(0.5, gt=0, le=1)
    temperature: PositiveFloat = 2.0


class SweepConfig(StrictModel):
    """The curve of accuracy against operations: ``arm`` trained with each of ``points`` instead of its own keys of
    ``snn``, with that many ``seeds``."""

    arm: Literal["snn_scratch", "snn_distilled", "snn_transferred", "snn_transferred_distilled"] = "snn_scratch"
    seeds: PositiveInt = 2
    points: list[SomeSnn] = Field(default_factory=list)  # type: ignore[valid-type]


class SpikingConfig(StrictModel):
    """One table of spiking and ordinary recognisers.

    ``ann`` is a whole reproduction of evTransFER: split, label, pre-training and the LSTM recogniser of the ``ann_``
    arms come from it, so these are cells of that table. ``recognise`` is the spiking side, ``pretrain`` the
    pre-training of its encoder, ``arms`` what single arms change.
    """

    task: Literal["spiking"] = "spiking"
    ann: EvtransferConfig = EvtransferConfig()
    pretrain: SpikingPretrainStage = SpikingPretrainStage()
    recognise: SpikingStage = SpikingStage()
    arms: SpikingArms = SpikingArms()
    teacher: TeacherConfig = TeacherConfig()
    sweep: SweepConfig = SweepConfig()
