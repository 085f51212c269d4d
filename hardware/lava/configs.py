"""Where Lava may run, under its own names."""

from __future__ import annotations

CONFIGS = {"loihi2sim": "Loihi2SimCfg", "loihi1sim": "Loihi1SimCfg", "loihi2hw": "Loihi2HwCfg",
           "loihi1hw": "Loihi1HwCfg"}
"""Lava's simulators of either chip, or a chip at this host; each with Lava's name of the run configuration."""

DEFAULT_CONFIG = "loihi2sim"


def on_hardware(config: str) -> bool:
    """Whether a key of ``CONFIGS`` asks for a chip."""
    return config.endswith("hw")
