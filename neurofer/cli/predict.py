"""``neurofer predict``: recordings in, decisions out."""

from __future__ import annotations

from pathlib import Path

import typer

from neurofer.cli._deciding import BOX, FILES, MODE, OUT, SENSOR, SHARD, START_US, STOP_US, WORKERS

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
    from neurofer.cli.options import examples, paragraphs

    app.command("predict", help=paragraphs(HELP), epilog=examples(
        "neurofer predict runs/ann recording.raw",
        "neurofer predict runs/snn recordings/ -o decisions.csv",
        "neurofer predict runs/ann recordings/ -o decisions.csv --workers 0 --shard 3/8",
        "neurofer predict runs/ann gen3.raw --sensor 640x480 --box 210,80,200,200 --stop-us 1000000",
    ))(predict)


def predict(
    run: Path = typer.Argument(..., help="Run folder that 'neurofer train' left."),
    files: list[Path] = FILES,
    out: Path | None = OUT,
    box: str | None = BOX,
    sensor: str | None = SENSOR,
    start_us: int = START_US,
    stop_us: int | None = STOP_US,
    mode: str = MODE,
    workers: int = WORKERS,
    shard: str | None = SHARD,
) -> None:
    from neurofer.cli._deciding import decide_each, read_task, run_task
    from neurofer.stream.predictor import OpenedApart, Predictor
    from neurofer.workers import processors

    task = read_task(run, files, out, box, sensor, start_us, stop_us, mode, shard)
    predictor = Predictor.open(run)
    predictor.limit_threads()
    run_task(task, predictor.classes,
             decide_each(predictor, OpenedApart(run), task.request, workers or processors(), "predict"))
