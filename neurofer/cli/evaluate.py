"""``neurofer evaluate``: how good trained models are, beside what needs no face."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from neurofer.cli._numbers import per_cent, score_cells, short_number
from neurofer.cli.options import examples
from neurofer.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("evaluate", epilog=examples(
        "neurofer evaluate runs/snn",
        "neurofer evaluate runs/snn --data store --json snn.json",
        "neurofer evaluate runs/snn-0 runs/snn-1 runs/snn-2",
        "neurofer evaluate runs/micro-fold0 runs/micro-fold1 runs/micro-fold2"))(evaluate)


def evaluate(
    runs: list[Path] = typer.Argument(..., metavar="RUN...", help="Run folders; several give mean and interval."),
    data: list[Path] | None = typer.Option(None, "--data", help="Store; by default the one that the run was trained "
                                           "on; several times for pooled ones of micro and spot."),
    split: str = typer.Option("test", "--split", help="test or validation."),
    json_out: Path | None = typer.Option(None, "--json", help="Also write everything as JSON to this file."),
    force: bool = typer.Option(False, "--force", help="Accept other data than the run's, or an "
                               "imported model; the result says so."),
    cache: Path | None = typer.Option(None, "--cache", help="Where to keep network inputs; by default STORE/.cache."),
) -> None:
    """Accuracy, UAR, macro F1 per clip, window, class and subject, with 95 % intervals, beside baselines.

    Runs of micro-expressions give UF1 and UAR of the people that they left out; several folds of one seed are pooled.
    Spotters give precision, recall and F1 of micro- and macro-expressions by the MEGC metric, pooled likewise.
    """
    if split not in ("test", "validation"):
        raise UsageError(f"--split: need test or validation, got {split!r}")
    task = _common_task(runs)
    if task in ("micro", "spot"):
        from neurofer.cli import evaluate_micro, evaluate_spot

        if split != "test":
            raise UsageError(f"--split validation: runs of task {task} have no validation part; leave it out")
        tell = evaluate_micro.evaluate_and_tell if task == "micro" else evaluate_spot.evaluate_and_tell
        tell(runs, data or None, json_out, force, cache)
        return
    if data and len(data) > 1:
        raise UsageError(f"--data is given {len(data)} times, but a recogniser reads one store")
    from neurofer.evaluate.recognition import evaluate_run, summarise
    from neurofer.files import write_text
    from neurofer.train.run_folder import load_run

    found = []
    for path in runs:
        found.append(evaluate_run(load_run(path), data[0] if data else None, split,  # type: ignore[arg-type]
                                  force=force, cache=cache))
    groups = {backend: [one for one in found if one["backend"] == backend] for backend in ("ann", "snn")}
    summary = {backend: summarise(group) for backend, group in groups.items() if len(group) > 1}
    if json_out is not None:
        import json

        whole = found[0] if len(found) == 1 else {"format": "neurofer-evaluations", "version": 1, "runs": found,
                                                  "summary": summary}
        write_text(json_out, json.dumps(whole, indent=1) + "\n")
    for one in found:
        _print_run(one)
    for backend, over_seeds in summary.items():
        _print_summary(backend, over_seeds)


def _common_task(runs: list[Path]) -> str:
    """What all of the runs do.

    Raises:
        UsageError: they do different things.
    """
    from neurofer.train.run_folder import read_card

    tasks = [str(read_card(path).get("task", "recognise")) for path in runs]
    other = next((number for number, task in enumerate(tasks) if task != tasks[0]), None)
    if other is not None:
        raise UsageError(f"evaluate: {runs[0]} is of task {tasks[0]} and {runs[other]} of task {tasks[other]}; give "
                         "runs of one task")
    return tasks[0]


def _print_run(found: dict[str, Any]) -> None:
    from neurofer.cli.options import text_table

    clip = found["metrics"]["clip"]
    note = {True: "", False: "  (other data than trained on, by --force)",
            None: "  (imported: it may have been trained on them)"}[found["data"]["same_as_training"]]
    typer.echo(f"{found['run']}: {found['backend']}, {found['part']} subjects: {clip['subjects']}, clips: "
               f"{clip['samples']}, windows: {found['metrics']['window']['samples']}{note}")
    rows = [("per clip", *score_cells(clip)), ("per window", *score_cells(found["metrics"]["window"]))]
    rows += [(f"{name.replace('_', ' ')} alone" if name == "event_count" else name, *score_cells(scored))
             for name, scored in found["baselines"].items()]
    typer.echo(text_table(("", "accuracy %", "UAR %", "macro F1 %"), rows))
    typer.echo("")
    classes = [(name, f"{100 * row['recall']:.1f}", f"{100 * row['precision']:.1f}", f"{100 * row['f1']:.1f}",
                row["samples"]) for name, row in clip["per_class"].items()]
    typer.echo(text_table(("class", "recall %", "precision %", "F1 %", "clips"), classes))
    typer.echo("")
    subjects = [(name, f"{100 * row['accuracy']:.1f}", row["samples"]) for name, row in clip["per_subject"].items()]
    typer.echo(text_table(("subject", "accuracy %", "clips"), subjects))
    typer.echo("")
    _print_time(found["anytime"])
    work, late = found["operations"], found["latency"]
    if "layers" in work:
        layers = [(layer["name"], layer["neurons"], f"{layer['rate']:.4f}",
                   short_number(layer["synaptic_operations_per_decision"]),
                   f"{100 * layer['synaptic_operations_per_decision'] / layer['dense_macs_per_decision']:.1f}")
                  for layer in work["layers"]]
        typer.echo(text_table(("layer", "neurons", "spikes per neuron and step", "operations a decision",
                               "% of the dense network's"), layers))
        typer.echo("")
    rate = f", {work['rate']:.3f} spikes per neuron and step" if "rate" in work else ""
    done = f"{short_number(work['per_decision'])} {work['kind']}s"
    typer.echo(f"parameters {found['parameters']}, per decision {done}{rate}, "
               f"{late['p50_ms']:.2f} ms (95 %: {late['p95_ms']:.2f} ms, {late['threads']} thread)")
    typer.echo("")


def _print_time(anytime: dict[str, Any] | None) -> None:
    from neurofer.cli.options import text_table

    if anytime is None:
        return
    onset = anytime["from_onset"]
    header = ("", *(f"{ms} ms" for ms in anytime["at_ms"]), "whole clip")
    rows = [("accuracy % since the clip began", *map(_share, anytime["accuracy"]), _share(anytime["whole"]))]
    if onset:
        rows.append((f"since the expression began ({onset['clips']} clips)", *map(_share, onset["accuracy"]), ""))
    typer.echo(text_table(header, rows))
    typer.echo("")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _print_summary(backend: str, summary: dict[str, Any]) -> None:
    from neurofer.cli.options import text_table

    seeds = ", ".join(map(str, summary["seeds"]))
    typer.echo(f"{backend}: mean of {summary['runs']} runs (seeds {seeds}) with 95 % t interval")
    groups = {"per clip": summary["clip"], "per window": summary["window"], **summary["baselines"]}
    rows = [(name.replace("_", " "), *(per_cent(group[metric]["mean"], group[metric]["interval"])
                                       for metric in ("accuracy", "uar", "macro_f1")))
            for name, group in groups.items()]
    typer.echo(text_table(("", "accuracy %", "UAR %", "macro F1 %"), rows))
    typer.echo("")
    if summary["anytime"]:
        times, over = summary["anytime"]["at_ms"], summary["anytime"]["accuracy"]
        rows = [(f"{ms} ms", "-" if one is None else per_cent(one["mean"], one["interval"]))
                for ms, one in zip(times, over, strict=True)]
        typer.echo(text_table(("since the clip began", "accuracy %"), rows))
        typer.echo("")
