"""``neurofer info``: what recordings hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from neurofer.cli.options import examples, parse_mode, parse_sensor
from neurofer.errors import NeuroferError

if TYPE_CHECKING:
    from neurofer.events.summary import Summary


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("info", epilog=examples(
        "neurofer info face.raw",
        "neurofer info *.aedat4 --json",
        "neurofer info face.bin --sensor 240x180 --mode strict"))(info)


def info(
    files: list[Path] = typer.Argument(..., metavar="FILE...", show_default=False,
                                       help="Recordings of any readable format, or folders of columns."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON: an object for one file, a list for several."),
    sensor: str | None = typer.Option(None, metavar="WxH", help="Sensor size, for files that do not say it."),
    mode: str = typer.Option("repair", help="repair: leave broken events out and count them; strict: an error at the "
                                            "first one; trust: check nothing."),
) -> None:
    """Tell format, sensor, counts, times, rates and damage of recordings.

    Each file is read once, in constant memory. With several files, one that cannot be read does not stop the others;
    the exit code is 1 then.
    """
    size, chosen = parse_sensor(sensor), parse_mode(mode)
    found: list[dict[str, Any]] = []
    failed: list[NeuroferError] = []
    for path in files:
        try:
            summary = _summarise(path, size, chosen)
        except NeuroferError as error:
            if len(files) == 1:
                raise
            failed.append(error)
            found.append({"file": str(path), "error": str(error)})
            typer.echo(f"error: {error}", err=True)
            continue
        found.append({**summary.to_dict(path), "mode": mode})
        if not as_json:
            typer.echo(_table(path, summary) + ("\n" if path != files[-1] else ""))
        _warn(path, summary)
    if as_json:
        import json

        typer.echo(json.dumps(found[0] if len(files) == 1 else found, indent=2, ensure_ascii=False))
    if failed:
        raise NeuroferError(f"{len(failed)} of {len(files)} files could not be read")


def _summarise(path: Path, size: tuple[int, int] | None, mode: Any) -> Summary:
    from neurofer.events.open import open_recording
    from neurofer.events.summary import summarise
    from neurofer.progress import progress

    with open_recording(path, sensor=size, mode=mode) as recording:
        return summarise(recording, progress(recording.pieces(), total=recording.blocks, unit="block", desc=path.name))


def _warn(path: Path, summary: Summary) -> None:
    if not summary.events:
        typer.echo(f"warning: {path}: holds no events", err=True)
    elif summary.dropped:
        share = summary.dropped / (summary.dropped + summary.events)
        typer.echo(f"warning: {path}: {summary.dropped} events ({share:.1%}) were left out; {summary.out_of_range} lie "
                   f"outside the sensor, the others are out of time order", err=True)


def _table(path: Path, summary: Summary) -> str:
    rows = [
        ("format", summary.format),
        ("sensor", f"{summary.width} x {summary.height}"),
        ("events", f"{summary.events:,}"),
    ]
    if summary.on_fraction is not None and summary.rate_per_s is not None:
        rows += [
            ("ON / OFF", f"{summary.on_events:,} / {summary.off_events:,} ({summary.on_fraction:.1%} ON)"),
            ("time", f"{summary.start_us:,} to {summary.end_us:,} us ({summary.duration_us / 1e6:.6g} s)"),
            ("rate", f"{_rate(summary.rate_per_s)} on average, {_rate(summary.peak_rate_per_s or 0)} in the fullest "
                     "10 ms"),
        ]
    rows += [(name, f"{count:,}") for name, count in (
        ("dropped", summary.dropped), ("time jumps", summary.time_jumps), ("out of range", summary.out_of_range),
        ("triggers", summary.triggers), ("tail bytes", summary.tail_bytes)) if count]
    if not (summary.dropped or summary.time_jumps or summary.out_of_range or summary.tail_bytes):
        rows.append(("damage", "none"))
    rows += [("note", note) for note in summary.notes]
    return "\n".join([str(path), *(f"  {name:<12}  {value}" for name, value in rows)])


def _rate(per_s: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if per_s >= size:
            return f"{per_s / size:.3g} {unit}ev/s"
    return f"{per_s:.3g} ev/s"
