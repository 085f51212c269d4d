"""Whether Lava is installed; imports nothing of it, nor anything else that may be missing."""

from __future__ import annotations

from neurofer.errors import MissingExtraError

DISTRIBUTIONS = ("lava-nc", "lava-dl", "asteval", "networkx")
"""What running Lava needs beside what neurofer itself needs."""


def missing_parts() -> list[str]:
    """Those of ``DISTRIBUTIONS`` that are not installed."""
    from importlib.metadata import PackageNotFoundError, version

    missing = []
    for name in DISTRIBUTIONS:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    return missing


def require_lava() -> None:
    """Raise unless Lava is installed.

    Raises:
        MissingExtraError: parts of it are missing; all are named.
    """
    if missing := missing_parts():
        raise lava_missing(" and ".join(missing))


def lava_missing(what: str) -> MissingExtraError:
    """The error for an installation without Lava or something that it imports."""
    return MissingExtraError(f"Lava needs {what}, not installed here: make lava, or by hand as docs/lava.md says")
