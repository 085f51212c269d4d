"""How option values are read and tables are printed, in one place for all verbs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from neurofer.errors import UsageError


def parse_sensor(text: str | None) -> tuple[int, int] | None:
    """``"640x480"`` as ``(640, 480)``; None stays None.

    Raises:
        UsageError: not two whole numbers of 1..65536 joined by an x.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", text.strip())
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (0 < width <= 65_536 and 0 < height <= 65_536):
        raise UsageError(f"--sensor: need WIDTHxHEIGHT in pixels such as 640x480, got {text!r}")
    return width, height


def parse_settings(words: Sequence[str], option: str = "--set") -> dict[str, Any]:
    """``["bins=5", "signed=true"]`` as ``{"bins": 5, "signed": True}``; values are YAML scalars.

    Raises:
        UsageError: a word without ``=``, a name given twice, or a value that is not YAML.
    """
    from neurofer.config import parse_scalar

    settings: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{option}: need name=value, got {word!r}")
        if name.strip() in settings:
            raise UsageError(f"{option}: {name.strip()} is given twice")
        settings[name.strip()] = parse_scalar(value, f"{option} {name.strip()}")
    return settings


def text_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A plain table: first column to the left, the rest to the right, two spaces between."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = []
    for row in cells:
        right = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *right]).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)
