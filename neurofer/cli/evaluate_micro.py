"""The part of ``neurofer evaluate`` that is about micro-expressions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from neurofer.cli.options import text_table


def evaluate_and_tell(runs: list[Path], data: list[Path] | None, json_out: Path | None, force: bool,
                      cache: Path | None) -> None:
    """Scores of runs on the subjects that each left out, and those of all folds of a seed together.

    Raises:
        UsageError: runs whose folds cannot be pooled.
    """
    import json

    from neurofer.evaluate.micro_run import evaluate_micro_run, pool_runs
    from neurofer.files import write_text

    found = [evaluate_micro_run(path, data, force=force, cache=cache) for path in runs]
    pooled = pool_runs(found) if len(found) > 1 else {}
    if json_out is not None:
        whole: Any = found[0] if len(found) == 1 else {"format": "neurofer-evaluations", "version": 1, "task": "micro",
                                                       "runs": found, "pooled": pooled}
        write_text(json_out, json.dumps(whole, indent=1) + "\n")
    for one in found:
        tested = one["protocol"] if one["data"]["same_as_training"] else (
            f"other data than trained on, by --force: all people of {one['data']['name']} that it has not met")
        _print_scores(f"{one['run']}: {one['backend']}, {tested}", one)
    for name, one in pooled.items():
        _print_scores(f"{name}: decisions of {one['runs']} folds pooled", one)
    if len(found) > 1 and not pooled:
        typer.echo("nothing is pooled: no two of these runs have one backend and seed", err=True)


def _print_scores(title: str, one: dict[str, Any]) -> None:
    typer.echo(title)
    rows = [(name, *(_with_interval(scored, metric) for metric in ("uf1", "uar", "accuracy")))
            for name, scored in {"network": one["test"], **one["baselines"]}.items()]
    typer.echo(text_table(("", "UF1", "UAR", "accuracy"), rows))
    classes = [(name, f"{row['f1']:.3f}", f"{row['recall']:.3f}", row["samples"])
               for name, row in one["test"]["per_class"].items()]
    typer.echo("")
    typer.echo(text_table(("class", "F1", "recall", "clips"), classes))
    typer.echo("")


def _with_interval(scored: dict[str, Any], metric: str) -> str:
    between = scored["interval"][metric]
    return f"{scored[metric]:.3f}" + (f" ({between[0]:.3f} to {between[1]:.3f})" if between else "")
