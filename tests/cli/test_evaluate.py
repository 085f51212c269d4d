"""What ``neurofer evaluate`` refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., Any]


def test_no_run(run_cli: Cli, tmp_path: Path) -> None:
    done = run_cli("evaluate", tmp_path / "nothing")
    assert done.code == 1
    assert "no such run folder" in done.err


def test_a_folder_that_is_no_run(run_cli: Cli, tmp_path: Path) -> None:
    done = run_cli("evaluate", tmp_path)
    assert done.code == 1
    assert "card.json: missing" in done.err


def test_an_unknown_part(run_cli: Cli, tmp_path: Path) -> None:
    done = run_cli("evaluate", tmp_path, "--split", "train")
    assert done.code == 2
    assert "need test or validation" in done.err
