"""The ablation of evTransFER as cells: a training for every mode, variant, network, label share and seed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from neurofer._config_problems import problems_of
from neurofer.data.clip import ClipSet
from neurofer.data.partition import keep_labels
from neurofer.data.windows import window_edges
from neurofer.errors import NeuroferError, UsageError
from neurofer.reproduce.cells import Cell
from neurofer.reproduce.config import MODES, TRANSFERRED, EvtransferConfig
from neurofer.train.config import Mode, RepresentConfig, SplitConfig, TrainConfig
from neurofer.train.data import chosen_label, partition_of
from neurofer.train.pretrain_config import GeneratorConfig, PretrainConfig
from neurofer.train.triples import contexts, doubled_contexts

VARIANTS = ("t0_t0", "t0_t", "t_t0", "t_t")
PRETRAIN = "neurofer.reproduce.stages.pretrain_cell"
TRAIN = "neurofer.reproduce.stages.train_cell"


@dataclass(frozen=True)
class Axes:
    """What the table is over.

    Attributes:
        seeds: Number of seeds, from 0.
        variants: TIE variants; none for that of the configuration.
        modes: Of ``scratch``, ``random``, ``linear``, ``finetune``.
        lstm: With (True) and without (False) LSTM.
        labels: Shares of the training labels.

    Raises:
        UsageError: an axis without a value, or with a value that does not exist or is there twice; all together.
    """

    seeds: int = 5
    variants: tuple[str, ...] = ()
    modes: tuple[Mode, ...] = MODES
    lstm: tuple[bool, ...] = (False, True)
    labels: tuple[float, ...] = (1.0, 0.25, 0.1)

    def __post_init__(self) -> None:
        problems = [] if self.seeds > 0 else [f"--seeds is {self.seeds}; need 1 or more"]
        for option, values, known in (("--modes", self.modes, MODES), ("--variants", self.variants, VARIANTS)):
            problems += [f"{option}: {value!r} is none of {', '.join(known)}" for value in values if value not in known]
        problems += [f"--labels: {share:g} is no share; need more than 0 and at most 1" for share in self.labels
                     if not 0 < share <= 1]
        for option, axis in (("--modes", self.modes), ("--variants", self.variants), ("--labels", self.labels)):
            if not axis and option != "--variants":
                problems.append(f"{option} is empty")
            if len(set(axis)) < len(axis):
                problems.append(f"{option}: a value is there twice")
        if problems:
            raise UsageError("reproduce evtransfer: " + "; ".join(problems))


def plan(config: EvtransferConfig, axes: Axes, clip_set: ClipSet) -> list[Cell]:
    """All cells of the table, each after those that it needs; seed by seed.

    Args:
        config: Both stages.
        axes: What the table is over.
        clip_set: The data set, for the number of optimiser steps.

    Raises:
        UsageError: settings that do not go together.
        NeuroferError: the data set cannot be split like that.
    """
    clip_set = chosen_label(clip_set, config.label)
    variants = variants_of(config, axes)
    cells: list[Cell] = []
    for seed in range(axes.seeds):
        for variant in variants:
            first = pretrain_cell(config, variant, seed)
            if set(axes.modes) & set(TRANSFERRED):
                cells.append(first)
            cells += [train_cell(config, clip_set, mode=mode, variant=variant, lstm=lstm, share=share, seed=seed,
                                 pretrained=first)
                      for mode in axes.modes for lstm in axes.lstm for share in axes.labels]
    return cells


def pretrain_cell(config: EvtransferConfig, variant: str | None, seed: int, tag: str = "",
                  split: dict[str, Any] | None = None) -> Cell:
    """The pre-training of one variant and seed; ``split`` replaces keys of the configuration's."""
    settings = PretrainConfig(
        seed=seed, label=config.label,
        split=SplitConfig(**{**config.split.model_dump(), "labels": 1.0, **(split or {})}),
        represent=_represent(config, variant), frame_at=config.pretrain.frame_at, gan=config.pretrain.gan,
        model=GeneratorConfig(size_px=config.size_px, width=config.width, dropout=config.pretrain.dropout),
        train=config.pretrain.train)
    said = {"stage": "pretrain", "variant": variant or config.represent.kind, "seed": seed}
    return Cell("-".join(word for word in (tag, "pretrain", str(said["variant"]), f"s{seed}") if word), PRETRAIN,
                {**said, "config": settings.model_dump(mode="json", exclude_none=True)}, kept=True)


def train_cell(config: EvtransferConfig, clip_set: ClipSet, *, mode: Mode, variant: str | None, lstm: bool,
               share: float, seed: int, pretrained: Cell, tag: str = "",
               changes: Mapping[str, Mapping[str, Any]] | None = None) -> Cell:
    """One training; ``changes`` replaces keys of its sections, such as ``parity``, and lifts the floor of its steps.

    Raises:
        UsageError: settings that do not go together.
        NeuroferError: the data set cannot be split like that.
    """
    said = {"stage": "train", "mode": mode, "variant": variant or config.represent.kind, "lstm": lstm, "labels": share,
            "seed": seed}
    name = "-".join(word for word in (tag, mode, str(said["variant"]), "lstm" if lstm else "frame",
                                      f"{100 * share:g}", f"s{seed}") if word)
    base, least = _merged(config, mode, lstm)
    base["split"] = config.split.model_dump(mode="json") | {"labels": share}
    base["represent"] = _represent(config, variant).model_dump(mode="json")
    base |= {"seed": seed, "label": config.label}
    if changes is not None:
        least = 0  # a floor would make one line of a comparison train longer than the next
        for section, values in changes.items():
            base[section] |= values
    needs: tuple[str, ...] = ()
    if mode in TRANSFERRED:
        needs = (pretrained.name,)
        epochs = config.encoder_epochs
        base["model"] |= {"encoder_from": pretrained.name, "encoder_epoch": epochs.sequence if lstm else epochs.frame}
    settings = checked_settings(name, base)
    steps = steps_per_epoch(settings, clip_set)
    if steps * settings.train.epochs < least:
        train = settings.train.model_copy(update={"epochs": -(-least // steps)})
        settings = settings.model_copy(update={"train": train})
    return Cell(name, TRAIN, {**said, "config": settings.model_dump(mode="json", exclude={"data", "out"})}, needs)


def checked_settings(name: str, said: Mapping[str, Any]) -> TrainConfig:
    """The settings of a cell's training.

    Raises:
        UsageError: they do not go together; in the words of a configuration.
    """
    try:
        return TrainConfig.model_validate_json(json.dumps(said))
    except ValidationError as error:
        wrong = "; ".join(message for _, message in problems_of(error, TrainConfig, said))
        raise UsageError(f"{name}: {wrong}; change the configuration") from error


def steps_per_epoch(settings: TrainConfig, clip_set: ClipSet) -> int:
    """Optimiser steps of one epoch of the ANN.

    Raises:
        NeuroferError: the data set cannot be split, or no training clip is long enough.
    """
    whole = partition_of(settings.split, clip_set, settings.parity.best_on_test)
    partition = keep_labels(clip_set, whole, settings.split.labels, settings.seed)
    clips = [clip for clip in clip_set.clips if clip.name in set(partition.train)]
    if settings.sample.kind == "draw":
        samples = len(clips) * settings.sample.per_clip
    else:
        cut = doubled_contexts if settings.parity.double_windowing else contexts
        windows = (len(window_edges(clip.start_us, clip.stop_us, settings.represent.window_us)) - 1 for clip in clips)
        samples = sum(len(cut(number, settings.model.context_windows)) for number in windows)
    if not samples:
        raise NeuroferError(f"data set {clip_set.name}: no training clip has {settings.model.context_windows} windows "
                            f"of {settings.represent.window_us} us; use a shorter represent.window_us")
    return -(-samples // settings.train.batch)


def variants_of(config: EvtransferConfig, axes: Axes) -> Sequence[str | None]:
    """The TIE variants; None alone for another representation.

    Raises:
        UsageError: variants of what is no TIE, or a representation or setting that does not exist.
    """
    from neurofer.represent import build_representation

    tie = config.represent.kind == "tie"
    if axes.variants and not tie:
        raise UsageError(f"--variants: are of tie, and represent.kind is {config.represent.kind}; leave them out")
    variants = (axes.variants or (config.represent.settings.get("variant", VARIANTS[0]),)) if tie else (None,)
    for variant in variants:
        recipe = _represent(config, variant)
        try:
            build_representation(recipe.kind, **recipe.settings)
        except (TypeError, ValueError) as error:
            raise UsageError(f"represent: {error}") from error
    return variants


def _represent(config: EvtransferConfig, variant: str | None) -> RepresentConfig:
    if variant is None:
        return config.represent
    return config.represent.model_copy(update={"settings": {**config.represent.settings, "variant": variant}})


def _merged(config: EvtransferConfig, mode: Mode, lstm: bool) -> tuple[dict[str, Any], int]:
    """A training's settings for a mode and a network, and its fewest optimiser steps."""
    stage = config.recognise
    network = stage.network
    found: dict[str, Any] = {name: getattr(stage, name).model_dump(mode="json")
                             for name in ("sample", "augment", "parity", "train")}
    model: dict[str, Any] = {
        "mode": mode, "size_px": config.size_px, "width": config.width, "dropout": network.dropout,
        "context_windows": network.context_windows if lstm else 1, "lstm_layers": network.lstm_layers if lstm else 0}
    least = config.min_steps
    for changes in ((config.frame,) if not lstm else ()) + (getattr(config.modes, mode),):
        said = {key: value for key, value in changes.model_dump(mode="json").items() if value is not None}
        least = said.pop("min_steps", least)
        model |= {key: said.pop(key) for key in ("encoder_lr_scale", "dropout") if key in said}
        for name, values in said.items():
            found[name] |= {key: value for key, value in values.items() if value is not None}
    return {**found, "model": model}, least
