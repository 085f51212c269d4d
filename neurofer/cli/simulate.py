"""``neurofer simulate``: what an event camera would have sent of a video."""

from __future__ import annotations

from pathlib import Path

import typer

from neurofer.cli.options import examples
from neurofer.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("simulate", epilog=examples(
        "neurofer simulate face.mp4 -o face.raw",
        "neurofer simulate frames/ --fps 200 -o face.h5 --preset noisy --seed 1",
        "neurofer simulate face.mp4 -o face.npz --size 346x260 --preset eck",
    ))(simulate)


def simulate(
    film: Path = typer.Argument(..., metavar="VIDEO|FRAMES_FOLDER", show_default=False,
                                help="A video file, or a folder of images of one size."),
    out: Path = typer.Option(..., "--out", "-o", show_default=False,
                             help="Event file by its suffix (.raw .h5 .npz .csv ...), or a folder of columns."),
    preset: str = typer.Option("default", help="Event pixel: clean, spiking_fer, c_v2e, default, noisy or eck."),
    fps: float | None = typer.Option(None, help="Frames per second; needed for a folder, else the video's own times."),
    seed: int = typer.Option(0, min=0, help="Thresholds and noise of the pixels follow from it."),
    size: str | None = typer.Option(None, metavar="WxH", help="Sensor, such as 346x260; by default the film's size."),
    model: str = typer.Option("v2e", help="Pixel model: v2e, or esim (presets without noise only)."),
    upsample: str = typer.Option("auto", metavar="auto|N", help="Steps per frame: as many as the motion needs, or N."),
) -> None:
    """Turn a video or a folder of frames into events, with a model of real pixels, in constant memory.

    Frames are blended in between where something moves by more than a pixel. OUT.json beside the events says how they
    were made.
    """
    from neurofer.cli.options import parse_sensor
    from neurofer.progress import Progress, progress
    from neurofer.simulate.film_events import MODELS, simulate_to_file
    from neurofer.simulate.settings import preset as settings_of
    from neurofer.simulate.upsample import Upsampler
    from neurofer.simulate.video import open_frames

    settings = settings_of(preset)
    if upsample != "auto" and not (upsample.isdigit() and 1 <= int(upsample) <= 1000):
        raise UsageError(f"--upsample: need auto or a whole number of 1 to 1000, got {upsample!r}")
    if model not in MODELS:
        raise UsageError(f"--model: need one of {', '.join(MODELS)}, got {model!r}")
    if model == "esim" and (settings.cutoff_hz or settings.leak_hz or settings.shot_hz):
        raise UsageError(f"--model esim has no noise, but the preset {preset} has; take --preset clean or eck")
    upsampler = Upsampler(0 if upsample == "auto" else int(upsample))
    source = open_frames(film, fps, parse_sensor(size, "--size"))
    bar: Progress[None] = progress(total=source.frames or None, unit="frame", desc="simulate")
    with bar:
        done = simulate_to_file(source, out, settings, preset=preset, seed=seed, upsampler=upsampler, watch=bar.update,
                                model=model)
    width, height = source.size
    typer.echo(f"{out}: {done.info.events} events of {done.frames} frames ({done.steps} steps), {width}x{height}, "
               f"{(done.info.end_us - done.info.start_us) / 1e6:.3f} s; made as {done.manifest.name} says")
