"""What a terminal shows of a watched stream: one text from what is known, made for its width and height."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurofer.stream.watch.screen_rows import (
    Form,
    View,
    bar_rows,
    count_rows,
    foot_rows,
    label_rows,
    middle_rows,
    top_rows,
)

if TYPE_CHECKING:
    from rich.text import Text

WIDEST = 100
TWO_COLUMNS = 72

FORMS = (Form(True, True, True, True, True), Form(True, False, True, True, True),
          Form(True, False, True, True, False), Form(False, False, True, True, False),
          Form(False, False, True, False, False), Form(False, False, False, False, False))
"""From the roomiest to the tightest."""


def screen(view: View, width: int, height: int, *, plain: bool = False) -> Text:
    """The view as a text of at most ``height`` lines, each at most ``width`` wide.

    The roomiest form that fits is taken. Counts are never left out; where classes do not fit, those with the highest
    probabilities are shown, and how many more there are.

    Args:
        view: What to show.
        width: Columns of the terminal.
        height: Its rows.
        plain: Use no signs beyond ASCII.
    """
    from rich.text import Text

    width = max(8, min(width, WIDEST))
    top, counts, foot = top_rows(view, width, plain), count_rows(view, width), foot_rows(view, width)
    columns = (1, 2) if width >= TWO_COLUMNS else (1,)
    fixed = len(top) + len(counts) + len(foot)
    for form in FORMS:
        middle = middle_rows(view, form, width, plain)
        used = fixed + (3 if form.banner else 1) + len(middle) + (4 + bool(middle) if form.gaps else 0)
        fitting = [number for number in columns if used + -(-len(view.facts.classes) // number) <= height]
        if fitting or form is FORMS[-1]:
            break
    split = fitting[0] if fitting else columns[-1]
    rows = height - used
    if rows < 1:
        foot = []
        rows = height - len(top) - len(counts) - 1
    bars = bar_rows(view, width, rows, split, plain) if rows >= 1 else []
    label = label_rows(view, form.banner, width)
    gap = [Text()] if form.gaps else []
    lines = [*top, *gap, *label, *gap, *bars, *gap, *middle, *(gap if middle else []), *counts, *gap, *foot]
    if len(lines) > height:
        lines = [*label, *counts] if len(label) + len(counts) <= height else counts[:height]
    for line in lines:
        line.truncate(width, overflow="ellipsis" if not plain else "crop")
    whole = Text("\n", no_wrap=True, overflow="crop", end="").join(lines)
    whole.no_wrap, whole.overflow, whole.end = True, "crop", ""
    return whole
