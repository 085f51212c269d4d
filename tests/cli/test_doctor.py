"""What is installed, what is missing, and how to get it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from neurofer.cli import doctor

if sys.version_info >= (3, 11):
    import tomllib


def test_a_working_installation(run_cli: Callable) -> None:
    result = run_cli("doctor")
    assert result.code == 0, result.out
    assert "Everything required is there and works." in result.out
    for package in doctor.REQUIRED:
        assert package.name in result.out


def test_json(run_cli: Callable) -> None:
    findings = json.loads(run_cli("doctor", "--json").out)
    assert findings["problems"] == []
    assert findings["machine"]["cores"] >= 1
    assert findings["compiled"]["works"]
    assert findings["torch"]["threads"] >= 1
    assert all(entry["version"] or entry["install"].startswith("pip install") for entry in findings["optional"])


def test_what_is_missing_or_broken_is_named(
    run_cli: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken_thing.py").write_text("raise OSError('libfoo.so: cannot open')")
    monkeypatch.syspath_prepend(tmp_path)
    packages = (doctor.Package("absent-thing", "absent_thing", "nothing"),
                doctor.Package("broken-thing", "broken_thing", "nothing"))
    monkeypatch.setattr(doctor, "REQUIRED", packages)
    result = run_cli("doctor")
    assert result.code == 1
    assert "problem: absent-thing is missing (No module named 'absent_thing'); pip install neurofer" in result.out
    assert "problem: broken-thing is broken (OSError: libfoo.so: cannot open)" in result.out


@pytest.mark.skipif(sys.version_info < (3, 11), reason="needs tomllib")
def test_the_lists_are_those_of_the_project(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[<>=!\[ ;]", requirement)[0] for requirement in requirements}

    assert {package.name for package in doctor.REQUIRED} == names(project["dependencies"])
    extras = {extra: names(found) for extra, found in project["optional-dependencies"].items()}
    for package in doctor.OPTIONAL:
        if match := re.search(r"neurofer\[(\w+)\]", package.install):
            assert package.name in extras[match[1]]


def test_what_lava_lacks_is_told_with_the_command_for_it(run_cli: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurofer.hardware.lava.installed.missing_parts", lambda: ["lava-dl", "asteval"])
    result = run_cli("doctor")
    assert result.code == 0
    assert "Lava, to run chip networks as Loihi does, lacks lava-dl, asteval; make lava, or by hand" in result.out
    assert json.loads(run_cli("doctor", "--json").out)["lava"]["missing"] == ["lava-dl", "asteval"]
