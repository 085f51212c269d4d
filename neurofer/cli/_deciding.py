"""What ``predict`` and ``deploy`` share: options, which recordings, tables that appear whole, and how failures end."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from neurofer.errors import UsageError

if TYPE_CHECKING:
    from neurofer.data.clip import Box
    from neurofer.stream.decisions import Decider
    from neurofer.stream.many import Way
    from neurofer.stream.tables import Opener, Request, Summary

    Tell = Callable[[str], None]
    Write = Callable[[Sequence[Path], TextIO, Tell], Summary]

FILES: Any = typer.Argument(..., metavar="FILE...", help="Recordings, or folders of recordings.")
OUT: Any = typer.Option(None, "-o", "--out", help="CSV file to write.")
BOX: Any = typer.Option(None, metavar="L,T,W,H", help="Face box in sensor pixels: left,top,width,height.")
SENSOR: Any = typer.Option(None, metavar="WxH", help="Sensor size of files that do not say it.")
START_US: Any = typer.Option(0, help="Start, counted from a recording's first event.")
STOP_US: Any = typer.Option(None, help="End, counted likewise.")
MODE: Any = typer.Option("repair", help="Bad events: repair (drop and count), strict (refuse), trust.")
WORKERS: Any = typer.Option(1, min=0, help="Processes; 0 for one per core. The decisions do not depend on it.")
SHARD: Any = typer.Option(None, metavar="I/N", help="Decide about part I of N only, for several machines.")


@dataclass(frozen=True)
class Task:
    """Recordings to be decided about, and where the tables go.

    Attributes:
        recordings: Of this part.
        everything: Number of recordings of all parts.
        part: ``(i, n)``, the i-th of n.
        request: How every recording is opened and looked at.
        out: File of the option, None for standard output.
        target: That of this part.
        elsewhere: Places of the recordings of other parts, as ``neurofer.stream.outcomes.place_of`` gives them.
    """

    recordings: list[Path]
    everything: int
    part: tuple[int, int]
    request: Request
    out: Path | None
    target: Path | None
    elsewhere: frozenset[str] = frozenset()

    def beside(self, name: str) -> Path:
        """The table of this part that lies beside the output."""
        from neurofer.stream.inputs import part_of

        return part_of((self.out.parent if self.out is not None else Path()) / name, self.part)


def read_task(model: Path, files: list[Path], out: Path | None, box: str | None, sensor: str | None, start_us: int,
              stop_us: int | None, mode: str, shard: str | None) -> Task:
    """The task that the options describe, about all recordings that ``files`` name; ``model`` is what decides.

    Raises:
        UsageError: an option that makes no sense, an output that would replace a recording or what decides, or no
            recording.
    """
    from neurofer.stream.inputs import find_recordings

    return deciding_task(model, files, lambda: find_recordings(files, leave_out=out), out, box, sensor, start_us,
                         stop_us, mode, shard)


def deciding_task(model: Path, files: list[Path], find: Callable[[], list[Path]], out: Path | None, box: str | None,
                  sensor: str | None, start_us: int, stop_us: int | None, mode: str, shard: str | None) -> Task:
    """The task that the options describe, about all that ``find`` finds in ``files``.

    Raises:
        UsageError: an option that makes no sense, or an output that would replace a recording or what decides.
    """
    from neurofer import workers as many
    from neurofer.cli.options import parse_sensor
    from neurofer.stream.inputs import part_of
    from neurofer.stream.outcomes import place_of
    from neurofer.stream.tables import Request

    if mode not in ("repair", "strict", "trust"):
        raise UsageError(f"--mode: need repair, strict or trust, got {mode!r}")
    if start_us < 0 or (stop_us is not None and stop_us <= start_us):
        raise UsageError(f"--start-us, --stop-us: need 0 <= start < stop, got {start_us} and {stop_us}")
    request = Request(parse_box(box), parse_sensor(sensor), start_us, stop_us, mode)
    part = many.parse_shard(shard)
    target = part_of(out, part) if out is not None else None
    for table in {out, target}:
        _refuse_to_overwrite(table, [model, *files])
    everything = find()
    ours = many.shard(everything, part)
    elsewhere = frozenset(map(place_of, everything)) - frozenset(map(place_of, ours))
    return Task(ours, len(everything), part, request, out, target, elsewhere)


def way_of(task: Task, decider: Decider, opener: Opener, workers: int, verb: str) -> Way:
    """How recordings are decided about: one after the other, or each in one of several processes.

    Args:
        task: The recordings; a single one stays in this process.
        decider: Decides in this process.
        opener: Makes what decides in the others.
        workers: Number of processes.
        verb: What is being done, for the progress bar.
    """
    from neurofer.stream.many import OneByOne, in_processes

    if workers > 1 and len(task.recordings) > 1:
        return in_processes(opener, task.request, workers, verb)
    return OneByOne(decider, task.request, verb)


def options_of(task: Task, **more: object) -> dict[str, Any]:
    """What the decisions depend on beside the model, as it is typed; None where an option is not given."""
    request, (number, parts) = task.request, task.part
    return {
        "--box": None if request.box is None else ",".join(map(str, request.box)),
        "--sensor": None if request.sensor is None else "x".join(map(str, request.sensor)),
        "--start-us": request.start_us or None, "--stop-us": request.stop_us,
        "--mode": None if request.mode == "repair" else request.mode,
        "--shard": None if parts == 1 else f"{number}/{parts}", **more}


def run_task(task: Task, header: Callable[[TextIO], None], write: Write, boxes: bool = True) -> None:
    """Write all tables of a task, and say what became of the recordings.

    Args:
        task: The task.
        header: Writes the names of the columns.
        write: Writes the rows.
        boxes: Whether there is a table of face boxes, too.

    Raises:
        NeuroferError: all recordings failed; the output is then left as it was.
    """
    from neurofer.cli._telling import ending_workers, refuse_total_failure, say, tell_failures, tell_part
    from neurofer.stream import tables

    failures = task.beside("failures.csv")
    alone = task.everything == 1  # its failure is the error itself, told once
    with _output(task.target) as stream:
        lines: list[str] = []
        rows: Any = _HeaderFirst(stream, lambda: header(stream))
        with ending_workers():
            summary = write(task.recordings, rows, lines.append if alone else say)
        refuse_total_failure(task, summary)
        rows.begin()
    for line in lines:
        say(line)
    if task.out is not None and boxes:
        tables.write_notes(task.beside("boxes.csv"), failures, summary)
    elif task.out is not None or summary.failures:
        tables.write_failures(failures, summary)
    tell_part(task)
    tell_failures(task, summary)


def parse_box(text: str | None) -> Box | None:
    """``"10,20,100,100"`` as a box; None stays None.

    Raises:
        UsageError: not four whole numbers, or no area.
    """
    from neurofer.data.clip import Box

    if text is None:
        return None
    match = re.fullmatch(r"(-?\d{1,6}),(-?\d{1,6}),(\d{1,6}),(\d{1,6})", text.replace(" ", ""))
    box = Box(*map(int, match.groups())) if match else None
    if box is None or box.width < 1 or box.height < 1:
        raise UsageError(f"--box: need LEFT,TOP,WIDTH,HEIGHT in pixels such as 100,60,200,200, got {text!r}")
    return box


_OUR_HEADERS = (b"file,start_us,end_us,label,", b"file,onset_frame,apex_frame,offset_frame,")


def _refuse_to_overwrite(out: Path | None, files: list[Path]) -> None:
    """Stop before what is read is replaced by what is decided; decisions of an earlier run may be replaced.

    Raises:
        UsageError: ``out`` is a folder, or among ``files`` or inside a folder of theirs and no table of decisions.
    """
    if out is not None and out.is_dir():
        raise UsageError(f"--out: {out} is a folder; name a file such as {out / 'decisions.csv'}")
    if out is None or not out.is_file() or out.stat().st_size == 0:
        return
    place = out.resolve()
    if not any(path.exists() and (path.resolve() == place or path.resolve() in place.parents) for path in files):
        return
    with open(out, "rb") as stream:
        if not stream.read(64).startswith(_OUR_HEADERS):
            raise UsageError(f"--out: {out} is among what is read and holds no decisions; choose another name")


class _HeaderFirst:
    """A stream that writes a header before the first row, so that nothing is written where all fails before one."""

    def __init__(self, stream: TextIO, header: Callable[[], None]) -> None:
        self._stream, self._header = stream, header
        self._begun = False

    def begin(self) -> None:
        """Write the header, if it has not been written."""
        if not self._begun:
            self._begun = True
            self._header()

    def write(self, text: str) -> int:
        """Write rows, and before the first one the header."""
        if text:
            self.begin()
        return self._stream.write(text)


@contextlib.contextmanager
def _output(out: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears whole when all is written."""
    from neurofer.files import atomic_path

    if out is None:
        yield sys.stdout
        return
    with atomic_path(out) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        yield stream
