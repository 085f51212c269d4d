"""Lines of ``t,x,y,p`` as they come in, cut anywhere; the same numbers, headers and separators as in text files."""

from __future__ import annotations

import codecs

import numpy as np

from neurofer.events.clean import Columns
from neurofer.events.formats.naming import event_columns, header_words, unit_of
from neurofer.events.formats.text_numbers import WRONG, has_fraction, parse_lines

LINE_BYTES = 4_096


class LineReader:
    """Lines to columns; holds at most one unfinished line.

    Columns are ``t x y p`` unless a header names another order. Times are microseconds, or seconds where the first one
    has a decimal point, unless the header names a unit.

    Attributes:
        fault: What is wrong with the lines, once something is; nothing behind it is read.
    """

    def __init__(self) -> None:
        self.fault: str | None = None
        self._waiting = b""
        self._line = 0
        self._order, self._columns = np.arange(4), 4
        self._power: int | None = None
        self._begun = False

    def feed(self, data: bytes, final: bool = False) -> Columns:
        """The events of the lines that these bytes complete; look at ``fault`` behind it.

        Args:
            data: Any number of bytes.
            final: Nothing follows, so that the last line needs no newline.
        """
        data = self._waiting + data + (b"\n" if final else b"")
        end = data.rfind(b"\n") + 1
        whole, self._waiting = data[:end], data[end:]
        if self.fault is None and not self._begun:
            whole = self._read_header(whole)
        lines = whole.count(b"\n") if self.fault is None else 0
        columns = (np.empty(lines, np.int64), np.empty(lines, np.uint16), np.empty(lines, np.uint16),
                   np.empty(lines, np.bool_))
        count = 0
        if lines:
            count, passed, wrong = parse_lines(np.frombuffer(whole, np.uint8), self._order, self._columns,
                                               self._power or 0, *columns)
            if wrong:
                self.fault = f"line {self._line + passed + 1} {WRONG[wrong].format(columns=self._columns)}"
            self._line += lines
        if self.fault is None and len(self._waiting) > LINE_BYTES:
            self.fault = f"line {self._line + 1} is longer than {LINE_BYTES} bytes"
        t, x, y, p = columns
        return t[:count], x[:count], y[:count], p[:count]

    def _read_header(self, data: bytes) -> bytes:
        """What is left behind blank lines, comments and a header; all lines are read before the first event."""
        place = 0
        if self._line == 0:
            data = data.removeprefix(codecs.BOM_UTF8)
        for line in data.splitlines(keepends=True):
            text = line.decode("utf-8", "replace").strip()
            words = header_words(text)
            named = event_columns(words) if words else None
            if named is not None and not text[:1].isdigit():
                self._order = np.array([words.index(named[letter]) for letter in "txyp"])
                self._columns = len(words)
                self._power = unit_of(named["t"])
            elif text[:1] not in ("#", "%", ""):
                self._begin(text, words)
                break
            place += len(line)
            self._line += 1
        return data[place:]

    def _begin(self, text: str, words: list[str]) -> None:
        """Look at the first line of numbers: whether it is one, and whether its time is seconds."""
        if not text[:1].isdigit() and text[:1] not in "+-.":
            self.fault = f"line {self._line + 1} is {text[:40]!r}"
            return
        self._begun = True
        if self._power is None and len(words) == self._columns:
            t, x = (has_fraction(np.frombuffer(words[k].encode(), np.uint8), 0) for k in self._order[:2])
            self._power = 6 if t[1] or (t[0] and not x[0]) else 0
