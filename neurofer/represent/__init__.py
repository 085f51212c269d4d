"""Events of a window to a ``(C, height, width)`` array: TIE, voxel grid, counts, time surface and their like.

The names below are loaded on first use, so that importing this package compiles and reads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurofer.represent.accumulate import Accumulate
    from neurofer.represent.base import Accumulator, Representation
    from neurofer.represent.behi import Behi
    from neurofer.represent.counts import Counts
    from neurofer.represent.est import Est
    from neurofer.represent.event_frame import EventFrame
    from neurofer.represent.registry import build_representation, parse_settings
    from neurofer.represent.sae import Sae
    from neurofer.represent.surface import TimeSurface
    from neurofer.represent.tbr import Tbr, TbrTensor, TqrTensor
    from neurofer.represent.tencode import Tencode
    from neurofer.represent.tie import Tie
    from neurofer.represent.voxel import VoxelGrid

_HOMES = {
    "Accumulate": "accumulate",
    "Accumulator": "base",
    "Behi": "behi",
    "Counts": "counts",
    "Est": "est",
    "EventFrame": "event_frame",
    "Representation": "base",
    "Sae": "sae",
    "Tbr": "tbr",
    "TbrTensor": "tbr",
    "Tencode": "tencode",
    "Tie": "tie",
    "TimeSurface": "surface",
    "TqrTensor": "tbr",
    "VoxelGrid": "voxel",
    "build_representation": "registry",
    "parse_settings": "registry",
}

__all__ = [
    "Accumulate",
    "Accumulator",
    "Behi",
    "Counts",
    "Est",
    "EventFrame",
    "Representation",
    "Sae",
    "Tbr",
    "TbrTensor",
    "Tencode",
    "Tie",
    "TimeSurface",
    "TqrTensor",
    "VoxelGrid",
    "build_representation",
    "describe",
    "parse_settings",
]


def describe(representation: Representation) -> str:
    """The representation's recipe in one line, such as ``Tie(variant='t0_t0', ...)``; part of every cache key."""
    return repr(representation)


def __getattr__(name: str) -> object:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"neurofer.represent.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'neurofer.represent' has no attribute {name!r}")
