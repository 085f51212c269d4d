"""YAML 1.2 text as plain values that remember their lines, with everything wrong in it told at once."""

from __future__ import annotations

import json
import math
import warnings
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    MappingEndEvent,
    MappingStartEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

KeyPath = tuple[str | int, ...]

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_VALUES = 100_000

_PREFIX = "tag:yaml.org,2002:"
_NUMBERS = ("null", "bool", "int", "float")


class YamlTextError(Exception):
    """The text is not YAML that a configuration may hold; ``line`` is 1-based, None when it concerns the whole text."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@dataclass
class YamlTree:
    """Plain values of a YAML text.

    Attributes:
        value: dicts, lists, text, numbers, true, false and null.
        lines: 1-based line of every key or list item, by its path.
        problems: ``(line, message)`` of what could be read past: keys given twice, keys that are not text.
        unread: Paths of values that could not be read; each has its problem already.
    """

    value: Any
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)
    unread: set[KeyPath] = field(default_factory=set)


def read_yaml(data: bytes) -> YamlTree:
    """The one document in ``data``.

    Raises:
        YamlTextError: too big, not UTF-8, not YAML, several documents, too deep, or aliases that unfold without end.
    """
    if len(data) > MAX_BYTES:
        raise YamlTextError(f"{len(data)} bytes, more than the {MAX_BYTES} of any configuration")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise YamlTextError(f"byte {error.start} is not UTF-8 text; need a YAML file") from None
    if "\0" in text:
        raise YamlTextError("it holds zero bytes, so it is a binary file; need a YAML file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an anchor that is defined again is legal and harmless here
            _check_depth(text)
            yaml = YAML(typ="safe", pure=True)
            root = yaml.compose(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "context", None) or str(error).splitlines()[0]
        raise YamlTextError(f"not YAML: {problem}", None if mark is None else mark.line + 1) from None
    except ValueError as error:
        raise YamlTextError(f"not YAML: {error}") from None
    tree = YamlTree(None)
    if root is not None:
        tree.value = _Builder(tree, yaml).build(root, ())
    return tree


def path_text(path: KeyPath) -> str:
    """``("train", "steps", 0)`` as ``train.steps[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _check_depth(text: str) -> None:
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        if isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            depth += 1
            if depth > MAX_DEPTH:
                raise YamlTextError(f"nested deeper than {MAX_DEPTH} levels", event.start_mark.line + 1)
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            depth -= 1


class _Builder:
    """Turns nodes into plain values, counting them so that aliases cannot unfold without end."""

    def __init__(self, tree: YamlTree, yaml: YAML) -> None:
        self._tree = tree
        self._yaml = yaml
        self._values = 0

    def build(self, node: Node, path: KeyPath) -> Any:
        self._values += 1
        line = node.start_mark.line + 1
        if self._values > MAX_VALUES or len(path) > MAX_DEPTH:
            raise YamlTextError("its aliases unfold to more than any configuration holds", line)
        self._tree.lines.setdefault(path, line)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*path, number)) for number, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag != f"{_PREFIX}str":
                shown = key_node.value if isinstance(key_node.value, str) else "a list or mapping"
                self._tree.problems.append((line, f"a key must be text, got {shown}"))
                continue
            inside = (*path, str(key_node.value))
            if key_node.value in result:
                self._tree.problems.append((line, f"{path_text(inside)} is given twice"))
                continue
            self._tree.lines[inside] = line
            result[str(key_node.value)] = self.build(value_node, inside)
        return result

    def _scalar(self, node: Node, path: KeyPath) -> Any:
        kind = str(node.tag).removeprefix(_PREFIX)
        line = node.start_mark.line + 1
        if kind in ("str", "timestamp"):
            return str(node.value)
        try:
            if kind in _NUMBERS:
                return self._yaml.constructor.construct_object(node)
            problem = f"the tag {node.tag} is not read here"
        except (ValueError, YAMLError):
            problem = f"{node.value!r} is not a value of its type {kind}"
        self._tree.problems.append((line, f"{path_text(path)}: {problem}"))
        self._tree.unread.add(path)
        return None


def scalar_text(value: Any) -> str:
    """A value as a message shows it: short, and telling text from numbers."""
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list) and len(json.dumps(value, default=str)) > 60:
        return f"a list of {len(value)}"
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: ".inf", -math.inf: "-.inf"}.get(value, ".nan")
    return json.dumps(value, default=str)
