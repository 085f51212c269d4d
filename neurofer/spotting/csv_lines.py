"""The rows of a table that somebody else made, read in bounded memory; what cannot be read is told by line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from neurofer.errors import BadFileError

LARGEST_BYTES = 1 << 26
LONGEST_LINE_BYTES = 1 << 14
MOST_PROBLEMS = 20
"""Bad rows that are told one by one; the rest is counted."""


class CsvLines:
    """The rows of a CSV, and all that is wrong with it.

    Quoted cells may hold commas and line breaks. Nothing but the current row is kept.

    Args:
        path: Read once from front to back, so a pipe will do.
        wanted: What the table should be, for the error where there is none.
    """

    def __init__(self, path: Path, wanted: str) -> None:
        self.path = path
        self._wanted = wanted
        self._line = 0
        self._first: int | None = None  # line of the row that is being read
        self._told: list[str] = []
        self._bad = 0

    def tell(self, line: int, what: str) -> None:
        """Note what is wrong with a line."""
        self._bad += 1
        if len(self._told) < MOST_PROBLEMS:
            self._told.append(f"  line {line}: {what}")

    def raise_if_bad(self) -> None:
        """Tell all that was noted.

        Raises:
            BadFileError: something was.
        """
        if self._bad:
            more = [f"  and {self._bad - MOST_PROBLEMS} more"] if self._bad > MOST_PROBLEMS else []
            count = "1 problem" if self._bad == 1 else f"{self._bad} problems"
            raise BadFileError("\n".join([f"{self.path}: {count}", *self._told, *more]))

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """``(line, cells)`` of each row that is not empty, cells without the space around them.

        Raises:
            BadFileError: the file cannot be opened or read, is over 64 MiB, or UTF-16.
        """
        reader = csv.reader(self._lines(), strict=True)
        while True:
            self._first = None
            try:
                cells = [cell.strip() for cell in next(reader)]
            except StopIteration:
                return
            except csv.Error as error:
                self.tell(self._first or self._line, f"is no row of a CSV ({error})")
                continue
            if any(cells):
                yield self._first or self._line, cells

    def _lines(self) -> Iterator[str]:
        try:
            with open(self.path, "rb") as file:
                yield from self._decoded(file)
        except FileNotFoundError as error:
            raise BadFileError(f"{self.path}: no such file; give {self._wanted}") from error
        except IsADirectoryError as error:
            raise BadFileError(f"{self.path}: is a folder; give {self._wanted}") from error
        except OSError as error:
            raise BadFileError(f"{self.path}: cannot be read ({error.strerror or error})") from error

    def _decoded(self, file: BinaryIO) -> Iterator[str]:
        for line in self._raw(file):
            self._line += 1
            if self._line == 1:
                if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                    raise BadFileError(f"{self.path}: is UTF-16; save it as CSV in UTF-8")
                line = line.removeprefix(b"\xef\xbb\xbf")
            try:
                text = _text(line)
            except ValueError as error:
                self.tell(self._line, str(error))
                continue
            if self._first is None:
                self._first = self._line
            yield text

    def _raw(self, file: BinaryIO) -> Iterator[bytes]:
        """Lines; of one that is too long, a beginning that is too long."""
        size = 0
        while line := file.readline(LONGEST_LINE_BYTES + 1):
            piece = line
            size += len(piece)
            while len(piece) > LONGEST_LINE_BYTES and not piece.endswith(b"\n") and size <= LARGEST_BYTES:
                piece = file.readline(LONGEST_LINE_BYTES + 1)
                size += len(piece)
            if size > LARGEST_BYTES:
                raise BadFileError(f"{self.path}: is over {LARGEST_BYTES >> 20} MiB; give {self._wanted}")
            yield line


def _text(line: bytes) -> str:
    if b"\0" in line:
        raise ValueError("holds a NUL byte")
    if len(line) > LONGEST_LINE_BYTES:
        raise ValueError(f"has over {LONGEST_LINE_BYTES:,} bytes")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start + 1} is 0x{line[error.start]:02x})") from error
