"""``neurofer predict``: recordings in, decisions out."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from neurofer.errors import NeuroferError, UsageError

if TYPE_CHECKING:
    from neurofer.data.clip import Box

HELP = """Say what recordings show, window by window.

Rows file,start_us,end_us,label,p_<class>...,events,latency_ms go to the file of -o, else to standard output. Times are
on the recording's own clock. latency_ms is the computing time of the decision on this machine, without reading the
file and without finding the face. An ANN decides after every window from its third on (the run's context), an SNN
after every window. A recording too short for a first decision gets one all the same, as if nothing had moved before. A
network that sees slices of a whole clip (sew_resnet18 and its twin) gives one row for the whole recording.

Beside the file of -o, boxes.csv says where each face box came from (user, truth, events, density), and failures.csv
holds rows file,error of the recordings that failed; without -o it is written into the current folder, and only if
something failed. The exit code is 0 if at least one recording went well, 1 if none did.

Many recordings are shared out over processes by --workers, each with one thread; rows keep their order, and only
latency_ms feels the company. Over machines, --shard I/N takes every N-th recording, and all names get -I-of-N.

Videos are turned into events first: neurofer simulate VIDEO -o EVENTS.
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    from neurofer.cli.options import examples

    paragraphs = (" ".join(paragraph.split()) for paragraph in HELP.split("\n\n"))
    app.command("predict", help="\n\n".join(paragraphs), epilog=examples(
        "neurofer predict runs/ann recording.raw",
        "neurofer predict runs/snn recordings/ -o decisions.csv",
        "neurofer predict runs/ann recordings/ -o decisions.csv --workers 0 --shard 3/8",
        "neurofer predict runs/ann gen3.raw --sensor 640x480 --box 210,80,200,200 --stop-us 1000000",
    ))(predict)


def predict(
    run: Path = typer.Argument(..., help="Run folder that 'neurofer train' left."),
    files: list[Path] = typer.Argument(..., metavar="FILE...", help="Recordings, or folders of recordings."),
    out: Path | None = typer.Option(None, "-o", "--out", help="CSV file to write."),
    box: str | None = typer.Option(None, metavar="L,T,W,H", help="Face box in sensor pixels: left,top,width,height."),
    sensor: str | None = typer.Option(None, metavar="WxH", help="Sensor size of files that do not say it."),
    start_us: int = typer.Option(0, help="Start, counted from a recording's first event."),
    stop_us: int | None = typer.Option(None, help="End, counted likewise."),
    mode: str = typer.Option("repair", help="Bad events: repair (drop and count), strict (refuse), trust."),
    workers: int = typer.Option(1, min=0, help="Processes; 0 for one per core. The decisions do not depend on it."),
    shard: str | None = typer.Option(None, metavar="I/N", help="Decide about part I of N only, for several machines."),
) -> None:
    from neurofer import workers as many
    from neurofer.cli.options import parse_sensor
    from neurofer.progress import progress
    from neurofer.stream import tables
    from neurofer.stream.inputs import find_recordings, part_of
    from neurofer.stream.predictor import Predictor

    if mode not in ("repair", "strict", "trust"):
        raise UsageError(f"--mode: need repair, strict or trust, got {mode!r}")
    if start_us < 0 or (stop_us is not None and stop_us <= start_us):
        raise UsageError(f"--start-us, --stop-us: need 0 <= start < stop, got {start_us} and {stop_us}")
    request = tables.Request(parse_box(box), parse_sensor(sensor), start_us, stop_us, mode)
    part = many.parse_shard(shard)
    workers = workers or many.processors()
    target = part_of(out, part) if out is not None else None
    for table in {out, target}:
        _refuse_to_overwrite(table, files)
    everything = find_recordings(files, leave_out=out)
    recordings = many.shard(everything, part)
    predictor = Predictor.open(run)
    predictor.limit_threads()
    place = out.parent if out is not None else Path()
    boxes, failures = (part_of(place / name, part) for name in ("boxes.csv", "failures.csv"))
    with _output(target) as stream:
        lines: list[str] = []
        alone = len(everything) == 1  # its failure is the error itself, told once
        tell = lines.append if alone else lambda line: print(line, file=sys.stderr)
        tables.write_header(stream, predictor.classes)
        if workers > 1 and len(recordings) > 1:
            summary = tables.write_shared_decisions(run, recordings, request, workers, stream, tell)
        else:
            shown: Any = progress(recordings, unit="file", desc="predict") if len(recordings) > 1 else recordings
            summary = tables.write_decisions(predictor, shown, request, stream, tell)
        if recordings and len(summary.failures) == len(recordings):
            tables.write_failures(failures, summary)
            if alone:
                path, error = next(iter(summary.failures.items()))
                why = NeuroferError(f"{path}: {tables.reason(path, error)}")
                raise error if isinstance(error, NeuroferError) else why
            raise NeuroferError(f"none of the {len(recordings)} recordings could be decided about; the reasons are in "
                                f"{failures}")
    for line in lines:
        print(line, file=sys.stderr)
    if out is not None:
        tables.write_notes(boxes, failures, summary)
    elif summary.failures:
        tables.write_failures(failures, summary)
    if part != (1, 1):
        print(f"part {part[0]} of {part[1]}: {len(recordings)} of {len(everything)} recordings", file=sys.stderr)
    if summary.failures:
        print(f"{len(summary.failures)} of {len(recordings)} recordings failed; the reasons are in {failures}",
              file=sys.stderr)


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


def _refuse_to_overwrite(out: Path | None, files: list[Path]) -> None:
    """Stop before a recording is replaced by the decisions about it; decisions of an earlier run may be replaced.

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
        if not stream.read(32).startswith(b"file,start_us,end_us,label,"):
            raise UsageError(f"--out: {out} is among the recordings and holds no decisions; choose another name")


@contextlib.contextmanager
def _output(out: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears whole when all is written."""
    from neurofer.files import atomic_path

    if out is None:
        yield sys.stdout
        return
    with atomic_path(out) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        yield stream
