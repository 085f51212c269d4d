"""Whether Lava is installed; imports nothing of it, nor anything else that may be missing."""

from __future__ import annotations

from neurofer.errors import MissingExtraError, NeuroferError
from neurofer.hardware.lava.configs import DEFAULT_CONFIG, on_hardware

DISTRIBUTIONS = ("lava-nc", "lava-dl", "asteval", "networkx")
"""What running Lava needs beside what neurofer itself needs."""

HARDWARE = "lava.utils.loihi2_profiler"
"""A module of lava-loihi, by which Lava itself knows whether that is installed."""


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


def require_lava(config: str = DEFAULT_CONFIG) -> None:
    """Raise unless Lava is installed, and with it what a run configuration needs.

    Args:
        config: A key of ``CONFIGS``.

    Raises:
        MissingExtraError: parts of Lava are missing; all are named.
        NeuroferError: it is for hardware, and Lava's part for that is not installed.
    """
    from importlib.util import find_spec

    if missing := missing_parts():
        raise lava_missing(" and ".join(missing))
    if on_hardware(config) and find_spec(HARDWARE) is None:
        raise NeuroferError(f"config {config} needs a Loihi host with Intel's lava-loihi, which members of INRC get; "
                            "take loihi2sim or loihi1sim here")


def lava_missing(what: str) -> MissingExtraError:
    """The error for an installation without Lava or something that it imports."""
    return MissingExtraError(f"Lava needs {what}, not installed here: make lava, or by hand as docs/lava.md says")
