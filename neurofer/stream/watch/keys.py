"""Keys of a terminal, one at a time and without waiting; the terminal is left as it was, whatever happens."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from types import TracebackType
from typing import Any

NAMES = {b" ": "space", b"q": "q", b"Q": "q", b"\x1b[D": "left", b"\x1bOD": "left", b"\x1b[C": "right",
         b"\x1bOC": "right"}


def split_keys(typed: bytes) -> tuple[list[str], bytes]:
    """Names of the keys in what was typed, others left out, and the start of an escape sequence that is not yet whole.

    >>> split_keys(b" x\\x1b[D\\x1b[")
    (['space', 'left'], b'\\x1b[')
    """
    names: list[str] = []
    at = 0
    while at < len(typed):
        size = _length(typed[at:])
        if not size:
            return names, typed[at:]
        name = NAMES.get(typed[at : at + size])
        if name:
            names.append(name)
        at += size
    return names, b""


class Keys:
    """Reads single keys while its ``with`` block runs; gives none where that is not possible.

    Possible where standard input is a terminal, this program is in its foreground, and the system has ``termios``.
    Ctrl-Z is a key without a meaning meanwhile.

    Attributes:
        available: Whether keys are read, known inside the block.
    """

    def __init__(self, wanted: bool = True, file_number: int | None = None) -> None:
        """Keep what is asked for; nothing is changed yet.

        Args:
            wanted: Whether to read keys at all.
            file_number: Of the terminal; standard input by default.
        """
        self.available = False
        self._wanted, self._file = wanted, file_number
        self._before: list[Any] | None = None
        self._rest = b""

    def __enter__(self) -> Keys:
        if not self._wanted:
            return self
        try:
            import termios
            import tty
        except ImportError:
            return self
        try:
            file = sys.stdin.fileno() if self._file is None else self._file
            if os.isatty(file) and _in_the_foreground(file):
                self._file, self._before = file, termios.tcgetattr(file)
                tty.setcbreak(file, termios.TCSANOW)
                self.available = True
                now = termios.tcgetattr(file)
                now[6][termios.VSUSP] = b"\0"  # a stopped program would leave its screen and these keys to the shell
                termios.tcsetattr(file, termios.TCSANOW, now)
        except (OSError, ValueError, AttributeError, termios.error):
            self._restore()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def pressed(self) -> list[str]:
        """The keys since the last call: ``space``, ``q``, ``left``, ``right``."""
        if not self.available or self._file is None:
            return []
        typed = self._rest
        while select.select([self._file], [], [], 0)[0]:
            try:
                more = os.read(self._file, 256)
            except OSError:
                more = b""
            if not more:
                self.available = False
                break
            typed += more
        escape_alone = typed == self._rest
        names, self._rest = split_keys(typed)
        if escape_alone:
            self._rest = b""
        return names

    def _restore(self) -> None:
        self.available = False
        if self._before is not None and self._file is not None:
            import termios

            before, self._before = self._before, None
            with contextlib.suppress(OSError, termios.error):
                termios.tcsetattr(self._file, termios.TCSANOW, before)


def _length(typed: bytes) -> int:
    """Bytes of the first key; 0 for an escape sequence that is not whole."""
    if typed[:1] != b"\x1b":
        return 1
    if typed[1:2] == b"O":
        return 3 if len(typed) > 2 else 0
    if typed[1:2] != b"[":
        return 1 if len(typed) > 1 else 0
    for place in range(2, len(typed)):
        if 0x40 <= typed[place] <= 0x7E:
            return place + 1
    return 0


def _in_the_foreground(file: int) -> bool:
    """Whether this program may change the terminal; one in the background would be stopped by the system."""
    try:
        return os.tcgetpgrp(file) == os.getpgrp()
    except OSError:
        return True
