"""Where a file of the repository lies on the site, and links made to fit."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent.parent
ROOT_PAGES = {"README.md": "readme.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
PICTURES = {".png", ".jpg", ".gif", ".svg", ".webp"}
LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml"}
LINK = re.compile(r"(?<=\]\()([^)\s#:]+)(?=(?:#[^)\s]*)?\))")
FENCE = re.compile(r"^(```+|~~~+).*?^\1[`~]*\s*$", re.MULTILINE | re.DOTALL)


def place(path: str) -> str:
    """The site's source file for a path in the repository: ``notebooks/micro.md`` for ``notebooks/micro.ipynb``.

    What lies in ``docs/`` keeps its place, README and its like and notebooks become pages, pictures stay files, and
    everything else becomes a page that shows its text.
    """
    pure = PurePosixPath(path)
    if pure.parts[0] == "docs":
        return pure.relative_to("docs").as_posix()
    if path in ROOT_PAGES:
        return ROOT_PAGES[path]
    if pure.suffix == ".ipynb":
        return pure.with_suffix(".md").as_posix()
    return f"files/{path}" if pure.suffix in PICTURES else f"files/{path}.md"


def leaving(markdown: str, origin: str, made: Container[str] = ()) -> Iterator[tuple[str, str]]:
    """Links of a document that need another address on the site: ``(as written, path in the repository)``.

    Args:
        markdown: The text of the document; links inside fences are no links.
        origin: The document's own path in the repository.
        made: Files of the site that will lie beside the document, such as a notebook's pictures; their links stay.

    Raises:
        ValueError: A link leads out of the repository, to nothing or to a folder.
    """
    folder = posixpath.dirname(origin)
    for found in LINK.finditer(FENCE.sub("", markdown)):
        target = posixpath.normpath(posixpath.join(folder, found[1]))
        if target in made or (folder == "docs" and target.startswith("docs/")):
            continue
        if target.startswith("..") or not (ROOT / target).is_file():
            raise ValueError(f"{origin}: {found[1]} is no file of the repository; link a file that exists")
        yield found[1], target


def relink(markdown: str, origin: str, made: Container[str] = ()) -> str:
    """The document with every link that leaves ``docs/`` turned to the page or file that shows it on the site."""
    here = posixpath.dirname(place(origin))
    places = {written: posixpath.relpath(place(target), here or ".")
              for written, target in leaving(markdown, origin, made)}
    return LINK.sub(lambda found: places.get(found[1], found[1]), markdown)


def file_page(path: str) -> str | bytes:
    """What the site shows of a file of the repository: a picture as it is, a text as a page."""
    if PurePosixPath(path).suffix in PICTURES:
        return (ROOT / path).read_bytes()
    language = LANGUAGES.get(PurePosixPath(path).suffix, "text")
    text = (ROOT / path).read_text(encoding="utf-8").rstrip("\n")
    fence = "~" * max(4, *(len(run) + 1 for run in re.findall("~+", text) or [""]))
    return f"# {PurePosixPath(path).name}\n\n`{path}`\n\n{fence} {language}\n{text}\n{fence}\n"
