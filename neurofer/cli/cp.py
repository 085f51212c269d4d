"""``neurofer cp``: a shipped configuration as a file of one's own."""

from __future__ import annotations

from pathlib import Path

import typer

from neurofer.cli.options import examples
from neurofer.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("cp", epilog=examples("neurofer cp ann_synthetic", "neurofer cp snn_demo mine.yaml --force"))(copy)


def copy(
    name: str = typer.Argument(..., help="Name of a shipped configuration; 'neurofer ls' lists them."),
    dest: Path = typer.Argument(Path(), help="File or folder to copy to; here by default."),
    force: bool = typer.Option(False, "--force", help="Write over a file that exists."),
) -> None:
    """Copy a shipped configuration, to change it and give it to 'train --config'."""
    from neurofer.config import find_shipped
    from neurofer.files import write_text

    source = find_shipped(name)
    target = dest / source.name if dest.is_dir() else dest
    if target.exists() and not force:
        raise UsageError(f"{target}: exists already; give another name, or --force to write over it")
    write_text(target, source.read_text(encoding="utf-8"))
    typer.echo(f"{target}")
