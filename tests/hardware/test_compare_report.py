"""The report of a comparison: no energy without its label, differences by name, whole or not at all."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from neurofer.errors import BadFileError, NeuroferError
from neurofer.hardware.compare import Wanted, compare
from neurofer.hardware.comparison.figures import early_figure, energy_figure, latency_figure, pays_figure
from neurofer.hardware.comparison.folder import read_comparison, refuse_other_folder, write_comparison
from neurofer.hardware.comparison.report import comparison_report, lead
from neurofer.hardware.energy import TABLES
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


def test_no_energy_number_is_without_its_label(found: dict[str, Any]) -> None:
    numbers = [part for part in visible(report_html(comparison_report(found))) if ENERGY.search(part)]
    assert len(numbers) == len(found["energy"]["estimates"]) == 9
    names = "|".join(re.escape(table.name) for table in TABLES.values())
    for part in numbers:
        assert re.fullmatch(rf"estimated [\d.e+-]+( to [\d.e+-]+)? µJ \(({names}), rate [\d.e+-]+, T [\d.e+-]+\)", part)


def test_every_ratio_says_rate_steps_and_table(found: dict[str, Any]) -> None:
    parts = [part for part in visible(report_html(comparison_report(found))) if " times (" in part]
    assert len(parts) == 3
    assert all(re.fullmatch(r"estimated .* times \(45 nm \w+, rate [\d.]+, T [\d.]+\)", part) for part in parts)


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


def test_pictures_can_be_drawn(found: dict[str, Any]) -> None:
    assert [axes.get_xlabel() for axes in early_figure(found).axes] == ["ms since a recording began"]
    assert "estimated" in energy_figure(found).axes[0].get_xlabel()
    assert [label.get_text() for label in latency_figure(found).axes[0].get_yticklabels()] == [
        "ann", "snn, torch", "snn, simulate"]
    assert len(pays_figure(found).axes[0].texts) == 3 + len(found["energy"]["sweep"])


def test_the_folder_holds_report_and_numbers_and_is_replaced(found: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "report"
    for title in ("first", "second"):
        refuse_other_folder(folder)
        write_comparison(folder, found, f"neurofer compare {title}")
        assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json"]
        assert f"neurofer compare {title}" in (folder / "report.html").read_text(encoding="utf-8")
    assert read_comparison(folder) == found
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


@pytest.mark.parametrize(("text", "said"), [(None, "holds no comparison"), ("[]", "holds no comparison"),
                                            ('{"format": "neurofer-comparison", "version": 2}', "version 2"),
                                            ('{"format": "other", "version": 1}', "'other'")])
def test_numbers_of_something_else_are_refused(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "report.json").write_text(text)
    with pytest.raises(BadFileError, match=said):
        read_comparison(tmp_path)


def test_numbers_are_read_back_from_the_file_alone(found: dict[str, Any], tmp_path: Path) -> None:
    write_comparison(tmp_path / "report", found)
    again = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert report_html(comparison_report(again)) == report_html(comparison_report(found))
