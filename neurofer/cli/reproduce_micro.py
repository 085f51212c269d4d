"""``neurofer reproduce mersiamc3d``: leave one subject out over pooled data sets, with the ablations."""

from __future__ import annotations

from pathlib import Path

import typer

from neurofer.cli.options import examples
from neurofer.cli.reproduce import choices_of, command_text, tell_table, words_of


def register(app: typer.Typer) -> None:
    """Add the table to the verb."""
    app.command("mersiamc3d", epilog=examples(
        "neurofer reproduce mersiamc3d --config mersiamc3d_synthetic --data store --out table",
        "neurofer reproduce mersiamc3d --data casme2 --data samm --data smic --out table --variants base",
        "neurofer reproduce mersiamc3d --data casme2 --data samm --data smic --out table --resume --shard 2/8",
        "neurofer reproduce mersiamc3d --data store --out table --variants base,no_prior,apex_noise_30 --subjects 4",
    ))(mersiamc3d)


def mersiamc3d(
    overrides: list[str] | None = typer.Argument(None, metavar="[KEY=VALUE]...", help="Settings of all variants such "
                                                 "as prior.epochs=10, stronger than the configuration."),
    data: list[Path] = typer.Option(..., "--data", help="Micro store, as 'neurofer prepare' makes it; given several "
                                    "times, all are pooled.", show_default=False),
    out: Path = typer.Option(..., "--out", "-o", help="Folder of cells and tables.", show_default=False),
    config: str = typer.Option("mersiamc3d", "--config", help="YAML file or shipped configuration of a training; "
                               "mersiamc3d is the published size, mersiamc3d_synthetic a small one."),
    seeds: int = typer.Option(1, "--seeds", help="Seeds 0, 1, ... of weights, pairs and order."),
    variants: str = typer.Option("default", "--variants", help="Ablations such as base,no_prior,uniform,event,snn; "
                                 "apex_noise_N moves the apex by N frames. The others are compared with base. A wrong "
                                 "name lists all."),
    subjects: int | None = typer.Option(None, "--subjects", help="Test only so many subjects, of each data set in "
                                        "turn; the others only train. By default all are tested."),
    resume: bool = typer.Option(False, "--resume", help="Go on with the table in --out; finished folds stay."),
    render: bool = typer.Option(False, "--render", help="Run nothing; make the tables of what is finished again."),
    workers: int = typer.Option(0, "--workers", min=0, help="Folds at a time, one thread each; 0 for one per core."),
    shard: str | None = typer.Option(None, "--shard", metavar="I/N", help="Run only part I of N, for several "
                                     "machines."),
    keep_models: bool = typer.Option(False, "--keep-models", help="Keep the last checkpoints of all folds."),
    cache: Path | None = typer.Option(None, "--cache", help="Where to keep key instants and maps; by default .cache "
                                      "in the first store."),
) -> None:
    """MERSiamC3D: every subject left out once, UF1 and UAR pooled over all folds, ablations, event-driven apexes."""
    from neurofer.workers import processors

    choices = choices_of(workers or processors(), shard, resume, render, keep_models, cache)
    from neurofer.config import dump_config, find_config, load_config
    from neurofer.data.micro.pool import labelled, open_pool
    from neurofer.reproduce.mersiamc3d import micro_code_version, warm_micro
    from neurofer.reproduce.mersiamc3d_report import mersiamc3d_report, told_lines
    from neurofer.reproduce.mersiamc3d_tables import micro_lines, micro_rows
    from neurofer.reproduce.mersiamc3d_variants import DEFAULT, plan_mersiamc3d
    from neurofer.reproduce.report import Made
    from neurofer.reproduce.run import TableKind, run_table, write_tables
    from neurofer.train.micro.config import MicroConfig

    settings = load_config(MicroConfig, find_config(config), overrides or ())
    clip_set = labelled(open_pool(data), settings.label)
    cells = plan_mersiamc3d(settings, clip_set, seeds, DEFAULT if variants == "default" else words_of(variants),
                            subjects)
    outcome = run_table(cells, clip_set, data[0], out, choices, data[1:], TableKind(micro_code_version, warm_micro))
    said = {"--data": data, "--out": out, "--config": config, "--seeds": seeds, "--variants": variants,
            "--subjects": subjects}
    made = Made(command_text("mersiamc3d", said, overrides), dump_config(settings), clip_set)
    report = mersiamc3d_report(cells, outcome, made)
    lines = micro_lines(cells, outcome.records)
    rows = micro_rows(lines)
    if not rows:
        (out / "table.csv").unlink(missing_ok=True)
    write_tables(out, outcome, made.configuration, report, rows)
    tell_table(out, outcome, ("variant", "seeds", "UAR %"), [*told_lines(lines)], "UF1 % (95 % over seeds)")
