"""``neurofer prepare own``: one's own labelled recordings into a store."""

from __future__ import annotations

from pathlib import Path

import typer

from neurofer.cli.options import examples, paragraphs, parse_mode, parse_sensor


def register(prepare_app: typer.Typer) -> None:
    """Add the verb to ``neurofer prepare``."""
    prepare_app.command("own", help=paragraphs(str(own.__doc__)), epilog=examples(
        "neurofer prepare own --root recordings --table recordings/clips.csv --out data/mine",
        "neurofer prepare own --root recordings --table clips.csv --out data/mine --sensor 640x480 --mode repair",
        "neurofer train --backend ann --data data/mine --out runs/mine split.kind=folds",
    ))(own)


def own(
    root: Path = typer.Option(..., "--root", help="Folder that the files of the table lie in.", show_default=False),
    table: Path = typer.Option(..., "--table", help="CSV with the columns file,label,subject and, where wanted, "
                               "start_us,stop_us (an interval of the file), box (left top width height); others are "
                               "kept as facts, such as part.", show_default=False),
    out: Path = typer.Option(..., "--out", "-o", help="Folder of the store; new, empty, or of the same settings.",
                             show_default=False),
    sensor: str | None = typer.Option(None, "--sensor", metavar="WxH", help="Sensor size, for files that do not say "
                                      "it."),
    mode: str = typer.Option("strict", "--mode", help="Broken events: strict leaves the clip out, repair only them."),
    name: str = typer.Option("own", "--name", help="Name of the data set."),
    workers: int = typer.Option(0, min=0, help="Processes; 0 for one per core. The result does not depend on it."),
    shard: str | None = typer.Option(None, metavar="I/N", help="Make only part I of N, for several machines."),
) -> None:
    """Recordings of your own, in any readable format, with a table that says what they show.

    What cannot be used is told by file and line, and the rest is prepared. The same command again takes in rows that
    are new, and files that were mended.
    """
    from neurofer.cli._prepared import tell_prepared
    from neurofer.data.own import OwnPlan, prepare_own
    from neurofer.workers import parse_shard, processors

    plan = OwnPlan(parse_sensor(sensor), parse_mode(mode), name)
    tell_prepared(prepare_own(root, table, out, plan, workers or processors(), parse_shard(shard)), out)
