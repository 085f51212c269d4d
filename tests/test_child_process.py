"""Modules in a process of their own: by this Python, and never one of the current folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neurofer.child_process import module_command


def test_arguments_follow_the_module(tmp_path: Path) -> None:
    command = [*module_command("json.tool"), "--compact"]
    assert command[0] == sys.executable
    done = subprocess.run(command, input='{"a": 1}', capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == '{"a":1}\n'


@pytest.mark.skipif(sys.version_info < (3, 11), reason="needs -P")
def test_no_module_of_the_current_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "json").mkdir()
    for name in ("__init__", "tool"):
        (tmp_path / "json" / f"{name}.py").write_text("raise SystemExit('taken')")
    done = subprocess.run(module_command("json.tool"), input="[]", capture_output=True, text=True, check=False,
                          cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "[]\n")
