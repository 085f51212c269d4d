"""``neurofer reproduce spotting``: leave one subject out over pooled long videos, with the ablations."""

from __future__ import annotations

from pathlib import Path

import typer

from neurofer.cli.options import examples
from neurofer.cli.reproduce import choices_of, command_text, tell_table, words_of


def register(app: typer.Typer) -> None:
    """Add the table to the verb."""
    app.command("spotting", epilog=examples(
        "neurofer reproduce spotting --config spotting_synthetic --data store --out table --seeds 3",
        "neurofer reproduce spotting --data samm_lv --out table --variants base,event",
        "neurofer reproduce spotting --data casme2_long --out table --resume --shard 2/8",
        "neurofer reproduce spotting --data store --out table --variants base,no_lcn --subjects 4",
    ))(spotting)


def spotting(
    overrides: list[str] | None = typer.Argument(None, metavar="[KEY=VALUE]...", help="Settings of all variants such "
                                                 "as train.epochs=10, stronger than the configuration."),
    data: list[Path] = typer.Option(..., "--data", help="Store of long videos, as 'neurofer prepare' makes it; given "
                                    "several times, all are pooled.", show_default=False),
    out: Path = typer.Option(..., "--out", "-o", help="Folder of cells and tables.", show_default=False),
    config: str = typer.Option("spotting", "--config", help="YAML file or shipped configuration of a training; "
                               "spotting is the published size, spotting_synthetic a small one."),
    seeds: int = typer.Option(1, "--seeds", help="Seeds 0, 1, ... of weights, samples and order."),
    variants: str = typer.Option("default", "--variants", help="Ablations such as base,no_lcn,one_reference,k_half,"
                                 "event. The others are compared with base. A wrong name lists all."),
    subjects: int | None = typer.Option(None, "--subjects", help="Test only so many subjects, of each data set in "
                                        "turn; the others only train. By default all are tested."),
    resume: bool = typer.Option(False, "--resume", help="Go on with the table in --out; finished folds stay."),
    render: bool = typer.Option(False, "--render", help="Run nothing; make the tables of what is finished again."),
    workers: int = typer.Option(0, "--workers", min=0, help="Folds at a time, one thread each; 0 for one per core."),
    shard: str | None = typer.Option(None, "--shard", metavar="I/N", help="Run only part I of N, for several "
                                     "machines."),
    keep_models: bool = typer.Option(False, "--keep-models", help="Keep the last checkpoints of all folds."),
    cache: Path | None = typer.Option(None, "--cache", help="Where to keep frames and event sums; by default .cache "
                                      "in the first store."),
) -> None:
    """Spotting in long videos: every subject left out once, F1 over all videos together, ablations, baselines."""
    from neurofer.workers import processors

    choices = choices_of(workers or processors(), shard, resume, render, keep_models, cache)
    from neurofer.config import dump_config, find_config, load_config
    from neurofer.data.long.pool import open_long_pool
    from neurofer.files import write_text
    from neurofer.reproduce.report import Made
    from neurofer.reproduce.run import TableKind, run_table, write_tables
    from neurofer.reproduce.spotting import spotting_code_version, warm_spotting
    from neurofer.reproduce.spotting_report import spotting_report, told_lines
    from neurofer.reproduce.spotting_tables import megc_log, spotting_lines, spotting_rows
    from neurofer.reproduce.spotting_variants import DEFAULT, plan_spotting
    from neurofer.train.spot.config import SpotConfig

    settings = load_config(SpotConfig, find_config(config), overrides or ())
    long_set = open_long_pool(data)
    cells = plan_spotting(settings, long_set, seeds, DEFAULT if variants == "default" else words_of(variants),
                          subjects)
    outcome = run_table(cells, long_set.clip_set, data[0], out, choices, data[1:], TableKind(
        spotting_code_version, lambda mine, _, folder: warm_spotting(mine, long_set, folder)))
    said = {"--data": data, "--out": out, "--config": config, "--seeds": seeds, "--variants": variants,
            "--subjects": subjects}
    made = Made(command_text("spotting", said, overrides), dump_config(settings), long_set.clip_set)
    report = spotting_report(cells, outcome, made, long_set)
    lines = spotting_lines(cells, outcome.records)
    if not lines:
        for name in ("table.csv", "megc_log.txt"):
            (out / name).unlink(missing_ok=True)
    write_tables(out, outcome, made.configuration, report, spotting_rows(lines))
    if lines:
        write_text(out / "megc_log.txt", megc_log(lines[0]))
    tell_table(out, outcome, ("variant", "seeds", "micro %", "macro %"), [*told_lines(lines)],
               "F1 % (95 % over seeds)")
