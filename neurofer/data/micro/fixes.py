"""Known slips of published tables: a versioned list, applied only where a cell holds what the list says it held.

``fixes.yaml`` beside this file is the list, and says what its words mean.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, NamedTuple

from neurofer.data.micro.record import Fix
from neurofer.data.micro.sheets import Sheet, SheetRow
from neurofer.errors import BadFileError

TABLE = Path(__file__).with_name("fixes.yaml")
MISSING_APEX = ("", "/")
"""How tables write that there is no apex."""


@dataclass(frozen=True)
class KnownFix:
    """One cell of one published table.

    Attributes:
        dataset: ``casme2``, ``samm``, ``casme3`` or ``mmew``.
        edition: Rows of the table that is meant; None for all.
        row: 0-based after the header; None where the cells of ``key`` tell the row.
        key: Values that the row's other cells have, by column.
        field: The column.
        old: What it held, with ``*`` for any text; ``any`` or ``unknown``, see ``fixes.yaml``.
        new: What it should hold.
        reason: Why.
        accepted: Other values that are right, too.
        unusable: Only for a row that cannot be used as written.
    """

    dataset: str
    edition: int | None
    row: int | None
    key: Mapping[str, tuple[str, ...]]
    field: str
    old: tuple[str, ...] | Literal["any", "unknown"]
    new: str
    reason: str
    accepted: tuple[str, ...] = ()
    unusable: bool = False

    def is_of(self, row: SheetRow) -> bool:
        """Whether this is the row."""
        if self.row is not None and self.row != row.index:
            return False
        return all(_same(row.cells.get(column, ""), values) for column, values in self.key.items())

    @property
    def strict(self) -> bool:
        """Whether all is known that the cell can rightly hold."""
        return isinstance(self.old, tuple) and not self.unusable and not any("*" in old for old in self.old)


class Fixed(NamedTuple):
    """Rows as they are to be read, and what was changed, by ``SheetRow.index``."""

    rows: tuple[SheetRow, ...]
    fixes: dict[int, tuple[Fix, ...]]


@functools.cache
def known_fixes() -> tuple[KnownFix, ...]:
    """The list."""
    return tuple(_known(entry, cell) for entry in _table()["fixes"] for cell in entry["cells"])


def apply_fixes(dataset: str, sheet: Sheet) -> Fixed:
    """Read known slips as what they should be.

    A fix that names rows by number concerns one edition only, told by ``Sheet.length`` and by what the named cells
    hold. All fixes of a row look at it as it is written.

    Args:
        dataset: ``casme2``, ``samm``, ``casme3`` or ``mmew``; another one has no fixes.
        sheet: Its table.

    Raises:
        BadFileError: a cell of the list holds neither the value that was wrong nor the one that is right; all such
            cells together.
    """
    frames = _table()["frames"].get(dataset, ())
    fixes = [fix for fix in known_fixes() if fix.dataset == dataset and fix.edition in (None, sheet.length)]
    if not _is_edition(fixes, sheet):
        fixes = [fix for fix in fixes if fix.edition is None]
    rows, applied, wrong = [], dict[int, tuple[Fix, ...]](), list[str]()
    for row in sheet.rows:
        changed: dict[str, str] = {}
        for fix in fixes:
            if fix.field not in row.cells or not fix.is_of(row):
                continue
            held = row.cells[fix.field]
            if _matches(fix, held, row, frames):
                changed[fix.field] = fix.new
                applied[row.index] = (*applied.get(row.index, ()), Fix(fix.field, held, fix.new, fix.reason))
            elif fix.strict and not _same(held, (fix.new, *fix.accepted)):
                known = " or ".join(repr(one) for one in fix.old)
                wrong.append(f"{sheet.where(row, fix.field)} is {held!r}, but known are {known} (a slip, {fix.reason}) "
                             f"and {fix.new!r}")
        rows.append(replace(row, cells={**row.cells, **changed}) if changed else row)
    if wrong:
        raise BadFileError("\n".join([f"{sheet.path}: is not the {dataset} table that its fixes were made for; restore "
                                      "these cells or give the table as published", *(f"  {one}" for one in wrong)]))
    return Fixed(tuple(rows), applied)


def _is_edition(fixes: Sequence[KnownFix], sheet: Sheet) -> bool:
    """Whether a table of the right length is the edition that is meant: not if none of the cells known by number alone
    holds what it may. So a remark below another edition does not make it this one."""
    rows = {row.index: row for row in sheet.rows}
    bound = [fix for fix in fixes if fix.row is not None and fix.strict]
    return not bound or any(
        fix.row in rows and _same(rows[fix.row].cells.get(fix.field, ""), (*fix.old, fix.new)) for fix in bound)


def _matches(fix: KnownFix, held: str, row: SheetRow, frames: Sequence[str]) -> bool:
    """Whether the fix changes the cell."""
    if _same(held, (fix.new, *fix.accepted)):
        return False
    if (fix.unusable or fix.old == "unknown") and _is_usable(row, frames):
        return False
    return isinstance(fix.old, str) or any(fnmatchcase(held.casefold(), old.casefold()) for old in fix.old)


def _is_usable(row: SheetRow, frames: Sequence[str]) -> bool:
    """Whether onset <= apex <= offset holds as written."""
    texts = [row.cells.get(column, "") for column in frames]
    if not all(text.isascii() and text.isdigit() and len(text) < 10 for text in texts):
        return False
    onset, apex, offset = map(int, texts)
    return onset <= apex <= offset


def _same(held: str, values: Sequence[str]) -> bool:
    """Whether a cell holds one of the values; neither spaces nor case matter."""
    plain = "".join(held.split()).casefold()
    return any(plain == "".join(value.split()).casefold() for value in values)


@functools.cache
def _table() -> dict[str, Any]:
    from neurofer._yaml import read_yaml

    table: dict[str, Any] = read_yaml(TABLE.read_bytes()).value
    return table


def _known(entry: Mapping[str, Any], cell: Mapping[str, Any]) -> KnownFix:
    key = dict(cell["key"])
    row, old = key.pop("row", None), cell["old"]
    return KnownFix(
        entry["dataset"], entry["edition"], row, {column: _texts(value) for column, value in key.items()},
        entry["field"], old if old in ("any", "unknown") else _texts(old), str(cell["new"]), entry["reason"],
        _texts(cell.get("accepted", [])), bool(cell.get("unusable")))


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in (value if isinstance(value, list) else [value]))
