"""``neurofer cast``: a spiking run with another provider's neurons."""

from __future__ import annotations

from pathlib import Path

import typer

from neurofer.cli.options import examples


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("cast", epilog=examples(
        "neurofer cast runs/norse -o runs/native",
        "neurofer cast runs/snn --neuron snntorch.synaptic -o runs/snn-snntorch"))(cast)


def cast(
    run: Path = typer.Argument(..., metavar="RUN", help="Folder of a finished run with backend snn."),
    out: Path = typer.Option(..., "--out", "-o", help="Run folder to make.", show_default=False),
    neuron: str | None = typer.Option(None, "--neuron", help="Neurons of the new one, as in snn.neuron=...; by default "
                                                             "the native ones, cuba or lif."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace a run that is in --out."),
) -> None:
    """Exchange the neurons of a spiking run for another library's or the native ones, keeping weights and spikes.

    Refused, with every reason by layer, where the new network would not fire the same spikes.
    """
    from neurofer.train.cast import cast_run

    done = cast_run(run, out, neuron, overwrite=overwrite)
    if done.agreement is None:
        compared = f"not compared on random input: {done.absent}"
    else:
        compared = (f"{done.agreement.different} of {done.agreement.spikes} spikes differ on random input, "
                    "all layers counted")
    typer.echo(f"{out}: {done.target} neurons, weights of {run} ({done.source}); {compared}")
