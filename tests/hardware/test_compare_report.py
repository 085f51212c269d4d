"""The report of a comparison: no energy without its label, differences by name, whole or not at all."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from neurofer.errors import NeuroferError
from neurofer.hardware.compare import Wanted, compare
from neurofer.hardware.comparison.costs import memory_section
from neurofer.hardware.comparison.figures import early_figure, energy_figure, latency_figure, pays_figure
from neurofer.hardware.comparison.folder import refuse_other_folder, write_comparison
from neurofer.hardware.comparison.pays import VERDICTS
from neurofer.hardware.comparison.report import comparison_report, early_section, lead
from neurofer.hardware.energy import TABLES
from neurofer.hardware.layer_fit import Number, memory_words
from neurofer.plot.report import report_html
from neurofer.train.run_folder import load_run
from trees.pair import trained_pair

FIRST = {"layer": "conv2", "step": 23, "ms": 230.0, "recording": "s3_1", "neuron": 87, "place": [5, 1, 3]}
ENERGY = re.compile(r"\d\s*(?:[pnµμum]|milli|micro|nano|pico)?(?:J\b|joule)", re.IGNORECASE)


@pytest.fixture(scope="module")
def found(blob_store: Path) -> dict[str, Any]:
    pair = trained_pair(blob_store)
    wanted = Wanted(("torch", "simulate"), tables=tuple(TABLES.values()), decisions=20, device="cpu")
    return compare(load_run(pair.ann), load_run(pair.snn), wanted)


def visible(html: str) -> list[str]:
    """What stands in each cell or paragraph of the page."""
    body = re.sub(r"(?s)<style>.*?</style>|<img[^>]*>", "", html)
    return [re.sub(r"\s+", " ", part).strip() for part in re.sub(r"<[^>]+>", "\n", body).split("\n") if part.strip()]


def rows_of(html: str) -> list[dict[str, str]]:
    """What stands in each row of each table, by the column's header; the one that names the row is called ``""``."""
    found = []
    for table in re.findall(r"(?s)<table>.*?</table>", html):
        header, *rows = [[unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
                         for row in re.findall(r"(?s)<tr>.*?</tr>", table)]
        found += [dict(zip(header, row, strict=True)) for row in rows]
    return found


def test_no_energy_number_is_without_its_label(found: dict[str, Any]) -> None:
    html = report_html(comparison_report(found))
    numbers = [part for part in visible(html) if ENERGY.search(part)]
    rows = [row for row in rows_of(html) if any(ENERGY.search(cell) for cell in row.values())]
    assert len(numbers) == len(rows) == len(found["energy"]["estimates"]) == 9
    for row, one in zip(rows, found["energy"]["estimates"], strict=True):
        assert re.fullmatch(r"estimated [\d.e+-]+( to [\d.e+-]+)? µJ", row["estimated µJ"])
        assert row[""] in {table.name for table in TABLES.values()}
        assert (row[""], row["network"]) == (one["table"], one["of"])
        assert (row["rate"], row["T"]) == (f"{one['rate']:.3g}", f"{one['steps']:.3g}")
        assert one["source"].startswith(row["source of the table"])
        assert row["source of the table"]


def test_every_ratio_says_both_rates_and_steps_and_its_table(found: dict[str, Any]) -> None:
    rows = [row for row in rows_of(report_html(comparison_report(found))) if "snn / ann, estimated" in row]
    ann, snn = (found["operations"][name] for name in ("ann", "snn"))
    assert [row[""] for row in rows] == ["45 nm FP32", "45 nm FP16", "45 nm INT8"]
    for row in rows:
        assert re.fullmatch(r"estimated [\d./]+( to [\d./]+)?", row["snn / ann, estimated"])
        assert (row["rate, snn"], row["T, snn"]) == (f"{snn['rate']:.3g}", f"{snn['steps_per_recording']:.3g}")
        assert (row["rate, ann"], row["T, ann"]) == ("1", f"{ann['passes_per_recording']:.3g}")


def test_a_verdict_for_every_table_decides_by_operations(found: dict[str, Any]) -> None:
    html = report_html(comparison_report(found))
    rows = [row for row in rows_of(html) if "break-even below" in row]
    assert [(row[""], row["break-even below"]) for row in rows] == [
        ("45 nm FP32", "5.11"), ("45 nm FP16", "3.75"), ("45 nm INT8", "7.67")]
    here = found["operations"]["snn"]["synaptic_operations_per_dense_mac"]
    for row in rows:
        assert row["operations per MAC of one dense pass"] == f"{here:.2f}"
        assert (row["less than one dense pass of the same layers"] == "no") == (here >= float(row["break-even below"]))
        assert row["less than the ann"] in VERDICTS.values()
    text = " ".join(visible(html))
    assert "Verdict: do spikes take less here? Estimated, rate" in text
    assert "Loihi 1 (Davies), Loihi 1 (KerasSpiking), Loihi 1 (SANA-FE): no cost of a MAC" in text


@pytest.mark.parametrize("missing", ["kind", "table", "source", "rate", "steps"])
def test_an_energy_that_lacks_something_is_not_printed(found: dict[str, Any], missing: str) -> None:
    broken = deepcopy(found)
    del broken["energy"]["estimates"][3][missing]
    with pytest.raises(ValueError, match="energy: "):
        comparison_report(broken)


def test_nothing_is_said_of_the_energy_of_loihi_2(found: dict[str, Any]) -> None:
    for part in visible(report_html(comparison_report(found))):
        assert not (ENERGY.search(part) and "Loihi 2" in part)


def test_without_tables_there_is_no_energy(found: dict[str, Any]) -> None:
    none = found | {"energy": found["energy"] | dict.fromkeys(("tables", "estimates", "ratios", "break_even"), [])}
    parts = visible(report_html(comparison_report(none)))
    assert "No table was asked for (--energy)." in parts
    assert not any(ENERGY.search(part) for part in parts)


def test_agreement_is_said_in_the_first_lines(found: dict[str, Any]) -> None:
    assert "Every layer fires the same spikes at every step on simulate (6 recordings)" in lead(found)


def test_a_difference_is_told_by_layer_step_neuron_and_recording(found: dict[str, Any]) -> None:
    broken = deepcopy(found)
    broken["spikes"]["simulate"] |= {"different": 1, "first": FIRST}
    assert "Other spikes are fired on simulate." in lead(broken)
    said = "conv2, step 23 (230 ms), neuron 87 (channel 5, y 1, x 3), recording s3_1"
    assert said in visible(report_html(comparison_report(broken)))


def test_a_rounded_network_is_said_to_be_another(found: dict[str, Any]) -> None:
    rounded = found | {"runs": found["runs"] | {"snn": found["runs"]["snn"] | {"quantised": None}}}
    text = " ".join(visible(report_html(comparison_report(rounded))))
    assert "The chip network is another network than the trained one" in text
    assert "another network" not in " ".join(visible(report_html(comparison_report(found))))


def test_a_simulator_s_time_is_said_to_be_no_chip_s(found: dict[str, Any]) -> None:
    text = " ".join(visible(report_html(comparison_report(found))))
    assert "a simulator's time is never a chip's" in text.replace("&#39;", "'")
    assert "waiting in a queue is not measured" in text


def test_every_name_is_explained_in_a_line(found: dict[str, Any]) -> None:
    lines = comparison_report(with_gpu(found, "torch, cpu")).sections[0].text
    assert [line.split(":")[0] for line in lines] == ["ann", "torch", "simulate", "gpu", "float", "most frequent class",
                                                      "number of events"]
    assert "on a GPU where there is one; here: torch, cpu" in lines[3]


def test_targets_that_say_the_same_have_one_row(found: dict[str, Any]) -> None:
    parts = visible(report_html(comparison_report(with_gpu(found, "torch, cpu"))))
    together = "snn: torch, simulate, gpu (on the CPU) alike"
    assert parts.count(together) == 4  # a bar, and a row where accuracy, decisions and early accuracy are told
    assert parts.count("snn, simulate") == parts.count("snn, gpu (on the CPU)") == 2  # latency and throughput
    assert "snn: torch, simulate, gpu alike" in visible(report_html(comparison_report(with_gpu(found, "torch, cuda"))))


def test_a_target_that_fires_otherwise_has_a_row_of_its_own(found: dict[str, Any]) -> None:
    broken = with_gpu(found, "torch, cpu")
    broken["spikes"]["simulate"] |= {"different": 1, "first": FIRST}
    parts = visible(report_html(comparison_report(broken)))
    assert "snn: torch, gpu (on the CPU) alike" in parts
    assert "snn, torch and snn, simulate" in parts
    assert parts.count("snn, simulate") > 2


def with_gpu(found: dict[str, Any], where: str) -> dict[str, Any]:
    """The comparison, with a target gpu that did all that simulate did."""
    more = deepcopy(found)
    for part in (more["targets"], more["accuracy"], more["spikes"], more["early"]["since_start"],
                 more["time"]["latency"], more["time"]["throughput"]):
        part["gpu"] = deepcopy(part["simulate"])
    more["targets"]["gpu"]["where"] = where
    more["decisions"] += [pair | {"other": "gpu"} for pair in more["decisions"] if pair["other"] == "simulate"]
    return more


def test_the_delay_of_the_chip_is_told_apart_from_evidence(found: dict[str, Any]) -> None:
    html = report_html(comparison_report(found))
    assert {row[""] for row in rows_of(html) if "evidence ms" in row} == {"ann", "snn, torch", "snn, simulate"}
    assert "The delay of 30 ms is the chip's own" in unescape(html)


def test_what_is_late_about_the_ann_is_said(found: dict[str, Any]) -> None:
    caption = early_section(found).pictures[0].caption
    assert caption.endswith("the ann says nothing before 150 ms, its first 3 windows, so its first mark is that of 200 "
                            "ms.")
    prompt = deepcopy(found)
    prompt["early"]["since_start"]["ann"] = prompt["early"]["since_start"]["torch"]
    assert early_section(prompt).pictures[0].caption.endswith("lie under its line.")
    onset = deepcopy(found)
    onset["early"]["since_onset"] = {"recordings": 6, "rows": {
        name: row[:-1] for name, row in found["early"]["since_start"].items()}}
    assert "nothing was said yet counts as wrong. That lowers what the ann has before 150 ms" in early_section(
        onset).tables[1].note


def test_picture_and_table_call_the_whole_recording_alike(found: dict[str, Any]) -> None:
    labels = [label.get_text() for label in early_figure(found).axes[0].get_xticklabels()]
    assert labels[-1].replace("\n", " ") == early_section(found).tables[0].header[-1] == "whole recording"


def test_memory_reads_as_in_the_report_of_the_export(found: dict[str, Any]) -> None:
    told = memory_section(found).tables[0].rows[-1][-1]
    bits = found["memory"]["stored_bits"]
    assert told == f"{memory_words(Number(bits['low'], bits['high']))} ({bits['grade']})"


def test_pictures_can_be_drawn(found: dict[str, Any]) -> None:
    assert [axes.get_xlabel() for axes in early_figure(found).axes] == ["ms since a recording began"]
    assert "estimated" in energy_figure(found).axes[0].get_xlabel()
    assert [label.get_text() for label in latency_figure(found).axes[0].get_yticklabels()] == [
        "ann", "snn, torch", "snn, simulate"]
    pays = pays_figure(found).axes[0]
    assert len(pays.texts) == 3 + len(found["energy"]["sweep"])
    assert pays.get_title(loc="left").startswith("synaptic operations per MAC of one dense pass of the same layers")


def test_the_folder_holds_report_and_numbers_and_is_replaced(found: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "report"
    for title in ("first", "second"):
        refuse_other_folder(folder)
        write_comparison(folder, found, f"neurofer compare {title}")
        assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json"]
        assert f"neurofer compare {title}" in (folder / "report.html").read_text(encoding="utf-8")
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == found
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


@pytest.mark.parametrize("when", ["report.html", "report.json"])
def test_an_end_in_the_middle_leaves_the_old_report_whole(found: dict[str, Any], tmp_path: Path, when: str,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "report"
    write_comparison(folder, found)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    plain = Path.write_text

    def end(path: Path, *words: Any, **options: Any) -> int:
        if path.name == when:
            raise KeyboardInterrupt
        return plain(path, *words, **options)

    monkeypatch.setattr(Path, "write_text", end)
    with pytest.raises(KeyboardInterrupt):
        write_comparison(folder, found | {"version": 1})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_number_that_json_has_not_is_refused_before_anything_is_written(found: dict[str, Any],
                                                                          tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_comparison(tmp_path / "report", found | {"host": found["host"] | {"more": float("nan")}})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("others", [{"notes.txt": ""}, {"report.json": "{}"}, {"report.html": "<p>"},
                                    {"report.json": '{"format": "neurofer-comparison"}', "notes.txt": ""}])
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, others: dict[str, str]) -> None:
    for name, text in others.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(NeuroferError, match="that no comparison wrote"):
        refuse_other_folder(tmp_path)


def test_a_file_and_an_empty_folder(tmp_path: Path) -> None:
    refuse_other_folder(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(NeuroferError, match="is a file; name a folder"):
        refuse_other_folder(tmp_path / "file")


def test_numbers_are_read_back_from_the_file_alone(found: dict[str, Any], tmp_path: Path) -> None:
    write_comparison(tmp_path / "report", found)
    again = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert report_html(comparison_report(again)) == report_html(comparison_report(found))
