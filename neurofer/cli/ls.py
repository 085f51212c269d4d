"""``neurofer ls``: the shipped configurations, or the runs in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from neurofer.cli.options import examples


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("ls", epilog=examples("neurofer ls", "neurofer ls --runs runs", "neurofer ls --runs runs --json"))(
        list_all
    )


def list_all(
    runs: Path | None = typer.Option(None, "--runs", help="List the trained models in this folder instead."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List the configurations that come with neurofer, or the trained models in a folder."""
    rows = _configs() if runs is None else _runs(runs)
    if as_json:
        import json

        typer.echo(json.dumps(rows, indent=2))
    elif runs is None:
        _print_configs(rows)
    else:
        _print_runs(rows)


def _configs() -> list[dict[str, Any]]:
    from neurofer.config import shipped_configs

    return [{"name": name, **_comment(path)} for name, path in shipped_configs().items()]


def _comment(path: Path) -> dict[str, str]:
    """What the file's opening comment says: one line of description, and the command that runs it."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").rstrip())
    command = next((line for line in lines if line.startswith("neurofer ")), "")
    return {"description": next((line for line in lines if line and line != command), ""), "command": command}


def _runs(folder: Path) -> list[dict[str, Any]]:
    from neurofer.errors import BadFileError
    from neurofer.files import read_json

    if not folder.is_dir():
        raise BadFileError(f"{folder}: no such folder; need the folder that 'train --out' wrote runs into")
    rows = []
    for path in sorted({*folder.glob("card.json"), *folder.glob("*/card.json"), *folder.glob("*/*/card.json")}):
        row: dict[str, Any] = {"run": str(path.parent), "backend": None, "accuracy": None, "parameters": None}
        try:
            card = read_json(path)
            row |= {key: card.get(key) for key in ("backend", "parameters")}
            row["accuracy"] = _find_number(card.get("metrics"), "accuracy")
            if card.get("task") == "reconstruct":
                row |= {"backend": "reconstruct", "parameters": card["parameters"]["generator"],
                        "psnr_db": card["metrics"]["held_out"].get("psnr_db")}
        except (ValueError, AttributeError, KeyError, TypeError, OSError) as error:
            row["problem"] = f"card.json cannot be read ({error})"
        rows.append(row)
    return rows


def _find_number(metrics: Any, name: str) -> float | None:
    """The test set's number of that name, wherever the metrics keep it."""
    if not isinstance(metrics, dict):
        return None
    value = metrics.get(name)
    if isinstance(value, dict):
        value = value.get("value", value.get("mean"))
    if isinstance(value, (int, float)):
        return float(value)
    return _find_number(metrics.get("test"), name)


def _print_configs(rows: list[dict[str, Any]]) -> None:
    if not rows:
        typer.echo("no configurations are installed")
    for row in rows:
        typer.echo(f"{row['name']}\n    {row['description']}")
        if row["command"]:
            typer.echo(f"    {row['command']}")


def _print_runs(rows: list[dict[str, Any]]) -> None:
    from neurofer.cli.options import text_table

    if not rows:
        typer.echo("no runs there: no folder with a card.json")
        return
    table = []
    for row in rows:
        accuracy = "-" if row["accuracy"] is None else f"{100 * row['accuracy']:.1f} %"
        if row.get("psnr_db") is not None:
            accuracy = f"held-out PSNR {row['psnr_db']:.1f} dB"
        table.append((row["run"], row["backend"] or "-", row["parameters"] or "-", row.get("problem", accuracy)))
    typer.echo(text_table(("run", "backend", "parameters", "test accuracy"), table))
