"""Where a micro-expression data set keeps its sheet, and the frames of an expression."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from neurofer.data.micro.record import MicroRecord
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError, UsageError, name_some

DEPTH = 2
"""Folders below the root in which a sheet is looked for; pictures lie deeper."""
SUFFIXES = (".xlsx", ".xls", ".csv")


def find_sheet(root: Path, name: str, given: Path | None = None, depth: int = DEPTH) -> Path:
    """The annotation sheet: the given one, or the one of that name in the root, or a given folder, or just below.

    Another edition, such as ``MMEW_Micro_Exp_v2.xlsx`` for ``MMEW_Micro_Exp.xlsx``, is found where that name is not.

    Args:
        root: Root of the data set.
        name: Of the sheet, as it is published; a last word after its version, as in ``_v3_release``, may be another.
        given: The user's choice.
        depth: Folders below the root in which it is looked for, fewer where pictures lie near the root.

    Raises:
        BadFileError: there is none.
        UsageError: there are several, so the user has to choose.
    """
    if given is not None and not given.is_dir():
        if not given.is_file():
            raise BadFileError(f"{given}: no such sheet; give the data set's {name}")
        return given
    root = given or root
    if not root.is_dir():
        raise BadFileError(f"{root}: no such folder; give the root of the data set, which holds {name}")
    beginning = re.sub(r"_v\d+(_[a-z]+)?$", "", Path(name).stem.lower())
    editions = [path for path in _near(root, depth)
                if path.name.lower().startswith(beginning) and path.suffix.lower() in SUFFIXES]
    found = [path for path in editions if path.name.lower() == name.lower()] or editions
    if not found:
        raise BadFileError(f"{root}: holds no {name}; copy the sheet there, or give it by --sheet")
    if len(found) > 1:
        names = [path.relative_to(root).as_posix() for path in found]
        raise UsageError(f"{root}: holds {len(found)} sheets, {name_some(names, 3)}; choose one by --sheet")
    return found[0]


def with_folders(records: Iterable[MicroRecord], root: Path, places: Callable[[MicroRecord], Sequence[str]],
                 problems: list[Problem]) -> tuple[MicroRecord, ...]:
    """The records with the folders of their frames.

    Whether the frames are all there is seen when they are read, see ``frames_on_disk``; a folder that is not there is
    named as it should be.

    Args:
        records: Of one data set.
        root: Its root.
        places: Folders that may hold the frames of a record, relative to the root, the usual one first.
        problems: Told when no record has a folder.
    """
    found, absent = list[MicroRecord](), list[str]()
    for record in records:
        maybe = places(record)
        there = next((place for place in maybe if (root / place).is_dir()), None)
        if there is None:
            absent.append(maybe[0])
        found.append(replace(record, folder=there or maybe[0]))
    if found and len(absent) == len(found):
        problems.append(Problem(str(root), f"holds no folder of frames such as {absent[0]}, so no clip has any"))
    return tuple(found)


def _near(folder: Path, depth: int) -> Iterator[Path]:
    """Files in a folder and the folders below, without hidden ones and the locks of office programs."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "~$")):
            continue
        if not path.is_dir():
            yield path
        elif depth > 0:
            yield from _near(path, depth - 1)
