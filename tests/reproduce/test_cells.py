"""Cells: run once, gone on with, refused, shared out, failing alone."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurofer.errors import NeuroferError
from neurofer.reproduce import run
from neurofer.reproduce.cells import Cell, Source, in_part, read_cells, run_cells

Make = Callable[..., Cell]


def log(source: Source) -> Counter[str]:
    path = source.data / "log"
    return Counter(path.read_text().split()) if path.exists() else Counter()


def chain(toy: Make) -> list[Cell]:
    return [toy("first", value=1, kept=True), toy("second", value=10, needs=("first",), kept=True),
            toy("third", value=100, needs=("first", "second")), toy("alone", value=5)]


@pytest.mark.parametrize("workers", [1, 2])
def test_results_reach_those_that_need_them_and_nothing_runs_twice(workers: int, toy: Make, source: Source,
                                                                   tmp_path: Path) -> None:
    cells = chain(toy)
    done = run_cells(cells, tmp_path / "out", source, workers=workers)
    assert {name: record["result"]["value"] for name, record in done.records.items()} == {
        "first": 1, "second": 11, "third": 112, "alone": 5}
    assert list(done.records) == [cell.name for cell in cells]
    assert not done.failed
    assert done.ran == 4
    again = run_cells(cells, tmp_path / "out", source, resume=True)
    assert again.records == done.records
    assert again.ran == 0
    assert log(source) == Counter(["first", "second", "third", "alone"])


def test_only_kept_folders_stay(toy: Make, source: Source, tmp_path: Path) -> None:
    cells = [toy("first", kept=True), toy("second", needs=("first",))]
    run_cells(cells, tmp_path / "a", source)
    assert [path.name for path in (tmp_path / "a" / "runs").iterdir()] == ["first"]
    run_cells(cells, tmp_path / "b", source, keep_models=True)
    assert sorted(path.name for path in (tmp_path / "b" / "runs").iterdir()) == ["first", "second"]


def test_a_folder_with_results_is_not_taken_without_resume(toy: Make, source: Source, tmp_path: Path) -> None:
    run_cells([toy("first")], tmp_path / "out", source)
    with pytest.raises(NeuroferError, match=r"holds 1 finished cell\(s\); go on with --resume"):
        run_cells([toy("first")], tmp_path / "out", source)


def test_other_settings_or_data_are_refused_by_name(toy: Make, source: Source, tmp_path: Path) -> None:
    run_cells([toy("first"), toy("second")], tmp_path / "out", source)
    with pytest.raises(NeuroferError, match=r"1 finished cell\(s\) have other settings or data \(second\)"):
        run_cells([toy("first"), toy("second", value=2)], tmp_path / "out", source, resume=True)
    other = dataclasses.replace(source, digest="other")
    with pytest.raises(NeuroferError, match=r"2 finished cell\(s\) have other"):
        read_cells([toy("first"), toy("second")], tmp_path / "out", other)
    assert log(source) == Counter(["first", "second"])


def test_other_code_runs_again_and_is_rendered_as_it_is(toy: Make, source: Source, tmp_path: Path,
                                                        caplog: pytest.LogCaptureFixture) -> None:
    run_cells([toy("first")], tmp_path / "out", source)
    newer = dataclasses.replace(source, code="newer")
    assert read_cells([toy("first")], tmp_path / "out", newer).records["first"]["code"] == "code"
    done = run_cells([toy("first")], tmp_path / "out", newer, resume=True)
    assert "1 finished cell(s) were made by other code and are run again (first)" in caplog.text
    assert done.records["first"]["code"] == "newer"
    assert log(source)["first"] == 2


def test_a_cell_that_fails_takes_only_those_along_that_need_it(toy: Make, source: Source, tmp_path: Path) -> None:
    cells = [toy("bad", "fail"), toy("worse", "fail", value=0), toy("needy", needs=("bad",)),
             toy("needier", needs=("needy",)), toy("good")]
    done = run_cells(cells, tmp_path / "out", source)
    assert list(done.records) == ["good"]
    assert done.failed == {"bad": "bad cannot", "worse": "ZeroDivisionError: worse cannot",
                           "needy": "not run, because it needs bad", "needier": "not run, because it needs needy"}
    assert done.missing == ("bad", "worse", "needy", "needier")
    (source.data / "repaired").touch()
    cells[2] = dataclasses.replace(cells[2], needs=())  # its own folder is all that it needs now
    assert not run_cells(cells[:2], tmp_path / "out", source, resume=True).failed
    assert log(source)["good"] == 1


def test_a_stopped_cell_leaves_no_result_and_goes_on_in_its_folder(toy: Make, source: Source, tmp_path: Path) -> None:
    cells = [toy("before"), toy("stopped", "stop"), toy("after")]
    with pytest.raises(KeyboardInterrupt):
        run_cells(cells, tmp_path / "out", source)
    assert [path.name for path in (tmp_path / "out" / "cells").iterdir()] == ["before.json"]
    done = run_cells(cells, tmp_path / "out", source, resume=True)
    assert done.records["stopped"]["result"]["went_on"]
    assert done.ran == 2
    assert not (tmp_path / "out" / "runs" / "stopped").exists()


def test_a_worker_that_dies_fails_alone(toy: Make, source: Source, tmp_path: Path) -> None:
    done = run_cells([toy("dying", "die"), *(toy(f"good{n}") for n in range(3))], tmp_path / "out", source, workers=2)
    assert "ended from outside" in done.failed["dying"]
    assert len(done.records) >= 2  # what ran beside it is lost with it
    (source.data / "repaired").touch()
    cells = [toy("dying", "die"), *(toy(f"good{n}") for n in range(3))]
    assert len(run_cells(cells, tmp_path / "out", source, resume=True).records) == 4


def test_a_broken_file_is_no_result(toy: Make, source: Source, tmp_path: Path) -> None:
    run_cells([toy("first")], tmp_path / "out", source)
    path = tmp_path / "out" / "cells" / "first.json"
    for broken in ("", "[]", "{", json.dumps({"format": "neurofer-cell", "version": 1}), "[" * 100_000):
        path.write_text(broken)
        assert run_cells([toy("first")], tmp_path / "out", source, resume=True).ran == 1


@pytest.mark.parametrize("other", [{"value": 99}, {}])
def test_an_altered_result_does_not_count(other: dict[str, int], toy: Make, source: Source, tmp_path: Path,
                                          caplog: pytest.LogCaptureFixture) -> None:
    cells = [toy("first", value=1), toy("second")]
    run_cells(cells, tmp_path / "out", source)
    path = tmp_path / "out" / "cells" / "first.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "result": other}))
    assert list(read_cells(cells, tmp_path / "out", source).records) == ["second"]
    assert "first.json: was altered after it was written" in caplog.text
    again = run_cells(cells, tmp_path / "out", source, resume=True)
    assert (again.ran, again.records["first"]["result"]["value"]) == (1, 1)


def test_a_needed_folder_that_is_gone_is_made_again(toy: Make, source: Source, tmp_path: Path) -> None:
    import shutil

    run_cells([toy("first", kept=True)], tmp_path / "out", source)
    shutil.rmtree(tmp_path / "out" / "runs")
    assert run_cells([toy("first", kept=True)], tmp_path / "out", source, resume=True).ran == 0
    done = run_cells([toy("first", kept=True), toy("second", needs=("first",))], tmp_path / "out", source, resume=True)
    assert done.ran == 2
    assert log(source) == Counter({"first": 2, "second": 1})


def test_nothing_to_render_is_told(toy: Make, source: Source, tmp_path: Path) -> None:
    with pytest.raises(NeuroferError, match="holds no finished cell"):
        read_cells([toy("first")], tmp_path / "out", source)


def test_two_parts_make_the_whole(toy: Make, source: Source, tmp_path: Path) -> None:
    cells = chain(toy)
    parts = [run_cells(cells, tmp_path / "out", source, part=(1, 2)),
             run_cells(cells, tmp_path / "out", source, part=(2, 2), resume=True)]
    assert [len(part.records) for part in parts] == [3, 4]
    assert parts[0].missing == ("alone",)
    assert log(source).most_common(1)[0][1] == 1


@settings(max_examples=30)
@given(needs=st.lists(st.sets(st.integers(0, 30), max_size=2), min_size=1, max_size=30), of=st.integers(1, 5))
def test_parts_share_nothing_and_keep_together_what_needs_each_other(needs: list[set[int]], of: int) -> None:
    cells = [Cell(f"c{n}", "f.f", {}, tuple(f"c{need % n}" for need in wanted) if n else ())
             for n, wanted in enumerate(needs)]
    cells = [dataclasses.replace(cell, needs=tuple(sorted(set(cell.needs)))) for cell in cells]
    parts = [[cell.name for cell in in_part(cells, (index, of))] for index in range(1, of + 1)]
    assert sorted(name for part in parts for name in part) == sorted(cell.name for cell in cells)
    where = {name: number for number, part in enumerate(parts) for name in part}
    assert all(where[cell.name] == where[need] for cell in cells for need in cell.needs)


def test_wrong_tables_are_refused(toy: Make, source: Source, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="first is there twice"):
        run_cells([toy("first"), toy("first")], tmp_path / "out", source)
    with pytest.raises(ValueError, match="cannot name a file"):
        run_cells([toy("../first")], tmp_path / "out", source)
    with pytest.raises(ValueError, match="needs second, which must come before"):
        in_part([toy("first", needs=("second",)), toy("second")], (1, 1))


@pytest.mark.parametrize("module", ["reproduce.stages", "reproduce.ladder_baselines", "train.gan", "data.pairs",
                                    "events.edits", "models.front", "evaluate.metrics"])
def test_the_code_that_makes_a_result_is_part_of_its_key(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, path = run.code_version(), Path(str(import_module(f"neurofer.{module}").__file__))
    changed, bare = path.read_text(encoding="utf-8"), run.bare_code
    monkeypatch.setattr(run, "bare_code", lambda text: bare(text) + (" changed" if text == changed else ""))
    assert run.code_version() != before
