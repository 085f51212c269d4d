"""Representations by name, from plain settings or from words such as ``variant=t0_t0``."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Iterable

from neurofer.errors import UsageError
from neurofer.represent.accumulate import Accumulate
from neurofer.represent.base import Representation
from neurofer.represent.behi import Behi
from neurofer.represent.counts import Counts
from neurofer.represent.est import Est
from neurofer.represent.event_frame import EventFrame
from neurofer.represent.sae import Sae
from neurofer.represent.surface import TimeSurface
from neurofer.represent.tbr import Tbr, TbrTensor, TqrTensor
from neurofer.represent.tencode import Tencode
from neurofer.represent.tie import Tie
from neurofer.represent.voxel import VoxelGrid

KINDS: dict[str, type[Representation]] = {recipe.kind: recipe for recipe in (
    Tie, VoxelGrid, Counts, TimeSurface, EventFrame, Accumulate, Sae, Tbr, TbrTensor, TqrTensor, Tencode, Behi, Est)}
"""Every representation by its kind."""


def build_representation(kind: str, **settings: object) -> Representation:
    """The representation of a kind, with the settings of its class.

    >>> build_representation("tie", variant="t_t0")
    Tie(variant='t_t0', kernel='triangle14', scale='sensor')

    Raises:
        UsageError: the kind, a setting or a value does not exist; the message names the choices.
    """
    types = setting_types(kind)
    values = {name: _typed(kind, name, value, types) for name, value in settings.items()}
    try:
        return KINDS[kind](**values)
    except ValueError as error:
        raise UsageError(str(error)) from error


def parse_settings(kind: str, words: Iterable[str]) -> dict[str, object]:
    """Settings from words ``name=value``, each read as the type of its setting.

    >>> parse_settings("voxel", ["bins=9", "normalise=true"])
    {'bins': 9, 'normalise': True}

    Raises:
        UsageError: a word without ``=``, an unknown or repeated setting, or a value of another type.
    """
    types = setting_types(kind)
    settings: dict[str, object] = {}
    for word in words:
        name, separator, text = word.partition("=")
        if not separator or not name:
            raise UsageError(f"{kind}: a setting is name=value, got {word!r}; {_choices(types)}")
        if name in settings:
            raise UsageError(f"{kind}: setting {name} is given twice")
        settings[name] = _parsed(kind, name, text, types)
    return settings


def setting_types(kind: str) -> dict[str, type]:
    """The settings of a kind and their types.

    Raises:
        UsageError: unknown kind.
    """
    if kind not in KINDS:
        raise UsageError(f"unknown representation {kind!r}{_meant(str(kind), KINDS)}; choose {', '.join(KINDS)}")
    recipe = KINDS[kind]
    hints = typing.get_type_hints(recipe)
    return {field.name: hints[field.name] for field in dataclasses.fields(typing.cast(typing.Any, recipe))}


def _known(kind: str, name: str, types: dict[str, type]) -> type:
    if name not in types:
        raise UsageError(f"{kind}: unknown setting {name!r}{_meant(name, types)}; {_choices(types)}")
    return types[name]


def _typed(kind: str, name: str, value: object, types: dict[str, type]) -> object:
    """The value, if its type is the setting's; a whole number may stand for a fraction."""
    wanted = _known(kind, name, types)
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise UsageError(f"{kind}: {name} must be {_WORDS[wanted]}, got {value!r}")
    return value


def _parsed(kind: str, name: str, text: str, types: dict[str, type]) -> object:
    wanted = _known(kind, name, types)
    if wanted is bool:
        value: object = {"true": True, "false": False}.get(text)
    elif wanted is str:
        value = text
    else:
        try:
            value = wanted(text)
        except ValueError:
            value = None
    if value is None:
        raise UsageError(f"{kind}: {name} must be {_WORDS[wanted]}, got {text!r}")
    return value


_WORDS: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


def _choices(types: dict[str, type]) -> str:
    return f"settings are {', '.join(types)}" if types else "it has no settings"


def _meant(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
