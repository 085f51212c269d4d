"""Notebooks: both halves say the same, what is committed ran without an error and is small, all run on tiny data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
pytest.importorskip("jupytext", reason="needs neurofer[notebook]")


def read(path: Path) -> Any:
    import jupytext

    return jupytext.read(path)


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_halves_are_one_notebook(path: Path) -> None:
    halves = [[(cell.cell_type, cell.source) for cell in read(half).cells]
              for half in (path, path.with_suffix(".ipynb"))]
    assert halves[0] == halves[1], f"jupytext --sync {path.name}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_committed_ran_in_order_and_is_small(path: Path) -> None:
    paired = path.with_suffix(".ipynb")
    cells = [cell for cell in read(paired).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    assert paired.stat().st_size < 500_000
    text = paired.read_text(encoding="utf-8")
    assert not [place for place in ("/home/", "/tmp/", "/work/", "/root/") if place in text]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_on_tiny_data(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = pytest.importorskip("nbclient", reason="needs neurofer[notebook]")
    monkeypatch.setenv("NEUROFER_DEMO", str(tmp_path / "none"))
    monkeypatch.setenv("NEUROFER_NOTEBOOK", str(tmp_path / "small"))
    notebook = read(path)
    client.NotebookClient(notebook, timeout=300, kernel_name="python3",
                          resources={"metadata": {"path": str(tmp_path)}}).execute()
    pictures = [output for cell in notebook.cells for output in cell.get("outputs", ()) if "image/png" in
                output.get("data", {})]
    assert len(pictures) >= 3
