"""A command in a process group of its own that ends in time, together with everything it started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

GRACE_S = 2.0
"""What a group may take to end when asked; Lava's then removes its shared memory."""


def run_group(command: Sequence[str], folder: Path, log: Path, environment: Mapping[str, str],
              limit_s: float) -> int | None:
    """Run a command: its exit code, None when it did not end in time. No process that it started in its group remains.

    Its standard input is a pipe that closes when this process ends, so that it can end by itself in every other case.

    Args:
        command: With its arguments.
        folder: To run it in.
        log: File for its output and its errors.
        environment: Variables.
        limit_s: Seconds.
    """
    with open(log, "wb") as output, subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, cwd=folder, env=environment,
            start_new_session=True) as child:
        try:
            return child.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            end_group(child.pid)


def end_group(group: int, grace_s: float = GRACE_S) -> None:
    """End every process of a group: by request, and what is left after ``grace_s`` by force."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + grace_s
        while group_runs(group) and time.monotonic() < until:
            try:
                os.killpg(group, how)
            except (ProcessLookupError, PermissionError):  # the latter on macOS, of processes that have ended
                return
            time.sleep(0.01)


def group_runs(group: int) -> bool:
    """Whether a process of a group runs; those that have ended and wait for their parent to notice do not count."""
    if not Path("/proc/self/stat").exists():
        try:
            os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True
    return any(state not in "ZX" for state in _states(group))


def _states(group: int) -> list[str]:
    """States of the processes of a group, one letter each, as Linux tells them."""
    found = []
    for process in os.scandir("/proc"):
        if process.name.isdigit():
            try:
                # "pid (name) state parent group ...", where the name may hold anything
                state, _, member_of = Path(process.path, "stat").read_text().rpartition(")")[2].split()[:3]
            except (OSError, ValueError):  # it has ended meanwhile
                continue
            if int(member_of) == group:
                found.append(state)
    return found
