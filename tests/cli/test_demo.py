"""The demo, kept short: every step runs, the report is whole, a second call does not train again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "out"


def test_from_nothing_to_a_report(run_cli: Callable, folder: Path) -> None:
    result = run_cli("demo", "--out", folder, "--quick", "--workers", "1")
    assert result.code == 0, result.err
    assert re.search(r"^ann +\d", result.out, re.MULTILINE)
    assert re.search(r"^snn +\d", result.out, re.MULTILINE)
    assert str(folder / "report.html") in result.out
    html = (folder / "report.html").read_text()
    assert not re.search(r"""(src|href)=["'](?!data:)""", html)
    assert html.count("data:image/png;base64,") >= 8 + 4 + 2  # classes, training, decisions and drawings
    for words in ("made-up faces", "--quick run", "95 % interval", "synaptic operation"):
        assert words in html


def test_a_second_call_does_only_what_is_not_done(run_cli: Callable, folder: Path) -> None:
    weights = folder / "ann" / "model.safetensors"
    assert weights.exists(), "needs the test above"
    before = weights.stat().st_mtime_ns
    card = folder / "snn" / "card.json"
    whole = json.loads(card.read_text())
    card.write_text(json.dumps(whole | {"parameters": 1}))  # altered, so it cannot be used
    assert run_cli("demo", "--out", folder, "--quick", "--workers", "1").code == 0
    assert weights.stat().st_mtime_ns == before
    assert json.loads(card.read_text())["digest"] == whole["digest"]  # trained again, to the same weights


def test_a_file_in_the_way_is_refused(run_cli: Callable, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine")
    result = run_cli("demo", "--out", tmp_path / "x")
    assert result.code == 2
    assert "is a file" in result.err
    assert (tmp_path / "x").read_text() == "mine"


def test_a_folder_with_other_things_is_left_alone(run_cli: Callable, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "thesis.txt").write_text("mine")
    result = run_cli("demo", "--out", tmp_path, "--quick")
    assert result.code == 2
    assert "not an unfinished store" in result.err
    assert (tmp_path / "store" / "thesis.txt").read_text() == "mine"
