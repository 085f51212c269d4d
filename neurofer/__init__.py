"""Facial expressions from event cameras, on conventional and on neuromorphic hardware."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from neurofer.events import Events, Recording, open_recording

__all__ = ["Events", "Recording", "__version__", "open_recording"]


def __getattr__(name: str) -> object:
    """``neurofer.Events`` and the like, loaded on first use so that importing neurofer costs nothing."""
    if name in ("Events", "Recording", "open_recording"):
        from neurofer import events

        return getattr(events, name)
    raise AttributeError(f"module 'neurofer' has no attribute {name!r}")
