"""Copying a shipped configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from neurofer.config import shipped_configs


@pytest.fixture
def name() -> str:
    return sorted(shipped_configs())[0]


def test_into_a_folder_and_under_a_new_name(run_cli: Callable, tmp_path: Path, name: str) -> None:
    source = shipped_configs()[name].read_bytes()
    assert run_cli("cp", name, tmp_path) == (0, f"{tmp_path / name}.yaml\n", "")
    assert (tmp_path / f"{name}.yaml").read_bytes() == source
    assert run_cli("cp", f"{name}.yaml", tmp_path / "new" / "mine.yaml").code == 0
    assert (tmp_path / "new" / "mine.yaml").read_bytes() == source


def test_here_by_default(run_cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_cli("cp", name).out == f"{name}.yaml\n"
    assert (tmp_path / f"{name}.yaml").is_file()


def test_nothing_is_written_over_without_force(run_cli: Callable, tmp_path: Path, name: str) -> None:
    target = tmp_path / "mine.yaml"
    target.write_text("precious")
    result = run_cli("cp", name, target)
    assert result.code == 2
    assert "exists already" in result.err
    assert target.read_text() == "precious"
    assert run_cli("cp", name, target, "--force").code == 0
    assert target.read_text() != "precious"


def test_an_unknown_name_gets_a_suggestion(run_cli: Callable, tmp_path: Path, name: str) -> None:
    result = run_cli("cp", name + "x", tmp_path)
    assert result.code == 2
    assert "did you mean" in result.err
    assert list(tmp_path.iterdir()) == []
