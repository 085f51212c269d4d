"""The ladder from the published to the clean protocol: its lines, its gap, and what it refuses to tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurofer.data.clip import Clip, ClipSet
from neurofer.data.store import open_store
from neurofer.errors import NeuroferError
from neurofer.evaluate.baselines import window_index_baseline
from neurofer.evaluate.intervals import wilson
from neurofer.events.columns import write_columns
from neurofer.events.events import Events
from neurofer.reproduce.cells import Cell
from neurofer.reproduce.config import EvtransferConfig, LadderConfig
from neurofer.reproduce.evtransfer import Axes
from neurofer.reproduce.ladder import Line, gap, ladder_lines, plan_ladder
from neurofer.reproduce.ladder_baselines import first_windows
from neurofer.reproduce.ladder_report import ladder_csv, ladder_section, write_ladder
from neurofer.reproduce.tables import OverSeeds


def line(number: int, *accuracy: float) -> Line:
    values = OverSeeds(dict(enumerate(accuracy)))
    return Line(number, values, (0.1, 0.9), 20, 20, 10, 5, values, values)


WHOLE = [line(1, 0.9, 0.8), line(2, 0.8, 0.8), line(3, 0.7, 0.7), line(4, 0.7, 0.6), line(5, 0.6, 0.5),
         line(6, 0.6, 0.7)]


def test_wilson_by_hand() -> None:
    # 0 of 10: z^2 / (n + z^2) with z^2 = 3.8415
    assert wilson(0.0, 10) == pytest.approx((0.0, 3.841459 / 13.841459), abs=1e-6)
    low, high = wilson(59 / 63, 63)
    assert (round(100 * low), round(100 * high, 1)) == (85, 97.5)
    assert wilson(0.5, 10_000)[1] - 0.5 == pytest.approx(0.0098, abs=1e-5)
    with pytest.raises(ValueError, match="need a share"):
        wilson(1.2, 10)


def test_the_place_of_a_window_alone() -> None:
    # two recordings of class 0 with two windows, one of class 1 with four: later windows tell class 1
    train_index, train_labels = np.array([0, 1, 0, 1, 0, 1, 2, 3]), np.array([0, 0, 0, 0, 1, 1, 1, 1])
    assert window_index_baseline(train_index, train_labels, np.array([0, 1, 2, 3, 9])).tolist() == [0, 0, 1, 1, 0]


def test_windows_are_numbered_from_the_first_event_of_the_recording(tmp_path: Path) -> None:
    events = Events(np.arange(5_000, 900_000, 5_000), np.zeros(179, int), np.zeros(179, int), np.zeros(179, bool),
                    (4, 4))
    write_columns(tmp_path / "one", events, (4, 4))
    starts = [0, 5_000, 5_000 + 3 * 33_333, 5_000 + round(7e6 / 30)]  # before the first event, at it, windows 3 and 7
    clips = tuple(Clip(str(start), tmp_path / "one", start, 900_000, "a", "calm", "x") for start in starts)
    assert first_windows(ClipSet("x", ("calm", "glad"), clips, ""), 33_333).tolist() == [0, 0, 3, 7]


def test_the_gap_is_paired_and_in_points() -> None:
    assert gap(WHOLE).values == pytest.approx({0: 0.3, 1: 0.1})
    said = ladder_section(WHOLE, None)
    assert said.text[0].startswith("P-paper 85.0 %, P-clean 65.0 %")
    assert "+20.0 (" in said.text[0]
    assert len(said.tables[0].rows) == 6
    assert ladder_csv(WHOLE)[1][:4] == [1, ladder_csv(WHOLE)[1][1], 0, 0.9]


@pytest.mark.parametrize("absent", [6, 1, 3])
def test_the_published_protocol_is_not_told_alone(absent: int) -> None:
    lines = [one for one in WHOLE if one.number != absent]
    for telling in (lambda: ladder_section(lines, None), lambda: ladder_csv(lines), lambda: gap(lines)):
        with pytest.raises(NeuroferError, match=rf"line\(s\) \({absent}\) are not finished"):
            telling()


def fake(name: str, number: int, seed: int, right: dict[str, tuple[int, int]], fold: int | None = None) -> tuple[
        Cell, dict[str, Any]]:
    """A cell whose windows and clips are right as said, by subject."""
    hit, total = (sum(one[place] for one in right.values()) for place in (0, 1))
    confusion = [[hit, total - hit], [0, 0]]
    result = {"confusion": {"window": confusion, "clip": confusion}, "window": {"samples": total},
              "clip": {"samples": total}, "subjects": {"test": list(right)},
              "per_subject": {unit: {key: list(value) for key, value in right.items()} for unit in ("window", "clip")}}
    return Cell(name, "f.f", {"stage": "ladder", "line": number, "seed": seed, "fold": fold}), {"result": result}


def test_folds_are_pooled_and_seeds_that_lack_a_line_left_out(tmp_path: Path) -> None:
    made = [fake(f"l{number}", number, 0, {"a": (3, 4)}) for number in (1, 2, 3, 4)]
    made += [fake("f0", 5, 0, {"a": (1, 2), "b": (2, 2)}, 0), fake("f1", 5, 0, {"c": (0, 6)}, 1)]
    made += [fake("other", 1, 1, {"a": (4, 4)})]  # seed 1 has nothing else
    cells, records = [cell for cell, _ in made], {cell.name: record for cell, record in made}
    lines = {one.number: one for one in ladder_lines(cells, records)}
    assert sorted(lines) == [1, 2, 3, 4, 5, 6]
    assert lines[1].accuracy.values == {0: 0.75}
    assert lines[1].interval == wilson(0.75, 4)
    assert lines[6].accuracy.values == pytest.approx({0: 0.3})
    assert (lines[6].recordings, lines[6].subjects) == (10, 3)
    low, high = lines[6].interval or (0, 0)
    assert 0 <= low < 0.3 < high <= 1
    del records["f1"]  # a fold is missing: the clean end is not there, so nothing is told
    section = write_ladder(cells, records, tmp_path / "ladder.csv")
    assert section.text[0].startswith("Not finished.")
    assert not section.tables
    assert not section.bars
    assert not (tmp_path / "ladder.csv").exists()


def test_each_line_changes_one_thing(ckplus_store: Any) -> None:
    config = EvtransferConfig(ladder=LadderConfig(folds=3), min_steps=10_000)
    cells = plan_ladder(config, open_store(ckplus_store), Axes(seeds=1))
    by_line = {cell.parameters["line"]: cell.parameters["config"] for cell in cells
               if cell.parameters["stage"] == "ladder" and cell.parameters["fold"] in (None, 0)}
    assert {one["train"]["epochs"] for one in by_line.values()} == {40}  # no floor of steps here
    assert {one["sample"]["kind"] for one in by_line.values()} == {"every"}
    changed = [{key for section in ("parity", "split") for key in by_line[number][section]
                if by_line[number][section][key] != by_line[number + 1][section][key]} for number in (1, 2, 3, 4)]
    assert changed == [{"double_windowing"}, {"best_on_test"}, {"bn_train", "augment_per_frame"}, {"kind", "folds"}]
    needs = {cell.name: cell.needs for cell in cells if cell.parameters["stage"] == "ladder"}
    assert len(set(needs.values())) == 1 + 3  # one pre-training for the published split, one for each fold
