"""Compiled functions: same result as plain Python, usable without any place for a cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from neurofer.compiled import compiled


@compiled
def _sum(values: np.ndarray) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


@compiled(fastmath=True)
def _divide(a: float, b: float) -> float:
    return a / b


def test_compiled_equals_plain_python() -> None:
    values = np.arange(10.0)
    assert _sum(values) == 45.0
    assert _sum.py_func(values) == 45.0  # type: ignore[attr-defined]


def test_division_follows_numpy() -> None:
    assert not np.isfinite(_divide(1.0, 0.0))


def test_without_a_place_for_a_cache_it_still_compiles(tmp_path: Path) -> None:
    module = tmp_path / "kernel.py"
    module.write_text("from neurofer.compiled import compiled\n@compiled\ndef add(a, b):\n    return a + b\n")
    blocked = tmp_path / "not_a_folder"
    blocked.write_text("")
    (tmp_path / "__pycache__").write_text("")  # a file where the cache folder would be
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]),
                   "HOME": str(blocked), "XDG_CACHE_HOME": str(blocked), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", "import kernel; print(kernel.add(2, 3))"], env=environment,
                          capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout.strip() == "5", done.stderr
