"""``neurofer predict``: recordings in, decisions out."""

from __future__ import annotations

from pathlib import Path

import typer

from neurofer.cli._deciding import BOX, FILES, MODE, OUT, SENSOR, SHARD, START_US, STOP_US, WORKERS
from neurofer.cli._keeping import OVERWRITE, RESUME, SKIP_DONE, Keeping
from neurofer.cli.predict_micro import (
    APEX,
    EYES,
    FPS,
    OFFSET,
    ONSET,
    PLOT,
    THRESHOLD,
    WHOLE,
    MicroOptions,
    predict_micro,
)
from neurofer.errors import UsageError

HELP = """Say what recordings show, window by window.

Rows file,start_us,end_us,label,p_<class>...,events,latency_ms go to the file of -o, else to standard output. Times are
on the recording's own clock. latency_ms is the computing time of the decision on this machine, without reading the
file and without finding the face. An ANN decides after every window from its third on (the run's context), an SNN
after every window. A recording too short for a first decision gets one all the same, as if nothing had moved before. A
network that sees slices of a whole clip (sew_resnet18 and its twin) gives one row for the whole recording.

Beside the file of -o, boxes.csv says where each face box came from (user, truth, events, density), and failures.csv
holds rows file,error of the recordings that failed; without -o it is written into the current folder, and only if
something failed. The exit code is 0 if at least one recording went well, 1 if none did; at the end failures are told by
kind, with what to do.

Finished recordings are kept in OUT.partial, each on the disk before the next, until the file of -o appears whole. After
a kill, Ctrl-C or a full disk the same command with --resume goes on: only latency_ms differs from a table that was
never interrupted. --skip-done adds to a finished table what it lacks: recordings that are new, that failed (give
--sensor where it was missing), or that changed. All other rows stay byte for byte; OUT.done, the list of what was
decided, must lie beside the table. Both try failed recordings again, and refuse another model or other options. Without
them a finished table is replaced, an unfinished one only by --overwrite.

Many recordings are shared out over processes by --workers, each with one thread; rows keep their order, and only
latency_ms feels the company. Over machines, --shard I/N takes every N-th recording, and all names get -I-of-N.

Videos are turned into events first: neurofer simulate VIDEO -o EVENTS.

Runs of micro-expressions (--task micro, which the run's card says by itself) take films: videos, folders of images
with --fps. The face is aligned by the onset frame, by its eyes (--eyes), its box (--box), not at all (--whole), or as a
detector finds it. --onset and --offset, and --apex, say when the expression is; without them it is looked for in events
that are made of the film, and where none is found the whole film is taken. One row
file,onset_frame,apex_frame,offset_frame,onset_ms,apex_ms,offset_ms,moments,label,p_<class>...,latency_ms a file;
frames count from 0, milliseconds from the first frame or event, and moments is given, found or whole. Recordings of
events are for runs with input.kind=slices; their head is not stabilised, so it must be still. --plot draws key frames
and apex.
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    from neurofer.cli.options import examples, paragraphs

    app.command("predict", help=paragraphs(HELP), epilog=examples(
        "neurofer predict runs/ann recording.raw",
        "neurofer predict runs/snn recordings/ -o decisions.csv",
        "neurofer predict runs/ann recordings/ -o decisions.csv --workers 0 --resume",
        "neurofer predict runs/ann recordings/ -o decisions.csv --skip-done",
        "neurofer predict runs/ann recordings/ -o decisions.csv --workers 0 --shard 3/8",
        "neurofer predict runs/ann gen3.raw --sensor 640x480 --box 210,80,200,200 --stop-us 1000000",
        "neurofer predict runs/micro face.mp4 --plot pictures",
        "neurofer predict --task micro runs/micro frames/ --fps 200 --onset 36 --apex 61 --offset 90",
    ))(predict)


def predict(
    run: Path = typer.Argument(..., help="Run folder that 'neurofer train' left."),
    files: list[Path] = FILES,
    task: str | None = typer.Option(None, "--task", help="recognise or micro; by default what the run's card says."),
    out: Path | None = OUT,
    box: str | None = BOX,
    sensor: str | None = SENSOR,
    start_us: int = START_US,
    stop_us: int | None = STOP_US,
    mode: str = MODE,
    workers: int = WORKERS,
    shard: str | None = SHARD,
    resume: bool = RESUME,
    skip_done: bool = SKIP_DONE,
    overwrite: bool = OVERWRITE,
    fps: float | None = FPS,
    eyes: str | None = EYES,
    whole: bool = WHOLE,
    onset: str | None = ONSET,
    apex: str | None = APEX,
    offset: str | None = OFFSET,
    threshold: float | None = THRESHOLD,
    plot: Path | None = PLOT,
) -> None:
    keeping = Keeping(resume, skip_done, overwrite)
    keeping.check("predict", out)
    options = MicroOptions(fps, eyes, whole, onset, apex, offset, threshold, plot)
    if _task_of(run, task, options) == "micro":
        predict_micro(run, files, out, box, sensor, start_us, stop_us, mode, workers, shard, options,
                      keeping)
        return
    if options.given():
        raise UsageError(f"predict: {options.given()[0]} is for runs of micro-expressions, which {run} is not")
    from neurofer.cli._deciding import options_of, read_task, way_of
    from neurofer.cli._keeping import Making
    from neurofer.stream.made_of import MadeOf
    from neurofer.stream.predictor import OpenedApart, Predictor
    from neurofer.stream.tables import write_header
    from neurofer.train.run_folder import read_card
    from neurofer.workers import processors

    asked = read_task(run, files, out, box, sensor, start_us, stop_us, mode, shard)
    predictor = Predictor.open(run)
    predictor.limit_threads()
    made_of = MadeOf(str(run), read_card(run)["card_digest"], options_of(asked))
    way = way_of(asked, predictor, OpenedApart(run), workers or processors(), "predict")
    Making(asked, made_of, lambda stream: write_header(stream, predictor.classes), way, "predict").run(keeping)


def _task_of(run: Path, task: str | None, options: MicroOptions) -> str:
    """The task of the run, which an option may only confirm.

    A run that cannot be read counts as a recogniser, which looks at all other options before it is opened.

    Raises:
        UsageError: another word, or another task than the run's.
        BadFileError: no whole run folder, and options that are for micro-expressions.
    """
    from neurofer.errors import BadFileError
    from neurofer.train.run_folder import read_card

    if task not in (None, "recognise", "micro"):
        raise UsageError(f"--task: need recognise or micro, got {task!r}")
    try:
        said = str(read_card(run).get("task", "recognise"))
    except BadFileError:
        if task == "micro" or options.given():
            raise
        return "recognise"
    if task is not None and (task == "micro") != (said == "micro"):
        raise UsageError(f"--task {task}: {run} is a run of task {said}; leave --task out, or name another run")
    return said
