"""The split of SEE, and what the names of its sequences say."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from neurofer.data.csv_rows import LARGEST_BYTES
from neurofer.data.expected import Count
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError

CLASSES = ("angry", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
PARTS = {"training": "train", "testing": "test"}
LIGHTINGS = ("normal", "overexposed", "low", "hdr")
FIELDS = "number_ID_sex_age_degree_lighting_emotion_length_take"
LONGEST = 100_000
"""Pictures of a sequence that are believed; an hour's worth."""


@dataclass(frozen=True)
class SeeSequence:
    """One sequence as its name and the split describe it.

    Attributes:
        name: The sequence.
        subject: ID of the volunteer.
        lighting: Lower case.
        label: Lower case.
        part: ``train`` or ``test``.
        segment: First picture, and one past the last.
        where: The file that names it.
    """

    name: str
    subject: str
    lighting: str
    label: str
    part: str
    segment: tuple[int, int]
    where: str


class SplitSaid(NamedTuple):
    """What a split says: its sequences, all names in it, problems, counts, and subjects of both parts."""

    sequences: list[SeeSequence]
    names: frozenset[str]
    problems: list[Problem]
    counts: list[Count]
    shared: tuple[str, ...]


def read_split(root: Path, path: Path | None) -> SplitSaid:
    """The sequences of a split file.

    Args:
        root: The data set.
        path: The file; None for ``emotion.json`` or the only ``emotion*.json`` of the root.

    Raises:
        BadFileError: there is no such file, or it has no ``database`` of sequences.
    """
    path = _find(root) if path is None else path
    database, twice = _database(path)
    problems = [Problem(str(path), f"lists {name} twice; a clip has one label, it is left out") for name in twice]
    sequences = []
    for name, entry in database.items():
        if name in twice:
            continue
        sequence = _sequence(name, entry, str(path))
        if isinstance(sequence, str):
            problems.append(Problem(str(path), f"{name[:100]}: {sequence}"))
        else:
            sequences.append(sequence)
    sequences.sort(key=lambda one: one.name)
    subjects = {part: {one.subject for one in sequences if one.part == part} for part in PARTS.values()}
    parts = Counter(one.part for one in sequences)
    counts = [Count("subjects", len(subjects["train"] | subjects["test"]), 111),
              Count("training sequences", parts["train"], 1638), Count("test sequences", parts["test"], 767),
              Count("test subjects", len(subjects["test"]), 89),
              Count("pictures", sum(one.segment[1] - one.segment[0] for one in sequences), 128_712)]
    shared = tuple(sorted(subjects["train"] & subjects["test"]))
    return SplitSaid(sequences, frozenset(database), problems, counts, shared)


def _find(root: Path) -> Path:
    there = sorted(root.glob("emotion*.json"))
    if (root / "emotion.json") in there:
        return root / "emotion.json"
    if len(there) != 1:
        named = f"has {len(there)} of them ({', '.join(path.name for path in there[:5])})" if there else "has none"
        raise BadFileError(f"{root}: needs its split, emotion.json, and {named}; give it with --split FILE")
    return there[0]


def _database(path: Path) -> tuple[dict[str, Any], set[str]]:
    """The entries of the file, and the names that it has twice."""
    twice: set[str] = set()

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        names = Counter(name for name, _ in items)
        twice.update(name for name, count in names.items() if count > 1)
        return dict(items)

    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise BadFileError(f"{path}: has {path.stat().st_size >> 20} MB; the split of SEE has about one")
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=pairs)
    except FileNotFoundError as error:
        raise BadFileError(f"{path}: no such split; give the JSON that says who is in training and in testing"
                           ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise BadFileError(f"{path}: is not readable JSON ({error}); copy it again") from error
    database = content.get("database") if isinstance(content, dict) else None
    if not isinstance(database, dict) or not database:
        raise BadFileError(f"{path}: has no database of sequences; give the emotion.json of SEE")
    return database, twice & set(database)


def _sequence(name: str, entry: Any, where: str) -> SeeSequence | str:
    """The sequence of an entry, or what is wrong with it."""
    fields = name.split("_")
    if len(fields) != 9 or not re.fullmatch(r"\w[\w.+-]*", name, re.ASCII):
        return f"its name has {len(fields)} fields; need {FIELDS}"
    lighting, label = fields[5].lower(), fields[6].lower()
    if lighting not in LIGHTINGS:
        return f"has the lighting {fields[5]!r}; need one of {', '.join(LIGHTINGS)}"
    try:
        part, annotations = PARTS.get(entry["subset"]), entry["annotations"]
        told, (start, stop) = str(annotations["label"]).lower(), annotations["segment"]
    except (KeyError, TypeError, ValueError):
        return "its entry lacks subset, annotations.label or annotations.segment (start, stop)"
    if part is None:
        return f"is in the subset {entry['subset']!r}; need {' or '.join(PARTS)}"
    if label not in CLASSES or told not in CLASSES:
        return f"has the label {(told if label in CLASSES else label)!r}; need one of {', '.join(CLASSES)}"
    if told != label:
        return f"is {told} in the split and {label} by its name; a clip has one label, it is left out"
    if type(start) is not int or type(stop) is not int or not 0 <= start < stop <= start + LONGEST:
        return f"has the segment {annotations['segment']!r}; need two rising numbers of pictures"
    return SeeSequence(name, fields[1], lighting, label, part, (start, stop), where)
