"""How the parts of a comparison are named and its numbers written, in report and terminal alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from neurofer.hardware.comparison.targets import REFERENCE
from neurofer.hardware.layer_fit import Number

Found = Mapping[str, Any]

NAMES = {"ann": "ann", "majority": "most frequent class", "event_count": "number of events"}


def name_of(found: Found, name: str) -> str:
    """``"ann"``; ``"snn, torch"`` of whatever runs the SNN, with what it ran on where its name says something else."""
    return NAMES.get(name, f"snn, {target_name(found, name)}")


def target_name(found: Found, name: str) -> str:
    """``"torch"``, ``"gpu (on the CPU)"``."""
    on_cpu = name == "gpu" and where_of(found, name).endswith("cpu")
    return f"{name} (on the CPU)" if on_cpu else name


def alike(found: Found) -> list[str]:
    """torch and the targets that fired its spikes, every one, in all recordings: all that they say is the same."""
    whole = found["data"]["recordings"]
    return [REFERENCE, *(name for name, target in found["spikes"].items()
                         if target["recordings"] == whole and not target["different"])]


def rows_of(found: Found, names: Iterable[str]) -> dict[str, str]:
    """How the row of each of these is called; what is alike has one row, that of torch."""
    same = alike(found)
    together = f"snn: {', '.join(target_name(found, name) for name in same)} alike"
    return {name: together if name == REFERENCE and same[1:] else name_of(found, name)
            for name in names if name not in same[1:]}


def where_of(found: Found, name: str) -> str:
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


def graded(told: Mapping[str, Any], write: Callable[[Number], str] = str) -> str:
    """``"5 (C)"``, ``"2.3 to 4.7 KiB (B)"``: a number of ``comparison.memory`` with its grade.

    Args:
        told: The number.
        write: Writes it: ``str``, or ``memory_words`` for bits.
    """
    number = Number(**told)
    return f"{write(number)} ({number.grade})"
