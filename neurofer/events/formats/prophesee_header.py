"""The text header of Prophesee's RAW and DAT files: encoding and geometry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from neurofer.errors import BadFileError
from neurofer.events.source import checked_geometry

LINE_BYTES = 1 << 14
HEADER_BYTES = 1 << 20

CAMERAS: tuple[tuple[str, tuple[int, int]], ...] = (
    ("genx320", (320, 320)),
    ("imx636", (1280, 720)),
    ("imx646", (1280, 720)),
    ("gen4", (1280, 720)),
    ("gen3", (640, 480)),
)
"""Sensor sizes of camera generations, by what their plugin or sensor is called."""


@dataclass(frozen=True)
class Header:
    """The lines of a header.

    Attributes:
        fields: Values by key in lower case; the first of a key given twice.
        size: Bytes up to the first one of data.
    """

    fields: dict[str, str]
    size: int

    @property
    def encoding(self) -> str:
        """``evt2``, ``evt21``, ``evt3``, ``evt4``, another name that the header gives, or an empty text."""
        named = self.fields.get("format", "").split(";")[0].strip().lower()
        if named:
            return named.replace(".", "")
        version = self.fields.get("evt", "").strip()
        return "evt" + version.replace(".0", "").replace(".", "") if version else ""

    def geometry(self, path: Path) -> tuple[int, int] | None:
        """The declared sensor size, or None.

        Raises:
            BadFileError: sizes that contradict each other, or that no camera has.
        """
        found: dict[str, tuple[int, int]] = {}
        if match := re.fullmatch(r"([0-9]+)x([0-9]+)", self.fields.get("geometry", "").strip()):
            found["geometry"] = (_size(match[1]), _size(match[2]))
        parts = dict(part.split("=", 1) for part in self.fields.get("format", "").split(";") if "=" in part)
        for name, source in (("format", parts), ("width and height", self.fields)):
            if all(re.fullmatch(r"\s*[0-9]+\s*", source.get(side, "")) for side in ("width", "height")):
                found[name] = (_size(source["width"]), _size(source["height"]))
        if len(set(found.values())) > 1:
            said = ", ".join(f"{name} {width}x{height}" for name, (width, height) in found.items())
            raise BadFileError(f"{path}: the header contradicts itself about the sensor size ({said})")
        return checked_geometry(path, *next(iter(found.values()))) if found else None

    def camera(self) -> tuple[str, tuple[int, int]] | None:
        """What the header calls the camera, and that camera's sensor size; None for one not known."""
        generation = self.fields.get("sensor_generation") or self.fields.get("generation") or ""
        named = f"gen{generation.strip()}" if generation.strip()[:1].isdigit() else generation.strip()
        for name in (self.fields.get("sensor_name", ""), named, self.fields.get("plugin_name", "")):
            for part, size in CAMERAS:
                if part in name.lower():
                    return name.strip(), size
        return None


def read_header(path: Path) -> Header:
    """The header at the start of a file; without lines when there is none.

    Raises:
        BadFileError: a header line, or the header, that does not end.
    """
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while True:
            start = file.tell()
            line = file.readline(LINE_BYTES)
            if not _is_header_line(line):
                return Header(fields, start)
            if not line.endswith(b"\n"):
                what = "line does not end" if len(line) == LINE_BYTES else "is cut"
                raise BadFileError(f"{path}: the header {what} at byte {start + len(line)}; the file is broken")
            if file.tell() > HEADER_BYTES:
                raise BadFileError(f"{path}: the header does not end within {HEADER_BYTES} bytes; the file is broken")
            text = line[1:].decode("latin-1").strip()
            if text == "end":
                return Header(fields, file.tell())
            key, _, value = text.partition(" ")
            fields.setdefault(key.lower(), value)


def _is_header_line(line: bytes) -> bool:
    """Data may start with a percent sign too, but hardly with a space and text behind it."""
    printable = all(byte >= 32 or byte in b"\t\r\n" for byte in line)
    return line[:1] == b"%" and line[1:2] in (b" ", b"\n", b"\r") and printable


def _size(digits: str) -> int:
    return int(digits[:12])
