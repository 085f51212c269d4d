"""How large numbers are written."""

from __future__ import annotations


def short_number(number: float) -> str:
    """``"8.79 M"``: three digits and the letter of the power of a thousand."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= limit:
            return f"{number / limit:.2f} {unit}"
    return f"{number:.0f}"
