"""The composite protocol's membership: the public list of 442 clips that decides which clips count, and as what.

``combined_3class_gt.csv`` has no header; its columns are data set, subject, clip and label (0 negative, 1 positive,
2 surprise). Class rules alone would take in two clips of CASME II that are not in it, so the list decides.

Source:
    See et al., "MEGC 2019 - the second facial micro-expressions grand challenge", FG 2019; list: the public repository
    Facial-Micro-ExpressionGC/MEGC2019.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from neurofer.data.csv_rows import few
from neurofer.data.expected import Count, differing
from neurofer.data.micro.record import LABELS3, MicroRecord
from neurofer.data.micro.rules import subject_name
from neurofer.data.micro.table import MicroTable
from neurofer.data.micro.workbook import read_bytes
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError

SUBJECT_NAMES = {"casme2": ("sub", 2), "samm": ("", 3), "smic": ("s", 2)}
"""Prefix and digits of a subject, by data set."""
SUBJECTS = {"smic": 16, "casme2": 24, "samm": 28}
CLASSES = {"smic": (70, 51, 43), "casme2": (88, 32, 25), "samm": (92, 26, 15)}
"""Clips that are negative, positive and surprise."""
MOST_TOLD = 20
"""Listed clips that are named where the table lacks them."""
UNLISTED = "composite list lacks a clip whose emotion is eligible"
RELABELLED = "composite list and emotion disagree, the list decides"


class CdeEntry(NamedTuple):
    """A listed clip: subject and clip as the data set's folders write them."""

    dataset: str
    subject: str
    clip: str
    label3: str


@dataclass(frozen=True)
class CdeList:
    """The composite list.

    Attributes:
        path: The file.
        entries: Its clips, in order.
        differing: Numbers that are not those of the published list.
    """

    path: Path
    entries: tuple[CdeEntry, ...]
    differing: tuple[Count, ...] = ()

    def of(self, dataset: str) -> tuple[CdeEntry, ...]:
        """The entries of one data set."""
        return tuple(entry for entry in self.entries if entry.dataset == dataset)


def read_cde(path: Path) -> CdeList:
    """The composite list, checked; numbers that differ from the published ones are told, not refused.

    Raises:
        BadFileError: it cannot be read, is the twin with blank rows, or has wrong rows; all of them together.
    """
    path = Path(path)
    rows = _rows(path)
    _refuse_twin(path, rows)
    entries, problems = dict[tuple[str, str, str], CdeEntry](), list[Problem]()
    for number, cells in enumerate(rows, start=1):
        if not any(cells):
            continue
        entry = _entry(cells)
        where = f"{path.name}:{number}"
        if isinstance(entry, str):
            problems.append(Problem(where, entry))
        elif (key := (entry.dataset, entry.subject, _plain(entry.clip))) in entries:
            problems.append(Problem(where, f"lists {entry.dataset} {entry.subject} {entry.clip} again"))
        else:
            entries[key] = entry
    if not entries and not problems:
        raise BadFileError(f"{path}: lists no clip; give combined_3class_gt.csv of MEGC 2019")
    if problems:
        raise BadFileError("\n".join([f"{path}: is no list of data set,subject,clip,label (0, 1 or 2) without a header",
                                      *(f"  {problem}" for problem in few(problems, path))]))
    return CdeList(path, tuple(entries.values()), differing(_counts(tuple(entries.values()))))


def apply_cde(table: MicroTable, cde: CdeList) -> MicroTable:
    """The table with the list's membership: listed clips have its class, the others none.

    Raises:
        BadFileError: the list has clips that the table lacks, or that name two of its rows; all of them together.
    """
    listed = {(entry.subject, _plain(entry.clip)): entry for entry in cde.of(table.dataset)}
    if not listed:
        raise BadFileError(f"{cde.path}: lists no clip of {table.dataset}; the composite protocol has "
                           f"{', '.join(SUBJECT_NAMES)} only")
    have = Counter(_key(record) for record in table.records)
    wrong = [f"{entry.subject} {entry.clip} has no usable row" for key, entry in listed.items() if not have[key]]
    wrong += [f"{entry.subject} {entry.clip} has {have[key]} rows" for key, entry in listed.items() if have[key] > 1]
    if wrong:
        more = [f"and {len(wrong) - MOST_TOLD} more"] if len(wrong) > MOST_TOLD else []
        lines = [*wrong[:MOST_TOLD], *more,
                 *(f"in the table, {problem}" for problem in few(list(table.problems), cde.path))]
        raise BadFileError("\n".join([f"{cde.path}: does not fit the table of {table.dataset}, {len(wrong)} of "
                                      f"{len(listed)} listed clips; give the edition that has them",
                                      *(f"  {line}" for line in lines)]))
    records = tuple(replace(record, label3=entry.label3 if (entry := listed.get(_key(record))) else None)
                    for record in table.records)
    changes = Counter(table.rules)
    for old, new in zip(table.records, records, strict=True):
        if old.label3 != new.label3:
            changes[UNLISTED if new.label3 is None else RELABELLED] += 1
    return replace(table, records=records, rules=changes)


def _rows(path: Path) -> list[list[str]]:
    try:
        text = read_bytes(path).decode("utf-8-sig")
        return [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""))]
    except UnicodeDecodeError as error:
        raise BadFileError(f"{path}: is not UTF-8 (byte {error.start + 1}); give combined_3class_gt.csv") from error
    except csv.Error as error:
        raise BadFileError(f"{path}: is not a CSV ({error}); give combined_3class_gt.csv") from error


def _refuse_twin(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Blank rows between clips are the mark of ``combined_3class_gt-2.csv``, which lacks a clip."""
    filled = [number for number, cells in enumerate(rows, start=1) if any(cells)]
    blank = next((before + 1 for before, after in zip(filled, filled[1:], strict=False) if after > before + 1), None)
    if blank is not None:
        raise BadFileError(f"{path}: row {blank} is blank, as in the list's twin combined_3class_gt-2.csv, which lacks "
                           "a clip; give combined_3class_gt.csv")


def _entry(cells: Sequence[str]) -> CdeEntry | str:
    """The clip of a row, or what is wrong with it."""
    if len(cells) != 4:
        return f"has {len(cells)} columns, not 4"
    dataset, written, clip, label = cells[0].lower(), cells[1], cells[2], cells[3]
    if dataset not in SUBJECT_NAMES:
        return f"data set is {cells[0][:40]!r}, not one of {', '.join(SUBJECT_NAMES)}"
    subject = subject_name(written, *SUBJECT_NAMES[dataset])
    if subject is None:
        return f"subject is {written[:40]!r}, which {dataset} does not have"
    if not clip:
        return "clip is blank"
    if label not in ("0", "1", "2"):
        return f"label is {label[:40]!r}, not 0, 1 or 2"
    return CdeEntry(dataset, subject, clip, LABELS3[int(label)])


def _counts(entries: Sequence[CdeEntry]) -> list[Count]:
    """Clips of each set and class, and of the whole where it is whole, beside the published numbers."""
    counts = []
    there = [dataset for dataset in CLASSES if any(entry.dataset == dataset for entry in entries)]
    for dataset in there:
        of_set = [entry for entry in entries if entry.dataset == dataset]
        counts += [Count(f"{dataset} {label3}", sum(entry.label3 == label3 for entry in of_set), wanted)
                   for label3, wanted in zip(LABELS3, CLASSES[dataset], strict=True)]
        counts.append(Count(f"{dataset} subjects", len({entry.subject for entry in of_set}), SUBJECTS[dataset]))
    if len(there) == len(CLASSES):
        wanted_all = [sum(CLASSES[dataset][place] for dataset in CLASSES) for place in range(len(LABELS3))]
        counts += [Count(label3, sum(entry.label3 == label3 for entry in entries), wanted)
                   for label3, wanted in zip(LABELS3, wanted_all, strict=True)]
        counts.append(Count("clips", len(entries), sum(wanted_all)))
        counts.append(Count("subjects", len({entry[:2] for entry in entries}), sum(SUBJECTS.values())))
    return counts


def _key(record: MicroRecord) -> tuple[str, str]:
    return record.subject, _plain(record.clip)


def _plain(clip: str) -> str:
    """A clip's name as it is compared: case and leading zeros of a subject ``s1_ne_01`` do not matter."""
    return re.sub(r"^s0*([0-9]+)_", r"s\1_", clip.casefold())
