"""The ablations of the spotter: each is the base configuration with a few settings changed, under its own name."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from neurofer._config_problems import suggestion
from neurofer.data.clip import ClipSet
from neurofer.data.long.store import LongSet
from neurofer.errors import UsageError
from neurofer.reproduce.cells import Cell
from neurofer.reproduce.mersiamc3d_variants import subjects_in_turn
from neurofer.train.spot.config import SpotConfig

FOLD = "neurofer.reproduce.spotting.run_cell_fold"
STAGE = "spotting"
BASE = "base"

_EVENTS = {"kind": "events", "references": "both"}
VARIANTS: Mapping[str, tuple[str, Mapping[str, Mapping[str, Any]]]] = {
    BASE: ("the configuration as it is", {}),
    "no_lcn": ("contrast is not normalised", {"input": {"lcn": False}}),
    "one_reference": ("frames t-k and t alone", {"input": {"references": "before"}}),
    "no_residual": ("no residual connections", {"model": {"residual": False}}),
    "k_half": ("half of the distance k, and of the smoothing and merging that follow from it",
               {"skip": {"factor": 0.5}}),
    "k_double": ("twice the distance k, and of the smoothing and merging that follow from it",
                 {"skip": {"factor": 2.0}}),
    "iou_labels": ("a label is the overlap of [t-k, t+k] with the expression", {"sample": {"label": "iou"}}),
    "inner": ("thresholds are chosen on scores of training people that a network has not seen",
              {"decode": {"source": "inner"}}),
    "event": ("sums of events before and after t instead of frames", {"input": {**_EVENTS, "lcn": False}}),
    "event_lcn": ("as event, with contrast normalised", {"input": {**_EVENTS, "lcn": True}}),
}
"""What each variant is in words, and which settings it changes."""

DEFAULT = (BASE, "no_lcn", "one_reference", "no_residual", "k_half", "k_double", "iou_labels", "event", "event_lcn")
"""The ablations of the spotting specification; ``inner`` trains three networks a fold, so it is asked for."""


def variant_text(name: str) -> str:
    """What a variant is, in words.

    Example:
        >>> variant_text("k_half")
        'half of the distance k, and of the smoothing and merging that follow from it'
    """
    return VARIANTS[name][0]


def variant_config(config: SpotConfig, name: str) -> SpotConfig:
    """The base configuration with a variant's settings.

    Raises:
        UsageError: no such variant, or its settings do not go with the base's.
    """
    if name not in VARIANTS:
        raise UsageError(f"--variants: {name} is unknown{suggestion(name, list(VARIANTS))}; known are "
                         f"{', '.join(VARIANTS)}")
    said = config.model_dump(mode="json")
    for key, changes in VARIANTS[name][1].items():
        said[key] = {**said[key], **changes}
    try:
        return SpotConfig.model_validate_json(json.dumps(said))
    except ValidationError as error:
        problems = "; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors())
        raise UsageError(f"--variants: {name} cannot be made of this configuration: {problems}") from None


def plan_spotting(config: SpotConfig, long_set: LongSet, seeds: int, variants: Sequence[str],
                  subjects: int | None = None) -> list[Cell]:
    """One cell a fold of every variant and seed; seed by seed, so that the first is whole early.

    Args:
        config: Of the base; ``split``, ``seed``, ``threads``, ``data`` and ``out`` are set here.
        long_set: The videos.
        seeds: Number of seeds, from 0.
        variants: Their names.
        subjects: Test only so many subjects, taken from each data set in turn; the others only train.

    Raises:
        UsageError: an unknown or repeated variant, two that are the same, or numbers that are not possible.
    """
    people = subjects_in_turn(long_set.clip_set)
    _require_possible(long_set.clip_set, people, seeds, variants, subjects)
    base = config.model_copy(update={"data": None, "out": None, "threads": 1})
    settings = {name: variant_config(base, name) for name in variants}
    _require_different(settings)
    numbers = {name: number for number, name in enumerate(long_set.clip_set.subjects)}
    cells = []
    for seed in range(seeds):
        for variant, chosen in settings.items():
            for subject in people[:subjects]:
                said = chosen.model_dump(mode="json", exclude={"data", "out"}) | {"seed": seed}
                said["split"] |= {"kind": "loso", "subject": subject}
                name = f"{variant}-{numbers[subject]:03d}-{_plain(subject)}-s{seed}"
                cells.append(Cell(name, FOLD, {"stage": STAGE, "variant": variant, "seed": seed, "subject": subject,
                                               "config": said}))
    return cells


def settings_of(cell: Cell) -> SpotConfig:
    """The resolved settings of a fold."""
    return SpotConfig.model_validate_json(json.dumps(cell.parameters["config"]))


def _require_possible(clip_set: ClipSet, people: Sequence[str], seeds: int, variants: Sequence[str],
                      subjects: int | None) -> None:
    problems = [] if seeds > 0 else [f"--seeds is {seeds}; need 1 or more"]
    if subjects is not None and not 0 < subjects <= len(people):
        problems.append(f"--subjects is {subjects}; need 1 to {len(people)}, the subjects of {clip_set.name}")
    if len(people) < 2:
        problems.append(f"{clip_set.name} has {len(people)} subject(s); one is left out, and somebody has to train")
    problems += [f"--variants names {name} {count} times" for name, count in Counter(variants).items() if count > 1]
    if not variants:
        problems.append("--variants is empty; name at least one")
    if problems:
        raise UsageError("reproduce spotting: " + "; ".join(problems))


def _require_different(settings: Mapping[str, SpotConfig]) -> None:
    names: dict[str, str] = {}
    for name, config in settings.items():
        said = json.dumps(_effect(config), sort_keys=True)
        if said in names:
            raise UsageError(f"--variants: {name} and {names[said]} are the same with these settings; leave one out")
        names[said] = name


def _effect(config: SpotConfig) -> dict[str, Any]:
    """The settings without what changes nothing beside the others."""
    said = config.model_dump(mode="json")
    if config.input.lcn is None:
        said["input"]["lcn"] = config.input.kind == "video"
    if config.input.kind == "events":
        del said["input"]["references"]  # sums of events always have both windows
    if config.skip.micro is not None and config.skip.macro is not None:
        del said["skip"]["factor"]  # it is for those that are measured
    if not config.decode.tune:
        del said["decode"]["source"]
    return said


def _plain(subject: str) -> str:
    """A subject's name with nothing that the name of a file cannot have."""
    return re.sub(r"[^A-Za-z0-9._+-]", "+", subject)
