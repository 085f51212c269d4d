"""What is installed: all packages, their data, and nothing from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

import neurofer

if sys.version_info >= (3, 11):
    import tomllib


@pytest.mark.skipif(sys.version_info < (3, 11), reason="needs tomllib")
def test_every_package_is_listed_for_the_wheel(root: Path) -> None:
    listed = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {"neurofer.configs"}
    for top, name in ((root / "neurofer", "neurofer"), (root / "hardware", "neurofer.hardware")):
        for init in top.rglob("__init__.py"):
            found.add(".".join([name, *init.parent.relative_to(top).parts]))
    assert listed == sorted(found)
    for top in (root / "neurofer", root / "hardware"):
        for module in top.rglob("*.py"):
            assert (module.parent / "__init__.py").exists(), f"{module.parent} has no __init__.py"


def test_what_is_tested_is_what_is_installed(root: Path) -> None:
    if os.environ.get("NEUROFER_EXPECT_INSTALLED") != "1":
        pytest.skip("the checkout itself may be under test")
    assert root not in Path(neurofer.__file__).resolve().parents or "site-packages" in neurofer.__file__


def test_data_files_are_installed(root: Path) -> None:
    configs = {path.name for path in (root / "configs").glob("*.yaml")}
    assert {entry.name for entry in files("neurofer.configs").iterdir() if entry.name.endswith(".yaml")} == configs
    for template in (root / "neurofer").rglob("*.j2"):
        place = files("neurofer").joinpath(*template.relative_to(root / "neurofer").parts)
        assert place.is_file(), f"{template.name} is not installed"
    assert files("neurofer").joinpath("py.typed").is_file()


def test_hardware_imports_neither_torch_nor_lava() -> None:
    code = "import neurofer.hardware.limits, sys; print([n for n in ('torch', 'lava') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
