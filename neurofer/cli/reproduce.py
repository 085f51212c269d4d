"""``neurofer reproduce``: a whole table of experiments as one command, cell by cell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from neurofer.cli.options import examples
from neurofer.errors import NeuroferError, UsageError

if TYPE_CHECKING:
    from neurofer.reproduce.cells import Outcome
    from neurofer.reproduce.run import Choices

reproduce_app = typer.Typer(no_args_is_help=True, help="Run a whole table of experiments, resumable cell by cell.")
_LSTM = {"both": (False, True), "with": (True,), "without": (False,)}


def register(app: typer.Typer) -> None:
    """Add the verb and its tables."""
    from neurofer.cli import reproduce_micro, reproduce_spotting

    reproduce_micro.register(reproduce_app)
    reproduce_spotting.register(reproduce_app)
    app.add_typer(reproduce_app, name="reproduce")


@reproduce_app.command(epilog=examples(
    "neurofer reproduce evtransfer --data store --out table",
    "neurofer reproduce evtransfer --data store --out table --resume",
    "neurofer reproduce evtransfer --data store --out table --seeds 3 --variants t0_t0,t0_t --modes scratch,finetune",
    "neurofer reproduce evtransfer --config reproduce_evtransfer_256 --data store --out full --shard 2/8"))
def evtransfer(
    overrides: list[str] | None = typer.Argument(None, metavar="[KEY=VALUE]...", help="Settings such as "
                                                 "modes.linear.train.lr=1e-3, stronger than the configuration."),
    data: Path = typer.Option(..., "--data", help="Store with frames ('neurofer prepare ... --frames').",
                              show_default=False),
    out: Path = typer.Option(..., "--out", "-o", help="Folder of cells and tables.", show_default=False),
    config: str = typer.Option("reproduce_evtransfer", "--config", help="YAML file or shipped configuration."),
    seeds: int = typer.Option(5, "--seeds", help="Seeds 0, 1, ... of weights, order and choice of labels."),
    variants: str | None = typer.Option(None, "--variants", help="TIE variants, such as t0_t0,t0_t,t_t0,t_t; by "
                                        "default that of the configuration."),
    modes: str = typer.Option("scratch,random,linear,finetune", "--modes", help="What becomes of the encoder."),
    labels: str = typer.Option("1.0,0.25,0.1", "--labels", help="Shares of the training labels."),
    lstm: str = typer.Option("both", "--lstm", help="both, with or without."),
    resume: bool = typer.Option(False, "--resume", help="Go on with the table in --out; finished cells stay."),
    render: bool = typer.Option(False, "--render", help="Run nothing; make the tables of what is finished again."),
    workers: int = typer.Option(0, "--workers", min=0, help="Cells at a time, one thread each; 0 for one per core, or "
                                "one on a GPU."),
    shard: str | None = typer.Option(None, "--shard", metavar="I/N", help="Run only part I of N, for several "
                                     "machines."),
    keep_models: bool = typer.Option(False, "--keep-models", help="Keep the run folders of all cells, not only of the "
                                     "pre-trainings."),
    ladder: str = typer.Option("auto", "--ladder", help="From the published to the clean protocol of e-CK+: auto (for "
                               "that data set), only (without the ablation) or off."),
    cache: Path | None = typer.Option(None, "--cache", help="Where to keep network inputs; by default STORE/.cache."),
) -> None:
    """The ablation of evTransFER: modes, TIE variants, with and without LSTM, shares of the labels, over seeds."""
    if lstm not in _LSTM:
        raise UsageError(f"--lstm: need both, with or without, got {lstm!r}")
    if ladder not in ("auto", "only", "off"):
        raise UsageError(f"--ladder: need auto, only or off, got {ladder!r}")
    choices = choices_of(workers, shard, resume, render, keep_models, cache)
    from neurofer.config import dump_config, find_config, load_config
    from neurofer.reproduce.config import EvtransferConfig
    from neurofer.reproduce.evtransfer import Axes, plan
    from neurofer.reproduce.ladder import DATA_SET, plan_ladder, require_clean_beside
    from neurofer.reproduce.ladder_report import write_ladder
    from neurofer.reproduce.report import Made, evtransfer_report
    from neurofer.reproduce.run import read_data, run_table, write_tables

    axes = Axes(seeds, words_of(variants or ""), words_of(modes), _LSTM[lstm], _shares(labels))  # type: ignore[arg-type]
    settings = load_config(EvtransferConfig, find_config(config), overrides or ())
    clip_set = read_data(data)
    cells = [] if ladder == "only" else plan(settings, axes, clip_set)
    rungs = []
    if ladder == "only" or (ladder == "auto" and clip_set.name == DATA_SET):
        rungs = plan_ladder(settings, clip_set, axes)
    require_clean_beside(settings.split, rungs)
    outcome = run_table([*cells, *rungs], clip_set, data, out, choices)
    said = {"--data": data, "--out": out, "--config": config, "--seeds": seeds, "--variants": variants,
            "--modes": modes, "--labels": labels, "--lstm": lstm, "--ladder": ladder}
    made = Made(command_text("evtransfer", said, overrides), dump_config(settings), clip_set)
    sections = [write_ladder(rungs, outcome.records, out / "ladder.csv")] if rungs else []
    write_tables(out, outcome, made.configuration, evtransfer_report(outcome, made, sections))
    tell_table(out, outcome, *_axes_rows(outcome))


@reproduce_app.command(epilog=examples(
    "neurofer reproduce representations --data store --out kinds",
    "neurofer reproduce representations --data store --out kinds --kinds tie,voxel,counts --seeds 5 --resume"))
def representations(
    overrides: list[str] | None = typer.Argument(None, metavar="[KEY=VALUE]...", help="Settings such as "
                                                 "train.epochs=20, stronger than the configuration."),
    data: Path = typer.Option(..., "--data", help="Store, as 'neurofer prepare' makes it.", show_default=False),
    out: Path = typer.Option(..., "--out", "-o", help="Folder of cells and tables.", show_default=False),
    config: str = typer.Option("ann_synthetic", "--config", help="YAML file or shipped configuration of a training; "
                               "its representation's settings hold for that kind alone."),
    kinds: str = typer.Option("all", "--kinds", help="Representations such as tie,voxel,counts; the others are "
                              "compared with the first."),
    seeds: int = typer.Option(3, "--seeds", help="Seeds 0, 1, ... of weights and order."),
    resume: bool = typer.Option(False, "--resume", help="Go on with the table in --out; finished cells stay."),
    render: bool = typer.Option(False, "--render", help="Run nothing; make the tables of what is finished again."),
    workers: int = typer.Option(0, "--workers", min=0, help="Cells at a time, one thread each; 0 for one per core, or "
                                "one on a GPU."),
    shard: str | None = typer.Option(None, "--shard", metavar="I/N", help="Run only part I of N, for several "
                                     "machines."),
    keep_models: bool = typer.Option(False, "--keep-models", help="Keep the run folders of all cells."),
    cache: Path | None = typer.Option(None, "--cache", help="Where to keep network inputs; by default STORE/.cache."),
) -> None:
    """One recogniser from scratch on every representation of the same events, over seeds."""
    choices = choices_of(workers, shard, resume, render, keep_models, cache)
    from neurofer.config import dump_config, find_config, load_config
    from neurofer.reproduce.ladder import require_clean_beside
    from neurofer.reproduce.report import Made
    from neurofer.reproduce.representations import known_kinds, plan_representations, representations_report
    from neurofer.reproduce.run import read_data, run_table, write_tables
    from neurofer.train.config import TrainConfig

    settings = load_config(TrainConfig, find_config(config), overrides or ())
    require_clean_beside(settings.split, ())
    wanted = words_of(kinds)
    if wanted == ("all",):
        wanted = (settings.represent.kind, *(kind for kind in known_kinds() if kind != settings.represent.kind))
    cells = plan_representations(settings, wanted, seeds)
    clip_set = read_data(data)
    outcome = run_table(cells, clip_set, data, out, choices)
    said = {"--data": data, "--out": out, "--config": config, "--kinds": kinds, "--seeds": seeds}
    made = Made(command_text("representations", said, overrides), dump_config(settings), clip_set)
    write_tables(out, outcome, made.configuration, representations_report(outcome, made))
    tell_table(out, outcome, *_axes_rows(outcome))


@reproduce_app.command(epilog=examples(
    "neurofer reproduce spiking --data store --out table --sweep",
    "neurofer reproduce spiking --data store --out table --sweep --resume",
    "neurofer reproduce spiking --data store --out table --seeds 3 --arms ann_transferred,snn_scratch,snn_distilled",
    "neurofer reproduce spiking --config reproduce_spiking_full --data store --out full --shard 2/8"))
def spiking(
    overrides: list[str] | None = typer.Argument(None, metavar="[KEY=VALUE]...", help="Settings such as "
                                                 "recognise.train.epochs=80, stronger than the configuration."),
    data: Path = typer.Option(..., "--data", help="Store with frames ('neurofer prepare ... --frames').",
                              show_default=False),
    out: Path = typer.Option(..., "--out", "-o", help="Folder of cells and tables.", show_default=False),
    config: str = typer.Option("reproduce_spiking", "--config", help="YAML file or shipped configuration."),
    seeds: int = typer.Option(5, "--seeds", help="Seeds 0, 1, ... of weights and order."),
    arms: str = typer.Option("ann_scratch,ann_transferred,snn_scratch,snn_distilled,snn_transferred", "--arms",
                             help="Ways to train; snn_transferred_distilled is known as well. A teacher is trained "
                             "where one is needed."),
    sweep: bool = typer.Option(False, "--sweep", help="The curve of accuracy against operations, too: sweep.points of "
                               "the configuration."),
    resume: bool = typer.Option(False, "--resume", help="Go on with the table in --out; finished cells stay."),
    render: bool = typer.Option(False, "--render", help="Run nothing; make the tables of what is finished again."),
    workers: int = typer.Option(0, "--workers", min=0, help="Cells at a time, one thread each; 0 for one per core, or "
                                "one on a GPU."),
    shard: str | None = typer.Option(None, "--shard", metavar="I/N", help="Run only part I of N, for several "
                                     "machines."),
    keep_models: bool = typer.Option(False, "--keep-models", help="Keep the run folders of all cells, not only of "
                                     "those that others need."),
    cache: Path | None = typer.Option(None, "--cache", help="Where to keep network inputs; by default STORE/.cache."),
) -> None:
    """Spiking against ordinary recognisers: from scratch, transferred, distilled; accuracy, operations, earliness."""
    choices = choices_of(workers, shard, resume, render, keep_models, cache)
    import json

    from neurofer.config import dump_config, find_config, load_config
    from neurofer.files import write_text
    from neurofer.reproduce.ladder import require_clean_beside
    from neurofer.reproduce.report import Made
    from neurofer.reproduce.run import read_data, run_table, write_tables
    from neurofer.reproduce.spiking import SpikingAxes, plan_spiking
    from neurofer.reproduce.spiking_config import SpikingConfig
    from neurofer.reproduce.spiking_report import spiking_report
    from neurofer.reproduce.spiking_tables import arm_rows, column, spiking_rows, table_json
    from neurofer.reproduce.words import mean_text

    axes = SpikingAxes(seeds, words_of(arms), sweep)
    settings = load_config(SpikingConfig, find_config(config), overrides or ())
    require_clean_beside(settings.ann.split, ())
    clip_set = read_data(data)
    cells = plan_spiking(settings, axes, clip_set)
    outcome = run_table(cells, clip_set, data, out, choices)
    said = {"--data": data, "--out": out, "--config": config, "--seeds": seeds, "--arms": arms}
    made = Made(command_text("spiking", said, [*(["--sweep"] if sweep else []), *(overrides or ())]),
                dump_config(settings), clip_set)
    rows = spiking_rows(outcome.records)
    write_tables(out, outcome, made.configuration, spiking_report(outcome, made), rows)
    write_text(out / "table.json", json.dumps(table_json(rows), indent=1) + "\n")
    found = column(arm_rows(rows), "accuracy_clip")
    tell_table(out, outcome, ("arm", "seeds"), [(arm, len(values.values), mean_text(values))
                                                for arm, values in found.items()])


@reproduce_app.command("spiking_fer", epilog=examples(
    "neurofer reproduce spiking_fer --config spiking_fer_synthetic --data store --out table --splits 2",
    "neurofer reproduce spiking_fer --data ckplus --out table --resume --shard 2/8",
    "neurofer reproduce spiking_fer --data ckplus --data adfes --out tables --seeds 3"))
def spiking_fer(
    overrides: list[str] | None = typer.Argument(None, metavar="[KEY=VALUE]...", help="Settings such as "
                                                 "train.epochs=100, stronger than the configuration."),
    data: list[Path] = typer.Option(..., "--data", help="Store, as 'neurofer prepare' makes it; given several times, "
                                    "each has its tables in OUT/NAME.", show_default=False),
    out: Path = typer.Option(..., "--out", "-o", help="Folder of cells and tables.", show_default=False),
    config: str = typer.Option("spiking_fer", "--config", help="YAML file or shipped configuration of a training; "
                               "spiking_fer is the published size, for a GPU, spiking_fer_synthetic a small one."),
    seeds: int = typer.Option(1, "--seeds", help="Seeds 0, 1, ... of weights and order."),
    splits: int | None = typer.Option(None, "--splits", help="Only the first so many draws and folds; by default "
                                      "split.folds of the configuration."),
    resume: bool = typer.Option(False, "--resume", help="Go on with the table in --out; finished cells stay."),
    render: bool = typer.Option(False, "--render", help="Run nothing; make the tables of what is finished again."),
    workers: int = typer.Option(0, "--workers", min=0, help="Cells at a time, one thread each; 0 for one per core, or "
                                "one on a GPU."),
    shard: str | None = typer.Option(None, "--shard", metavar="I/N", help="Run only part I of N, for several "
                                     "machines."),
    keep_models: bool = typer.Option(False, "--keep-models", help="Keep the run folders of all cells."),
    cache: Path | None = typer.Option(None, "--cache", help="Where to keep network inputs; by default STORE/.cache."),
) -> None:
    """Spiking-FER and its ANN twin under the published and a clean protocol: accuracy, operations, estimated energy."""
    choices = choices_of(workers, shard, resume, render, keep_models, cache)
    from neurofer.config import dump_config, find_config, load_config
    from neurofer.hardware.energy import TABLES
    from neurofer.reproduce.report import Made
    from neurofer.reproduce.run import read_data, run_table, write_tables
    from neurofer.reproduce.spiking_fer import fer_lines, fer_rows, plan_spiking_fer
    from neurofer.reproduce.spiking_fer_report import fer_report, told_lines
    from neurofer.train.config import TrainConfig

    settings = load_config(TrainConfig, find_config(config), overrides or ())
    stores = [(path, read_data(path)) for path in data]
    names = [clip_set.name for _, clip_set in stores]
    if len(set(names)) < len(names):
        raise UsageError(f"--data: the stores are called {', '.join(names)}, and each needs a name of its own in "
                         f"{out}; run them one by one")
    plans = [plan_spiking_fer(settings, clip_set, seeds, splits) for _, clip_set in stores]
    for (path, clip_set), cells in zip(stores, plans, strict=True):
        place = out if len(stores) == 1 else out / clip_set.name
        outcome = run_table(cells, clip_set, path, place, choices)
        said = {"--data": path, "--out": place, "--config": config, "--seeds": seeds, "--splits": splits}
        made = Made(command_text("spiking_fer", said, overrides), dump_config(settings), clip_set)
        report = fer_report(cells, outcome, made, tuple(TABLES.values()))
        rows = fer_rows(cells, outcome.records)
        if not rows:
            (place / "table.csv").unlink(missing_ok=True)
        write_tables(place, outcome, made.configuration, report, rows)
        told = told_lines(fer_lines(cells, outcome.records)) if rows else []
        tell_table(place, outcome, ("protocol", "network", "seeds"), [*told], "accuracy % (95 %)")


def choices_of(workers: int, shard: str | None, resume: bool, render: bool, keep_models: bool,
               cache: Path | None) -> Choices:
    """How cells are run, as the options of every table say.

    Raises:
        UsageError: a shard that does not exist.
    """
    from neurofer.reproduce.run import Choices
    from neurofer.workers import parse_shard

    return Choices(workers or _most_workers(), parse_shard(shard), resume, render, keep_models, cache)


def _most_workers() -> int:
    """One per core; one where they would share a GPU."""
    import torch

    from neurofer.workers import processors

    return 1 if torch.cuda.is_available() else processors()


def words_of(text: str) -> tuple[str, ...]:
    """``"a, b"`` as ``("a", "b")``."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _shares(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in words_of(text))
    except ValueError:
        raise UsageError(f"--labels: need shares such as 1.0,0.25,0.1, got {text!r}") from None


def command_text(table: str, said: dict[str, object], overrides: list[str] | None) -> str:
    """The command that gives a table again; an option whose value is a list is given several times."""
    import shlex

    words = [word for option, value in said.items() if value is not None
             for one in (value if isinstance(value, list) else [value]) for word in (option, str(one))]
    return shlex.join(["neurofer", "reproduce", table, *words, *(overrides or ())])


def _axes_rows(outcome: Outcome) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Header and lines of the accuracies by variant, network, labels and mode."""
    from neurofer.reproduce.tables import AXES, over_seeds, training_rows
    from neurofer.reproduce.words import axis_text, mean_text

    found = over_seeds(training_rows(outcome.records), "accuracy_clip")
    return (*AXES[:1], "network", *AXES[2:], "seeds"), [
        (*(axis_text(axis, value) for axis, value in zip(AXES, where, strict=True)), len(values.values),
         mean_text(values)) for where, values in found.items()]


def tell_table(out: Path, outcome: Outcome, header: tuple[str, ...], rows: list[tuple[object, ...]],
               score: str = "accuracy % (95 % over seeds)") -> None:
    """The accuracies, where the rest is, and what failed."""
    from neurofer.cli.options import text_table

    if rows:
        typer.echo(text_table((*header, score), rows))
    total = len(outcome.records) + len(outcome.missing)
    typer.echo(f"{out / 'report.html'}: {len(outcome.records)} of {total} cells, {outcome.ran} of them run now")
    if outcome.failed:
        lines = [f"{name}: {message}" for name, message in outcome.failed.items()]
        raise NeuroferError("\n  ".join([f"{len(lines)} cell(s) failed; the same command with --resume tries them "
                                         "again", *lines]))
