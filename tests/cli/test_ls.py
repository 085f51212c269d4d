"""Listing shipped configurations and trained models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from neurofer.config import shipped_configs


def test_every_shipped_configuration_says_what_it_is_and_how_to_run_it(run_cli: Callable) -> None:
    result = run_cli("ls", "--json")
    rows = json.loads(result.out)
    assert [row["name"] for row in rows] == sorted(shipped_configs())
    for row in rows:
        assert row["description"], row["name"]
        assert row["command"].startswith("neurofer "), row["name"]
    plain = run_cli("ls")
    assert plain.code == 0
    assert all(row["name"] in plain.out for row in rows)


def card(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(text)


def test_runs_in_a_folder(run_cli: Callable, tmp_path: Path) -> None:
    card(tmp_path / "a", json.dumps({"backend": "ann", "parameters": 1234, "metrics": {"accuracy": 0.625}}))
    card(tmp_path / "b", json.dumps({"backend": "snn", "metrics": {"test": {"accuracy": {"value": 0.5}}}}))
    card(tmp_path / "sub" / "c", "not json")
    (tmp_path / "empty").mkdir()
    result = run_cli("ls", "--runs", tmp_path)
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[2].split() == [str(tmp_path / "a"), "ann", "1234", "62.5", "%"]
    assert lines[3].split() == [str(tmp_path / "b"), "snn", "-", "50.0", "%"]
    assert "cannot be read" in lines[4]
    rows = json.loads(run_cli("ls", "--runs", tmp_path, "--json").out)
    assert rows[0] == {"run": str(tmp_path / "a"), "backend": "ann", "accuracy": 0.625, "parameters": 1234}


def test_a_run_folder_itself(run_cli: Callable, tmp_path: Path) -> None:
    card(tmp_path / "run", json.dumps({"backend": "ann"}))
    assert str(tmp_path / "run") in run_cli("ls", "--runs", tmp_path / "run").out


def test_no_runs_and_no_folder(run_cli: Callable, tmp_path: Path) -> None:
    assert "no runs there" in run_cli("ls", "--runs", tmp_path).out
    result = run_cli("ls", "--runs", tmp_path / "absent")
    assert result.code == 1
    assert "no such folder" in result.err
