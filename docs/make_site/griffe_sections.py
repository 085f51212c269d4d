"""What griffe is told of our docstrings: the two sections that it does not know by the names used here."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from griffe import Extension, Object

SOURCE = re.compile(r"^Source:\n((?: +.*(?:\n|\Z)|\n)+)", re.MULTILINE)


def known(docstring: str) -> str:
    """A docstring with ``Example:``, a session of the interpreter, as ``Examples:``, and ``Source:`` as a paragraph.

    Example:
        >>> known("Adds.\\n\\nSource:\\n    Zhu et al., 2019.")
        'Adds.\\n\\n**Source:**\\n\\nZhu et al., 2019.'
    """
    text = re.sub(r"^Example:$", "Examples:", docstring, flags=re.MULTILINE)
    return SOURCE.sub(lambda found: "**Source:**\n\n" + textwrap.dedent(found[1]), text)


class Sections(Extension):
    """Read by mkdocstrings while it collects the sources."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = known(obj.docstring.value)
