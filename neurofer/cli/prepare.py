"""``neurofer prepare``: a data set into a store that training reads."""

from __future__ import annotations

from pathlib import Path

import typer

from neurofer.cli.options import examples

prepare_app = typer.Typer(no_args_is_help=True, help="Turn a data set into a store of event clips that training reads.")


def register(app: typer.Typer) -> None:
    """Add the verb and its data sets."""
    app.add_typer(prepare_app, name="prepare")


@prepare_app.command(epilog=examples(
    "neurofer prepare synthetic --out data/synthetic",
    "neurofer prepare synthetic --out small --subjects 6 --clips-per-class 1 --workers 2",
    "neurofer prepare synthetic --out big --subjects 1000 --shard 3/8",
))
def synthetic(
    out: Path = typer.Option(..., "--out", "-o", help="Folder of the store; new, empty, or unfinished.",
                             show_default=False),
    subjects: int = typer.Option(24, help="Number of people."),
    seed: int = typer.Option(0, help="Everything drawn at random follows from it."),
    clips_per_class: int = typer.Option(3, help="Clips of each of the 8 classes and each person."),
    size: int = typer.Option(128, help="Side of the square sensor in pixels."),
    fps: float = typer.Option(120.0, help="Frames drawn per second; brightness is linear in time between them."),
    preset: str = typer.Option("default", help="Event pixel: clean, spiking_fer, default, noisy or eck."),
    frames: bool = typer.Option(False, "--frames", help="Keep grey frames, too, about 30 a second."),
    workers: int = typer.Option(0, min=0, help="Processes; 0 for one per core. The result does not depend on it."),
    shard: str | None = typer.Option(None, metavar="I/N", help="Make only part I of N, for several machines."),
) -> None:
    """Procedural faces seen by a simulated event camera: eight classes, ground truth for every frame, no licence.

    A run that was stopped goes on where it was when the same command is given again.
    """
    from neurofer.data.synthetic import SyntheticPlan, prepare_synthetic
    from neurofer.workers import parse_shard, processors

    plan = SyntheticPlan(subjects, seed, clips_per_class, size, fps, preset, frames)
    store = prepare_synthetic(out, plan, workers or processors(), parse_shard(shard))
    if store is None:
        typer.echo(f"{out}: this part is done; the store is complete when the other parts are")
        return
    typer.echo(f"{out}: {len(store.clips)} clips of {len(store.subjects)} subjects, {len(store.classes)} classes, "
               f"digest {store.digest[:12]}")
