"""Counts times published costs by hand; no number without table, source, rate and steps, and none for Loihi 2."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neurofer.errors import UsageError
from neurofer.hardware.comparison.energy_estimate import (
    EnergyEstimate,
    EnergyRatio,
    Work,
    chosen_tables,
    estimate,
    estimates,
    ratios,
)
from neurofer.hardware.energy import TABLES

ANN = Work("ann", macs=10e6, accumulates=0, updates=1e6, spikes=0, rate=1.0, steps=4)
SNN = Work("snn", macs=0, accumulates=2e6, updates=0.5e6, spikes=0.1e6, rate=0.2, steps=20)


@pytest.mark.parametrize(("work", "table", "least", "most"), [
    (ANN, "fp32", 46.0, 46.9),            # 10 M x 4.6; + 1 M x 0.9
    (SNN, "fp32", 1.8, 1.8 + 4.6),        # 2 M x 0.9; + 0.5 M x 2 x 4.6
    (SNN, "int8", 0.06, 0.06 + 0.23),
    (SNN, "loihi1-davies", 47.2, 47.2),   # 2 M x 23.6
    (SNN, "loihi1-keras-spiking", 94.7, 94.7),  # 2 M x 27.1 + 0.5 M x 81
    (SNN, "loihi1-sana-fe", 48 + 36.4 + 6.93, 71 + 36.4 + 11.1),
])
def test_by_hand(work: Work, table: str, least: float, most: float) -> None:
    found = estimate(work, TABLES[table])
    assert found is not None
    assert (found.least_uj, found.most_uj) == pytest.approx((least, most))


def test_the_text_says_it_all() -> None:
    assert str(estimate(SNN, TABLES["fp32"])) == "estimated 1.8 to 6.4 µJ (45 nm FP32, rate 0.2, T 20)"
    assert str(estimate(ANN, TABLES["int8"])) == "estimated 2.3 to 2.33 µJ (45 nm INT8, rate 1, T 4)"


def test_an_ann_has_no_energy_on_loihi() -> None:
    assert estimate(ANN, TABLES["loihi1-davies"]) is None


@pytest.mark.parametrize("missing", [{"rate": None}, {"rate": float("nan")}, {"steps": None}, {"steps": 0}])
def test_no_number_without_rate_and_steps(missing: dict[str, float | None]) -> None:
    with pytest.raises(ValueError, match=f"no estimate of snn without {next(iter(missing))}"):
        estimate(SNN._replace(**missing), TABLES["fp32"])


@pytest.mark.parametrize("missing", [{"table": ""}, {"source": ""}, {"least_uj": 9.0}, {"most_uj": float("inf")}])
def test_no_number_without_a_table_or_a_range(missing: dict[str, float | str]) -> None:
    found = estimate(SNN, TABLES["fp32"])
    assert found is not None
    with pytest.raises(ValueError, match="or not at all"):
        replace(found, **missing)


@pytest.mark.parametrize("missing", ["kind", "table", "source", "rate", "steps", "estimated_uj"])
def test_what_was_told_comes_back_or_is_refused(missing: str) -> None:
    found = estimate(SNN, TABLES["fp32"])
    assert found is not None
    assert EnergyEstimate.of_told(found.told) == found
    with pytest.raises(ValueError, match="energy"):
        EnergyEstimate.of_told({key: value for key, value in found.told.items() if key != missing})


def test_ratios_are_of_one_table_and_carry_rate_and_steps() -> None:
    found = estimates((ANN, SNN), [TABLES["fp32"], TABLES["loihi1-davies"]])
    (ratio,) = ratios(found)
    assert ratio.range == pytest.approx((1.8 / 46.9, 6.4 / 46.0))
    assert str(ratio) == "estimated 0.0384 to 0.139 times (45 nm FP32, rate 0.2, T 20)"
    assert ratio.told["kind"] == "estimated"
    assert (ratio.told["rate"], ratio.told["steps"]) == (0.2, 20)
    with pytest.raises(ValueError, match="no ratio of"):
        EnergyRatio(found[0], found[-1])


def test_tables_are_chosen_by_name() -> None:
    assert chosen_tables("all") == list(TABLES.values())
    assert chosen_tables("none") == []
    assert chosen_tables("fp16, loihi1-davies,fp16") == [TABLES["fp16"], TABLES["loihi1-davies"]]


@pytest.mark.parametrize(("words", "said"), [("loihi2", "no cost of an operation on Loihi 2 is public"),
                                             ("fp32,joules", "joules is no table"), ("", "nothing is no table")])
def test_other_tables_are_refused(words: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        chosen_tables(words)
