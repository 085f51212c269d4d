"""Tables of intervals: what a method has spotted, or what is true, as ``video,type,onset,offset`` in CSV.

Frames are counted from 0 and both ends belong to the interval. A row with a video alone (``s01,,,``) says that nothing
is in that video. Columns may come in any order; ``apex``, ``score`` and ``emotion`` (or ``label``) are read where they
are there, others are left alone.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from neurofer.errors import BadFileError, name_some
from neurofer.files import csv_text, write_text
from neurofer.spotting.csv_lines import CsvLines
from neurofer.spotting.interval import KINDS, Interval, Kind

COLUMNS = ("video", "type", "onset", "offset")
LARGEST_FRAME = (1 << 31) - 1

Value = TypeVar("Value")
Column = tuple[str, Callable[[Interval], object]]
MORE: dict[str, Callable[[Interval], object]] = {
    "apex": lambda one: "" if one.apex is None else one.apex,
    "score": lambda one: "" if one.score is None else float(one.score),
    "emotion": lambda one: one.label,
    "label": lambda one: one.label,
}
"""Further columns that a table may have, and their cells."""


@dataclass(frozen=True)
class IntervalTable:
    """A table of intervals.

    Attributes:
        intervals: In the order of the rows.
        videos: All videos that are named, those without an interval too, in that order.
    """

    intervals: tuple[Interval, ...]
    videos: tuple[str, ...]


def read_intervals(path: Path | str, want_score: bool = False) -> list[Interval]:
    """The intervals of a table, in the order of its rows; see ``read_interval_table``."""
    return list(read_interval_table(path, want_score).intervals)


def read_interval_table(path: Path | str, want_score: bool = False) -> IntervalTable:
    """Read a table of intervals, in UTF-8 with or without a byte order mark, at most 64 MiB.

    Intervals of one type may overlap, as they do in real data sets; ``overlapping_pairs`` counts them.

    Args:
        path: The table; it is read once from front to back, so a pipe will do.
        want_score: Every interval needs a score.

    Raises:
        BadFileError: no such file, a column is missing, or rows are bad; all of them are told, the first 20 with
            line and reason.
    """
    lines = CsvLines(Path(path), f"a CSV whose first row names {','.join(COLUMNS)}")
    intervals, videos = list[Interval](), dict[str, None]()
    for line, row in _rows(lines, want_score):
        try:
            found = _interval(row, want_score)
        except ValueError as error:
            lines.tell(line, str(error))
            continue
        videos[row["video"]] = None
        if found is not None:
            intervals.append(found)
    lines.raise_if_bad()
    return IntervalTable(tuple(intervals), tuple(videos))


def intervals_text(intervals: Iterable[Interval], more: Sequence[str | Column] = ()) -> str:
    """The text of a table with the columns ``video,type,onset,offset`` and those of ``more``.

    Args:
        intervals: One row each, in this order.
        more: Further columns: ``apex``, ``score``, ``emotion`` or ``label``, or a name of your own and what gives the
            cell, such as ``("onset_ms", lambda one: one.onset * 5)``.

    Raises:
        ValueError: a column that no interval has.
    """
    unknown = [one for one in more if isinstance(one, str) and one not in MORE]
    if unknown:
        raise ValueError(f"intervals_text: no column {', '.join(unknown)}; choose of {', '.join(MORE)}, or give a name "
                         "and a function")
    columns = [(one, MORE[one]) if isinstance(one, str) else one for one in more]
    header = (*COLUMNS, *(name for name, _ in columns))
    return csv_text([header, *((one.video, one.kind, one.onset, one.offset, *(cell(one) for _, cell in columns))
                               for one in intervals)])


def write_intervals(path: Path | str, intervals: Iterable[Interval], more: Sequence[str | Column] = ()) -> None:
    """Write a table that ``read_intervals`` reads; ``more`` as in ``intervals_text``.

    Raises:
        BadFileError: the place cannot be written.
    """
    write_text(path, intervals_text(intervals, more))


def overlapping_pairs(intervals: Iterable[Interval]) -> dict[Kind, int]:
    """How many pairs of intervals of one video and type share a frame, by type."""
    groups = defaultdict[tuple[str, Kind], list[Interval]](list)
    for one in intervals:
        groups[one.video, one.kind].append(one)
    found = dict.fromkeys(KINDS, 0)
    for (_, kind), group in groups.items():
        onsets = sorted(one.onset for one in group)
        later = (bisect_right(onsets, one.offset) for one in group)  # all that start no later than this one ends,
        count = len(group)
        found[kind] += sum(later) - count * (count + 1) // 2  # less the pairs in which the other one comes first
    return found


def _rows(lines: CsvLines, want_score: bool) -> Iterator[tuple[int, Mapping[str, str]]]:
    """``(line, {column: cell})`` of rows below the first one; those of another length are told."""
    names: list[str] = []
    for line, cells in lines.rows():
        if not names:
            names = [cell.lower() for cell in cells]
            _check_header(lines.path, names, want_score)
        elif len(cells) < len(names) or any(cells[len(names):]):
            lines.tell(line, f"has {len(cells)} cells, the first row has {len(names)}")
        else:
            yield line, dict(zip(names, cells, strict=False))
    if not names:
        lines.raise_if_bad()
        raise BadFileError(f"{lines.path}: is empty; the first row must name {','.join(COLUMNS)}")


def _check_header(path: Path, names: list[str], want_score: bool) -> None:
    needed = (*COLUMNS, "score") if want_score else COLUMNS
    missing = [name for name in needed if name not in names]
    if missing:
        lone = len(names) == 1 and re.search("[;\t]", names[0])
        hint = "separate cells by commas" if lone else f"the first row must name {','.join(needed)}"
        found = name_some([_shown(name) for name in names], 8)
        raise BadFileError(f"{path}: has no column {', '.join(missing)} among {found}; {hint}")
    double = sorted({name for name in names if name and names.count(name) > 1})
    if double:
        raise BadFileError(f"{path}: names the column {_shown(double[0])} twice; keep one")


def _interval(row: Mapping[str, str], want_score: bool) -> Interval | None:
    """The interval of a row; None where it names a video alone.

    Raises:
        ValueError: all that is wrong with it.
    """
    if not row["video"]:
        raise ValueError("video is empty")
    if not (row["type"] or row["onset"] or row["offset"]):
        return None
    problems: list[str] = []
    kind = _read(row, "type", _kind, problems)
    onset, offset = _read(row, "onset", _frame, problems), _read(row, "offset", _frame, problems)
    apex = _read(row, "apex", _frame, problems) if row.get("apex") else None
    score = _read(row, "score", _score, problems) if want_score or row.get("score") else None
    if onset is not None and offset is not None:
        if offset < onset:
            problems.append(f"runs backwards, from onset {onset} to offset {offset}")
        elif apex is not None and not onset <= apex <= offset:
            problems.append(f"apex is {apex}, outside {onset} to {offset}")
    if problems or kind is None or onset is None or offset is None:
        raise ValueError("; ".join(problems))
    return Interval(row["video"], kind, onset, offset, apex, score, row.get("emotion") or row.get("label") or "")


def _read(row: Mapping[str, str], name: str, parse: Callable[[str], Value], problems: list[str]) -> Value | None:
    try:
        return parse(row[name])
    except ValueError as error:
        problems.append(f"{name} is {error if row[name] else 'empty'}")
        return None


def _kind(text: str) -> Kind:
    for kind in KINDS:
        if text.lower() == kind:
            return kind
    raise ValueError(f"{_shown(text)}, need micro or macro")


def _frame(text: str) -> int:
    """A frame number; ``12.0``, as programs write it that know only one kind of number, is 12."""
    found = re.fullmatch(r"(-?)(\d+)(?:\.(\d*))?", text, re.ASCII)
    if not found:
        raise ValueError(f"{_shown(text)}, need a frame number from 0")
    sign, digits, fraction = found.groups()
    if (fraction or "").strip("0"):
        raise ValueError(f"{_shown(text)}, need a whole number")
    if sign:
        raise ValueError(f"{_shown(text)}, frames are counted from 0")
    if len(digits) > 10 or int(digits) > LARGEST_FRAME:
        raise ValueError(f"{_shown(text)}, more than {LARGEST_FRAME}")
    return int(digits)


def _score(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{_shown(text)}, need a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{_shown(text)}, need a finite number")
    return value


def _shown(text: str) -> str:
    return repr(text if len(text) <= 30 else text[:30] + "...")
