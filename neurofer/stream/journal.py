"""What is finished of a long table of decisions, kept beside it while it is made: a kill loses one recording at most.

Lines of JSON, each appended and never changed. The first says of what the table is made; then come ``rows`` of a
recording in pieces, and ``done`` when it is finished, on the disk before the next one is begun. Rows without their
``done``, and a last line that was cut, are those of a recording that a kill interrupted: they do not count.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from neurofer.errors import BadFileError, UsageError
from neurofer.files import is_full_disk
from neurofer.stream.made_of import MadeOf, refuse_others
from neurofer.stream.outcomes import Entry, Outcome, Stamp, described, entry_of, place_of

FORMAT, VERSION = "neurofer decisions in the making", 1
_BEGINNING = json.dumps({"format": FORMAT})[:-1].encode()


class Journal:
    """Finished recordings of one table in the making.

    Attributes:
        path: Its file.
        entries: Finished recordings by their place.
    """

    def __init__(self, path: Path, stream: BinaryIO, made_of: MadeOf) -> None:
        self.path = path
        self.entries: dict[str, Entry] = {}
        self._stream, self._made_of = stream, made_of
        self._pieces: dict[str, list[tuple[int, int]]] = {}
        self._taking_over = False

    @classmethod
    def open(cls, path: Path, made_of: MadeOf, *, resume: bool = False, overwrite: bool = False) -> Journal:
        """The journal of a table: a new one, or under ``resume`` the one that is there.

        One without any decided recording is no loss, and is replaced.

        Raises:
            UsageError: one is there and neither was asked for, or it is of another model, of other options, of another
                version, or in use.
            BadFileError: something else is there, or it cannot be written.
        """
        with _telling(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            journal = cls(path, open(path, "a+b", buffering=0), made_of)  # noqa: SIM115  closed by close
        try:
            with _telling(path):
                _lock(journal._stream, path)
                journal._begin(resume, overwrite)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            journal.close()
            raise BadFileError(f"{path}: was altered and cannot be gone on with; start anew with --overwrite"
                               ) from error
        except BaseException:
            journal.close()
            raise
        return journal

    @property
    def decided(self) -> int:
        """Finished recordings that did not fail."""
        return sum(entry.outcome.failure is None for entry in self.entries.values())

    def keep(self, path: Path, rows: str) -> None:
        """Keep rows of a recording that is not finished yet, behind those that came before."""
        with _telling(self.path):
            self._pieces.setdefault(place_of(path), []).append(self._append({"rows": rows, "of": place_of(path)}))

    def finish(self, path: Path, stamp: Stamp | None, outcome: Outcome) -> None:
        """Note that a recording is finished; when this returns, the disk knows, unless all is being taken over."""
        place = place_of(path)
        with _telling(self.path):
            self._append({"done": place, **described(path, stamp, outcome)})
            if not self._taking_over:
                os.fsync(self._stream.fileno())
        self.entries[place] = Entry(path, stamp, outcome, tuple(self._pieces.pop(place, ())))

    @contextlib.contextmanager
    def taking_over(self) -> Iterator[None]:
        """What is finished inside the block counts when the block ends, and not before: it lies elsewhere until then.
        """
        self._taking_over = True
        with _telling(self.path):
            self._append({"taking_over": True})
        yield
        with _telling(self.path):
            self._append({"taking_over": False})
            os.fsync(self._stream.fileno())
        self._taking_over = False

    def rows(self, place: str) -> Iterator[str]:
        """The rows of a finished recording, in pieces."""
        for start, length in self.entries[place].spans:
            self._stream.seek(start)
            yield json.loads(self._stream.read(length))["rows"]

    def close(self) -> None:
        """Leave the file as it is."""
        self._stream.close()

    def remove(self) -> None:
        """Close the journal and take it away, with all that it holds."""
        self.path.unlink(missing_ok=True)
        self.close()

    def _begin(self, resume: bool, overwrite: bool) -> None:
        lines = _lines(self._stream)
        first = next(lines, None)
        if first is not None:
            head = first[2]
            if head.get("format") != FORMAT:
                raise BadFileError(f"{self.path}: is in the way and holds no decisions; move it, or choose another "
                                   "name for the output")
            if not overwrite and head.get("version") != VERSION:
                raise UsageError(f"{self.path}: is of version {head.get('version')}, this neurofer reads {VERSION}; "
                                 "finish it with the neurofer that began it, or start anew with --overwrite")
            if not overwrite and self._read(lines):
                if not resume:
                    raise UsageError(f"{self.path}: a command that was stopped left {self.decided} recordings there; "
                                     "go on with --resume, or start anew with --overwrite")
                refuse_others(self.path, self._made_of, head, "start anew with --overwrite")
                self._cut_torn_line()
                self._append({"resumed": True})
                return
        self.entries.clear()
        self._stream.truncate(0)
        self._append({"format": FORMAT, "version": VERSION, "made_of": self._made_of.as_json()})

    def _read(self, lines: Iterator[tuple[int, int, dict[str, Any]]]) -> bool:
        """Take in what is there; whether it is worth keeping."""
        taking_over = False
        for start, length, line in lines:
            if "of" in line:
                self._pieces.setdefault(str(line["of"]), []).append((start, length))
            elif "done" in line:
                spans = tuple(self._pieces.pop(str(line["done"]), ()))
                self.entries[str(line["done"])] = entry_of(line, spans)
            else:
                self._pieces.clear()
                taking_over = bool(line.get("taking_over"))
        self._pieces.clear()
        return self.decided > 0 and not taking_over

    def _cut_torn_line(self) -> None:
        end = 0
        for start, length, _ in _lines(self._stream):
            end = start + length
        self._stream.truncate(end)

    def _append(self, line: Mapping[str, Any]) -> tuple[int, int]:
        """Append a line; where it begins, and its length."""
        start = self._stream.seek(0, os.SEEK_END)
        data = json.dumps(line).encode() + b"\n"
        rest = memoryview(data)
        while rest:
            rest = rest[self._stream.write(rest) :]
        return start, len(data)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Start, length and content of each line, up to the first that is not whole; of a foreign file one empty line."""
    place = 0
    stream.seek(0)
    start = stream.read(len(_BEGINNING))
    if not _BEGINNING.startswith(start):
        yield 0, len(start), {}  # not ours
        return
    while True:
        stream.seek(place)
        block = _line(stream)
        try:
            line = json.loads(block) if block.endswith(b"\n") else None
        except ValueError:
            line = None
        if not isinstance(line, dict):
            return
        yield place, len(block), line
        place += len(block)


def _line(stream: BinaryIO) -> bytes:
    """The rest of a line, whatever its length; the stream is then somewhere behind it."""
    parts = []
    while part := stream.read(1 << 16):
        end = part.find(b"\n")
        if end >= 0:
            parts.append(part[: end + 1])
            break
        parts.append(part)
    return b"".join(parts)


def _lock(stream: BinaryIO, path: Path) -> None:
    """Keep other commands away for as long as the stream is open, where the system can.

    Raises:
        UsageError: another one has it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(f"{path}: another command is at work on it; wait for its end, or choose another name for "
                         "the output") from None
    except OSError:
        pass  # a file system without locks


@contextlib.contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_full_disk(error):
            raise BadFileError(f"{path}: the disk is full; nothing that is kept there is lost, free some space and "
                               "go on with --resume") from error
        raise BadFileError(f"{path}: cannot be written ({error.strerror or error}); fix its permissions, or choose "
                           "another place for the output") from error
