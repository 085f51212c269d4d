"""Tables over many recordings that survive a kill: what is finished is kept, gone on with, and added to."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import typer

from neurofer.errors import BadFileError, UsageError

if TYPE_CHECKING:
    from neurofer.cli._deciding import Task
    from neurofer.stream.journal import Journal
    from neurofer.stream.made_of import MadeOf
    from neurofer.stream.many import Way
    from neurofer.stream.outcomes import Entry, Stamp

RESUME: Any = typer.Option(False, "--resume", help="Go on with the table of -o where a command was stopped.")
SKIP_DONE: Any = typer.Option(False, "--skip-done", help="Decide only about recordings that the finished table of -o "
                              "lacks, that failed, or that changed since; keep its other rows.")
OVERWRITE: Any = typer.Option(False, "--overwrite", help="Throw away what a stopped command left, and start anew.")


class Keeping(NamedTuple):
    """What becomes of earlier work on the same table."""

    resume: bool = False
    skip_done: bool = False
    overwrite: bool = False

    def check(self, verb: str, out: Path | None) -> None:
        """Raise if the options make no sense.

        Raises:
            UsageError: they contradict each other, or there is no table to go on with.
        """
        if self.overwrite and (self.resume or self.skip_done):
            other = "--resume goes on with what is there" if self.resume else "--skip-done keeps what is there"
            raise UsageError(f"{verb}: {other} and --overwrite throws it away; give one of them")
        given = [f"--{name.replace('_', '-')}" for name, value in self._asdict().items() if value]
        if given and out is None:
            raise UsageError(f"{given[0]}: is about a table; name its file by -o")


@dataclass(frozen=True)
class Making:
    """A table to be made.

    Attributes:
        task: Its recordings, and where it goes.
        made_of: What decides, and how.
        header: Writes the names of the columns.
        way: Decides.
        verb: What is being done, for the progress bar.
        boxes: Whether there is a table of face boxes, too.
    """

    task: Task
    made_of: MadeOf
    header: Callable[[TextIO], None]
    way: Way
    verb: str
    boxes: bool = True

    def run(self, keeping: Keeping) -> None:
        """Write all tables, and say what became of the recordings.

        Raises:
            UsageError: earlier work is there and was not asked for, or does not fit.
            NeuroferError: all recordings failed; the output is then left as it was.
        """
        from neurofer.cli._deciding import run_task
        from neurofer.cli._telling import ending_workers

        if self.task.target is None:
            run_task(self.task, self.header, self.way.write, self.boxes)
            return
        journal = self._journal(self.task.target, keeping)
        if journal is None:
            return
        try:
            with ending_workers():
                self._decide(journal)
            places = self._places(journal)
            self._refuse_total_failure([journal.entries[place] for place in places])
            self._write(self.task.target, journal, places)
        except BaseException as error:
            self._leave(journal, error)
            raise
        journal.remove()
        self._tell_end([journal.entries[place] for place in places])

    def _journal(self, target: Path, keeping: Keeping) -> Journal | None:
        """What is kept so far; None where nothing is left to do."""
        from neurofer.stream.finished_table import is_ours, journal_of, list_of, read_finished, take_over
        from neurofer.stream.journal import Journal

        if not is_ours(list_of(target)):
            raise BadFileError(f"{list_of(target)}: is in the way and no list of decisions; move it, or choose another "
                               "name for the output")
        path = journal_of(target)
        fresh = not path.exists()
        journal = Journal.open(path, self.made_of, resume=keeping.resume, overwrite=keeping.overwrite)
        if journal.entries:
            self._tell_begin(target, journal)
            return journal
        try:
            finished = {}
            if keeping.skip_done or (keeping.resume and fresh and list_of(target).is_file()):
                finished = read_finished(target, self.made_of)
            if finished and (not keeping.skip_done or not self._missing(finished)):
                said = "holds all recordings already" if keeping.skip_done else "is finished"
                more = "" if keeping.skip_done else "; --skip-done adds recordings that are new, failed or changed"
                print(f"{target}: {said}{more}", file=sys.stderr)
                journal.remove()
                return None
            if finished:
                kept = [entry for place, entry in finished.items() if place not in self.task.elsewhere
                        and not self._given_up(entry)]
                take_over(journal, target, kept)
                self._tell_begin(target, journal)
        except BaseException:
            journal.remove()
            raise
        return journal

    def _given_up(self, entry: Entry) -> bool:
        """Whether a recording that gave nothing has been taken away since: its failure concerns nobody any more."""
        gave = entry.outcome.failure is None or entry.outcome.decisions
        return not gave and entry.path not in self.task.recordings and not entry.path.exists()

    def _missing(self, entries: dict[str, Entry]) -> list[tuple[Path, Stamp | None]]:
        """Recordings to be decided about, and how their files are now."""
        from neurofer.stream.outcomes import place_of, stamp_of

        found = []
        for path in self.task.recordings:
            entry, stamp = entries.get(place_of(path)), stamp_of(path)
            if entry is None or entry.outcome.failure is not None or entry.stamp != stamp:
                found.append((path, stamp))
        return found

    def _decide(self, journal: Journal) -> None:
        from neurofer.progress import progress
        from neurofer.workers import in_order

        missing = dict(self._missing(journal.entries))
        todo = list(missing)

        def finished() -> Generator[tuple[Path, str], None, None]:
            failed = 0
            with progress(total=len(todo), unit="file", desc=self.verb) as bar:
                for path, outcome in self.way.each(todo, journal.keep):
                    journal.finish(path, missing[path], outcome)
                    failed += outcome.failure is not None
                    bar.note(f"{failed} failed")
                    bar.update()
                    yield path, outcome.told

        alone = self.task.everything == 1  # its failure is the error itself, told once
        with contextlib.closing(finished()) as lines:
            for path, line in in_order(lines, todo):
                if not (alone and journal.entries[_place(path)].outcome.failure is not None):
                    _say(line)

    def _places(self, journal: Journal) -> list[str]:
        """Recordings of the table in the order of their rows: those that were not named this time come first."""
        named = dict.fromkeys(map(_place, self.task.recordings))
        others = [place for place in journal.entries if place not in named and place not in self.task.elsewhere]
        return [*others, *named]

    def _refuse_total_failure(self, entries: Sequence[Entry]) -> None:
        from neurofer.cli._telling import refuse_total_failure
        from neurofer.stream.finished_table import summary_of

        refuse_total_failure(self.task, summary_of(entries))

    def _write(self, target: Path, journal: Journal, places: list[str]) -> None:
        from neurofer.stream import tables
        from neurofer.stream.finished_table import summary_of, write_table

        summary = summary_of(journal.entries[place] for place in places)
        failures = self.task.beside("failures.csv")
        if self.boxes:
            tables.write_notes(self.task.beside("boxes.csv"), failures, summary)
        else:
            tables.write_failures(failures, summary)
        write_table(target, self.header, journal, places, self.made_of)

    def _leave(self, journal: Journal, error: BaseException) -> None:
        """Keep what is worth it, and say so."""
        if not journal.decided:
            with contextlib.suppress(OSError):
                journal.remove()
            return
        journal.close()
        _say(f"{journal.decided} recordings are kept in {journal.path}; the same command with --resume goes on")

    def _tell_begin(self, target: Path, journal: Journal) -> None:
        missing = self._missing(journal.entries)
        for path, _ in missing:
            entry = journal.entries.get(_place(path))
            if entry is not None and entry.outcome.failure is None:
                _say(f"{path}: changed since it was decided about; is decided about again")
        total = len(self.task.recordings)
        _say(f"{target}: {total - len(missing)} of {total} recordings are decided about already")

    def _tell_end(self, entries: Sequence[Entry]) -> None:
        from neurofer.cli._telling import tell_failures, tell_part
        from neurofer.stream.finished_table import summary_of
        from neurofer.stream.outcomes import is_silent

        tell_part(self.task)
        summary = summary_of(entries)
        tell_failures(self.task, summary)
        if summary.failures:
            silent = any(is_silent(str(failure)) for failure in summary.failures.values())
            _say(f"  the same command with {'--sensor and ' if silent else ''}--skip-done tries only these again")


def _place(path: Path) -> str:
    from neurofer.stream.outcomes import place_of

    return place_of(path)


def _say(line: str) -> None:
    from neurofer.cli._telling import say

    say(line)
