"""The part of ``neurofer train`` that is about spotting."""

from __future__ import annotations

from pathlib import Path

import typer

from neurofer.errors import UsageError


def train_and_tell(words: list[str], config: str | None, backend: str | None, out: Path | None, resume: bool,
                   overwrite: bool, cache: Path | None) -> None:
    """Train as the options say, and tell how it ended.

    Raises:
        UsageError: options that do not fit together, or a setting that does not exist.
    """
    from neurofer.cli._settings import chosen_settings
    from neurofer.train.spot.config import SpotConfig

    if backend == "snn":
        raise UsageError("train: --task spot has no spiking network yet; use --backend ann, with input.kind=events for "
                         "recordings of events")
    resolved = chosen_settings(SpotConfig, "spot_{}", config, backend, out, resume, words)
    from neurofer.train.run_folder import read_card
    from neurofer.train.spot.recipe import train_spot

    folder = train_spot(resolved, resume=resume, overwrite=overwrite, cache=cache)
    card = read_card(folder)
    found = card["metrics"]["test"]
    scores = "no subject tested" if found is None else "test F1 " + ", ".join(
        f"{name} {found[name]['f1']:.3f}" for name in ("micro", "macro", "overall"))
    typer.echo(f"{folder}: {card['input']['kind']}, {card['parameters']} parameters, k {card['skips']['micro']} and "
               f"{card['skips']['macro']} frames, {scores}")
    typer.echo(f"next: neurofer evaluate {folder}; neurofer spot {folder} VIDEO")
