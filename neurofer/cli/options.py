"""How option values are read and tables are printed, in one place for all verbs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from neurofer.errors import UsageError

if TYPE_CHECKING:
    from neurofer.events.clean import Mode


def parse_sensor(text: str | None, option: str = "--sensor") -> tuple[int, int] | None:
    """``"640x480"`` as ``(640, 480)``; None stays None.

    Raises:
        UsageError: not two whole numbers of 1..65536 joined by an x.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", text.strip())
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (0 < width <= 65_536 and 0 < height <= 65_536):
        raise UsageError(f"{option}: need WIDTHxHEIGHT in pixels such as 640x480, got {text!r}")
    return width, height


def parse_mode(text: str) -> Mode:
    """What to do with broken events, as ``open_recording`` takes it.

    Raises:
        UsageError: another word.
    """
    if text not in ("strict", "repair", "trust"):
        raise UsageError(f"--mode: choose strict, repair or trust, got {text!r}")
    return cast("Mode", text)


def text_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A plain table, two spaces between its columns; columns of numbers stand to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    columns = list(zip(header, *cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [all(re.fullmatch(r"[-+]?[\d.,]+( %)?|-|", cell) for cell in column[1:]) for column in columns]
    lines = [list(header), ["-" * width for width in widths], *cells]
    return "\n".join("  ".join(cell.rjust(width) if to_right else cell.ljust(width)
                               for cell, width, to_right in zip(line, widths, right, strict=True)).rstrip()
                     for line in lines)


def paragraphs(text: str) -> str:
    """The help of a verb as it is shown: each paragraph is one line, which the terminal breaks anew."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def examples(*commands: str) -> str:
    """The epilog of a verb: ``examples("neurofer info a.raw")``."""
    lines = "\n".join(f"  {command}" for command in commands)
    return "Examples:\n\n" + lines.replace("[", "\\[")


def with_options(verb: str, overrides: Sequence[str] | None, given: Sequence[tuple[str, object]]) -> list[str]:
    """The overrides of a configuration, with those that came as options; None stands for an option not given.

    Raises:
        UsageError: the same key comes as an option and as an override.
    """
    import json

    words = list(overrides or [])
    for name, value in given:
        if value is None:
            continue
        if any(word.split("=")[0].strip() == name for word in words):
            option = name.partition(".")[0]
            raise UsageError(f"{verb}: {name} is given by --{option} and by {name}=...; give it once")
        # As YAML that stays text, whatever characters a path holds; numbers stay numbers.
        text = json.dumps([str(one) for one in value] if isinstance(value, list) else str(value))
        words.append(f"{name}={value if isinstance(value, int) else text}")
    return words
