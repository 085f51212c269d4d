"""CAS(ME)2's names: participants and films as its table writes them, and as its folders do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from neurofer.data.micro.rules import subject_name
from neurofer.data.micro.sheets import Sheet, whole_number
from neurofer.data.preparing import Problem

RULE1, RULE2 = "naming rule1", "naming rule2"
RULES = {RULE1: ("number", "folder", "participant"), RULE2: ("code", "film")}
"""Sheets without a header, and what their columns are."""
FOLDERS = dict(enumerate([f"s{number}" for number in (15, 16, *range(19, 28), *range(29, 39), 40)], start=1))
"""The published folder of each participant."""
FILMS = {"disgust1": "0101", "disgust2": "0102", "anger1": "0401", "anger2": "0402", "happy1": "0502",
         "happy2": "0503", "happy3": "0505", "happy4": "0507", "happy5": "0508"}
"""The published code of each film."""
CODE_NUMBER = "code of a film lost its zero, it is back"
NO_RULES = "naming rules are not in the table, the published ones stand for them"


class Naming(NamedTuple):
    """How the table's names are those of folders.

    Attributes:
        subjects: ``s15`` by the number of the participant.
        films: ``0101`` by ``disgust1``.
    """

    subjects: Mapping[int, str]
    films: Mapping[str, str]


def read_naming(sheets: Mapping[str, Sheet], problems: list[Problem], counted: Counter[str]) -> Naming:
    """The naming rules of the table, or the published ones."""
    counted[NO_RULES] += RULE1 not in sheets or RULE2 not in sheets
    subjects = _subjects(sheets[RULE1], problems) if RULE1 in sheets else FOLDERS
    films = _films(sheets[RULE2], problems, counted) if RULE2 in sheets else FILMS
    return Naming(subjects, films)


def _subjects(sheet: Sheet, problems: list[Problem]) -> dict[int, str]:
    found: dict[int, str] = {}
    for row in sheet.rows:
        participant = whole_number(sheet, row, "participant", problems)
        folder = subject_name(row.cells["folder"] or row.cells["number"], "s", 1)
        if folder is None:
            problems.append(Problem(sheet.where(row, "folder"), f"is {row.cells['folder'][:40]!r}; need a folder such "
                                                                "as s15"))
        elif participant is not None and found.setdefault(participant, folder) != folder:
            problems.append(Problem(sheet.where(row, "participant"), f"is {participant}, who is {found[participant]} "
                                                                     "above"))
    return found


def _films(sheet: Sheet, problems: list[Problem], counted: Counter[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in sheet.rows:
        code, film = row.cells["code"].removesuffix(".0"), row.cells["film"].casefold()
        if not re.fullmatch("[0-9]{3,4}", code) or not film:
            problems.append(Problem(sheet.where(row), f"is {code[:40]!r} and {film[:40]!r}; need a code such as 0101 "
                                                      "and a film such as disgust1"))
        elif found.setdefault(film, code.zfill(4)) != code.zfill(4):
            problems.append(Problem(sheet.where(row), f"gives {film} the code {code}, which is {found[film]} above"))
        else:
            counted[CODE_NUMBER] += len(code) == 3
    return found
