"""Events as lines of text: ``t x y p`` with or without a header, separated by blanks, commas or semicolons."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from neurofer.errors import BadFileError
from neurofer.events.formats.naming import event_columns, header_words, unit_of
from neurofer.events.formats.text_numbers import WRONG, has_fraction, parse_lines
from neurofer.events.source import RawBlock, Source, checked_geometry

BLOCK_BYTES = 1 << 22
PROBE_BYTES = 1 << 16


class TextSource(Source):
    """Lines parsed in blocks of 4 MB; a position is a byte and the lines before it.

    Columns are ``t x y p`` unless a header names another order. Whole times are microseconds, fractional ones seconds,
    unless the header names a unit (``t_us``, ``time [ns]``). A first line of two whole numbers is ``width height``.
    """

    format = "text"
    hint = "text files do not say it"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = path.open("rb")
        self._size = os.fstat(self._file.fileno()).st_size
        self.blocks = -(-self._size // BLOCK_BYTES)
        self._order, self._columns = (0, 1, 2, 3), 4
        self._power: int | None = None
        self.start = self._read_header()
        if self._power is None:
            self._power = self._find_unit(self.start[0])

    def _read_header(self) -> tuple[int, int]:
        """The place and number of the first line of events."""
        place = number = 0
        for line in self._lines(os.pread(self._file.fileno(), PROBE_BYTES, 0)):
            text = line.decode("utf-8-sig", "replace").strip()
            words = header_words(text)
            named = event_columns(words) if words else None
            numbers = [word for word in words if word.isascii() and word.isdigit()]
            if named is not None and not text[:1].isdigit():
                self._use_names(words, named)
            elif text[:1] not in ("#", "%", ""):
                if len(words) != 2 or len(numbers) != 2 or number > 0:
                    if not _is_number(words[0]):
                        raise BadFileError(f"{self.path}: line {number + 1} is {text[:60]!r}; need numbers t x y p, or "
                                           "a header that names these columns")
                    break
                self.sensor = checked_geometry(self.path, int(words[0][:9]), int(words[1][:9]))
            place += len(line)
            number += 1
        return place, number

    def _use_names(self, words: list[str], named: dict[str, str]) -> None:
        t, x, y, p = (words.index(named[letter]) for letter in "txyp")
        self._order, self._columns = (t, x, y, p), len(words)
        unit = unit_of(named["t"])
        if unit is not None:
            self._power = unit

    def _find_unit(self, place: int) -> int:
        """6 when times are fractional (seconds), 0 when they are whole."""
        for line in self._lines(os.pread(self._file.fileno(), PROBE_BYTES, place)):
            words = line.replace(b",", b" ").replace(b";", b" ").split()
            if len(words) != self._columns or words[0][:1] in (b"#", b"%"):
                continue
            point, broken = has_fraction(np.frombuffer(words[self._order[0]], np.uint8), 0)
            pixel_point, _ = has_fraction(np.frombuffer(words[self._order[1]], np.uint8), 0)
            if broken or (point and not pixel_point):
                return 6
        return 0

    def _lines(self, data: bytes) -> list[bytes]:
        lines = data.splitlines(keepends=True)
        if len(data) == PROBE_BYTES and lines and not lines[-1].endswith(b"\n"):
            del lines[-1]
            if not lines:
                raise BadFileError(f"{self.path}: a line of more than {PROBE_BYTES} bytes; need one event a line")
        return lines

    def read(self, position: tuple[int, int]) -> RawBlock:
        place, line = position
        data = os.pread(self._file.fileno(), BLOCK_BYTES, place)
        final = place + len(data) >= self._size
        end = data.rfind(b"\n") + 1
        if final and end < len(data):
            data += b"\n"
        elif not final and not end:
            raise BadFileError(f"{self.path}: line {line + 1} does not end within {BLOCK_BYTES} bytes; "
                               "need one event a line")
        else:
            data = data[:end]
        lines = data.count(b"\n")
        t, x, y = np.empty(lines, np.int64), np.empty(lines, np.uint16), np.empty(lines, np.uint16)
        p = np.empty(lines, np.bool_)
        count, passed, wrong = parse_lines(np.frombuffer(data, np.uint8), np.array(self._order), self._columns,
                                           self._power or 0, t, x, y, p)
        note = ""
        if wrong and final and passed == lines - 1 and place + end < self._size:
            self.tail_bytes = self._size - place - end
            note = f"the last line is cut ({self.tail_bytes} bytes)"
        elif wrong:
            raise BadFileError(f"{self.path}: line {line + passed + 1} {WRONG[wrong].format(columns=self._columns)}; "
                               "need one event a line")
        following = None if final else (place + len(data), line + lines)
        return RawBlock(t[:count], x[:count], y[:count], p[:count], following, note=note)

    def close(self) -> None:
        self._file.close()


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
