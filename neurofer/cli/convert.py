"""``neurofer convert``: a recording in another format."""

from __future__ import annotations

from pathlib import Path

import typer

from neurofer.cli.options import examples, parse_mode, parse_sensor
from neurofer.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("convert", epilog=examples(
        "neurofer convert face.aedat4 face.npz",
        "neurofer convert face.bin face.raw --sensor 240x180 --format evt2",
        "neurofer convert long.raw long.store",
        "neurofer convert camera.aedat4 camera.dat --zero-time"))(convert)


def convert(
    source: Path = typer.Argument(..., metavar="IN", show_default=False, help="Any readable recording."),
    target: Path = typer.Argument(..., metavar="OUT", show_default=False,
                                  help=".npy .npz .csv .txt .bin .h5 .hdf5 (DSEC layout) .raw .dat .aedat4 .es; "
                                       "without a suffix or with .store a folder of columns, which reads fastest."),
    encoding: str = typer.Option("evt3", "--format", help="Encoding of a .raw file: evt3 or evt2."),
    sensor: str | None = typer.Option(None, metavar="WxH", help="Sensor size, for files that do not say it."),
    mode: str = typer.Option("strict", help="strict: an error at the first broken event; repair: leave broken events "
                                            "out and count them; trust: check nothing."),
    zero_time: bool = typer.Option(False, "--zero-time", help="Count time from the first event."),
    check: bool = typer.Option(True, "--check/--no-check", help="Read the result again and compare every event."),
) -> None:
    """Write a recording in the format that OUT's suffix names.

    The result is read again and must hold exactly the same events before it takes OUT's place.
    """
    from neurofer.events.open import open_recording
    from neurofer.events.writing import write_recording
    from neurofer.progress import progress

    if target.exists() and source.exists() and target.resolve() == source.resolve():
        raise UsageError(f"{target}: is IN itself; choose another OUT")
    with open_recording(source, sensor=parse_sensor(sensor), mode=parse_mode(mode)) as recording:
        pieces = progress(recording.pieces(), total=recording.blocks, unit="block", desc=source.name)
        done = write_recording(target, recording, encoding=encoding, zero_time=zero_time, check=check, pieces=pieces)
        report = recording.report()
    width, height = recording.sensor
    checked = ", read again and equal" if done.checked else ""
    typer.echo(f"{target}: {done.events} events, {width}x{height}{checked}")
    if report.dropped:
        typer.echo(f"warning: {source}: {report.dropped} events were left out ({report.out_of_range} outside the "
                   f"sensor, time runs backwards {report.time_jumps} times)", err=True)
    if report.triggers:
        typer.echo(f"note: {source}: {report.triggers} external triggers are not part of {target.name}", err=True)
