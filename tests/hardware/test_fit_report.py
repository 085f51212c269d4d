"""The report of a fit: what stands in it, what it never says, and its picture."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from neurofer.hardware.fit import fit
from neurofer.hardware.fit_figure import COLOURS, EMPTY, fit_figure
from neurofer.hardware.fit_report import fit_note, fit_report, fit_table
from neurofer.hardware.limits import CHIPS
from neurofer.hardware.network import ChipNetwork
from neurofer.hardware.simulate import LayerPeaks
from neurofer.plot.report import Report, Section, Table, report_html
from neurofer.spiking.layers import conv, dense
from trees.chip_shapes import chip_net
from trees.chips import wrapping_chip


@pytest.fixture(scope="module")
def network() -> ChipNetwork:
    return chip_net([conv(8, kernel=5, stride=1), conv(8), dense(40), dense(8)], (2, 32, 32))


def section(report: Report, title: str) -> Section:
    return next(one for one in report.sections if title in one.title)


def table(report: Report, caption: str) -> Table:
    return next(one for part in report.sections for one in part.tables if caption in one.caption)


def test_the_table_has_every_layer_and_the_sums(network: ChipNetwork) -> None:
    header, rows = fit_table(fit(network, "loihi2"))
    assert [row[0] for row in rows] == ["conv1", "conv2", "dense1", "dense2", "all"]
    assert {len(row) for row in rows} == {len(header)}
    # two cores with 14 neurons, 290 bits an input, and one with 12, 250 bits: 14 units of 8 bytes for 2048 inputs each
    by_name = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert by_name["dense1"] == {
        "layer": "dense1", "neurons": "40", "weights": "81,920", "connections": "81,920", "cores (C)": "3",
        "limited by": "synapse memory", "synapse memory (C)": "224 KiB", "u and v (A)": "240 B"}
    assert by_name["all"]["cores (C)"] == "6 to 9"
    assert by_name["all"]["neurons"] == "10,288"


def test_below_the_table_stands_how_far_to_believe_it(network: ChipNetwork) -> None:
    assert fit_note(fit(network, "loihi2")) == (
        "estimated from shapes; nothing was measured on a chip (A: fixed in public code that programs the chip, C: "
        "second-hand or inferred)")
    assert fit_note(fit(network, "loihi1")).endswith("(A: fixed in public code that programs the chip)")
    assert fit_table(fit(network, "loihi1"))[0][4:] == ("cores (A)", "limited by", "synapse memory (A)", "u and v (A)")


@pytest.mark.parametrize("target", CHIPS)
def test_the_report_is_one_file_that_says_estimated(network: ChipNetwork, target: str) -> None:
    report = fit_report(network, fit(network, target), facts=(("run", "runs/<b>"),))
    html = report_html(report)
    assert network.digest[:12] in html
    assert "runs/&lt;b&gt;" in html
    assert f"A network on {CHIPS[target].name}" in html
    assert not re.search(r"<script|https?://|src=\"(?!data:)", html)
    assert "estimated" in report.lead.lower()
    assert "nothing was measured" in report.lead
    assert not re.search(r"\bmeasured\b", html.replace("nothing was measured", ""))
    for caption in ("Cores, estimated", "Memory on the chip, estimated"):
        assert [row[0] for row in table(report, caption).rows] == ["conv1", "conv2", "dense1", "dense2", "all"]
    for part in report.sections:
        for one in part.tables:
            assert {len(row) for row in one.rows} == {len(one.header)}
    assert section(report, "Where it would lie").pictures[0].png[:4] == b"\x89PNG"


def test_what_would_take_fewer_cores_is_told(network: ChipNetwork) -> None:
    found = fit(network, "loihi2")
    told = section(fit_report(network, found), "fewer cores").text
    assert told[0] == "Stride 2 in conv1 takes dense1 from 3 cores to 1, and the network from 6-9 to 4."
    assert len(told) == len(found.proposals) + 1


def test_what_does_not_fit_comes_first() -> None:
    network = chip_net([conv(64, stride=1), dense(5)], (2, 16, 16))
    refused, doubted = (fit_report(network, fit(network, target)) for target in CHIPS)
    assert refused.sections[0].title == "It does not fit on Loihi 1"
    assert refused.sections[0].text[0].startswith("dense1: each neuron needs 16,384 input axons")
    assert refused.lead.startswith("Without dense1, an estimated 16 cores on 1 chip")
    assert doubted.sections[0].title == "It may not fit on Loihi 2"
    _, rows = fit_table(fit(network, "loihi1"))
    assert rows[1][4:7] == ("none", "input axons", "none")
    assert fit_report(chip_net([dense(3)]), fit(chip_net([dense(3)]))).sections[0].title == (
        "It fits, by estimate")


def test_ranges_are_explained_where_there_are_some(network: ChipNetwork) -> None:
    small = chip_net([conv(4), dense(3)])
    for one, target, some in ((network, "loihi2", True), (network, "loihi1", False), (small, "loihi2", False)):
        html = report_html(fit_report(one, fit(one, target)))
        assert ("Pale:" in html) is ("Lower number:" in html) is some
    assert "The fewest equal pieces with 8,192 neurons a core (C); as many cut as in" in html


def test_where_it_comes_from_is_told_short(network: ChipNetwork) -> None:
    said = {"run": "chip", "run_digest": "0123456789abcdef" * 4, "licence": ""}
    facts = dict(fit_report(replace(network, source=said), fit(network)).facts)
    assert facts["digest of the run"] == "0123456789ab"
    assert facts["run"] == "chip"
    assert not {"run_digest", "licence"} & set(facts)


def test_currents_are_proved_or_looked_at() -> None:
    network = wrapping_chip()
    found = fit(network)
    nobody = section(fit_report(network, found), "wrap")
    assert "nobody looked" in nobody.text[0]
    (row,) = nobody.tables[0].rows
    assert row[2:] == ("not excluded", "-", "-", "-")
    # 64 * largest sum of one sign * 4096 / iDecay 4, of 2^23
    most = np.abs(network.layers[0].weight.astype(int)).sum(1).max()
    assert row[1] == f"{100 * 64 * most * 1024 / 2**23:,.1f}"
    seen = section(fit_report(network, found, (LayerPeaks("dense1", 1 << 22, 7, 3),)), "wrap")
    assert seen.tables[0].rows[0][3:] == ("50.0", "7", "3")
    proved = section(fit_report(chip_net([dense(3)]), found), "wrap")
    assert proved.text == ("No current can leave its 24 bits, whatever the spikes are.",)
    assert proved.tables[0].rows[0][2] == "never, proved"


def test_every_limit_has_its_grade_and_source(network: ChipNetwork) -> None:
    for target, chip in CHIPS.items():
        limits = table(fit_report(network, fit(network, target)), "Limits")
        assert len(limits.rows) == len(vars(chip)) - 1 + (target == "loihi2")
        assert ["weight exponent", "not stated", "A"] in [list(row[:3]) for row in limits.rows] or target == "loihi1"
        for _, value, grade, source in limits.rows:
            assert value != "-"
            assert grade in "ABC"
            assert f"[{source}] " in limits.note


def squares(target: str, network: ChipNetwork) -> list[str]:
    figure = fit_figure(fit(network, target))
    return [to_hex(one.get_facecolor()) for one in figure.axes[0].patches if isinstance(one, Rectangle)]


def test_the_picture_has_a_square_for_each_core(network: ChipNetwork) -> None:
    found = fit(network, "loihi1")
    drawn = squares("loihi1", network)
    assert len(drawn) == 128
    assert drawn.count(EMPTY) == 128 - found.cores.high
    for colour, layer in zip(COLOURS, found.layers, strict=False):
        assert drawn.count(colour) == layer.cores.low


def test_what_only_the_higher_estimate_has_is_pale(network: ChipNetwork) -> None:
    found = fit(network, "loihi2")
    drawn = squares("loihi2", network)
    full = sum(drawn.count(colour) for colour in COLOURS)
    assert (full, 128 - drawn.count(EMPTY)) == (found.cores.low, found.cores.high) == (6, 9)


def test_many_chips_are_drawn_in_part() -> None:
    network = chip_net([conv(64, stride=1), conv(64, stride=1), conv(4, kernel=7, stride=4), dense(5)], (2, 64, 64))
    found = fit(network, "loihi1")
    assert found.chips.low > 3
    figure = fit_figure(found, "a title")
    assert f"3 of {found.chips} chips are drawn" in figure.axes[0].get_title(loc="left")
    assert len(figure.axes[0].patches) == 3 * 128


def test_no_label_leaves_the_picture() -> None:
    for specs, shape in (([conv(8, kernel=5, stride=1), conv(8), dense(40), dense(8)], (2, 32, 32)),
                         ([conv(64, stride=1), dense(5)], (2, 16, 16)), ([dense(3)], (2, 8, 8))):
        for target in CHIPS:
            figure = fit_figure(fit(chip_net(specs, shape), target))
            figure.draw_without_rendering()
            whole = figure.bbox
            for axes in figure.axes:
                for text in (*axes.texts, *axes.get_yticklabels(), axes.title, axes._left_title):
                    box = text.get_window_extent()
                    assert not text.get_text() or (
                        box.x0 >= whole.x0 and box.x1 <= whole.x1 and box.y0 >= whole.y0 and box.y1 <= whole.y1)
