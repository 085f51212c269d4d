"""Spiking against ordinary recognisers as cells: the same people, folds and labels, an arm for each way to train."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from neurofer._config_problems import problems_of
from neurofer.data.clip import ClipSet
from neurofer.data.frames import has_frames
from neurofer.errors import NeuroferError, UsageError
from neurofer.reproduce.cells import Cell
from neurofer.reproduce.evtransfer import PRETRAIN, TRAIN, Axes, checked_settings, plan
from neurofer.reproduce.spiking_config import ARMS, TABLE, Arm, SpikingConfig
from neurofer.train.config import SnnConfig, SplitConfig
from neurofer.train.data import chosen_label, partition_of
from neurofer.train.pretrain_config import PretrainConfig, SpikingGeneratorConfig
from neurofer.train.spiking_encoder import encoder_settings

INPUT = "spikes"
"""What stands for the representation in the names and rows of spiking cells."""

_ANN = {ARMS[name].mode: name for name in ARMS if ARMS[name].backend == "ann"}


@dataclass(frozen=True)
class SpikingAxes:
    """What the table is over.

    Attributes:
        seeds: Number of seeds, from 0.
        arms: Of ``ARMS``; a teacher that is not among them is run as well.
        sweep: Whether the curve of accuracy against operations is run, too.

    Raises:
        UsageError: no seed, no arm, an unknown arm or one twice; all together.
    """

    seeds: int = 5
    arms: tuple[str, ...] = TABLE
    sweep: bool = False

    def __post_init__(self) -> None:
        problems = [] if self.seeds > 0 else [f"--seeds is {self.seeds}; need 1 or more"]
        problems += [f"--arms: {arm!r} is none of {', '.join(ARMS)}" for arm in self.arms if arm not in ARMS]
        if not self.arms or len(set(self.arms)) < len(self.arms):
            problems.append("--arms: need each arm once, and one at least")
        if problems:
            raise UsageError("reproduce spiking: " + "; ".join(problems))


def plan_spiking(config: SpikingConfig, axes: SpikingAxes, clip_set: ClipSet) -> list[Cell]:
    """All cells of the table, each after those that it needs; seed by seed.

    The ``ann_`` arms are the cells that ``neurofer reproduce evtransfer`` plans for the same settings, with LSTM and
    all labels.

    Args:
        config: Both sides.
        axes: What the table is over.
        clip_set: The data set.

    Raises:
        UsageError: settings that do not go together.
        NeuroferError: the data set cannot be split like that, or lacks frames that an arm needs.
    """
    swept = (config.sweep.arm,) if axes.sweep else ()
    arms = [name for name in ARMS if name in {*axes.arms, *swept}]
    taught = config.teacher.arm if any(ARMS[name].distilled for name in arms) else None
    ordinary = {name for name in arms if ARMS[name].backend == "ann"} | ({taught} if taught else set())
    _require_frames(clip_set, [*arms, *sorted(ordinary - set(arms))])
    points = _points(config) if axes.sweep else ()
    modes = tuple(ARMS[name].mode for name in ARMS if name in ordinary)
    ann = plan(config.ann, Axes(axes.seeds, modes=modes, lstm=(True,), labels=(1.0,)), clip_set) if modes else []
    if not ann:
        partition_of(config.ann.split, chosen_label(clip_set, config.ann.label))
    cells: list[Cell] = []
    for seed in range(axes.seeds):
        mine = [cell for cell in ann if cell.parameters["seed"] == seed]
        teacher = next((cell.name for cell in mine if taught and cell.parameters["stage"] == "train"
                        and arm_of(cell.parameters) == taught), None)
        cells += [dataclasses.replace(cell, kept=cell.kept or cell.name == teacher) for cell in mine]
        spiking = [name for name in arms if ARMS[name].backend == "snn"]
        before = None
        if any(ARMS[name].mode != "scratch" for name in spiking):
            before = spiking_pretrain_cell(config, seed)
            cells.append(before)
        encoder = before.name if before else None
        cells += [spiking_cell(config, name, seed, encoder, teacher) for name in spiking if name in axes.arms]
        if seed < config.sweep.seeds:
            cells += [spiking_cell(config, config.sweep.arm, seed, encoder, teacher, point) for point in points]
    return cells


def spiking_pretrain_cell(config: SpikingConfig, seed: int) -> Cell:
    """The pre-training of the spiking encoder under one seed.

    Raises:
        UsageError: no generator can be built around that encoder.
    """
    stage = config.pretrain
    settings = PretrainConfig(backend="snn", seed=seed, label=config.ann.label, split=_split(config),
                              snn=_generator(config), frame_at=stage.frame_at, gan=stage.gan, train=stage.train)
    said = {"stage": "pretrain", "variant": INPUT, "seed": seed}
    return Cell(f"pretrain-{INPUT}-s{seed}", PRETRAIN,
                {**said, "config": settings.model_dump(mode="json", exclude_none=True)}, kept=True)


def spiking_cell(config: SpikingConfig, name: str, seed: int, encoder: str | None, teacher: str | None,
                 lever: Mapping[str, Any] | None = None) -> Cell:
    """One spiking training.

    Args:
        config: The table.
        name: Its arm.
        seed: Its seed.
        encoder: Cell of the pre-training; read by the arms that take its encoder.
        teacher: Cell of the ANN; read by the arms that have a teacher.
        lever: Keys of ``snn`` that stand for this cell alone, on the curve of accuracy against operations.

    Raises:
        UsageError: settings that do not go together.
    """
    arm, changes = ARMS[name], getattr(config.arms, name)
    base: dict[str, Any] = {
        section: getattr(config.recognise, section).model_dump(mode="json") | _said(getattr(changes, section))
        for section in ("snn", "augment", "train")}
    base["snn"] |= dict(lever or {})
    base |= {"backend": "snn", "seed": seed, "label": config.ann.label, "split": _split(config).model_dump(mode="json"),
             "model": {"mode": arm.mode}}
    if changes.encoder_lr_scale is not None:
        base["model"]["encoder_lr_scale"] = changes.encoder_lr_scale
    if arm.mode != "scratch":
        base["model"]["encoder_from"] = encoder
    if arm.distilled:
        said = config.teacher
        base["distill"] = {"run": teacher, "weight": said.weight, "temperature": said.temperature}
    cell = "-".join((name, *(f"{key}.{_file_text(value)}" for key, value in (lever or {}).items()), f"s{seed}"))
    settings = checked_settings(cell, base)
    if arm.mode != "scratch":
        _require_same_encoder(cell, settings.snn, _generator(config).of_recogniser())
    parameters = {"stage": "train", "arm": name, "mode": arm.mode, "variant": INPUT, "lstm": False, "labels": 1.0,
                  "seed": seed, **({"lever": dict(lever)} if lever else {}),
                  "config": settings.model_dump(mode="json", exclude={"data", "out"})}
    return Cell(cell, TRAIN, parameters, tuple(need for need in _needs(arm, encoder, teacher) if need))


def arm_of(parameters: Mapping[str, Any]) -> str:
    """The arm of a training cell, spiking or of the evTransFER table."""
    return str(parameters["arm"]) if "arm" in parameters else _ANN[parameters["mode"]]


def lever_text(lever: Mapping[str, Any]) -> str:
    """``"operations_weight 0.1"``."""
    return ", ".join(f"{key} {value:g}" if isinstance(value, (int, float)) else f"{key} {value}"
                     for key, value in lever.items())


def _needs(arm: Arm, encoder: str | None, teacher: str | None) -> tuple[str | None, ...]:
    return encoder if arm.mode != "scratch" else None, teacher if arm.distilled else None


def _split(config: SpikingConfig) -> SplitConfig:
    """Of the ANN's table, with all labels."""
    return config.ann.split.model_copy(update={"labels": 1.0})


def _said(changes: Any) -> dict[str, Any]:
    """Keys that a change names."""
    return {} if changes is None else changes.model_dump(mode="json", exclude_none=True)


def _generator(config: SpikingConfig) -> SpikingGeneratorConfig:
    """Of the encoder that the recogniser has.

    Raises:
        UsageError: there is none for it.
    """
    said = _said(config.pretrain.generator)
    try:
        return SpikingGeneratorConfig.for_recogniser(config.recognise.snn, **said)
    except ValidationError as error:
        wrong = "; ".join(message for _, message in problems_of(error, SpikingGeneratorConfig, said))
        raise UsageError(f"pretrain.generator: {wrong}; change the configuration") from error


def _require_same_encoder(cell: str, here: SnnConfig, before: SnnConfig) -> None:
    """Refuse a recogniser that cannot take the encoder.

    Raises:
        UsageError: names what differs.
    """
    mine, theirs = encoder_settings(here), encoder_settings(before)
    other = [f"{name} is {mine[name]}, in pre-training it is {theirs[name]}" for name in mine
             if mine[name] != theirs[name]]
    if other:
        raise UsageError(f"{cell}: cannot take the pre-trained encoder: {'; '.join(other)}; change the configuration")


def _points(config: SpikingConfig) -> Sequence[Mapping[str, Any]]:
    """The values of the sweep.

    Raises:
        UsageError: none, or one that changes nothing.
    """
    points = [_said(point) for point in config.sweep.points]
    base = config.recognise.snn.model_dump(mode="json") | _said(getattr(config.arms, config.sweep.arm).snn)
    idle = [number for number, point in enumerate(points) if all(base[key] == value for key, value in point.items())]
    if not points:
        raise UsageError("reproduce spiking: --sweep needs sweep.points, such as [{operations_weight: 0.1}]")
    if idle:
        raise UsageError(f"reproduce spiking: sweep.points {', '.join(map(str, idle))} (from 0) change nothing of "
                         f"{config.sweep.arm}; its own values are on the curve anyway")
    return points


def _file_text(value: Any) -> str:
    """A value as a part of a file's name."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._+-") else "_" for sign in text)


def _require_frames(clip_set: ClipSet, arms: Sequence[str]) -> None:
    """Refuse arms that learn to draw faces where no face is kept.

    Raises:
        NeuroferError: names them.
    """
    wanted = [name for name in arms if ARMS[name].mode != "scratch"]
    if wanted and not any(has_frames(clip) for clip in clip_set.clips):
        raise NeuroferError(f"data set {clip_set.name}: keeps no grey frames, and {', '.join(wanted)} begin with "
                            "drawing faces; prepare it with --frames, or leave these out of --arms"
                            + (" (a teacher is chosen by teacher.arm)" if "ann_transferred" in wanted else ""))
