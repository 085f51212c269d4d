"""How odd rows of micro-expression tables are read: the same rules for every data set, each application counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from neurofer.data.expected import Count
from neurofer.data.micro.fixes import MISSING_APEX
from neurofer.data.micro.record import ApexSource, MicroRecord
from neurofer.data.micro.sheets import Sheet, SheetRow, whole_number
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError
from neurofer.keyframes.apex import midpoint_apex
from neurofer.keyframes.instants import KEY_FRAMES

APEX_MIDPOINT = "apex is missing, the midpoint stands for it"
APEX_IS_ONSET = "apex is the onset"
APEX_IS_OFFSET = "apex is the offset"
SHORT = f"clip has fewer than {KEY_FRAMES} frames, key frames repeat"
SUBJECT_NUMBER = "subject is written as a number"
FIXED = "cell is corrected by the table of fixes"

CASME2_LABELS3 = {"disgust": "negative", "repression": "negative", "happiness": "positive", "surprise": "surprise"}
SAMM_LABELS3 = {**dict.fromkeys(("anger", "contempt", "disgust", "fear", "sadness"), "negative"),
                "happiness": "positive", "surprise": "surprise"}
"""Classes of the composite protocol by emotion; membership is decided by the public list, see ``micro.cde``."""


class Frames(NamedTuple):
    """The three annotated frames of an expression."""

    onset: int
    apex: int
    offset: int
    apex_source: ApexSource


class FrameColumns(NamedTuple):
    """Names of the columns; ``apex`` is None where a table has none."""

    onset: str
    apex: str | None
    offset: str


def read_frames(sheet: Sheet, row: SheetRow, columns: FrameColumns, problems: list[Problem],
                rules: Counter[str]) -> Frames | None:
    """The frames of a row; None, and problems, where they cannot be used.

    A missing apex ("/" or blank) becomes the midpoint; an apex at either end and a short clip stay as they are. Each
    is counted in ``rules``, in rows that can be used alone.
    """
    onset = whole_number(sheet, row, columns.onset, problems)
    offset = whole_number(sheet, row, columns.offset, problems)
    missing = columns.apex is None or row.cells[columns.apex] in MISSING_APEX
    apex = None if missing else whole_number(sheet, row, str(columns.apex), problems)
    if onset is None or offset is None or (apex is None and not missing):
        return None
    if onset > offset:
        problems.append(Problem(sheet.where(row, columns.onset), f"is {onset}, after the offset {offset}"))
        return None
    if apex is not None and not onset <= apex <= offset:
        problems.append(Problem(sheet.where(row, str(columns.apex)),
                                f"is {apex}, outside of its expression from {onset} to {offset}"))
        return None
    if apex is None:
        frames = Frames(onset, midpoint_apex(onset, offset), offset, "midpoint")
    else:
        frames = Frames(onset, apex, offset, "annotated")
    rules.update(frame_rules(frames))
    return frames


def frame_rules(frames: Frames) -> list[str]:
    """The rules that apply to an expression, for those that no table lists, too.

    Example:
        >>> frame_rules(Frames(5, 5, 40, "annotated"))
        ['apex is the onset']
    """
    said = [APEX_MIDPOINT] if frames.apex_source == "midpoint" else []
    if frames.apex_source == "annotated":
        said += [APEX_IS_ONSET] * (frames.apex == frames.onset) + [APEX_IS_OFFSET] * (frames.apex == frames.offset)
    return said + [SHORT] * (frames.offset - frames.onset + 1 < KEY_FRAMES)


def read_subject(sheet: Sheet, row: SheetRow, column: str, prefix: str, digits: int, problems: list[Problem],
                 rules: Counter[str]) -> str | None:
    """The subject as the data set's folders write it, from its full name or its number.

    Spreadsheets turn ``006`` into 6; with or without prefix and leading zeros, it is the same subject.
    """
    text = row.cells[column]
    subject = subject_name(text, prefix, digits)
    if subject is None:
        shown = repr(text) if text else "blank"
        problems.append(Problem(sheet.where(row, column), f"is {shown}; need a subject such as "
                                                          f"{prefix}{1:0{digits}} or its number"))
    elif subject != text:
        rules[SUBJECT_NUMBER] += 1
    return subject


def subject_name(text: str, prefix: str, digits: int) -> str | None:
    """The subject as folders write it; None where the text is no subject.

    Example:
        >>> subject_name("1", "sub", 2), subject_name("Sub01", "sub", 2), subject_name("6", "", 3)
        ('sub01', 'sub01', '006')
    """
    found = re.fullmatch(rf"(?:{re.escape(prefix)})?0*([0-9]{{1,6}})(?:\.0*)?", text.strip(), re.IGNORECASE)
    return None if found is None else f"{prefix}{int(found[1]):0{digits}}"


def read_name(sheet: Sheet, row: SheetRow, column: str, problems: list[Problem]) -> str | None:
    """The name of a clip; None, and a problem, where it could not be the name of a folder."""
    text = row.cells[column]
    if re.fullmatch(r"\w[\w.()+ -]*", text) and len(text) <= 100:
        return text
    problems.append(Problem(sheet.where(row, column), f"is {text[:40]!r}; need the name of a clip's folder"))
    return None


def read_emotion(sheet: Sheet, row: SheetRow, column: str, problems: list[Problem]) -> str | None:
    """The emotion in lower case; None, and a problem, where the cell is blank."""
    text = " ".join(row.cells[column].lower().split())
    if text and len(text) <= 100:
        return text
    problems.append(Problem(sheet.where(row, column), f"is {text[:40]!r}; need an emotion" if text else "is blank"))
    return None


def read_aus(text: str) -> tuple[str, ...]:
    """Action units, between which tables put a plus sign or a comma of any script.

    Example:
        >>> read_aus("R12 + 15"), read_aus("4，7"), read_aus("")
        (('R12', '15'), ('4', '7'), ())
    """
    return tuple(part for part in (" ".join(part.split()) for part in re.split("[+,;，、；]", text)) if part)


def without_repeats(sheet: Sheet, records: Iterable[tuple[SheetRow, MicroRecord]],
                    problems: list[Problem]) -> tuple[MicroRecord, ...]:
    """Records whose subject, clip and onset are their own; a later row of the same is a problem."""
    seen: dict[tuple[str, str, int], SheetRow] = {}
    good = []
    for row, record in records:
        first = seen.setdefault((record.subject, record.clip, record.onset_frame), row)
        if first is row:
            good.append(record)
        else:
            problems.append(Problem(sheet.where(row), f"repeats {record.subject} {record.clip} from frame "
                                                      f"{record.onset_frame} of row {first.number}"))
    return tuple(good)


def class_counts(records: Iterable[MicroRecord], wanted: Mapping[str, int], subjects: int | None = None,
                 field: str = "emotion") -> list[Count]:
    """How many records a class has beside how many the release has; other classes should have none.

    Args:
        records: What was read.
        wanted: Records of each class.
        subjects: Number of subjects of the release.
        field: Which field is the class.
    """
    records = list(records)
    have = Counter(str(getattr(record, field)) for record in records)
    names = [*wanted, *sorted(name for name in have if name not in wanted)]
    counts = [Count("expressions", len(records), sum(wanted.values()))] if field == "emotion" else []
    counts += [Count(f"{field} {name}" if name else f"no {field}", have[name], wanted.get(name, 0)) for name in names]
    if subjects is not None:
        counts.append(Count("subjects", len({record.subject for record in records}), subjects))
    return counts


def check_usable(where: object, records: Iterable[MicroRecord], problems: Iterable[Problem]) -> None:
    """Refuse a table without one usable row.

    Raises:
        BadFileError: there is none; with all problems.
    """
    if not any(True for _ in records):
        lines = [f"  {problem}" for problem in problems]
        raise BadFileError("\n".join([f"{where}: holds no usable row", *lines[:50]]
                                     + [f"  and {len(lines) - 50} more"] * (len(lines) > 50)))
