"""A committed notebook as a page of the site: its text, its code and what it showed, without running it."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

FENCE = "~" * 6


def fenced(text: str, kind: str) -> str:
    return f"{FENCE} {kind}\n{text.rstrip()}\n{FENCE}"


def title(path: Path) -> str:
    """The notebook's first heading, or its file name."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        found = re.search(r"^# (.+)$", "".join(cell["source"]), re.MULTILINE)
        if cell["cell_type"] == "markdown" and found:
            return found[1].strip()
    return path.stem


def page(path: Path) -> tuple[str, dict[str, bytes]]:
    """The notebook in Markdown, and its pictures by the file names that the text uses.

    A picture is shown instead of the words that stand for it; other outputs are shown as text.

    Raises:
        ValueError: A cell ended with an error; run the notebook again.
    """
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code":
            parts.append(source)
            continue
        if source.strip():
            parts.append(fenced(source, "python"))
        for output in cell["outputs"]:
            parts.append(shown(output, path, pictures))
    return "\n\n".join(part for part in parts if part) + "\n", pictures


def shown(output: dict[str, Any], path: Path, pictures: dict[str, bytes]) -> str:
    """One output in Markdown; a picture is added to ``pictures``."""
    if output["output_type"] == "error":
        raise ValueError(f"{path.name}: a cell ended with {output['ename']}; run the notebook again")
    if output["output_type"] == "stream":
        return fenced("".join(output["text"]), "{ .text .output }")
    data = output["data"]
    if "image/png" in data:
        name = f"{path.stem}_{len(pictures) + 1}.png"
        pictures[name] = base64.b64decode("".join(data["image/png"]))
        return f"![Figure {len(pictures)} of {path.stem}]({name}){{ .figure }}"
    if "text/html" in data:  # a card; a blank line in it would end the block
        card = "".join(data["text/html"])
        return "<div>" + re.sub(r"\n\s*\n", "\n", card) + "</div>"
    return fenced("".join(data.get("text/plain", "")), "{ .text .output }") if "text/plain" in data else ""
