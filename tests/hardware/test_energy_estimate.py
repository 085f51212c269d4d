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
from neurofer.hardware.comparison.pays import VERDICTS, break_even, verdict_words
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
    assert str(ratio) == "estimated 1/26 to 1/7.2 (45 nm FP32; snn: rate 0.2, T 20; ann: rate 1, T 4)"
    assert ratio.told["kind"] == "estimated"
    assert (ratio.told["rate"], ratio.told["steps"]) == (0.2, 20)
    assert (ratio.told["rate_of_other"], ratio.told["steps_of_other"]) == (1, 4)
    with pytest.raises(ValueError, match="no ratio of"):
        EnergyRatio(found[0], found[-1])


@pytest.mark.parametrize(("factor", "words"), [(1, "1/26 to 1/7.2"), (10, "1/2.6 to 1.4"), (100, "3.8 to 14"),
                                               (0, "0")])
def test_ratios_below_a_half_read_as_fractions(factor: float, words: str) -> None:
    snn = SNN._replace(accumulates=factor * SNN.accumulates, updates=factor * SNN.updates)
    (ratio,) = ratios(estimates((ANN, snn), [TABLES["fp32"]]))
    assert ratio.amount == f"estimated {words}"


# 2 M operations and 0.5 M neuron updates; with leaks, an update is two MACs, of break-even accumulates each.
@pytest.mark.parametrize(("table", "dense_macs", "said"), [
    ("fp32", 0.39e6, "no"),               # 5.13 operations per MAC, 4.6 / 0.9 = 5.11
    ("fp32", 0.40e6, "synapses alone"),   # 5; leaks add 2 * 0.5 * 5.11 / 0.4 = 12.8
    ("fp32", 1.38e6, "synapses alone"),   # 1.45 + 3.70 = 5.15
    ("fp32", 1.40e6, "yes"),              # 1.43 + 3.65 = 5.08
    ("int8", 0.27e6, "synapses alone"),   # 7.41, 0.23 / 0.03 = 7.67
    ("int8", 0.26e6, "no"),               # 7.69
])
def test_whether_spikes_take_less_than_one_dense_pass(table: str, dense_macs: float, said: str) -> None:
    (ratio,) = ratios(estimates((ANN, SNN), [TABLES[table]]))
    line = break_even(TABLES[table], SNN, dense_macs, ratio)
    assert line["less_than_dense_pass"] == said
    assert (line["kind"], line["table"], line["rate"], line["steps"]) == ("estimated", TABLES[table].name, 0.2, 20)


@pytest.mark.parametrize(("macs", "said"), [(10e6, "yes"), (1e6, "synapses alone"), (0.1e6, "no")])
def test_whether_spikes_take_less_than_the_ann(macs: float, said: str) -> None:
    # the snn takes 1.8 to 6.4 microjoules, the ann 4.6 for each million MACs and no biases here
    (ratio,) = ratios(estimates((ANN._replace(macs=macs, updates=0), SNN), [TABLES["fp32"]]))
    line = break_even(TABLES["fp32"], SNN, 1.4e6, ratio)
    assert line["less_than_ann"] == said
    assert verdict_words(line, 2 / 1.4) == (
        "45 nm FP32, estimated: less than one dense pass of the same layers: yes (1.43 operations per MAC, break-even "
        f"at 5.11); less than the ann: {VERDICTS[said]}")


def test_a_table_without_the_cost_of_a_mac_has_no_break_even() -> None:
    (ratio,) = ratios(estimates((ANN, SNN), [TABLES["fp32"]]))
    with pytest.raises(ValueError, match=r"Loihi 1 \(Davies\) has no cost of a multiply-accumulate"):
        break_even(TABLES["loihi1-davies"], SNN, 1e6, ratio)


def test_tables_are_chosen_by_name() -> None:
    assert chosen_tables("all") == list(TABLES.values())
    assert chosen_tables("none") == []
    assert chosen_tables("fp16, loihi1-davies,fp16") == [TABLES["fp16"], TABLES["loihi1-davies"]]


@pytest.mark.parametrize(("words", "said"), [("loihi2", "no cost of an operation on Loihi 2 is public"),
                                             ("fp32,joules", "joules is no table"), ("", "nothing is no table")])
def test_other_tables_are_refused(words: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        chosen_tables(words)
