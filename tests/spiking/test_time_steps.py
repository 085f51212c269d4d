"""Times that are no whole number of steps: all are named together, with what would do."""

from __future__ import annotations

import pytest

from neurofer.spiking.time_steps import refuse_rests


def test_all_rests_are_named_together() -> None:
    refuse_rests(500, window_us=1_500, lead_us=0)
    with pytest.raises(ValueError, match=r"^dt_us=30000 does not divide decision_us=100000 and readout_us=50000; "
                                         r"use decision_us=90000, readout_us=60000, or another dt_us$"):
        refuse_rests(30_000, decision_us=100_000, readout_us=50_000, window_us=90_000)
    with pytest.raises(ValueError, match="use window_us=700, or"):
        refuse_rests(700, window_us=100)
