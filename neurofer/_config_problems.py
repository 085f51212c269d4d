"""What a failed validation says to the person who wrote the file: key path, what came, what was wanted."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Sequence
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from neurofer._yaml import KeyPath, path_text, scalar_text

_WANTED = {
    "int_type": "a whole number", "int_parsing": "a whole number", "int_from_float": "a whole number",
    "float_type": "a number", "float_parsing": "a number", "finite_number": "a finite number",
    "bool_type": "true or false", "bool_parsing": "true or false",
    "string_type": "text", "path_type": "a path", "path_parsing": "a path",
    "list_type": "a list", "tuple_type": "a list", "set_type": "a list", "frozen_set_type": "a list",
    "dict_type": "a mapping", "model_type": "a mapping", "model_attributes_type": "a mapping",
    "dataclass_type": "a mapping", "none_required": "null",
    "greater_than": "more than {gt}", "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}", "less_than_equal": "at most {le}", "multiple_of": "a multiple of {multiple_of}",
    "too_short": "at least {min_length} items", "too_long": "at most {max_length} items",
    "string_too_short": "at least {min_length} characters", "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "text of the form {pattern}",
    "literal_error": "{expected}", "enum": "{expected}",
    "union_tag_invalid": "a {discriminator} of {expected_tags}",
    "union_tag_not_found": "a mapping with the key {discriminator}",
}


def problems_of(error: ValidationError, model: type[BaseModel], tree: Any) -> list[tuple[KeyPath, str]]:
    """``(path, message)`` of everything the validation refused, one entry a key."""
    wanted: dict[KeyPath, list[str]] = {}
    came: dict[KeyPath, Any] = {}
    problems: list[tuple[KeyPath, str]] = []
    for finding in error.errors(include_url=False):
        kind = finding["type"]
        context = {name: f"{value:g}" if isinstance(value, float) else value
                   for name, value in finding.get("ctx", {}).items()}
        path = _path_in(tree, finding["loc"], keep_last=kind == "missing")
        if kind == "extra_forbidden":
            problems.append((path, _unknown_key(path, model)))
        elif kind == "missing":
            problems.append((path, f"{path_text(path)} is missing"))
        elif kind in ("value_error", "assertion_error"):
            message = str(context.get("error", finding["msg"]))
            problems.append((path, f"{path_text(path)}: {message}" if path else message))
        else:
            text = _WANTED.get(kind)
            came[path] = finding["input"]
            wanted.setdefault(path, []).append(
                text.format(**context) if text else finding["msg"].removeprefix("Input should be "))
            if kind == "literal_error" and (close := _close(finding["input"], context["expected"])):
                wanted[path][-1] += f"; did you mean {close}?"
    for path, parts in wanted.items():
        name = path_text(path) or "the configuration"
        problems.append((path, f"{name} is {scalar_text(came[path])}; need {' or '.join(dict.fromkeys(parts))}"))
    return list(dict.fromkeys(problems))


def suggestion(word: str, known: Sequence[str]) -> str:
    """``; did you mean epochs?`` where something known is close, else the list of what is known."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known: {', '.join(sorted(known))}" if known else ""


def _close(value: Any, expected: str) -> str:
    names = [name.strip().strip("'") for name in expected.replace(" or ", ",").split(",")]
    close = difflib.get_close_matches(str(value), names, n=1, cutoff=0.6)
    return close[0] if close else ""


def _unknown_key(path: KeyPath, model: type[BaseModel]) -> str:
    models = [model]
    for part in path[:-1]:
        models = [inner for outer in models for inner in _models_at(outer, part)]
    known = sorted({name for inner in models for name in inner.model_fields})
    return f"unknown key {path_text(path)}{suggestion(str(path[-1]), known)}"


def _models_at(model: type[BaseModel], part: str | int) -> Iterator[type[BaseModel]]:
    if isinstance(part, int):
        yield model  # an item of the list that was just entered
    elif part in model.model_fields:
        yield from _models_in(model.model_fields[part].annotation)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, types.UnionType) or get_args(annotation):
        for inner in get_args(annotation):
            yield from _models_in(inner)


def _path_in(tree: Any, location: tuple[str | int, ...], keep_last: bool) -> KeyPath:
    """The location as a path in the file: without the names that validation adds for the members of a union."""
    path: list[str | int] = []
    here = tree
    for number, part in enumerate(location):
        if isinstance(here, dict) and part in here:
            here = here[str(part)]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        elif not (keep_last and number == len(location) - 1):
            continue
        path.append(part)
    return tuple(path)
