"""Published energy tables: break-even by hand, a source for each, none for Loihi 2."""

from __future__ import annotations

import pytest

from neurofer.hardware.energy import TABLES


@pytest.mark.parametrize(("name", "break_even"), [("fp32", 5.1), ("fp16", 3.8), ("int8", 7.7)])
def test_break_even(name: str, break_even: float) -> None:
    assert TABLES[name].break_even == pytest.approx(break_even, abs=0.05)  # one decimal, as published


def test_every_table_names_its_source_and_its_caveat() -> None:
    for table in TABLES.values():
        assert table.source
        assert table.caveat


def test_no_table_for_loihi_2() -> None:
    assert not any("2" in table.name.replace("2018", "").replace("FP32", "") for table in TABLES.values())
    assert TABLES["loihi1-davies"].break_even is None
