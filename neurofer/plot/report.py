"""A report as one HTML file: no network, no script, pictures inside it, readable in light and in dark."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Picture:
    """A picture with the words that replace it.

    Attributes:
        png: The file's bytes.
        alt: What it shows, for those who do not see it.
        caption: Shown below it.
        pixels: Draw it enlarged with sharp pixels, several in a row.
        file: Name of the file that also holds it, for reports that cannot hold pictures.
    """

    png: bytes
    alt: str
    caption: str = ""
    pixels: bool = False
    file: str = ""

    @property
    def source(self) -> str:
        """The picture as a ``data:`` address."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row names it. ``note`` stands below."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Bar:
    """A share of 0..1 with its interval; ``weak`` ones are drawn quietly (baselines)."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    weak: bool = False
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a report, shown in this order: text, bars, tables, pictures, commands."""

    title: str
    text: tuple[str, ...] = ()
    bars: tuple[Bar, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """A whole report. ``facts`` are name and value pairs under the title."""

    title: str
    lead: str
    facts: tuple[tuple[str, str], ...] = ()
    sections: tuple[Section, ...] = field(default=())


def report_html(report: Report) -> str:
    """The report as the text of one HTML file."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = files("neurofer.plot").joinpath("report.html.j2").read_text(encoding="utf-8")
    return environment.from_string(template).render(report=report)


def figure_png(figure: Any, dpi: int = 130) -> bytes:
    """A matplotlib Figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def pixels_png(picture: NDArray[np.uint8]) -> bytes:
    """An ``(H, W, 3)`` uint8 RGB picture as the bytes of a PNG file, one pixel each.

    Raises:
        ValueError: another shape or type.
    """
    import cv2

    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise ValueError(f"pixels_png: need (H, W, 3) uint8, got {picture.shape} {picture.dtype}")
    return bytes(cv2.imencode(".png", np.ascontiguousarray(picture[:, :, ::-1]))[1])
