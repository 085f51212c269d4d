"""Documents: commands in them exist, links lead somewhere, examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

import neurofer
from neurofer.cli.app import build_app

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"^ *(?:for .*; do )?\$? *(?:\.venv/bin/)?(neurofer [a-z].*?)(?: {2,}#.*)?$", re.MULTILINE)


def commands_of(text: str) -> Iterator[list[str]]:
    for block in re.findall(r"(?:^ {4,}.*\n)+", text, re.MULTILINE):
        for found in COMMAND.findall(block):
            yield found.split()[1:]


def verbs() -> dict[str, Any]:
    return typer.main.get_command(build_app()).commands  # type: ignore[attr-defined]


def check(words: list[str]) -> None:
    command = verbs().get(words[0])
    assert command is not None, f"no verb {words[0]}"
    if hasattr(command, "commands"):
        command = command.commands[words[1]]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for word in words:
        if re.match(r"--?[a-z]", word):
            assert word.split("=")[0] in known, f"{' '.join(words)}: no option {word}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_exist_and_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for words in commands_of(text):
        check(words)
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (path.parent / target).exists(), f"{path.name}: {target} does not exist"


def test_the_reference_knows_every_verb_and_option() -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## neurofer ([a-z0-9_ -]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    for name, command in verbs().items():
        parts = command.commands.items() if hasattr(command, "commands") else [("", command)]
        for part, leaf in parts:
            section = sections[f"{name} {part}".strip()]
            for parameter in leaf.params:
                for option in (*parameter.opts, *parameter.secondary_opts):
                    if option.startswith("-") and option not in ("--help", "-h"):
                        assert f"`{option}`" in section, f"docs/cli.md lacks {name} {option}: python docs/make_cli.py"


def test_every_example_of_help_is_a_command() -> None:
    for command in verbs().values():
        for leaf in getattr(command, "commands", {"": command}).values():
            for line in (leaf.epilog or "").replace("\\[", "[").splitlines():
                if line.strip().startswith("neurofer "):
                    check(line.split()[1:])


def documented_modules() -> list[str]:
    found = []
    for entry in pkgutil.walk_packages(neurofer.__path__, "neurofer."):
        spec = importlib.util.find_spec(entry.name)
        if spec and spec.origin and spec.origin.endswith(".py") and ">>>" in Path(spec.origin).read_text("utf-8"):
            found.append(entry.name)
    return found


@pytest.mark.parametrize("name", documented_modules())
def test_examples_in_docstrings_are_true(name: str) -> None:
    failures, _ = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failures == 0


def test_every_configuration_opens_with_its_command() -> None:
    for path in sorted((ROOT / "configs").glob("*.yaml")):
        lines = path.read_text(encoding="utf-8").splitlines()
        commands = [line.lstrip("# ") for line in lines if line.startswith("# neurofer ")]
        assert commands, f"{path.name} does not say the command that runs it"
        check(commands[0].split()[1:])
