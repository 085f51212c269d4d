"""The part of ``neurofer evaluate`` that is about spotting."""

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

    from neurofer.evaluate.spotting_run import evaluate_spot_run, pool_spot_runs
    from neurofer.files import write_text

    found = [evaluate_spot_run(path, data, force=force, cache=cache) for path in runs]
    pooled = pool_spot_runs(found) if len(found) > 1 else {}
    if json_out is not None:
        whole: Any = found[0] if len(found) == 1 else {"format": "neurofer-evaluations", "version": 1, "task": "spot",
                                                       "runs": found, "pooled": pooled}
        write_text(json_out, json.dumps(whole, indent=1) + "\n")
    for one in found:
        tested = one["protocol"] if one["data"]["same_as_training"] else (
            f"other data than trained on, by --force: all people of {one['data']['name']} that it has not met")
        _print_scores(f"{one['run']}: {tested}, {len(one['videos'])} videos", one["test"])
    for name, one in pooled.items():
        _print_scores(f"{name}: counts of {one['runs']} folds pooled", one["test"])
    if len(found) > 1 and not pooled:
        typer.echo("nothing is pooled: no two of these runs have one seed", err=True)


def _print_scores(title: str, scores: dict[str, Any]) -> None:
    typer.echo(title)
    rows = [(part, str(one["tp"]), str(one["fp"]), str(one["fn"]), f"{one['precision']:.3f}", f"{one['recall']:.3f}",
             f"{one['f1']:.3f}", _between(one["interval"])) for part, one in scores.items()]
    typer.echo(text_table(("", "TP", "FP", "FN", "precision", "recall", "F1", "95 % over subjects"), rows))
    typer.echo("")


def _between(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
