"""How the parts of a comparison are named and its numbers written, in report and terminal alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NAMES = {"ann": "ann", "majority": "most frequent class", "event_count": "number of events"}


def name_of(name: str) -> str:
    """``"ann"``; ``"snn, torch"`` of whatever runs the SNN."""
    return NAMES.get(name, f"snn, {name}")


def where_of(found: Mapping[str, Any], name: str) -> str:
    """Device of a target, in words."""
    return str(found["targets"][name]["where"])


def share(value: float) -> str:
    """A share in per cent."""
    return f"{100 * value:.1f}"


def share_with(value: float, interval: Sequence[float] | None) -> str:
    """``"63.1 (52.8 to 73.3)"``; without an interval, the number alone."""
    return share(value) + (f" ({share(interval[0])} to {share(interval[1])})" if interval else "")


def first_words(first: Mapping[str, Any] | None) -> str:
    """``"conv2, step 17 (340 ms), neuron 3210 (channel 3, y 4, x 9), recording s01"``; ``"none"`` where all agree."""
    if first is None:
        return "none"
    place = first["place"]
    where = f" (channel {place[0]}, y {place[1]}, x {place[2]})" if len(place) == 3 else ""
    return (f"{first['layer']}, step {first['step']} ({first['ms']:g} ms), neuron {first['neuron']}{where}, recording "
            f"{first['recording']}")


def number_words(number: Mapping[str, Any]) -> str:
    """``"5 (C)"``, ``"5 to 7 (B)"``: a number of ``neurofer.hardware.comparison.memory`` with its grade."""
    ends = dict.fromkeys(f"{number[end]:,}" for end in ("low", "high"))
    return f"{' to '.join(ends)} ({number['grade']})"
