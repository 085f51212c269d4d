"""The log of MEGC 2019, line by line."""

from __future__ import annotations

import pytest

from neurofer.evaluate.spotting_log import spotting_log
from neurofer.spotting.interval import Interval

TRUTH = [Interval("v2", "micro", 30, 39), Interval("v1", "micro", 0, 9), Interval("v1", "macro", 5, 60),
         Interval("v1", "micro", 100, 109)]
PREDICTED = [Interval("v1", "micro", 101, 110), Interval("v3", "macro", 7, 70), Interval("v1", "micro", 50, 59),
             Interval("v1", "macro", 5, 60)]
LINES = ("v1 0 9 - - FN", "v1 - - 50 59 FP", "v1 100 109 101 110 TP", "v1 5 60 5 60 TP", "v2 30 39 - - FN",
         "v3 - - 7 70 FP")


@pytest.mark.parametrize(("dataset", "header"), [("samm", "1"), ("casme2", "2")])
def test_every_hit_miss_and_false_alarm_has_a_line(dataset: str, header: str) -> None:
    assert spotting_log(TRUTH, PREDICTED, dataset) == "\n".join((header, *LINES)) + "\n"  # type: ignore[arg-type]
    assert spotting_log(TRUTH[::-1], PREDICTED[::-1], dataset).splitlines()[1:] == [*LINES]  # type: ignore[arg-type]


def test_nothing_is_a_header() -> None:
    assert spotting_log([], [], "samm") == "1\n"


def test_a_name_with_a_space_is_refused() -> None:
    with pytest.raises(ValueError, match="'v 1' has a space"):
        spotting_log([Interval("v 1", "micro", 0, 9)], [], "samm")
