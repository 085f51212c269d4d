"""Chip networks under Lava: in a process of its own (``run_lava``), or as part of a graph (``EventClassifier``).

Importing this, and ``run_lava`` itself, import neither torch nor Lava; ``EventClassifier`` needs both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurofer.hardware.lava._compat import lava_imports
    from neurofer.hardware.lava.configs import CONFIGS, DEFAULT_CONFIG
    from neurofer.hardware.lava.installed import missing_parts, require_lava
    from neurofer.hardware.lava.process import EventClassifier
    from neurofer.hardware.lava.runner import run_lava, run_lava_batch

_HOMES = {"EventClassifier": "process", "lava_imports": "_compat", "CONFIGS": "configs", "DEFAULT_CONFIG": "configs",
          "missing_parts": "installed", "require_lava": "installed", "run_lava": "runner", "run_lava_batch": "runner"}

__all__ = [
    "CONFIGS", "DEFAULT_CONFIG", "EventClassifier", "lava_imports", "missing_parts", "require_lava", "run_lava",
    "run_lava_batch",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
