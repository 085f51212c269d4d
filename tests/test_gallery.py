"""The gallery: every figure is on the page with the code that makes it, every picture is there and small."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType

import pytest
from matplotlib.figure import Figure
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "gallery.md"
MADE_UP = ("latency", "stages", "apex", "spotting_timeline", "label_shares", "changes", "variants", "operations",
           "anytime_arms")
"""Figures that need no demo."""


@pytest.fixture
def gallery(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import make_gallery

    return make_gallery  # type: ignore[no-any-return]


def public_figures() -> list[str]:
    """Functions of ``neurofer.plot`` that return a Figure."""
    return [node.name for path in sorted((ROOT / "neurofer" / "plot").glob("[a-z]*.py"))
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
            and ast.unparse(node.returns or ast.Constant(None)) == "Figure"]


@pytest.mark.parametrize("name", public_figures())
def test_every_figure_is_on_the_page(name: str) -> None:
    assert f"{name}(" in PAGE.read_text(encoding="utf-8"), f"docs/gallery_code lacks {name}"


def test_the_page_is_what_the_code_says_and_its_pictures_are_there(gallery: ModuleType) -> None:
    assert PAGE.read_text(encoding="utf-8") == gallery.page(), "python docs/make_gallery.py DEMO"
    made = {make.__name__ for section in gallery.SECTIONS for make in gallery.figures_of(section)}
    assert {path.stem for path in (ROOT / "docs" / "gallery").iterdir()} == made
    for name in made:
        path = ROOT / "docs" / "gallery" / f"{name}.png"
        assert path.stat().st_size <= gallery.MOST_BYTES, name
        width, height = Image.open(path).size
        assert 300 <= width <= 1600, name
        assert height >= 150, name


def test_a_snippet_is_whole_code(gallery: ModuleType) -> None:
    for section in gallery.SECTIONS:
        for make in gallery.figures_of(section):
            text = gallery.code_of(make)
            compile(text, make.__name__, "exec")
            assert "figure = " in text
            assert len(text.splitlines()) <= 35, make.__name__


@pytest.mark.parametrize("name", MADE_UP)
def test_figures_without_a_demo_are_the_same_twice(gallery: ModuleType, name: str, tmp_path: Path) -> None:
    (make,) = [make for section in gallery.SECTIONS for make in gallery.figures_of(section) if make.__name__ == name]
    one = make(tmp_path)
    assert isinstance(one, Figure)
    first = gallery.small_png(one)
    assert first == gallery.small_png(make(tmp_path))
    assert len(first) <= gallery.MOST_BYTES
