"""The ladder of e-CK+ in words and tables; it cannot be written without its clean end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neurofer.errors import NeuroferError
from neurofer.files import csv_text, write_text
from neurofer.plot.report import Bar, Section, Table
from neurofer.reproduce.cells import Cell
from neurofer.reproduce.ladder import BASELINES, LINES, Line, gap, ladder_lines, require_both_ends
from neurofer.reproduce.ladder_baselines import KINDS
from neurofer.reproduce.words import mean_text

_NAMES = {"majority": "majority", "window_index": "window index alone", "event_count": "event count alone"}
TITLE = "From the published protocol to a clean one"


def write_ladder(cells: Sequence[Cell], records: Mapping[str, Mapping[str, Any]], path: Path) -> Section:
    """The section of the ladder, and its CSV; as long as a line is missing, a section without numbers and no CSV.

    Args:
        cells: From ``plan_ladder``.
        records: Finished cells.
        path: Of the CSV.
    """
    lines = ladder_lines(cells, records)
    try:
        require_both_ends(lines)
    except NeuroferError as error:
        path.unlink(missing_ok=True)
        return Section(TITLE, (f"Not finished. {error}.",))
    write_text(path, csv_text(ladder_csv(lines)))
    found = records.get(BASELINES)
    return ladder_section(lines, found["result"] if found else None)


def ladder_section(lines: Sequence[Line], baselines: Mapping[str, Any] | None) -> Section:
    """All six lines, the gap between the first and the last, and what needs no face.

    Raises:
        NeuroferError: a line is missing; the published protocol is not told alone.
    """
    require_both_ends(lines)
    seeds = sorted(lines[0].accuracy.values)
    rows = tuple((f"({line.number}) {LINES[line.number]}", f"{100 * line.accuracy.mean:.1f}", _between(line),
                  "-" if line.accuracy.deviation is None else f"{100 * line.accuracy.deviation:.1f}",
                  f"{100 * line.accuracy.largest:.1f}", f"{line.windows:,}", f"{line.recordings:,}",
                  f"{line.subjects:,}", str(len(line.accuracy.values))) for line in lines)
    first, last = lines[0], lines[-1]
    text = (
        f"P-paper {100 * first.accuracy.mean:.1f} %, P-clean {100 * last.accuracy.mean:.1f} %: the gap between lines "
        f"(1) and (6) is {mean_text(gap(lines), signed=True)} points (mean over seeds with 95 % t interval).",
        "Lines 1 to 5 count decision windows, line 6 recordings. The interval is Wilson's with n = recordings for "
        "lines 1 to 4 and a bootstrap over subjects for 5 and 6; it is about other recordings or people, not other "
        "seeds. max is the best seed, as the published cells are. Lines 1 and 2 choose the epoch on the very test "
        "windows.",
        f"P-clean besides: UAR {mean_text(last.uar)}, macro F1 {mean_text(last.macro_f1)} (95 % t intervals over "
        f"seeds {', '.join(map(str, seeds))}).")
    tables = [Table("Accuracy in per cent, one change a line",
                    ("", "accuracy", "95 % interval", "sd", "max", "windows", "recordings", "subjects", "seeds"), rows)]
    if baselines is not None:
        shown = tuple((_NAMES[kind], *(f"{100 * baselines[protocol][kind][unit]:.1f}" for protocol in ("paper", "clean")
                                       for unit in ("window", "clip"))) for kind in KINDS)
        tables.append(Table("What needs no face, accuracy in per cent",
                            ("", "P-paper, per window", "P-paper, per recording", "P-clean, per window",
                             "P-clean, per recording"), shown))
    bars = tuple(Bar(f"({line.number})", line.accuracy.mean, *(line.interval or (None, None))) for line in lines)
    return Section(TITLE, text, bars=bars, tables=tuple(tables))


def ladder_csv(lines: Sequence[Line]) -> list[list[object]]:
    """Header and a row for every line and seed.

    Raises:
        NeuroferError: a line is missing.
    """
    require_both_ends(lines)
    header: list[object] = ["line", "change", "seed", "accuracy", "uar", "macro_f1", "low", "high", "windows",
                            "recordings", "subjects"]
    return [header, *(
        [line.number, LINES[line.number], seed, value, line.uar.values[seed], line.macro_f1.values[seed],
         *(line.interval or ("", "")), line.windows, line.recordings, line.subjects]
        for line in lines for seed, value in line.accuracy.values.items())]


def _between(line: Line) -> str:
    if line.interval is None:
        return "-"
    return f"{100 * line.interval[0]:.1f} to {100 * line.interval[1]:.1f}"
