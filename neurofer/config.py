"""Configurations: a strict frozen model says what exists, a YAML file says what was chosen."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from neurofer._config_problems import problems_of, suggestion
from neurofer._yaml import KeyPath, YamlTextError, YamlTree, path_text, read_yaml, scalar_text
from neurofer.errors import UsageError


class StrictModel(BaseModel):
    """Base of every configuration: frozen, no unknown keys, no silent conversions."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", ser_json_inf_nan="constants")


Model = TypeVar("Model", bound=BaseModel)

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*", re.ASCII)
"""Text that needs no quotes, unless it would be read as something else, such as true; the writer sees to that."""


def load_config(model: type[Model], path: Path | str | None = None, overrides: Sequence[str] = ()) -> Model:
    """The configuration in a YAML file, with single values overridden.

    A whole number is taken where a number is wanted, text where a path is; nothing else is converted. Settings belong
    to a kind: an override of ``represent.kind`` with another one leaves out what the file says in
    ``represent.settings``.

    Args:
        model: What exists.
        path: YAML 1.2 file; None starts from the model's defaults.
        overrides: ``"train.lr=1e-3"``: key path and YAML value, stronger than the file.

    Raises:
        UsageError: every problem of the file and the overrides in one message, each with its line or its override,
            with a suggestion where a known key or value is close.
    """
    tree = YamlTree({}) if path is None else _read(Path(path))
    problems = [(float(line), f"line {line}: {message}") for line, message in tree.problems]
    origins = _apply(tree, overrides, problems, model)
    try:
        result = model.model_validate_json(json.dumps(tree.value))
    except ValidationError as error:
        for key_path, message in problems_of(error, model, tree.value):
            if key_path not in tree.unread:
                problems.append(_placed(key_path, message, tree, origins))
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        lines = [text for _, text in sorted(problems, key=lambda problem: problem[0])]
        raise UsageError("\n  ".join([f"{path or 'settings'}: {count}", *lines]))
    return result


def dump_config(config: BaseModel) -> str:
    """The configuration as YAML text that ``load_config`` reads back to an equal one."""
    yaml = YAML()
    yaml.width = 100_000
    text = io.StringIO()
    yaml.dump(_writable(config.model_dump(mode="json")), text)
    return text.getvalue()


def parse_scalar(text: str, name: str) -> Any:
    """One YAML 1.2 value from the command line: ``1e-3`` is a number, ``no`` is text, ``[1, 2]`` a list.

    Args:
        text: The value.
        name: Where it came from, for the message.

    Raises:
        UsageError: not a YAML value.
    """
    try:
        tree = read_yaml(text.encode("utf-8", "surrogateescape"))
    except YamlTextError as error:
        raise UsageError(f"{name}: {text!r} is not a value ({error})") from None
    if tree.problems:
        raise UsageError(f"{name}: {tree.problems[0][1]}")
    return tree.value


def shipped_configs() -> dict[str, Path]:
    """Name and file of every configuration that comes with neurofer."""
    from importlib.resources import files

    folder = Path(str(files("neurofer.configs").joinpath("__init__.py"))).parent
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_shipped(name: str) -> Path:
    """File of the shipped configuration of that name.

    Raises:
        UsageError: there is none; with a suggestion.
    """
    shipped = shipped_configs()
    stem = name.removesuffix(".yaml")
    if stem not in shipped:
        raise UsageError(f"{name}: no shipped configuration has that name{suggestion(stem, list(shipped))}")
    return shipped[stem]


def find_config(name: str) -> Path:
    """A file of that name, or the shipped configuration of that name.

    Raises:
        UsageError: neither exists; with a suggestion.
    """
    return path if (path := Path(name)).exists() else find_shipped(name)


def task_of(path: Path) -> str | None:
    """The ``task`` that a YAML file names, to know which model reads it; None where it names none.

    Raises:
        UsageError: not a YAML file of keys and values.
    """
    said = _read(path).value.get("task")
    return None if said is None else str(said)


def _read(path: Path) -> YamlTree:
    try:
        tree = read_yaml(path.read_bytes())
    except YamlTextError as error:
        place = "" if error.line is None else f"line {error.line}: "
        raise UsageError(f"{path}: {place}{error}") from None
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; 'neurofer ls' lists the shipped configurations") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from error
    if tree.value is None and not tree.problems:
        raise UsageError(f"{path}: empty; need a mapping of keys to values")
    if not isinstance(tree.value, dict):
        raise UsageError(f"{path}: need a mapping of keys to values, got {scalar_text(tree.value)}")
    return tree


def _apply(tree: YamlTree, overrides: Sequence[str], problems: list[tuple[float, str]],
           model: type[BaseModel]) -> dict[KeyPath, str]:
    """Write the overrides into the tree; gives the override behind each key path."""
    origins: dict[KeyPath, str] = {}
    for override in overrides:
        name, equals, text = override.partition("=")
        key_path = tuple(name.strip().split("."))
        if not equals or not all(key_path):
            problems.append((float("inf"), f"{override}: need key=value, such as train.lr=1e-3"))
            continue
        if key_path in origins:
            problems.append((float("inf"), f"{override}: {path_text(key_path)} is given twice"))
            continue
        try:
            new = parse_scalar(text, override)
        except UsageError as error:
            problems.append((float("inf"), str(error)))
            continue
        if isinstance(new, int | float) and not isinstance(new, bool) and _is_text(model, key_path):
            new = text.strip()  # the subject 006 is a name
        if key_path[-1] == "kind":
            _leave_settings(tree, key_path[:-1], new, origins)
        here = tree.value
        for depth, part in enumerate(key_path[:-1], 1):
            if here.get(part) is None:
                here[part] = {}
            if not isinstance(here[part], dict):
                problems.append((float("inf"), f"{override}: {path_text(key_path[:depth])} is "
                                               f"{scalar_text(here[part])}, so it has no keys"))
                break
            here = here[part]
        else:
            here[key_path[-1]] = new
            origins[key_path] = override
            for inside in [known for known in tree.lines if known[: len(key_path)] == key_path]:
                del tree.lines[inside]
    return origins


def _is_text(model: type[BaseModel], path: KeyPath) -> bool:
    """Whether a setting is text, or text or nothing."""
    annotation: Any = model
    for name in path:
        field = getattr(annotation, "model_fields", {}).get(name)
        if field is None:
            return False
        annotation = field.annotation
    return set(get_args(annotation) or (annotation,)) <= {str, type(None)}


def _leave_settings(tree: YamlTree, owner: KeyPath, kind: Any, origins: dict[KeyPath, str]) -> None:
    """Leave out the file's settings of a kind that an override replaces; what overrides said of them stays."""
    here = tree.value
    for part in owner:
        here = here.get(part) if isinstance(here, dict) else None
    if not isinstance(here, dict) or here.get("kind", kind) == kind or (*owner, "settings") in origins:
        return
    settings = here.get("settings")
    if isinstance(settings, dict):
        here["settings"] = {name: value for name, value in settings.items() if (*owner, "settings", name) in origins}
        for inside in [known for known in tree.lines if known[: len(owner) + 1] == (*owner, "settings")]:
            del tree.lines[inside]


def _placed(path: KeyPath, message: str, tree: YamlTree, origins: dict[KeyPath, str]) -> tuple[float, str]:
    """The message with its override or its line in front."""
    made = [override for inside, override in origins.items() if inside[: len(path)] == path]
    if made and path not in tree.lines:  # a mapping that only overrides speak of
        return float("inf"), f"{made[0]}: {message}"
    for length in range(len(path), 0, -1):
        if path[:length] in origins:
            return float("inf"), f"{origins[path[:length]]}: {message}"
        if path[:length] in tree.lines:
            line = tree.lines[path[:length]]
            return float(line), f"line {line}: {message}"
    return 0.0, message


def _writable(value: Any) -> Any:
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return DoubleQuotedScalarString(value)
    if isinstance(value, dict):
        return {_writable(key): _writable(item) for key, item in value.items()}
    if isinstance(value, list):
        items = CommentedSeq([_writable(item) for item in value])
        if not any(isinstance(item, (dict, list)) for item in value):
            items.fa.set_flow_style()
        return items
    return value
