"""What columns of events are called in the files of the world."""

from __future__ import annotations

import re

_NAMES = {
    "t": ("t", "ts", "time", "times", "timestamp", "timestamps"),
    "x": ("x", "xs", "col", "column", "u", "x_coordinate", "x_coordinates", "xcoordinate"),
    "y": ("y", "ys", "row", "v", "y_coordinate", "y_coordinates", "ycoordinate"),
    "p": ("p", "ps", "pol", "polarity", "polarities", "on", "sign"),
}
_BRACKETS = re.compile(r"\s*[\[(]\s*(\w+)\s*[\])]")
_UNITS = {"s": 6, "sec": 6, "seconds": 6, "ms": 3, "us": 0, "µs": 0, "microseconds": 0, "ns": -3}


def column_of(name: str) -> str | None:
    """``t``, ``x``, ``y`` or ``p`` for a column's name, None for any other."""
    plain = _without_unit(name)[0]
    return next((letter for letter, names in _NAMES.items() if plain in names), None)


def unit_of(name: str) -> int | None:
    """Power of ten of microseconds that a time column's name says (``t_us``: 0, ``time [s]``: 6), or None."""
    return _without_unit(name)[1]


def event_columns(names: list[str] | tuple[str, ...]) -> dict[str, str] | None:
    """The names of ``t x y p`` among ``names``; None unless there is one for each."""
    found: dict[str, str] = {}
    for name in names:
        letter = column_of(name)
        if letter is not None:
            found.setdefault(letter, name)
    return found if len(found) == 4 else None


def header_words(line: str) -> list[str]:
    """The words of a line of text that may name columns, units in brackets as a part of them: ``t [us]``, ``t_us``."""
    return _BRACKETS.sub(r"_\1", line.lstrip("#%")).replace(",", " ").replace(";", " ").split()


def _without_unit(name: str) -> tuple[str, int | None]:
    plain = name.strip().strip("\"'").lower()
    match = re.fullmatch(r"(.+?)[ _]*[_\[( ](s|sec|seconds|ms|us|µs|microseconds|ns|px|pixels?)[\])]?", plain)
    return (match[1], _UNITS.get(match[2])) if match else (plain, None)
