"""Events, recordings, and reading and writing them.

``open_recording`` opens any readable file; ``write_recording`` writes one; ``Events`` is what they hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurofer.events.columns import ColumnsInfo, ColumnsRecording, write_columns
    from neurofer.events.events import EVENT_DTYPE, Events
    from neurofer.events.open import open_recording
    from neurofer.events.recording import IngestReport, MemoryRecording, Recording, Window
    from neurofer.events.writing import write_recording

_HOMES = {
    "ColumnsInfo": "columns", "ColumnsRecording": "columns", "write_columns": "columns",
    "EVENT_DTYPE": "events", "Events": "events",
    "open_recording": "open",
    "IngestReport": "recording", "MemoryRecording": "recording", "Recording": "recording", "Window": "recording",
    "write_recording": "writing",
}

__all__ = [
    "EVENT_DTYPE", "ColumnsInfo", "ColumnsRecording", "Events", "IngestReport", "MemoryRecording", "Recording",
    "Window", "open_recording", "write_columns", "write_recording",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
