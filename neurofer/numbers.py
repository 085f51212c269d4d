"""How large numbers and ranges are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def short_number(number: float) -> str:
    """``"8.79 M"``: three digits and the letter of the power of a thousand."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= limit:
            return f"{number / limit:.2f} {unit}"
    return f"{number:.0f}"


def range_words(low: float, high: float, write: Callable[[float], str] = "{:,}".format) -> str:
    """A range in words; one number where both ends read alike.

    >>> range_words(1200, 4800), range_words(2.304, 2.301, "{:.3g}".format)
    ('1,200 to 4,800', '2.3')

    Args:
        low: One end.
        high: The other.
        write: Writes an end.
    """
    return " to ".join(dict.fromkeys(map(write, (low, high))))


def shape_words(shape: Iterable[int]) -> str:
    """``"2x64x64"``."""
    return "x".join(f"{side:,}" for side in shape)
