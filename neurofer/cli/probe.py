"""``neurofer probe``: what a linear model reads from the stages of a pre-trained encoder."""

from __future__ import annotations

from pathlib import Path

import typer

from neurofer.cli.options import examples


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("probe", epilog=examples(
        "neurofer probe runs/gan",
        "neurofer probe runs/gan --data store --epoch 80 --json probe.json"))(probe)


def probe(
    run: Path = typer.Argument(..., metavar="RUN", help="Folder of a pre-training."),
    data: Path | None = typer.Option(None, "--data", help="Store; by default the one that the run learned from."),
    epoch: int | None = typer.Option(None, "--epoch", min=1, help="A kept epoch; by default the last."),
    json_out: Path | None = typer.Option(None, "--json", help="Also write the scores as JSON to this file."),
    cache: Path | None = typer.Option(None, "--cache", help="Where to keep network inputs; by default STORE/.cache."),
) -> None:
    """How much of the classes each stage of an encoder tells, beside an encoder left untrained.

    A linear model learns from training people; its penalty is chosen on validation people; test people are read once.
    The embedding, all that a recogniser of pictures hands on, is the neck; of a spiking encoder it is the last layer.
    """
    import json

    from neurofer.cli.options import text_table
    from neurofer.evaluate.probe import probe_encoder
    from neurofer.files import write_text

    found = probe_encoder(run, data, epoch=epoch, cache=cache)
    if json_out is not None:
        rows = {name: [stage._asdict() for stage in stages] for name, stages in found.items()}
        write_text(json_out, json.dumps({"format": "neurofer-probe", "version": 1, **rows}, indent=1) + "\n")
    typer.echo(f"{run}: accuracy of a linear model, per clip, in per cent")
    typer.echo(text_table(
        ("stage", "numbers", "pre-trained: validation", "test", "untrained: validation", "test"),
        [(one.stage, one.features, *(f"{100 * value:.1f}" for value in (one.validation, one.test, other.validation,
                                                                        other.test)))
         for one, other in zip(found["pretrained"], found["untrained"], strict=True)]))
