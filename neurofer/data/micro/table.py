"""What reading a micro-expression data set gives: its records, and all that was not as it should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from neurofer.data.expected import Count
from neurofer.data.micro.record import MicroRecord
from neurofer.data.preparing import Problem


@dataclass(frozen=True)
class MicroTable:
    """Records of one data set.

    Attributes:
        dataset: Its name.
        records: Usable ones, in the order of the table.
        problems: Rows and files that cannot be used, each with sheet, row and column.
        rules: How often each rule for odd input was applied, such as ``apex is the offset``: handled, not lost.
        differing: Numbers that are not those of the release.
    """

    dataset: str
    records: tuple[MicroRecord, ...]
    problems: tuple[Problem, ...] = ()
    rules: Mapping[str, int] = field(default_factory=Counter)
    differing: tuple[Count, ...] = ()
