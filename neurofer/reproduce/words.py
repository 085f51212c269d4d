"""How shares, intervals and axes are written in the tables of reproductions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from neurofer.numbers import short_number
from neurofer.reproduce.tables import OverSeeds


def share_text(share: float) -> str:
    """``"12.5 %"``."""
    return f"{100 * share:g} %"


def network_text(lstm: bool) -> str:
    """Name of the network."""
    return "LSTM" if lstm else "frame"


def mean_text(values: OverSeeds, signed: bool = False) -> str:
    """``"63.1 (52.8 to 73.3)"`` in per cent; without an interval, the mean alone."""
    form = "+.1f" if signed else ".1f"
    between = ""
    if values.interval is not None:
        between = " ({:{form}} to {:{form}})".format(*(100 * edge for edge in values.interval), form=form)
    return f"{100 * values.mean:{form}}{between}"


def axis_text(axis: str, value: Any) -> str:
    """A value of an axis in words."""
    if axis == "labels":
        return share_text(value)
    return network_text(value) if axis == "lstm" else str(value)


def place_text(where: Mapping[str, Any], shown: Sequence[str]) -> str:
    """``"LSTM, 25 % of the labels"``: the axes that have more than one value."""
    words = []
    for axis in shown:
        if axis in where:
            words.append(axis_text(axis, where[axis]) + (" of the labels" if axis == "labels" else ""))
    return ", ".join(words) or "all"


def numbers_text(values: Sequence[int]) -> str:
    """``"120"``, or ``"118 to 121"`` where they differ."""
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def amount_text(values: Iterable[float]) -> str:
    """``"8.79 M"``, or ``"2.61 M to 3.10 M"`` where they differ so far that it can be seen."""
    found = list(values)
    low, high = short_number(min(found)), short_number(max(found))
    return low if low == high else f"{low} to {high}"


def between_text(values: Iterable[float], form: str = ".3f") -> str:
    """``"0.145 to 0.179"``, or one number where they agree."""
    found = list(values)
    low, high = f"{min(found):{form}}", f"{max(found):{form}}"
    return low if low == high else f"{low} to {high}"
