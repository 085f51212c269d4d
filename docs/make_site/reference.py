"""Pages of the API reference: one a package with a table of its modules, one a module, found by reading the sources."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from repository import ROOT

PARTS = {"neurofer": "neurofer", "hardware": "neurofer/hardware"}  # as pyproject.toml puts them together


class Module(NamedTuple):
    """A public module: ``name`` as it is imported, its page, its docstring's first paragraph and its parsed source."""

    name: str
    uri: str
    summary: str
    is_package: bool
    tree: ast.Module


def put_together(folder: Path) -> Path:
    """Copy the sources so that ``neurofer.hardware`` lies inside ``neurofer``, as it does when installed."""
    for source, target in PARTS.items():
        shutil.copytree(ROOT / source, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def modules(folder: Path) -> list[Module]:
    """Every public module below ``folder``, packages before what they hold; nothing is imported."""
    found = []
    for path in sorted(folder.rglob("*.py"), key=lambda path: (path.parent.parts, path.stem != "__init__", path.name)):
        parts = path.relative_to(folder).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        names = parts[:-1] if is_package else parts
        if any(name.startswith("_") for name in names):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        summary = " ".join((ast.get_docstring(tree) or "").split("\n\n")[0].split())
        uri = "api/" + "/".join((*parts[:-1], "index" if is_package else parts[-1])) + ".md"
        found.append(Module(".".join(names), uri, summary, is_package, tree))
    return found


def pages(known: list[Module]) -> Iterator[tuple[str, str]]:
    """``(place, Markdown)`` of the overview and of every module's page."""
    rows = [(f"[{found.name}]({found.uri.removeprefix('api/')})", found.summary) for found in known if found.is_package]
    yield "api/index.md", "\n".join(["# API", "", "Every public module, by package.", "", *table(rows), ""])
    for module in known:
        yield module.uri, package_page(module, known) if module.is_package else module_page(module)


def table(rows: list[tuple[str, str]], head: str = "| | |") -> list[str]:
    return [head, "|---|---|", *("| {} | {} |".format(*(cell.replace("|", "\\|") for cell in row)) for row in rows)]


def module_page(module: Module) -> str:
    package = module.name.rpartition(".")[0]
    return "\n".join([*directive(module.name, f"[{package}](index.md)"), ""])


def package_page(module: Module, known: list[Module]) -> str:
    """What the package itself defines, where the other names it offers live, and its modules."""
    own = [node.name for node in module.tree.body
           if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")]
    up = "../" * (module.name.count(".") + 1) + "index.md"
    lines = [*directive(module.name, f"[All packages]({up})"), f"      members: {own or 'false'}", ""]
    names = {found.name for found in known}
    offered = [(name if name.isupper() else f"[{name}][{home}.{name}]", f"[{home}][]")
               for name, home in imported(module.tree) if home in names]
    if offered:
        lines += ["## Names offered here", "", *table(offered, "| name | lives in |"), ""]
    inside = [found for found in known if found.name.rpartition(".")[0] == module.name]
    for heading, wanted in (("Packages", True), ("Modules", False)):
        rows = [(f"[{found.name.rpartition('.')[2]}][{found.name}]", found.summary)
                for found in inside if found.is_package == wanted]
        lines += [f"## {heading}", "", *table(rows), ""] if rows else []
    return "\n".join(lines)


def directive(name: str, above: str) -> list[str]:
    """Title, the way up and the block that mkdocstrings fills; guides come before the reference in a search."""
    return ["---", f"title: {name}", "search: { boost: 0.5 }", "---", "", above + "{ .up }", "",
            f"::: {name}", "    options:", "      heading_level: 1"]


def imported(tree: ast.Module) -> list[tuple[str, str]]:
    """Public names that a package takes from its own modules: ``(name, module)``."""
    return sorted((alias.name, node.module) for node in ast.walk(tree)
                  if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("neurofer.")
                  for alias in node.names if not alias.name.startswith("_") and alias.asname in (None, alias.name))
