"""Learning from a trained ANN: whether it may teach a run, and what it says of the training clips."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import ClipSet
from neurofer.data.partition import Partition
from neurofer.data.splits import Part
from neurofer.errors import NeuroferError, name_some
from neurofer.train.config import DistillConfig, TrainConfig
from neurofer.train.data import partition_of, prepare
from neurofer.train.decisions import decide_together
from neurofer.train.processes import Processes
from neurofer.train.run_folder import Run, load_run

_SHOWN = 20


@dataclass(frozen=True)
class Teacher:
    """A finished run that teaches.

    Attributes:
        run: Its network and records.
        settings: How much it is heard.
    """

    run: Run
    settings: DistillConfig

    @property
    def digest(self) -> str:
        """SHA-256 of its weights."""
        return str(self.run.card["digest"])

    def said(self) -> dict[str, Any]:
        """Who teaches, and by whom it learned, for the record of a run; no path."""
        card = self.run.card
        score = card.get("metrics", {}).get("test") or {}
        encoder = card.get("encoder") or {}
        return {"digest": self.digest, "run": self.run.path.name, "backend": card["backend"],
                "parameters": card.get("parameters"), "test_accuracy": score.get("accuracy"),
                "encoder": encoder.get("mode"), "weight": self.settings.weight,
                "temperature": self.settings.temperature,
                "subjects": sorted({*card["protocol"]["split"]["train"], *(encoder.get("subjects") or [])})}


def wanted_teacher(config: TrainConfig, clip_set: ClipSet) -> Teacher | None:
    """The checked teacher of a run; None without ``distill.run``.

    Raises:
        NeuroferError: it may not teach this run, or the data set cannot be split.
        BadFileError: its folder cannot be used.
    """
    if config.distill.run is None:
        return None
    teacher = Teacher(load_run(config.distill.run), config.distill)
    check_teacher(config, teacher, partition_of(config.split, clip_set, config.parity.best_on_test), clip_set)
    return teacher


def check_teacher(config: TrainConfig, teacher: Teacher, partition: Partition, clip_set: ClipSet) -> None:
    """Refuse a teacher that speaks of something else, or that has seen whom the run may not have seen.

    Nobody whose clips choose the epoch or are tested may have trained the teacher (or its encoder), and nobody who is
    tested may have chosen the teacher's epoch, unless the run itself chooses on its test part. Where the protocol
    shares subjects, this holds for clips.

    Args:
        config: The run.
        teacher: From ``load_run``.
        partition: The run's parts, with all training labels.
        clip_set: Its clips.

    Raises:
        NeuroferError: it may not teach; all reasons together.
    """
    card = teacher.run.card
    pairs: tuple[tuple[str, Any, Any], ...] = (
        ("backend", "ann", card.get("backend")),
        ("classes", ", ".join(clip_set.classes), ", ".join(map(str, card.get("classes") or []))),
        ("label", config.label or "the clips' own", teacher.run.config.label or "the clips' own"),
    )
    problems = [f"{name}: need {wanted}, the teacher has {found}" for name, wanted, found in pairs if wanted != found]
    data = str((card.get("data") or {}).get("digest"))
    if data != clip_set.digest:
        problems.append(f"data: need the store with digest {clip_set.digest[:12]}, the teacher was trained on "
                        f"{data[:12]}")
    problems += _seen(config, teacher.run, partition, clip_set)
    if problems:
        raise NeuroferError("\n  - ".join((f"distill.run={teacher.run.path} cannot teach this run:", *problems)))


def taught_probabilities(teacher: Teacher, clip_set: ClipSet, partition: Partition, cache: Path,
                         processes: Processes) -> NDArray[np.float64]:
    """What the teacher says of every training clip as it is, over the whole clip.

    Args:
        teacher: A checked one.
        clip_set: All clips.
        partition: The run's parts.
        cache: Folder of caches, for the teacher's input.
        processes: Who decides, each about its share.

    Returns:
        ``(clips, K)`` probabilities; NaN for clips outside the training part.
    """
    run = teacher.run
    with processes.main_first():
        prepared = prepare(run.config, clip_set, partition, cache)
    said = decide_together(prepared.task.decide, run.model.to(processes.device), prepared.numbers["train"], processes)
    found = np.full((len(clip_set.clips), len(clip_set.classes)), np.nan)
    found[said.clips] = said.probabilities
    run.model.cpu()
    return found


def _seen(config: TrainConfig, run: Run, partition: Partition, clip_set: ClipSet) -> list[str]:
    """Who may not have been seen and was, by the teacher's card and by its record."""
    try:
        splits = [run.card["protocol"]["split"], *([run.record["split"]] if "split" in run.record else [])]
        each = [Partition.of_record(clip_set, "", split) for split in splits]
        named: dict[str, set[str]] = {part: {name for split in splits for name in split[part]}
                                      for part in ("train", "validation")}
        silent = not all(split["train"] for split in splits)
    except (KeyError, TypeError, ValueError):
        silent = True
    if silent:
        return ["its card does not say whom it has seen; train it again"]
    trained, chose = {name for one in each for name in one.train}, {name for one in each for name in one.validation}
    encoder = (run.card.get("encoder") or {}).get("subjects") or []
    learned_here = set(partition.subjects(clip_set, "train"))
    problems = []
    looks: tuple[tuple[Part, set[str], set[str], str], ...] = (
        ("test", {*named["train"], *encoder}, trained, "trained the teacher"),
        ("validation", {*named["train"], *encoder}, trained, "trained the teacher"),
        ("test", set() if config.parity.best_on_test else named["validation"],
         set() if config.parity.best_on_test else chose, "chose the teacher's epoch"),
    )
    for part, subjects, clips, what in looks:
        shared = (set(partition.subjects(clip_set, part)) - learned_here) & subjects
        seen = {clip.name for clip in clip_set.clips
                if clip.name in clips & set(partition.names(part)) and clip.subject not in shared}
        if shared:
            problems.append(f"{part} subjects {what}: {name_some(sorted(shared), _SHOWN)}; "
                            "train it with the same split")
        if seen:
            problems.append(f"{part} clips {what}: {name_some(sorted(seen), _SHOWN)}; train it with the same split")
    return problems
