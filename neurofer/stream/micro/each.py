"""Deciding about many clips, one after the other, as ``neurofer.stream.many`` does about recordings."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from neurofer.progress import progress
from neurofer.stream.many import Keep
from neurofer.stream.micro import table
from neurofer.stream.micro.predictor import MicroDecision
from neurofer.stream.outcomes import Outcome, outcome_of
from neurofer.stream.tables import Summary


class FilmByFilm:
    """Decides about one clip after the other; see ``neurofer.stream.many.Way``.

    Args:
        decide: What one shows.
        draw: Is given each decision, to draw it.
    """

    def __init__(self, decide: Callable[[Path], MicroDecision],
                 draw: Callable[[Path, MicroDecision], None] | None = None) -> None:
        self._decide, self._draw = decide, draw

    def write(self, recordings: Sequence[Path], out: TextIO, tell: Callable[[str], None]) -> Summary:
        """Write the rows in the order of the clips, showing progress."""
        shown: Any = progress(recordings, unit="file", desc="predict") if len(recordings) > 1 else recordings
        return table.write_each(shown, self._decide, out, tell, self._draw)

    def each(self, recordings: Sequence[Path], keep: Keep) -> Iterator[tuple[Path, Outcome]]:
        """Give the rows to ``keep``, and each clip when it is finished."""
        for path in recordings:
            rows, lines = io.StringIO(), list[str]()
            summary = table.write_each([path], self._decide, rows, lines.append, self._draw)
            if rows.getvalue():
                keep(path, rows.getvalue())
            yield path, outcome_of(path, summary, lines[0])
