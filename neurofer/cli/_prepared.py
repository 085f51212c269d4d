"""How preparing a data set ended, for the terminal: problems together, counts that differ, what was prepared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from neurofer.cli.options import text_table

if TYPE_CHECKING:
    from neurofer.data.expected import Count
    from neurofer.data.preparing import PrepareSummary

SHOWN = 20


def tell_prepared(summary: PrepareSummary | None, out: object) -> None:
    """Say what was prepared on standard output, and what could not be on standard error.

    Args:
        summary: What ``prepare_store`` gave; None while other parts are missing.
        out: The store's folder.

    Raises:
        typer.Exit: with 1 if no clip could be prepared.
    """
    if summary is None:
        typer.echo(f"{out}: this part is done; the store is complete when the other parts are")
        return
    problems = summary.problems
    if problems:
        typer.echo("1 problem" if len(problems) == 1 else f"{len(problems)} problems", err=True)
        for problem in problems[:SHOWN]:
            typer.echo(f"  {problem}", err=True)
        if len(problems) > SHOWN:
            typer.echo(f"  and {len(problems) - SHOWN} more, all in {summary.folder / 'problems.csv'}", err=True)
    counted = f"prepared {summary.prepared} of {summary.wanted} clips"
    if summary.clip_set is None:
        typer.echo(f"{out}: {counted}, so there is no store; mend what is told above and run the same command again",
                   err=True)
        raise typer.Exit(1)
    if problems:
        typer.echo(f"{out}: {counted}", err=True)
    store = summary.clip_set
    typer.echo(f"{out}: {counted} of {len(store.subjects)} subjects, {len(store.classes)} classes, "
               f"digest {store.digest[:12]}")


def tell_differing(counts: Sequence[Count]) -> None:
    """Warn on standard error of numbers that are not those of the release."""
    if not counts:
        return
    typer.echo("warning: this copy is not the released one; it was prepared as it is", err=True)
    table = text_table(("counted", "here", "released"), [(count.what, count.have, count.wanted) for count in counts])
    typer.echo("\n".join(f"  {line}" for line in table.splitlines()), err=True)
