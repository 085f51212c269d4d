"""The report: one file that loads nothing, escapes what it is given, and says in words what pictures show."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.figure import Figure

from neurofer.plot.report import (
    Bar,
    Picture,
    Report,
    Section,
    Table,
    figure_png,
    pixels_png,
    report_html,
)

VOID = {"meta", "img", "br", "link", "input"}


class Checker(HTMLParser):
    """Collects tags and complains about one that is closed in the wrong order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def html() -> str:
    pixel = pixels_png(np.zeros((2, 3, 3), np.uint8))
    section = Section(
        title="Results", text=("a < b & c",), bars=(Bar("ann", 0.625, 0.5, 0.75), Bar("majority", 0.125, weak=True)),
        tables=(Table("Both <backends>", ("", "accuracy"), (("ann", "62.5 %"),), note="one seed"),),
        pictures=(Picture(pixel, "a face", "happy", pixels=True), Picture(pixel, "curves")),
        commands=("neurofer demo --out <folder>",))
    return report_html(Report("Title <script>", "Lead", (("seed", "0"),), (section, Section("Nothing"))))


def test_it_is_whole_and_loads_nothing(html: str) -> None:
    checker = Checker()
    checker.feed(html)
    assert checker.open == []
    addresses = [value for _, attrs in checker.tags for name, value in attrs.items() if name in ("src", "href")]
    assert len(addresses) == 2
    assert all(value is not None and value.startswith("data:image/png;base64,") for value in addresses)
    assert not re.search(r"https?://|url\(|@import|<script|<link", html)


def test_words_are_escaped(html: str) -> None:
    assert "a &lt; b &amp; c" in html
    assert "<title>Title &lt;script&gt;</title>" in html
    assert "--out &lt;folder&gt;" in html


def test_it_is_readable_without_seeing_it(html: str) -> None:
    checker = Checker()
    checker.feed(html)
    assert [attrs["alt"] for tag, attrs in checker.tags if tag == "img"] == ["a face", "curves"]
    assert html.count('scope="col"') == 2
    assert html.count('scope="row"') == 1
    assert "<caption>Both &lt;backends&gt;</caption>" in html
    assert "62.5 %</strong>" in html
    assert "(50.0 to 75.0)" in html
    assert 'lang="en"' in html


def test_the_same_content_gives_the_same_file(html: str) -> None:
    report = Report("t", "l", (), (Section("s", text=("x",)),))
    assert report_html(report) == report_html(report)


def test_figures_and_pixels_become_png() -> None:
    assert figure_png(Figure(figsize=(1, 1))).startswith(b"\x89PNG")
    picture = Picture(pixels_png(np.full((4, 4, 3), 200, np.uint8)), "grey")
    assert base64.b64decode(picture.source.split(",")[1]) == picture.png
    with pytest.raises(ValueError, match=r"need \(H, W, 3\) uint8"):
        pixels_png(np.zeros((2, 2), np.uint8))
