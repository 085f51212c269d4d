"""``neurofer represent``: one window of a recording as an array or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from neurofer.cli.options import examples, parse_sensor
from neurofer.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from neurofer.represent.base import Representation


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("represent", epilog=examples(
        "neurofer represent face.raw -o face.png",
        "neurofer represent face.raw --kind tie --set variant=t0_t --set kernel=est --start-us 200000 -o face.png",
        "neurofer represent face.raw --kind voxel --set bins=9 --set normalise=true -o voxels.npy",
        "neurofer represent face.raw --kind counts --set mode=signed --window-us 100000 -o counts.png",
        "neurofer represent face.raw --kind tencode -o tencode.png"))(represent)


def represent(
    recording: Path = typer.Argument(..., metavar="FILE", help="Any readable recording or folder of columns."),
    out: Path = typer.Option(..., "--out", "-o",
                             help="Array as computed, (C, height, width) (.npy), or picture (.png)."),
    kind: str = typer.Option("tie", "--kind", help="tie, voxel, counts, time_surface, event_frame, accumulate, sae, "
                                                   "tbr, tbr_tensor, tqr, tencode, behi or est."),
    settings: list[str] = typer.Option(
        [], "--set", metavar="NAME=VALUE",
        help="A setting of the kind; give it once per setting. tie: variant, kernel, scale. voxel: bins, span, "
             "normalise. counts: mode, overflow. time_surface: decay, tau_us. tbr_tensor, tqr: bins. est: bins, "
             "steps, per_event. The others have none."),
    start_us: int = typer.Option(0, "--start-us", help="Window start, in microseconds after the first event."),
    window_us: int = typer.Option(33_333, "--window-us", help="Window length in microseconds."),
    origin: str = typer.Option("first", "--origin", help="Where recording time starts: first (event) or zero (of the "
                                                         "stored clock); only tie with variant *_t or t_* uses it."),
    sensor: str | None = typer.Option(None, "--sensor", help="WIDTHxHEIGHT, for files that do not say it."),
    mode: str = typer.Option("strict", "--mode", help="strict, repair or trust: what to do with broken events."),
) -> None:
    """One window of a recording as TIE, voxel grid, counts, time surface or another representation."""
    if out.suffix not in (".npy", ".png"):
        raise UsageError(f"--out: need a name that ends in .npy or .png, got {out.name!r}")
    if start_us < 0:
        raise UsageError(f"--start-us: counts from the first event, so it must be 0 or more, got {start_us}")
    if window_us < 1:
        raise UsageError(f"--window-us: must be at least 1, got {window_us}")
    for option, value, choices in (("--origin", origin, ("first", "zero")),
                                   ("--mode", mode, ("strict", "repair", "trust"))):
        if value not in choices:
            raise UsageError(f"{option}: choose {', '.join(choices)}, got {value!r}")
    if out.exists() and recording.exists() and out.resolve() == recording.resolve():
        raise UsageError(f"--out: {out} is the recording itself; choose another name")
    size = parse_sensor(sensor)
    from neurofer.represent.registry import build_representation, parse_settings

    recipe = build_representation(kind, **parse_settings(kind, settings))
    from neurofer.events import open_recording

    with open_recording(recording, sensor=size, mode=mode) as source:  # type: ignore[arg-type]
        first_us = source.start_us
        window = (first_us + start_us, first_us + start_us + window_us)
        events = source.between(*window)
        array = recipe(events, window, origin_us=first_us if origin == "first" else 0)
    title = f"{recording.name}, {start_us} to {start_us + window_us} us, {len(events)} events"
    _write(out, array, recipe, title)
    typer.echo(f"{out}: {recipe}, {'x'.join(map(str, array.shape))} {array.dtype}, {len(events)} events")
    if not len(events):
        typer.echo(f"note: no events from {start_us} us on for {window_us} us, so all is {recipe.empty_value:g}",
                   err=True)


def _write(out: Path, array: NDArray[np.generic], recipe: Representation, title: str) -> None:
    """The array or its picture, in one step."""
    import numpy as np

    from neurofer.files import atomic_path

    with atomic_path(out) as temporary:
        if out.suffix == ".npy":
            with open(temporary, "wb") as file:
                np.save(file, array, allow_pickle=False)
        elif recipe.channel_names == ("R", "G", "B"):
            from matplotlib.image import imsave

            from neurofer.plot.representations import rgb_image

            imsave(temporary, rgb_image(array.astype(np.uint8, copy=False)))
        else:
            from neurofer.plot.representations import representation_figure

            representation_figure(array, recipe.channel_names, title=title, note=repr(recipe),
                                  grey=recipe.is_picture).savefig(temporary)
