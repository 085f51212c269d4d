"""What was spotted as a table: an interval a row, readable as a table of intervals by anything."""

from __future__ import annotations

from collections.abc import Sequence

from neurofer.files import csv_text
from neurofer.stream.spot.recognise import Recognitions
from neurofer.stream.spot.spotter import Spotted

COLUMNS = ("video", "type", "onset", "apex", "offset", "onset_ms", "apex_ms", "offset_ms", "score")
MORE = ("label", "probability")
SCORES = ("video", "frame", "ms", "micro", "macro")


def rows_text(spotted: Spotted, said: Recognitions | None = None) -> str:
    """A video's rows; one in which nothing was spotted has a row with its name alone.

    Args:
        spotted: What was found.
        said: What was said of the micro-expressions, for two more columns.
    """
    more = 0 if said is None else len(MORE)
    if not spotted.spots:
        return csv_text([(spotted.footage.name, *[""] * (len(COLUMNS) - 1 + more))])
    rows = []
    for place, spot in enumerate(spotted.spots):
        one = spot.interval
        row: list[object] = [one.video, one.kind, one.onset, one.apex, one.offset, *(f"{at:.3f}" for at in spot.ms),
                             "" if one.score is None else f"{one.score:.6f}"]
        if said is not None:
            found = said.by_spot.get(place)
            row += ["", ""] if found is None else [found.label, f"{found.probability:.6f}"]
        rows.append(row)
    return csv_text(rows)


def header_text(columns: Sequence[str]) -> str:
    """The first row."""
    return csv_text([columns])


def scores_text(spotted: Spotted) -> str:
    """Rows ``video,frame,ms,micro,macro``, one for each frame that was looked at."""
    scored, origin_us = spotted.scored, spotted.footage.origin_us
    return csv_text([(spotted.footage.name, number, f"{(t_us - origin_us) / 1e3:.3f}", f"{micro:.6f}", f"{macro:.6f}")
                     for (micro, macro), number, t_us in zip(scored.scores.tolist(), scored.numbers.tolist(),
                                                             scored.times_us.tolist(), strict=True)])
