"""The site of the documents: links are turned to its pages, notebooks and modules become pages, what is built holds."""

from __future__ import annotations

import base64
import importlib
import json
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import neurofer

ROOT = Path(__file__).resolve().parent.parent
PICTURE = b"\x89PNG made up"


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of ``docs/make_site`` by its name."""
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "make_site"))
    return importlib.import_module


@pytest.fixture
def repository(part: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The links' module over a small repository."""
    for name in ("docs/use.md", "docs/events.md", "notebooks/tour.ipynb", "configs/small.yaml", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("kind: voxel\n")
    module = part("repository")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def write_notebook(path: Path, *outputs: dict[str, Any]) -> Path:
    cells = [{"cell_type": "markdown", "source": ["# A tour\n", "of events"]},
             {"cell_type": "code", "source": ["figure"], "outputs": list(outputs)}]
    path.write_text(json.dumps({"cells": cells}))
    return path


def test_links_that_leave_the_documents_are_turned(repository: Any) -> None:
    text = ("[a](../notebooks/tour.ipynb) [b](../README.md#install) [c](events.md#files) [d](../configs/small.yaml) "
            "[e](#x)")
    assert repository.relink(text, "docs/use.md") == (
        "[a](notebooks/tour.md) [b](readme.md#install) [c](events.md#files) [d](files/configs/small.yaml.md) [e](#x)")
    assert repository.relink("[docs](docs/use.md)", "README.md") == "[docs](use.md)"
    assert repository.relink("[docs](../docs/use.md)", "notebooks/tour.ipynb") == "[docs](../use.md)"


def test_what_is_turned_for_a_host_of_code_is_what_it_shows(repository: Any) -> None:
    assert list(repository.leaving("[d](../configs/small.yaml)", "docs/use.md")) == [
        ("../configs/small.yaml", "configs/small.yaml")]
    assert repository.file_page("configs/small.yaml") == (
        "# small.yaml\n\n`configs/small.yaml`\n\n~~~~ yaml\nkind: voxel\n~~~~\n")


@pytest.mark.parametrize("target", ["../configs", "../configs/none.yaml", "../../beyond.md"])
def test_a_link_to_no_file_names_its_document(repository: Any, target: str) -> None:
    with pytest.raises(ValueError, match=rf"docs/use\.md: {target} is no file of the repository"):
        repository.relink(f"[x]({target})", "docs/use.md")


def test_a_link_inside_a_fence_is_none(repository: Any) -> None:
    assert not list(repository.leaving("```text\n[x](../nothing)\n```\n", "docs/use.md"))


def test_a_notebook_is_shown_with_what_it_showed(part: Any, tmp_path: Path) -> None:
    drawn = {"output_type": "execute_result",
             "data": {"image/png": base64.b64encode(PICTURE).decode(), "text/plain": ["<Figure>"]}}
    path = write_notebook(tmp_path / "tour.ipynb", {"output_type": "stream", "text": ["3 ev", "ents\n"]}, drawn)
    text, pictures = part("notebook_page").page(path)
    assert text == ("# A tour\nof events\n\n~~~~~~ python\nfigure\n~~~~~~\n\n"
                    "~~~~~~ { .text .output }\n3 events\n~~~~~~\n\n"
                    "![Figure 1 of tour](tour_1.png){ .figure }\n")
    assert pictures == {"tour_1.png": PICTURE}
    assert part("notebook_page").title(path) == "A tour"


def test_a_notebook_that_failed_is_refused(part: Any, tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "tour.ipynb", {"output_type": "error", "ename": "KeyError"})
    with pytest.raises(ValueError, match=r"tour\.ipynb: a cell ended with KeyError; run the notebook again"):
        part("notebook_page").page(path)


def test_every_public_module_has_a_page(part: Any, tmp_path: Path) -> None:
    reference = part("reference")
    known = reference.modules(reference.put_together(tmp_path))
    installed = {found.name for found in pkgutil.walk_packages(neurofer.__path__, "neurofer.", onerror=lambda _: None)
                 if not any(name.startswith("_") for name in found.name.split("."))}
    named = {found.name for found in known}
    assert {"neurofer", "neurofer.hardware.network", "neurofer.represent.voxel"} <= named
    assert {name for name in installed if not name.startswith("neurofer.configs")} <= named
    assert not [name for name in named if "._" in name]
    assert not [found.name for found in known if not found.summary], "a module's docstring says what it holds"
    assert [uri for uri, _ in reference.pages(known)] == ["api/index.md", *(found.uri for found in known)]


def test_our_own_sections_of_docstrings_are_known(part: Any) -> None:
    pytest.importorskip("griffe", reason="needs neurofer[docs]")
    known = part("griffe_sections").known
    assert known("Adds.\n\nExample:\n    >>> 1\n    1") == "Adds.\n\nExamples:\n    >>> 1\n    1"
    assert known("Adds.\n\nSource:\n    Zhu et al.,\n    2019.\n\nMore.") == (
        "Adds.\n\n**Source:**\n\nZhu et al.,\n2019.\n\nMore.")


def test_faults_of_a_site_are_told(part: Any, tmp_path: Path) -> None:
    check = part("check")
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "index.html").write_text('<h1 id="files">Files</h1><a href="..">up</a>')
    sound = '<a href="events/#files">1</a><a href="https://example.org">2</a><a href="/events/">3</a><h1 id="a">4</h1>'
    (tmp_path / "index.html").write_text(sound + '<a href="#a">5</a>')
    assert check.problems(tmp_path) == []
    (tmp_path / "index.html").write_text(
        sound + '<a href="none/">1</a><a class="x" href="events/#none">2</a><img src="../x.png"><a href="#b">3</a>'
        '<script src="https://example.org/x.js"></script><link rel="stylesheet" href="//example.org/x.css">')
    (tmp_path / "site.css").write_text('@import "https://example.org/y.css"; a { background: url(own.png) }')
    assert check.problems(tmp_path) == [
        "index.html: none/ leads nowhere",
        "index.html: events/#none: events/index.html has no heading #none",
        "index.html: ../x.png leads nowhere",
        "index.html: #b: index.html has no heading #b",
        "index.html: <script> loads https://example.org/x.js from another host",
        "index.html: <link> loads //example.org/x.css from another host",
        "site.css: loads https://example.org/y.css from another host",
    ]


def test_the_documents_are_a_site_without_faults(part: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every document and notebook, and one package of the reference; `make docs` builds all of it."""
    pytest.importorskip("mkdocs", reason="needs neurofer[docs]")
    pytest.importorskip("material", reason="needs neurofer[docs]")
    pytest.importorskip("mkdocstrings_handlers.python", reason="needs neurofer[docs]")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    reference = part("reference")
    every = reference.modules
    monkeypatch.setattr(reference, "modules", lambda folder: [
        found for found in every(folder) if found.name.startswith("neurofer.represent")])
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path / "site"), strict=True)
    config.plugins.on_startup(command="build", dirty=False)
    build(config)
    site = tmp_path / "site"
    assert part("check").problems(site) == []
    assert "3, height, width" in (site / "api/neurofer/represent/tie/index.html").read_text(encoding="utf-8")
    assert "_1.png" in (site / "notebooks/micro/index.html").read_text(encoding="utf-8")
    assert not (site / "make_site").exists()
