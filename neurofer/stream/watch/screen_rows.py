"""The rows of the live view in a terminal: what each part of a watched stream looks like at a given width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from neurofer.stream.watch.shown import Facts, Shown, Tally, label_shown
from neurofer.stream.watch.summary import BINS, Latencies, Rate
from neurofer.stream.watch.words import (
    clock_text,
    counters,
    latency_parts,
    printable,
    rate_text,
    speed_text,
    spread_text,
    time_text,
)

if TYPE_CHECKING:
    from rich.text import Text

BANNER, ACCENT, OTHER, QUIET, WARNING = "bold #ffffff on #2563a8", "#3d8bd4", "#8a94a0", "#7b8794", "bold #d9730d"
MARKS = {"playing": "\u25b6", "paused": "\u2016", "ended": "\u25a0"}

State = Literal["playing", "paused", "ended"]


class View(NamedTuple):
    """Everything that is shown.

    Attributes:
        facts: Of the stream.
        state: Whether it goes on.
        last: The newest window; None before the first.
        since_us: Where that ends.
        lengths: Of the bars, 0..1, which run after the probabilities.
        rate: Of the events.
        latencies: Of the newest decisions.
        tally: Counts so far.
        missed: Windows that this viewer did not see.
        keys: Whether keys are read.
        note: Something to tell; may be empty.
    """

    facts: Facts
    state: State
    last: Shown | None
    since_us: int
    lengths: Sequence[float]
    rate: Rate
    latencies: Latencies
    tally: Tally
    missed: int = 0
    keys: bool = False
    note: str = ""


class Form(NamedTuple):
    """How roomy the view is: what is drawn large, what is drawn at all."""

    banner: bool
    table: bool
    latency: bool
    rate: bool
    gaps: bool


def top_rows(view: View, width: int, plain: bool) -> list[Text]:
    """Who is watched by whom; where the stream is."""
    from rich.text import Text

    facts = view.facts
    decider = f"  {printable(facts.model)} ({facts.backend})"
    source = Text(printable(facts.source), "bold")
    source.truncate(max(6, width - len(decider)), overflow="crop" if plain else "ellipsis")
    mark = view.state if plain else f"{MARKS[view.state]} {view.state}"
    where = Text().append(mark, WARNING if view.state == "paused" else "bold" if view.state == "ended" else ACCENT)
    where.append("  " + clock_text(min(view.since_us, facts.duration_us or view.since_us)), "bold")
    pace = f"  {speed_text(facts.speed)}"
    if facts.duration_us:
        total = f" / {clock_text(facts.duration_us)}"
        room = width - where.cell_len - len(total) - len(pace) - 2
        where.append(total, QUIET)
        if room >= 6:
            done = round(room * min(1.0, view.since_us / facts.duration_us))
            where.append("  " + ("=" if plain else "\u2501") * done, ACCENT)
            where.append(("-" if plain else "\u2500") * (room - done), QUIET)
    where.append(pace, QUIET)
    return [Text().append_text(source).append(decider, QUIET), where]


def label_rows(view: View, banner: bool, width: int) -> list[Text]:
    """The decided class, large."""
    from rich.text import Text

    decision = view.last.decision if view.last is not None else None
    if decision is None:
        words = "waiting for events" if view.last is None else "gathering context"
        middle, style = Text(words, "italic"), f"italic {QUIET}"
    else:
        name = printable(label_shown(decision)).upper()
        share = f"{100 * decision.probabilities[view.facts.classes.index(decision.label)]:.0f} %"
        middle, style = Text(" ".join(name)), BANNER
        if middle.cell_len + len(share) + 6 > width:
            middle = Text(name)
        middle.truncate(max(1, width - len(share) - 5), overflow="ellipsis")
        middle.append(f"   {share}")
    middle.style = style
    if not banner:
        return [Text(" ", style).append_text(middle).append(" ", style)]
    left = (width - middle.cell_len) // 2
    right = width - middle.cell_len - left
    blank = " " * width
    return [Text(blank, style), Text(" " * left, style).append_text(middle).append(" " * right, style),
            Text(blank, style)]


def bar_rows(view: View, width: int, rows: int, columns: int, plain: bool) -> list[Text]:
    """A bar for each class that there is room for, in the order of the classes."""
    from rich.text import Text

    names, decision = view.facts.classes, view.last.decision if view.last is not None else None
    values = decision.probabilities if decision is not None else (0.0,) * len(names)
    shown, rest = list(range(len(names))), Text()
    if len(names) > rows * columns:
        places = (rows - 1) * columns if rows > 1 else columns
        best = sorted(shown, key=lambda number: -values[number])
        shown, left = sorted(best[:places]), best[places:]
        if rows > 1:
            share = 100 * sum(values[number] for number in left)
            together = f", together {share:.0f} %" if decision is not None else ""
            rest = Text(f"and {len(left)} more{together}", QUIET)
    across = (width - 3 * (columns - 1)) // columns
    column = min(max(Text(printable(names[number])).cell_len for number in shown), max(6, across // 3))
    made = []
    for number in shown:
        chosen = decision is not None and names[number] == decision.label and not decision.tied
        name = Text(printable(names[number]), "bold" if chosen else "")
        name.truncate(column, overflow="crop" if plain else "ellipsis", pad=True)
        room = across - column - 7
        name.append(" ")
        name.append(_bar(view.lengths[number], room, plain).ljust(room), ACCENT if chosen else OTHER)
        name.append(f"{100 * values[number]:4.0f} %" if decision is not None else "     -", "bold" if chosen else QUIET)
        made.append(name)
    deep = -(-len(made) // columns)
    lines = [Text("   ").join(made[row::deep]) for row in range(deep)]
    return [*lines, rest] if rest else lines


def _bar(length: float, room: int, plain: bool) -> str:
    eighths = round(max(0.0, min(1.0, length)) * room * 8)
    if plain:
        return "#" * round(eighths / 8)
    return "\u2588" * (eighths // 8) + ("", *"\u258f\u258e\u258d\u258c\u258b\u258a\u2589")[eighths % 8]


def middle_rows(view: View, form: Form, width: int, plain: bool) -> list[Text]:
    """The rate of the events, and the latencies."""
    from rich.text import Text

    lines = []
    if form.rate:
        said = f"  {rate_text(view.rate.now):>12}"
        room = min(60, width - 8 - len(said))
        line = Text("events  ", QUIET)
        if room >= 5:
            line.append(spark_line(view.rate.history, room, plain), ACCENT)
        lines.append(line.append(said.rstrip() if room < 5 else said, "bold"))
        if form.gaps:
            lines.append(Text(""))
    if not form.latency:
        return lines
    parts = latency_parts(view.latencies)
    if form.table:
        lines.append(Text(f"{'latency':<10}{'p50':>9}{'p99':>9}  ms", QUIET))
        for name, spread in parts:
            both = f"{time_text(spread.p50_ms):>9}{time_text(spread.p99_ms):>9}"
            lines.append(Text(f"{name:<10}", QUIET).append(both, "bold"))
        return lines
    pieces = [Text(f"{name} ", QUIET).append(spread_text(spread), "bold") for name, spread in parts]
    return [*lines, *_flow([Text("latency p50/p99", QUIET), *pieces], width)]


def spark_line(history: Sequence[float | None], room: int, plain: bool = False) -> str:
    """A curve of the newest values in one line, of the height of eight signs; blank where nothing is known.

    Args:
        history: The newest last, up to ``BINS`` of them.
        room: Most signs; several values share one where there are more.
        plain: Use no signs beyond ASCII.
    """
    share = -(-BINS // room)
    filled = [*([None] * (-len(history) % share)), *history]
    groups = [[value for value in filled[at : at + share] if value is not None] for at in range(0, len(filled), share)]
    means = [sum(group) / len(group) if group else None for group in groups]
    most = max((value for value in means if value is not None), default=0.0) or 1.0
    signs = "_.,-=+*#" if plain else "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
    drawn = "".join(" " if value is None else signs[min(7, int(8 * value / most))] for value in means)
    return drawn.rjust(-(-BINS // share))


def count_rows(view: View, width: int) -> list[Text]:
    """All counts; those that should be zero and are not, in the colour of a warning."""
    from rich.text import Text

    pieces = [Text(f"{name} ", style).append(f"{count:,}", style or "bold")
              for name, count, warns in counters(view.tally)
              for style in [WARNING if warns and count else QUIET]]
    if view.missed:
        pieces.append(Text(f"not shown here {view.missed:,}", QUIET))
    return _flow(pieces, width)


def foot_rows(view: View, width: int) -> list[Text]:
    """What keys do; a note before them."""
    from rich.text import Text

    pieces = [Text(printable(view.note), WARNING)] if view.note else []
    if view.keys:
        act = "go on" if view.state == "paused" else "pause"
        said = [("space", act), ("q", "quit")]
        if view.facts.seekable:
            said.insert(1, ("left/right", "1 s back/on"))
        pieces += [Text().append(key, "bold").append(f" {what}", QUIET) for key, what in said]
    return _flow(pieces, width) if pieces else []


def _flow(pieces: Sequence[Text], width: int) -> list[Text]:
    """Pieces one after the other, in as few lines as hold them."""
    from rich.text import Text

    lines: list[Text] = []
    for piece in pieces:
        if lines and lines[-1].cell_len + 3 + piece.cell_len <= width:
            lines[-1].append("   ").append_text(piece)
        else:
            lines.append(Text().append_text(piece))
    return lines
