"""Ways of deciding about many recordings: one after the other, by several processes, or side by side."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO

from neurofer.progress import progress
from neurofer.stream import tables
from neurofer.stream.decisions import Decider
from neurofer.stream.outcomes import Outcome, outcome_of
from neurofer.stream.tables import Finished, Opener, Request, Summary
from neurofer.workers import run_all

Keep = Callable[[Path, str], None]
"""Receives rows of a recording in pieces, each behind those that came before."""

PIECE = 1 << 20
"""Characters of rows that wait in memory."""


class Way(Protocol):
    """Decides about many recordings."""

    def write(self, recordings: Sequence[Path], out: TextIO, tell: Callable[[str], None]) -> Summary:
        """Write the rows in the order of the recordings, showing progress."""

    def each(self, recordings: Sequence[Path], keep: Keep) -> Iterator[tuple[Path, Outcome]]:
        """Give the rows to ``keep``, and each recording when it is finished, in any order."""


class OneByOne:
    """Decides in this process, one recording after the other; memory does not grow with their length.

    Args:
        decider: Decides.
        request: How to open and look at recordings.
        verb: What is being done, for the progress bar.
    """

    def __init__(self, decider: Decider, request: Request, verb: str) -> None:
        self._decider, self._request, self._verb = decider, request, verb

    def write(self, recordings: Sequence[Path], out: TextIO, tell: Callable[[str], None]) -> Summary:
        """See ``Way``."""
        shown: Any = progress(recordings, unit="file", desc=self._verb) if len(recordings) > 1 else recordings
        return tables.write_decisions(self._decider, shown, self._request, out, tell)

    def each(self, recordings: Sequence[Path], keep: Keep) -> Iterator[tuple[Path, Outcome]]:
        """See ``Way``."""
        for path in recordings:
            rows = _Pieces(functools.partial(keep, path))
            lines: list[str] = []
            summary = tables.write_decisions(self._decider, [path], self._request, rows, lines.append)
            rows.pass_on()
            yield path, outcome_of(path, summary, lines[0])


class Together:
    """Decides about several recordings at a time, whose rows come when each is finished.

    Args:
        finished: Gives each of the recordings once, in any order.
        verb: What is being done, for the progress bar.
    """

    def __init__(self, finished: Callable[[Sequence[Path]], Iterable[tuple[Path, Finished]]], verb: str) -> None:
        self._finished, self._verb = finished, verb

    def write(self, recordings: Sequence[Path], out: TextIO, tell: Callable[[str], None]) -> Summary:
        """See ``Way``; rows of early recordings wait in memory."""
        return tables.write_finished(self._finished(recordings), recordings, out, tell, self._verb)

    def each(self, recordings: Sequence[Path], keep: Keep) -> Iterator[tuple[Path, Outcome]]:
        """See ``Way``."""
        for path, (rows, summary) in self._finished(recordings):
            if rows:
                keep(path, rows)
            yield path, outcome_of(path, summary, tables.told(path, summary.decisions[path], summary))


def in_processes(opener: Opener, request: Request, workers: int, verb: str) -> Together:
    """Several processes that each decide about whole recordings.

    Args:
        opener: Makes what decides, once in each process; may limit it to one thread.
        request: How to open and look at recordings.
        workers: Number of processes.
        verb: What is being done, for the progress bar.
    """
    one = functools.partial(tables.decide_apart, opener, request)
    return Together(lambda recordings: run_all(one, recordings, workers), verb)


class _Pieces(io.StringIO):
    """A stream that passes on what is written in pieces of about a megabyte."""

    def __init__(self, receive: Callable[[str], None]) -> None:
        super().__init__()
        self._receive = receive

    def write(self, text: str) -> int:
        count = super().write(text)
        if self.tell() >= PIECE:
            self.pass_on()
        return count

    def pass_on(self) -> None:
        """Pass on what waits."""
        text = self.getvalue()
        if text:
            self._receive(text)
            self.seek(0)
            self.truncate()
