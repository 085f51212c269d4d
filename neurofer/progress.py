"""How far a long task is: a bar on a terminal or in a notebook, an occasional plain line anywhere else."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from types import TracebackType
from typing import Any, Generic, TypeVar, overload

from neurofer.launch import rank

Item = TypeVar("Item")

FIRST_LINE_S = 5.0
NEXT_LINE_S = 15.0


def shown() -> bool:
    """Whether this process says how far it is: not if the environment says ``NEUROFER_PROGRESS=0``, and of several that
    were started as one only the first."""
    return os.environ.get("NEUROFER_PROGRESS", "1") != "0" and rank() == 0


def _in_a_notebook() -> bool:
    """Whether this process is the kernel of a notebook; that a package of Jupyter was imported does not make it one."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


class Progress(Generic[Item]):
    """What ``progress`` gives: iterate over it, or call ``update`` by hand inside a ``with`` block.

    Nothing is shown where ``shown`` says no. Everything goes to standard error.
    """

    def __init__(self, iterable: Iterable[Item] | None, total: float | None, unit: str, desc: str) -> None:
        self._items = iterable
        self._bar: Any = None
        self._lines: _Lines | None = None
        if not shown():
            return
        if sys.stderr.isatty() or _in_a_notebook():
            from tqdm.auto import tqdm

            self._bar = tqdm(total=total, unit=unit, desc=desc or None, leave=False, dynamic_ncols=True)
        else:
            self._lines = _Lines(total, unit, desc)

    def update(self, steps: float = 1) -> None:
        """Say that ``steps`` more are done."""
        if self._bar is not None:
            self._bar.update(steps)
        elif self._lines is not None:
            self._lines.update(steps)

    def note(self, text: str) -> None:
        """Show ``text`` behind the numbers, such as the last loss."""
        if self._bar is not None:
            self._bar.set_postfix_str(text)
        elif self._lines is not None:
            self._lines.text = text

    def close(self) -> None:
        """End the bar, or write the last line of a task that had written one."""
        if self._bar is not None:
            self._bar.close()
        elif self._lines is not None:
            self._lines.close()

    def __iter__(self) -> Iterator[Item]:
        if self._items is None:
            raise TypeError("progress: nothing to iterate over; give an iterable, or call update() by hand")
        with self:
            for item in self._items:
                yield item
                self.update()

    def __enter__(self) -> Progress[Item]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@overload
def progress(
    iterable: Iterable[Item], total: float | None = None, unit: str = "it", desc: str = ""
) -> Progress[Item]: ...
@overload
def progress(iterable: None = None, total: float | None = None, unit: str = "it", desc: str = "") -> Progress[Any]: ...


def progress(
    iterable: Iterable[Item] | None = None, total: float | None = None, unit: str = "it", desc: str = ""
) -> Progress[Item]:
    """The iterable, with its progress shown.

    Args:
        iterable: What to go through; None to count by hand with ``update``.
        total: Number of steps; the iterable's length by default.
        unit: Name of one step.
        desc: What is being done.
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    return Progress(iterable, total, unit, desc)


class _Lines:
    """Progress for a log: silent for a quick task, then a line every quarter of a minute, and one at the end."""

    def __init__(self, total: float | None, unit: str, desc: str) -> None:
        self._total, self._unit, self._desc = total, unit, desc
        self._done = 0.0
        self._started = time.monotonic()
        self._due = self._started + FIRST_LINE_S
        self._written = False
        self.text = ""

    def update(self, steps: float) -> None:
        self._done += steps
        now = time.monotonic()
        if now >= self._due and self._done != self._total:
            self._write(now)
            self._due = now + NEXT_LINE_S
            self._written = True

    def close(self) -> None:
        if self._written:
            self._write(time.monotonic())
            self._written = False

    def _write(self, now: float) -> None:
        seconds = now - self._started
        of = f"/{self._total:g} ({100 * self._done / self._total:.0f} %)" if self._total else ""
        rest = ""
        if self._total and 0 < self._done < self._total:
            rest = f", about {seconds * (self._total - self._done) / self._done:.0f} s left"
        name = f"{self._desc}: " if self._desc else ""
        note = f", {self.text}" if self.text else ""
        print(f"{name}{self._done:g}{of} {self._unit}, {seconds:.0f} s{rest}{note}", file=sys.stderr, flush=True)  # noqa: T201
