"""``neurofer train``: a store and a configuration become a run folder with a model."""

from __future__ import annotations

from pathlib import Path

import typer

from neurofer.cli.options import examples, paragraphs, with_options
from neurofer.errors import UsageError
from neurofer.launch import rank

HELP = """Train a recogniser: subject-disjoint parts, best epoch by validation, test subjects read once at the end.

With --task micro it recognises micro-expressions (MERSiamC3D): pairs of clips first, then classes, for a fixed number
of epochs; one or several stores with frames, which 'neurofer prepare casme2' and its like make, are pooled.

With --task spot it finds micro- and macro-expressions in long recordings (3D-CNN with temporally oriented reference
frames): one or several stores of long videos, which 'neurofer prepare samm-lv' and its like make, a fixed number of
epochs, and thresholds chosen on the training subjects.

Started by torchrun, or on GPUs by accelerate launch, several processes train one model, each with its share of every
batch, also on several machines that see store and run folder under the same paths. The result is that of one process
but for rounding and the draws of dropout.
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("train", help=paragraphs(HELP), epilog=examples(
        "neurofer train --backend snn --data store --out runs/snn",
        "neurofer train --backend ann --data store --out runs/ann train.epochs=20 train.lr=5e-4",
        "neurofer train --config mine.yaml --data store --out runs/mine --seed 1",
        "neurofer train --out runs/mine --resume",
        "neurofer train --backend snn --data store --out runs/taught --distill runs/ann",
        "neurofer train --task micro --backend ann --data micro --out runs/micro split.fold=1",
        "neurofer train --task micro --config mersiamc3d --data casme2 --data samm --data smic --out runs/s06 "
        "split.kind=loso split.subject=samm/006",
        "neurofer train --task spot --data long --out runs/spot split.kind=loso split.subject=s003",
        "neurofer train --task spot --data long --out runs/spot-events input.kind=events",
        "torchrun --nproc-per-node 2 -m neurofer train --data store --out runs/mine"))(train)


def train(
    overrides: list[str] | None = typer.Argument(None, metavar="[KEY=VALUE]...", help="Settings such as train.lr=1e-3, "
                                                 "stronger than the configuration."),
    task: str | None = typer.Option(None, "--task", help="recognise, micro or spot; by default what the "
                                    "configuration says, else recognise."),
    backend: str | None = typer.Option(None, "--backend", help="ann or snn; by default what the configuration says."),
    config: str | None = typer.Option(None, "--config", help="YAML file or shipped configuration ('neurofer ls'); by "
                                      "default the backend's own."),
    data: list[Path] | None = typer.Option(None, "--data", help="Store, as 'neurofer prepare' makes it; several times "
                                           "for --task micro and spot."),
    out: Path | None = typer.Option(None, "--out", "-o", help="Run folder to make."),
    distill: Path | None = typer.Option(None, "--distill", help="Finished ann run whose decisions the spiking network "
                                        "learns as well."),
    seed: int | None = typer.Option(None, "--seed", help="Of weights, order and augmentation; the split has its own."),
    resume: bool = typer.Option(False, "--resume", help="Go on with the run in --out where it was stopped."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace the run in --out."),
    cache: Path | None = typer.Option(None, "--cache", help="Where to keep network inputs; by default STORE/.cache."),
) -> None:
    for name, value in (("backend", backend), ("task", task)):
        with_options("train", overrides, [(name, value)])  # refused if given twice; else it picks a configuration
    if resume and overwrite:
        raise UsageError("train: --resume goes on with a run and --overwrite throws it away; give one of them")
    chosen = _chosen_task(task, config, out, resume)
    if chosen != "recognise":
        from neurofer.cli import train_micro, train_spot

        if distill is not None:
            raise UsageError("train: --distill is for --task recognise")
        words = with_options("train", overrides, (("data", data or None), ("out", out), ("seed", seed)))
        tell = train_micro.train_and_tell if chosen == "micro" else train_spot.train_and_tell
        tell(words, config, backend, out, resume, overwrite, cache)
        return
    if data and len(data) > 1:
        raise UsageError(f"train: --data is given {len(data)} times, but --task recognise reads one store")
    words = with_options("train", overrides, (("data", data[0] if data else None), ("out", out), ("seed", seed),
                                            ("distill.run", distill)))
    from neurofer.cli._settings import chosen_settings
    from neurofer.train.config import TrainConfig

    resolved = chosen_settings(TrainConfig, "{}_synthetic", config, backend, out, resume, words)
    from neurofer.train.recognise import train_recogniser
    from neurofer.train.run_folder import read_card

    folder = train_recogniser(resolved, resume=resume, overwrite=overwrite, cache=cache)
    if rank():
        return
    card = read_card(folder)
    score, low_high = card["metrics"]["test"]["accuracy"], card["metrics"]["test"]["interval"]["accuracy"]
    between = f" (95 % interval {100 * low_high[0]:.1f} to {100 * low_high[1]:.1f})" if low_high else ""
    chosen = card["metrics"]
    typer.echo(f"{folder}: {card['backend']}, {card['parameters']} parameters, best epoch {chosen['best_epoch']}, "
               f"validation accuracy {100 * chosen['validation_accuracy']:.1f} %, "
               f"test accuracy {100 * score:.1f} %{between}")
    if card.get("input_events"):
        typer.echo(_said_of_input(**card["input_events"]))
    typer.echo(f"next: neurofer evaluate {folder}")


def _chosen_task(task: str | None, config: str | None, out: Path | None, resume: bool) -> str:
    """What is trained: by the option, which must agree with the configuration, else by that."""
    from neurofer.config import find_config, task_of

    if task not in (None, "recognise", "micro", "spot"):
        raise UsageError(f"--task: need recognise, micro or spot, got {task!r}")
    path = find_config(config) if config is not None else None
    if path is None and resume and out is not None and (out / "config.yaml").exists():
        path = out / "config.yaml"
    said = None if path is None else task_of(path) or "recognise"
    if task is not None and said not in (None, task):
        raise UsageError(f"train: --task {task}, but {path} is for {said}; leave --task out, or give another --config")
    return said or task or "recognise"


def _said_of_input(kind: str, events: int, clipped: int) -> str:
    share = f"{100 * clipped / max(events, 1):.1f} % of {events} events in face boxes"
    if kind == "graded":
        return f"input: {share} beyond 255 in a cell and step, so not counted"
    return f"input: {share} beyond the first in a cell and step, so not told (snn.input=graded counts them)"
