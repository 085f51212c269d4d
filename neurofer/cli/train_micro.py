"""The part of ``neurofer train`` that is about micro-expressions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from neurofer.errors import UsageError

if TYPE_CHECKING:
    from neurofer.train.micro.config import MicroConfig


def train_and_tell(words: list[str], config: str | None, backend: str | None, out: Path | None, resume: bool,
                   overwrite: bool, cache: Path | None) -> None:
    """Train as the options say, and tell how it ended.

    Raises:
        UsageError: options that do not fit together, or a setting that does not exist.
    """
    resolved = _load(config, backend, out, resume, words)
    if backend is not None and resolved.backend != backend:
        raise UsageError(f"train: --backend {backend}, but the configuration is for {resolved.backend}; "
                         "leave --backend out, or give another --config")
    from neurofer.train.micro.recipe import train_micro
    from neurofer.train.run_folder import read_card

    folder = train_micro(resolved, resume=resume, overwrite=overwrite, cache=cache)
    card = read_card(folder)
    found = card["metrics"]["test"]
    scores = "no subject tested" if found is None else (
        f"test UF1 {found['uf1']:.3f}, UAR {found['uar']:.3f}, accuracy {100 * found['accuracy']:.1f} %")
    typer.echo(f"{folder}: {card['backend']}, {card['parameters']} parameters, alpha {card['alpha']}, {scores}")
    typer.echo(f"next: neurofer evaluate {folder}")


def _load(config: str | None, backend: str | None, out: Path | None, resume: bool, words: list[str]) -> MicroConfig:
    from neurofer.config import find_config, load_config
    from neurofer.train.micro.config import MicroConfig

    if config is not None:
        return load_config(MicroConfig, find_config(config), words)
    if resume and out is not None and (out / "config.yaml").exists():
        return load_config(MicroConfig, out / "config.yaml", words)
    chosen = backend or "ann"
    if chosen not in ("ann", "snn"):
        raise UsageError(f"--backend: need ann or snn, got {backend!r}")
    return load_config(MicroConfig, find_config(f"micro_{chosen}"), words)
