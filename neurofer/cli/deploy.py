"""``neurofer deploy``: an exported chip network on recordings, decisions out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from neurofer.cli._deciding import BOX, FILES, MODE, OUT, SENSOR, SHARD, START_US, STOP_US, WORKERS
from neurofer.cli._keeping import OVERWRITE, RESUME, SKIP_DONE, Keeping
from neurofer.errors import UsageError
from neurofer.hardware.lava.configs import CONFIGS, DEFAULT_CONFIG

if TYPE_CHECKING:
    from neurofer.hardware.deploy import ChipPredictor
    from neurofer.stream.many import Way
    from neurofer.stream.tables import Request

HELP = """Run an exported chip network on recordings, window by window.

NET is a file of 'neurofer export'; nothing of what trained it is needed, and for simulate not even torch. simulate
computes the chip's integers in numpy, gpu the same for many recordings side by side in torch, on a GPU or a CPU, lava
in Intel's Lava (make lava). All three give the same decisions, those of 'neurofer predict' with the network's run.

Rows file,start_us,end_us,label,p_<class>...,events,host_ms go to the file of -o, else to standard output. Times are on
the recording's own clock. host_ms is the computing time of the decision on this machine, side by side its share of the
batch's; it says nothing about a chip, and is empty for lava.

Beside the file of -o, boxes.csv says where each face box came from (user, truth, events, density), and failures.csv
holds rows file,error of the recordings that failed; without -o it is written into the current folder, and only if
something failed. The exit code is 0 if at least one recording went well, 1 if none did.

Finished recordings are kept in OUT.partial until the file of -o appears whole: after a kill the same command with
--resume goes on. --skip-done adds to a finished table recordings that are new, failed or changed. 'neurofer predict
--help' says more.

simulate and gpu read any length in constant memory. lava takes a recording as a whole, seconds to start and tens of
milliseconds for every step: choose a part of a long one with --stop-us.
"""

GPU_BATCH = 32


def register(app: typer.Typer) -> None:
    """Add the verb."""
    from neurofer.cli.options import examples, paragraphs

    app.command("deploy", help=paragraphs(HELP), epilog=examples(
        "neurofer deploy net.h5 recording.raw",
        "neurofer deploy net.h5 --on gpu recordings/ -o decisions.csv --batch 64",
        "neurofer deploy net.h5 --on simulate recordings/ -o decisions.csv --workers 0 --shard 3/8",
        "neurofer deploy net.h5 --on lava gen3.raw --sensor 640x480 --stop-us 500000 --limit-s 600",
    ))(deploy)


def deploy(
    net: Path = typer.Argument(..., metavar="NET", help="Chip file that 'neurofer export' wrote."),
    files: list[Path] = FILES,
    on: str = typer.Option("simulate", help="Where it runs: simulate, gpu or lava."),
    out: Path | None = OUT,
    box: str | None = BOX,
    sensor: str | None = SENSOR,
    start_us: int = START_US,
    stop_us: int | None = STOP_US,
    mode: str = MODE,
    batch: int | None = typer.Option(None, min=1, help=f"gpu: recordings side by side; {GPU_BATCH} by default."),
    device: str | None = typer.Option(None, help="gpu: auto, cpu or cuda; auto takes a GPU where there is one."),
    run_config: str | None = typer.Option(None, help=f"lava: {', '.join(CONFIGS)}; {DEFAULT_CONFIG} by default."),
    limit_s: float | None = typer.Option(None, help="lava: seconds for one recording; by default what it may need."),
    workers: int = WORKERS,
    shard: str | None = SHARD,
    resume: bool = RESUME,
    skip_done: bool = SKIP_DONE,
    overwrite: bool = OVERWRITE,
) -> None:
    from neurofer.cli._deciding import options_of, read_task, way_of
    from neurofer.cli._keeping import Making
    from neurofer.files import file_digest
    from neurofer.hardware.deploy import PLACES, ChipPredictor, OpenedChip
    from neurofer.stream.made_of import MadeOf
    from neurofer.stream.tables import write_header
    from neurofer.workers import processors

    keeping = Keeping(resume, skip_done, overwrite)
    keeping.check("deploy", out)
    place = next((place for place in PLACES if place == on), None)
    if place is None:
        raise UsageError(f"--on: need {', '.join(PLACES)}, got {on!r}")
    _refuse_elsewhere(on, {"--batch": ("gpu", batch), "--device": ("gpu", device),
                           "--run-config": ("lava", run_config), "--limit-s": ("lava", limit_s)})
    if on == "gpu" and workers != 1:
        raise UsageError("--workers: gpu decides about recordings side by side in one process; use --batch")
    if limit_s is not None and not limit_s > 0:
        raise UsageError(f"--limit-s: need a number of seconds above 0, got {limit_s}")
    if run_config is not None and run_config not in CONFIGS:
        raise UsageError(f"--run-config: need {', '.join(CONFIGS)}, got {run_config!r}")
    workers = workers or processors()
    if workers > 1:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # for the workers, which fill the cores by themselves
    task = read_task(net, files, out, box, sensor, start_us, stop_us, mode, shard)
    opener = OpenedChip(net, place, device or "auto", run_config or DEFAULT_CONFIG, limit_s)
    decider = opener()
    if on == "gpu" and isinstance(decider, ChipPredictor):
        way: Way = _side_by_side(decider, task.request, batch or GPU_BATCH)
    else:
        way = way_of(task, decider, opener, workers, "deploy")
    made_of = MadeOf(str(net), file_digest(net), options_of(task, **{"--on": on}))
    Making(task, made_of, lambda stream: write_header(stream, decider.classes, "host_ms"), way, "deploy").run(keeping)


def _side_by_side(predictor: ChipPredictor, request: Request, batch: int) -> Way:
    from neurofer.hardware.side_by_side import decide_side_by_side
    from neurofer.stream.many import Together

    return Together(lambda recordings: decide_side_by_side(predictor, recordings, request, batch), "deploy")


def _refuse_elsewhere(on: str, options: dict[str, tuple[str, object]]) -> None:
    """Raise if an option was given that belongs to another place."""
    for name, (place, value) in options.items():
        if value is not None and place != on:
            raise UsageError(f"{name}: is for --on {place}, not for {on}; leave it out")
