"""``neurofer show``: a recording as a picture or an animation."""

from __future__ import annotations

from pathlib import Path

import typer

from neurofer.cli.options import examples, parse_mode, parse_sensor
from neurofer.errors import BadFileError, UsageError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("show", epilog=examples(
        "neurofer show face.aedat4 -o face.png",
        "neurofer show face.bin --sensor 240x180 -o face.gif",
        "neurofer show long.raw -o long.png --frames 16 --window-us 20000"))(show)


def show(
    recording: Path = typer.Argument(..., metavar="FILE", show_default=False, help="Any readable recording."),
    out: Path = typer.Option(..., "--out", "-o", show_default=False,
                             help="Picture (.png .pdf .svg): a sheet of event frames over the rate; or animation "
                                  "(.gif)."),
    sensor: str | None = typer.Option(None, metavar="WxH", help="Sensor size, for files that do not say it."),
    frames: int | None = typer.Option(None, min=1, max=600, help="Number of frames: 8 in a picture, at most 120 in an "
                                                                 "animation."),
    window_us: int | None = typer.Option(None, "--window-us", min=1, help="Length of a frame in microseconds; by "
                                                                          "default as the event rate asks for."),
    mode: str = typer.Option("repair", help="What to do with broken events: strict, repair or trust."),
) -> None:
    """Draw a recording: event frames (ON red, OFF blue) and the event rate over time."""
    suffix = out.suffix.lower()
    if suffix not in (".png", ".pdf", ".svg", ".gif"):
        raise UsageError(f"--out: need a name that ends in .png, .pdf, .svg or .gif, got {out.name!r}")
    size, chosen = parse_sensor(sensor), parse_mode(mode)
    if frames is not None and suffix != ".gif" and frames > 64:
        raise UsageError(f"--frames: a picture holds at most 64, got {frames}; choose a .gif or fewer")
    from neurofer.events.open import open_recording
    from neurofer.files import atomic_path
    from neurofer.plot.frames import make_sheet, sheet_figure, write_animation

    with open_recording(recording, sensor=size, mode=chosen) as source, atomic_path(out) as temporary:
        report = source.report()
        if not report.events:
            raise BadFileError(f"{recording}: holds no events, so there is nothing to show")
        if suffix == ".gif":
            drawn = write_animation(temporary, source, window_us, frames or 120)
        else:
            sheet = make_sheet(source, frames or 8, window_us)
            width, height = source.sensor
            title = (f"{recording.name}   {width} x {height}   {report.events:,} events   "
                     f"{(source.end_us - source.start_us) / 1e6:.4g} s")
            sheet_figure(source, sheet, title).savefig(temporary)
            drawn = len(sheet.frames)
    typer.echo(f"{out}: {drawn} frames of {report.events} events")
    if report.dropped:
        typer.echo(f"warning: {recording}: {report.dropped} broken events were left out; neurofer info tells more",
                   err=True)
