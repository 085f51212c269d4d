"""How ``predict`` and ``deploy`` end: what failed and why, and what becomes of their processes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from neurofer.errors import NeuroferError

if TYPE_CHECKING:
    from neurofer.cli._deciding import Task
    from neurofer.stream.tables import Summary


def refuse_total_failure(task: Task, summary: Summary) -> None:
    """Raise if all recordings failed, with the table of failures written.

    Raises:
        NeuroferError: of one recording its own failure.
    """
    from neurofer.stream import tables
    from neurofer.stream.outcomes import failure_lines

    if not task.recordings or len(summary.failures) < len(summary.decisions):
        return
    failures = task.beside("failures.csv")
    tables.write_failures(failures, summary)
    reasons = [(path, tables.reason(path, error)) for path, error in summary.failures.items()]
    if task.everything == 1 and len(reasons) == 1:
        (path, why), = reasons
        error = summary.failures[path]
        raise error if isinstance(error, NeuroferError) else NeuroferError(f"{path}: {why}")
    for line in failure_lines(reasons):
        say(line)
    raise NeuroferError(f"none of the {len(reasons)} recordings could be decided about; the reasons are in {failures}")


def tell_part(task: Task) -> None:
    """Say which part of all recordings this was, if it was a part."""
    if task.part != (1, 1):
        say(f"part {task.part[0]} of {task.part[1]}: {len(task.recordings)} of {task.everything} recordings")


def tell_failures(task: Task, summary: Summary) -> None:
    """Say how many recordings failed, why, and what to do, if any did."""
    from neurofer.stream.outcomes import failure_lines
    from neurofer.stream.tables import reason

    if not summary.failures:
        return
    say(f"{len(summary.failures)} of {len(summary.decisions)} recordings failed; the reasons are in "
        f"{task.beside('failures.csv')}")
    for line in failure_lines((path, reason(path, error)) for path, error in summary.failures.items()):
        say(line)


def say(line: str) -> None:
    """Print a line on standard error, above a progress bar."""
    from neurofer.progress import shown

    if sys.stderr.isatty() and shown():
        from tqdm.auto import tqdm

        tqdm.write(line, file=sys.stderr)
    else:
        print(line, file=sys.stderr)


@contextlib.contextmanager
def ending_workers() -> Iterator[None]:
    """End the processes of this one at once when the user ends it: nothing waits for what they were at."""
    import multiprocessing

    try:
        yield
    except KeyboardInterrupt:
        for child in multiprocessing.active_children():
            child.terminate()
        raise
