"""What a data set is known to hold, beside what the user's copy holds: a difference is told, not refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Count(NamedTuple):
    """A number that was counted in the user's copy, and the one that the release has."""

    what: str
    have: int
    wanted: int


def differing(counts: Iterable[Count]) -> tuple[Count, ...]:
    """The counts that are not as in the release."""
    return tuple(count for count in counts if count.have != count.wanted)
