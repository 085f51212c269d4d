"""``neurofer import-nir``: a network of another library as a run folder."""

from __future__ import annotations

from pathlib import Path

import typer

from neurofer.cli.options import examples, paragraphs
from neurofer.errors import UsageError

HELP = """Take over a trained network of snnTorch, norse or spikingjelly that was written as a NIR graph.

What can be said exactly is a chain of Conv2d, Affine or Linear without bias, Flatten, and LIF or CubaLIF behind every
weight layer, reset to zero; anything else is refused, every finding by the name of its node. The result is a run folder
that predict takes like any other. Whom it was trained on is not known, so evaluate asks for --data and --force.

NIR tells times in seconds and not the step that they go with: --graph-dt says it, by default 1e-4 (snnTorch,
spikingjelly) or 1e-3 (norse with to_nir(dt=1.0); its own default goes with 1e-6). It is not the step of the events,
which --dt-us says.
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("import-nir", help=paragraphs(HELP), epilog=examples(
        "neurofer import-nir net.nir -o runs/theirs --written-by snntorch --dt-us 10000 --classes anger,joy,fear",
        "neurofer import-nir net.nir -o runs/theirs --written-by norse --dt-us 1000 --classes a,b --size-px 32",
        "neurofer evaluate runs/theirs --data store --force"))(import_nir)


def import_nir(
    graph: Path = typer.Argument(..., metavar="GRAPH", help="NIR file, as nir.write makes it."),
    out: Path = typer.Option(..., "--out", "-o", help="Run folder to make.", show_default=False),
    classes: str = typer.Option(..., "--classes", metavar="A,B,...", show_default=False,
                                help="Names of the output neurons, in their order."),
    dt_us: int | None = typer.Option(None, "--dt-us", min=1,
                                     help="Length of a step of events; by default what the graph says of itself."),
    written_by: str = typer.Option("nir", "--written-by", help="Whose export it is: snntorch, spikingjelly, norse, or "
                                   "nir for any that follows NIR to the letter."),
    graph_dt: float | None = typer.Option(None, "--graph-dt",
                                          help="Step in seconds that the graph's time constants go with."),
    size_px: int | None = typer.Option(None, "--size-px", min=1,
                                       help="Side of the pictures, for a graph whose input is flat already."),
    decision_us: int | None = typer.Option(None, "--decision-us", min=1,
                                           help="How often a stream is decided about; 100 ms by default."),
    readout_us: int | None = typer.Option(None, "--readout-us", min=1,
                                          help="Length of output that decides; 300 ms by default."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace the run in --out."),
) -> None:
    names = [name.strip() for name in classes.split(",")]
    if not any(names):
        raise UsageError("--classes: need names joined by commas, such as anger,joy,fear")
    from neurofer.train.imported import import_nir_run
    from neurofer.train.run_folder import read_card

    network = import_nir_run(graph, out, names, dt_us, written_by=written_by, graph_dt_s=graph_dt, size_px=size_px,
                             decision_us=decision_us, readout_us=readout_us, overwrite=overwrite)
    for note in network.notes:
        typer.echo(f"note: {note}", err=True)
    card = read_card(out)
    layers = ", ".join(f"{spec.kind} {spec.outputs}" for spec in network.specs)
    each = ", decays of each channel" if network.per_channel else ""
    typer.echo(f"{out}: {layers}{each}; {card['parameters']} parameters, input {card['size_px']} x {card['size_px']} "
               f"px in steps of {card['dt_us']} us, time constants read with {network.graph_dt_s:g} s")
    typer.echo(f"next: neurofer predict {out} RECORDING, or neurofer evaluate {out} --data STORE --force")
