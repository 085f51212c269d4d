"""Which settings a training has: those of a file, of the run that goes on, or of the backend's own configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from neurofer.errors import UsageError

if TYPE_CHECKING:
    from neurofer.train.config import TrainConfig
    from neurofer.train.micro.config import MicroConfig
    from neurofer.train.spot.config import SpotConfig

Settings = TypeVar("Settings", "TrainConfig", "MicroConfig", "SpotConfig")


def chosen_settings(model: type[Settings], shipped: str, config: str | None, backend: str | None, out: Path | None,
                    resume: bool, overrides: Sequence[str]) -> Settings:
    """The settings of a training.

    Args:
        model: What exists.
        shipped: Name of a backend's own configuration, with ``{}`` for the backend.
        config: File or name of the option.
        backend: Of the option; ``ann`` if nothing says it.
        out: The run folder.
        resume: Go on with the run in it, with its settings.
        overrides: Stronger than all of these.

    Raises:
        UsageError: an unknown backend, another one than the configuration's, or a setting that does not exist.
    """
    from neurofer.config import find_config, load_config

    if config is not None:
        path = find_config(config)
    elif resume and out is not None and (out / "config.yaml").exists():
        path = out / "config.yaml"
    elif backend not in (None, "ann", "snn"):
        raise UsageError(f"--backend: need ann or snn, got {backend!r}")
    else:
        path = find_config(shipped.format(backend or "ann"))
    resolved = load_config(model, path, overrides)
    if backend is not None and resolved.backend != backend:
        raise UsageError(f"train: --backend {backend}, but the configuration is for {resolved.backend}; "
                         "leave --backend out, or give another --config")
    return resolved
