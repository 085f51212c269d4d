"""The ablations of MERSiamC3D: each is the base configuration with a few settings changed, under its own name."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from neurofer._config_problems import suggestion
from neurofer.data.clip import ClipSet
from neurofer.errors import UsageError
from neurofer.reproduce.cells import Cell
from neurofer.train.micro.config import MicroConfig

FOLD, APEX = "neurofer.reproduce.mersiamc3d.run_fold", "neurofer.reproduce.mersiamc3d.run_apex"
STAGE, APEX_STAGE = "mersiamc3d", "apex"
BASE = "base"

_NO_PRIOR: Mapping[str, Mapping[str, Any]] = {"prior": {"loss": "none"}, "target": {"frozen_epochs": 0}}
# Fresh convolutions are not worth keeping.
_SLICES = {"input": {"kind": "slices"}}
_SNN = {"backend": "snn", **_SLICES}
_EVENT = {"key": {"kind": "event", "apex": "annotated", "apex_noise_frames": 0}}
_UNIFORM = {"key": {"kind": "uniform", "apex": "annotated", "apex_noise_frames": 0}}
VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    BASE: ("the configuration as it is", {}),
    "no_prior": ("no stage 1, and nothing kept as it is at first", _NO_PRIOR),
    "similarity": ("stage 1 by similarity (binary cross-entropy) instead of contrast",
                   {"prior": {"loss": "similarity"}}),
    "cross_entropy": ("cross-entropy without weights of classes", {"target": {"loss": "cross_entropy",
                                                                             "alpha": "none"}}),
    "focal_unweighted": ("focal loss without weights of classes", {"target": {"loss": "focal", "alpha": "none"}}),
    "uniform": ("eleven frames at equal distances, whenever the apex is", _UNIFORM),
    "linear": ("frames blended from two", {"key": {"kind": "linear"}}),
    "interp_cnn": ("frames drawn by a network that training people taught", {"key": {"kind": "interp_cnn"}}),
    "midpoint": ("the apex is halfway from onset to offset", {"key": {"apex": "midpoint"}}),
    "flow_apex": ("the apex is the largest displacement", {"key": {"apex": "flow"}}),
    "event": ("onset, apex and offset are found in the events", _EVENT),
    "slices": ("event slices instead of flow", _SLICES),
    "slices_uniform": ("event slices at equal distances", {**_SLICES, **_UNIFORM}),
    "slices_midpoint": ("event slices, the apex is halfway", {**_SLICES, "key": {"apex": "midpoint"}}),
    "slices_event": ("event slices of equal motion, all found in the events", {**_SLICES, **_EVENT}),
    "snn": ("event slices, read by a spiking network", _SNN),
    "snn_event": ("as slices_event, read by a spiking network", {**_SNN, **_EVENT}),
}
"""What each variant is in words, and which settings it changes."""

NUMBERED: Mapping[str, tuple[str, Callable[[int], Mapping[str, Any]]]] = {
    "apex_noise": ("the apex is moved by {} frames", lambda frames: {"key": {"apex_noise_frames": frames}}),
    "no_prior_epochs": ("no stage 1, but {} epochs of stage 2",
                        lambda epochs: {**_NO_PRIOR, "target": {**_NO_PRIOR["target"], "epochs": epochs}}),
}
"""Variants that take a number, as in ``apex_noise_5``: what each is in words, and which settings it changes."""

_NUMBERED = re.compile(rf"({'|'.join(NUMBERED)})_([1-9][0-9]{{0,3}})", re.ASCII)
DEFAULT = (BASE, "no_prior", "similarity", "cross_entropy", "uniform", "linear", "interp_cnn", "midpoint",
           "apex_noise_5", "apex_noise_15", "event", "slices", "slices_uniform", "slices_midpoint", "slices_event",
           "snn")
"""The ablations of sections 2.5 and 3.9 of the micro-expression specification."""


def variant_text(name: str) -> str:
    """What a variant is, in words.

    Example:
        >>> variant_text("apex_noise_5")
        'the apex is moved by 5 frames'
    """
    numbered = _NUMBERED.fullmatch(name)
    return NUMBERED[numbered[1]][0].format(numbered[2]) if numbered else VARIANTS[name][0]


def variant_config(config: MicroConfig, name: str) -> MicroConfig:
    """The base configuration with a variant's settings.

    Raises:
        UsageError: no such variant, or its settings do not go with the base's.
    """
    numbered = _NUMBERED.fullmatch(name)
    if numbered is None and name not in VARIANTS:
        known = [*VARIANTS, *(f"{one}_N" for one in NUMBERED)]
        raise UsageError(f"--variants: {name} is unknown{suggestion(name, known)}")
    changes = NUMBERED[numbered[1]][1](int(numbered[2])) if numbered else VARIANTS[name][1]
    said = config.model_dump(mode="json")
    for key, value in changes.items():
        said[key] = {**said[key], **value} if isinstance(value, Mapping) else value
    try:
        return MicroConfig.model_validate_json(json.dumps(said))
    except ValidationError as error:
        problems = "; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors())
        raise UsageError(f"--variants: {name} cannot be made of this configuration: {problems}") from None


def plan_mersiamc3d(config: MicroConfig, clip_set: ClipSet, seeds: int, variants: Sequence[str],
                    subjects: int | None = None) -> list[Cell]:
    """One cell a fold of every variant and seed, and one on the apexes; seed by seed, so that the first is whole early.

    Args:
        config: Of the base; ``split``, ``seed``, ``threads``, ``data`` and ``out`` are set here.
        clip_set: Under the label that is learned.
        seeds: Number of seeds, from 0.
        variants: Their names.
        subjects: Test only so many subjects, taken from each data set in turn; the others only train.

    Raises:
        UsageError: an unknown or repeated variant, two that are the same, or numbers that are not possible.
    """
    people = subjects_in_turn(clip_set)
    problems = [] if seeds > 0 else [f"--seeds is {seeds}; need 1 or more"]
    if subjects is not None and not 0 < subjects <= len(people):
        problems.append(f"--subjects is {subjects}; need 1 to {len(people)}, the subjects of {clip_set.name}")
    if len(people) < 2:
        problems.append(f"{clip_set.name} has {len(people)} subject(s); one is left out, and somebody has to train")
    problems += [f"--variants names {name} {count} times" for name, count in Counter(variants).items() if count > 1]
    if not variants:
        problems.append("--variants is empty; name at least one")
    if problems:
        raise UsageError("reproduce mersiamc3d: " + "; ".join(problems))
    base = config.model_copy(update={"data": None, "out": None, "threads": 1})
    settings = {name: variant_config(base, name) for name in variants}
    _require_different(settings)
    numbers = {name: number for number, name in enumerate(clip_set.subjects)}
    cells = [Cell("apex", APEX, {"stage": APEX_STAGE, "label": config.label,
                                 "event": config.event.model_dump(mode="json")})]
    for seed in range(seeds):
        for variant, chosen in settings.items():
            for subject in people[:subjects]:
                said = chosen.model_dump(mode="json", exclude={"data", "out"})
                said |= {"seed": seed}
                said["split"] |= {"kind": "loso", "subject": subject}
                name = f"{variant}-{numbers[subject]:03d}-{_plain(subject)}-s{seed}"
                cells.append(Cell(name, FOLD, {"stage": STAGE, "variant": variant, "seed": seed, "subject": subject,
                                               "config": said}))
    return cells


def subjects_in_turn(clip_set: ClipSet) -> tuple[str, ...]:
    """All subjects: the first of each data set, then the second of each, and so on; a subject's is its first clip's."""
    of_set: dict[str, list[str]] = defaultdict(list)
    home = {clip.subject: clip.dataset for clip in reversed(clip_set.clips)}
    for subject in clip_set.subjects:
        of_set[home[subject]].append(subject)
    placed = [(place, dataset, subject) for dataset, names in of_set.items() for place, subject in enumerate(names)]
    return tuple(subject for _, _, subject in sorted(placed))


def without_apex(cells: Sequence[Cell]) -> list[Cell]:
    """The folds alone."""
    return [cell for cell in cells if cell.parameters["stage"] == STAGE]


def settings_of(cell: Cell) -> MicroConfig:
    """The resolved settings of a fold."""
    return MicroConfig.model_validate_json(json.dumps(cell.parameters["config"]))


def _require_different(settings: Mapping[str, MicroConfig]) -> None:
    names: dict[str, str] = {}
    for name, config in settings.items():
        said = json.dumps(config.model_dump(mode="json"), sort_keys=True)
        if said in names:
            raise UsageError(f"--variants: {name} and {names[said]} are the same with these settings; leave one out")
        names[said] = name


def _plain(subject: str) -> str:
    """A subject's name with nothing that the name of a file cannot have."""
    return re.sub(r"[^A-Za-z0-9._+-]", "+", subject)
