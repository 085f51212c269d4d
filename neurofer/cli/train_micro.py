"""The part of ``neurofer train`` that is about micro-expressions."""

from __future__ import annotations

from pathlib import Path

import typer


def train_and_tell(words: list[str], config: str | None, backend: str | None, out: Path | None, resume: bool,
                   overwrite: bool, cache: Path | None) -> None:
    """Train as the options say, and tell how it ended.

    Raises:
        UsageError: options that do not fit together, or a setting that does not exist.
    """
    from neurofer.cli._settings import chosen_settings
    from neurofer.train.micro.config import MicroConfig

    resolved = chosen_settings(MicroConfig, "micro_{}", config, backend, out, resume, words)
    from neurofer.train.micro.recipe import train_micro
    from neurofer.train.run_folder import read_card

    folder = train_micro(resolved, resume=resume, overwrite=overwrite, cache=cache)
    card = read_card(folder)
    found = card["metrics"]["test"]
    scores = "no subject tested" if found is None else (
        f"test UF1 {found['uf1']:.3f}, UAR {found['uar']:.3f}, accuracy {100 * found['accuracy']:.1f} %")
    typer.echo(f"{folder}: {card['backend']}, {card['parameters']} parameters, alpha {card['alpha']}, {scores}")
    typer.echo(f"next: neurofer evaluate {folder}")
