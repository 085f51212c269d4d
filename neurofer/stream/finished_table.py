"""A finished table of decisions, and the list beside it of what it was made of: enough to add to it later.

The list, ``TABLE.done``, holds lines of JSON: the first says model, options and the digest of the table, each other one
a recording, what became of it, and which bytes of the table are its rows.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

from neurofer.errors import BadFileError, UsageError
from neurofer.files import atomic_path, file_digest, write_text
from neurofer.stream.journal import Journal
from neurofer.stream.made_of import MadeOf, refuse_others
from neurofer.stream.outcomes import Entry, described, entry_of
from neurofer.stream.tables import Summary

FORMAT, VERSION = "neurofer decisions", 1

MAY_ADD = ("--sensor",)
"""Options that change nothing about recordings that were decided about without them."""

_ANEW = "leave out --skip-done and --resume to decide about all recordings anew"
_PIECE = 1 << 20


def list_of(table: Path) -> Path:
    """The list beside a table."""
    return table.with_name(f"{table.name}.done")


def journal_of(table: Path) -> Path:
    """The journal beside a table in the making."""
    return table.with_name(f"{table.name}.partial")


def write_table(table: Path, header: Callable[[TextIO], None], journal: Journal, places: Iterable[str],
                made_of: MadeOf) -> None:
    """Write a table whole, then its list.

    Args:
        table: File to write.
        header: Writes the names of the columns.
        journal: Holds the rows.
        places: Recordings, in the order of their rows.
        made_of: What decided, and how.

    Raises:
        BadFileError: it cannot be written.
    """
    lines, whole = [], hashlib.sha256()
    with atomic_path(table) as temporary:
        with open(temporary, "w", encoding="utf-8", newline="") as text:
            header(text)
        whole.update(temporary.read_bytes())
        with open(temporary, "ab") as stream:
            for place in places:
                start = stream.tell()
                for rows in journal.rows(place):
                    data = rows.encode("utf-8", "surrogateescape")
                    whole.update(data)
                    stream.write(data)
                path, stamp, outcome, _ = journal.entries[place]
                lines.append({"done": place, "span": [start, stream.tell() - start],
                              **described(path, stamp, outcome)})
            stream.flush()
            os.fsync(stream.fileno())
    head = {"format": FORMAT, "version": VERSION, "made_of": made_of.as_json(), "table": whole.hexdigest()}
    write_text(list_of(table), "".join(json.dumps(line) + "\n" for line in (head, *lines)))


def read_finished(table: Path, made_of: MadeOf) -> dict[str, Entry]:
    """The recordings of a finished table by their place, with where in it their rows are; none if there is no table.

    Raises:
        UsageError: the table is of another model or of other options, was changed, or has no list.
        BadFileError: the list is broken.
    """
    path = list_of(table)
    if not table.is_file():
        return {}
    if not path.is_file():
        raise UsageError(f"{table}: has no list {path.name} that says what was decided, and how; {_ANEW}")
    try:
        head, *lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if head["format"] != FORMAT or head["version"] != VERSION:
            raise ValueError(f"{head['format']} of version {head['version']}")
        refuse_others(table, made_of, head, _ANEW, MAY_ADD)
        entries = {str(line["done"]): entry_of(line, ((int(line["span"][0]), int(line["span"][1])),))
                   for line in lines}
        digest = head["table"]
    except (KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
        raise BadFileError(f"{path}: is no list of decisions that this neurofer reads ({error}); {_ANEW}") from error
    if digest != file_digest(table):
        raise UsageError(f"{table}: was changed after it was written, so its rows cannot be kept; {_ANEW}")
    return entries


def take_over(journal: Journal, table: Path, entries: Iterable[Entry]) -> None:
    """Copy finished recordings of a table into the journal of the next one, rows as they are."""
    with open(table, "rb") as stream, journal.taking_over():
        for entry in entries:
            for start, length in entry.spans:
                stream.seek(start)
                while length > 0:
                    data = stream.read(min(length, _PIECE))
                    if not data:
                        break
                    journal.keep(entry.path, data.decode("utf-8", "surrogateescape"))
                    length -= len(data)
            journal.finish(entry.path, entry.stamp, entry.outcome)


def summary_of(entries: Iterable[Entry]) -> Summary:
    """What became of recordings, for the tables of boxes and of failures."""
    summary = Summary()
    for path, _, outcome, _ in entries:
        summary.decisions[path] = outcome.decisions
        if outcome.face is not None:
            summary.faces[path] = outcome.face
        if outcome.failure is not None:
            summary.failures[path] = outcome.failure
    return summary


def is_ours(path: Path) -> bool:
    """Whether a list may be replaced: it is one, or nothing is there.

    Raises:
        OSError: it cannot be read.
    """
    if not path.exists():
        return True
    with open(path, "rb") as stream:
        return stream.read(64).startswith(json.dumps({"format": FORMAT})[:-1].encode())
