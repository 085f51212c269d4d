"""The live view in a terminal: its picture at any size, its keys, its lines where there is no terminal."""

from __future__ import annotations

import io
import math
import os
import re
import signal
from collections import deque

import pytest
from rich.console import Console

from neurofer.errors import NeuroferError
from neurofer.stream.watch.keys import split_keys
from neurofer.stream.watch.lines import decision_line, write_lines
from neurofer.stream.watch.screen import screen
from neurofer.stream.watch.screen_rows import View, spark_line
from neurofer.stream.watch.shown import Tally
from neurofer.stream.watch.summary import Summary
from neurofer.stream.watch.terminal import view
from trees.watched import CLASSES, FakeWatched, made_facts, made_shown

MANY = tuple(f"expression number {number}" for number in range(20))


class TtyText(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def watched():
    return FakeWatched(deque(made_shown(number) for number in range(4)))


def made_view(windows=5, classes=CLASSES, probabilities=(0.1, 0.7, 0.2), state="playing", **counts):
    summary = Summary()
    for number in range(windows):
        summary.add(made_shown(number, probabilities, classes=classes, **counts))
    lengths = probabilities or (0.0,) * len(classes)
    return View(made_facts(classes=classes), state, summary.last, summary.since_us, lengths, summary.rate(),
                summary.latencies(), summary.tally, keys=True)


def rows(made, width, height, **options):
    return [line.rstrip() for line in screen(made, width, height, **options).plain.split("\n")]


def test_a_small_screen_by_hand():
    lines = rows(made_view(lost_packets=3), 70, 12, plain=True)
    assert lines[0] == "face.raw  runs/ann (ann)"
    assert lines[1].startswith("playing  0.5 s / 20.0 s  =---")
    assert lines[1].endswith("  1x")
    assert lines[2] == " H A P P I N E S S   70 %"
    room = 70 - len("happiness") - 7
    assert lines[3:6] == ["anger     " + ("#" * round(0.1 * room)).ljust(room) + "  10 %",
                          "happiness " + ("#" * round(0.7 * room)).ljust(room) + "  70 %",
                          "neutral   " + ("#" * round(0.2 * room)).ljust(room) + "  20 %"]
    assert lines[7] == "latency p50/p99   evidence 300/300 ms   queue 0.50/0.50 ms"
    assert lines[8] == "compute 4.0/6.0 ms"


@pytest.mark.parametrize("width", [12, 40, 80, 200])
@pytest.mark.parametrize("height", [4, 7, 12, 24, 60])
@pytest.mark.parametrize("classes", [CLASSES, MANY])
@pytest.mark.parametrize("windows", [0, 3])
def test_fits_any_terminal(width, height, classes, windows):
    values = (0.1, 0.7, 0.2, *(0.0,) * (len(classes) - 3))
    made = made_view(windows, classes, values)
    lines = screen(made, width, height).split("\n")
    assert len(lines) <= height
    assert max(line.cell_len for line in lines) <= width


@pytest.mark.parametrize(("width", "height"), [(40, 10), (40, 24), (60, 6), (80, 24), (120, 40)])
@pytest.mark.parametrize("classes", [CLASSES, MANY])
def test_all_counts_are_always_shown(width, height, classes):
    made = made_view(3, classes, (0.1, 0.7, 0.2, *(0.0,) * (len(classes) - 3)), dropped_windows=7, bad_events=8)
    text = " ".join(rows(made, width, height))
    for said in ("windows 3", "decisions 3", "dropped windows 7", "dropped events 0", "bad events 8", "lost packets 0",
                 "restarts 0"):
        assert re.sub(r"\s+", " ", said) in re.sub(r"\s+", " ", text)


def test_losses_are_in_the_colour_of_a_warning_once_there_are_some():
    def style_of(made, words):
        text = screen(made, 80, 24)
        at = text.plain.index(words)
        return [str(span.style) for span in text.spans if span.start <= at < span.end]

    assert "bold #d9730d" not in style_of(made_view(), "dropped windows")
    assert "bold #d9730d" in style_of(made_view(dropped_windows=1), "dropped windows")
    assert "bold #d9730d" not in style_of(made_view(dropped_windows=1), "bad events")


def test_without_room_the_likeliest_classes_are_shown_and_the_others_counted():
    values = tuple(0.5 if number == 17 else 0.5 / 19 for number in range(20))
    lines = rows(made_view(3, MANY, values), 40, 16)
    assert any(line.startswith("expression") and line.endswith("50 %") for line in lines)
    assert re.fullmatch(r"and \d+ more, together \d+ %", next(line for line in lines if line.startswith("and")))


def test_before_a_decision():
    assert "waiting for events" in screen(made_view(0), 80, 24).plain
    assert "gathering context" in screen(made_view(2, probabilities=None), 80, 24).plain
    assert "paused" in screen(made_view(state="paused"), 80, 24).plain


def test_names_cannot_steer_the_terminal():
    made = made_view(1, ("a\x1b[2J", "b\n", "c"))
    made = made._replace(facts=made.facts.__class__(**{**made.facts.__dict__, "source": "x\x1b]0;y\x07"}))
    assert not {"\x1b", "\x07"} & set(screen(made, 80, 24).plain)


def test_spark_line():
    assert spark_line((0.0, None, 8.0), 120, True).lstrip() == "_ #"
    assert spark_line((1.0, 1.0, 2.0, 2.0), 60, True).lstrip() == "=#"
    assert len(spark_line((1.0,) * 120, 50)) <= 50


def test_keys_in_what_was_typed():
    assert split_keys(b" x\x1b[D\x1bOCQ") == (["space", "left", "right", "q"], b"")
    assert split_keys(b"\x1b[1;5") == ([], b"\x1b[1;5")
    assert split_keys(b"\x1b[1;5Cq\x1b") == (["q"], b"\x1b")


def test_line_of_a_decision():
    shown = made_shown(122, dropped_windows=3)
    assert decision_line(made_facts(), shown, 1.2e6, Tally()) == (
        "12.300 s  happiness 0.70  [neutral 0.20, anger 0.10]  1.2 Mev/s  queue 0.50 ms  compute 124 ms  "
        "dropped windows 3")
    assert decision_line(made_facts(), shown, 1.2e6, shown.tally).endswith("compute 124 ms")
    with pytest.raises(ValueError, match="window 5 has no decision"):
        decision_line(made_facts(), made_shown(5, None), 1.0, Tally())


@pytest.mark.parametrize(("every", "decided"), [(False, ["0.100 s", "0.300 s"]), (True, ["0.100 s", "0.200 s",
                                                                                          "0.300 s", "0.400 s"])])
def test_lines_come_at_most_five_a_second_unless_all_are_asked_for(watched, every, decided):
    times = iter((0.0, 0.19, 0.25, 0.44))
    lines = []
    write_lines(watched, lines.append, every=every, clock=lambda: next(times))
    assert [line.split("  ")[0] for line in lines if not line.startswith("#")] == decided
    assert lines[0] == ("# face.raw  model runs/ann (ann)  window 100 ms  speed 1x  classes anger, happiness, neutral")
    assert lines[-3] == "# labels  happiness 100.0 %"
    assert watched.places[0].closed


def test_no_terminal_gives_lines_and_a_failure_is_raised_after_the_summary(watched):
    watched.failure = "tcp://1: broke off; start it again"
    file = io.StringIO()
    with pytest.raises(NeuroferError, match="broke off"):
        view(watched, console=Console(file=file, force_terminal=True), every=True)
    lines = file.getvalue().splitlines()
    assert "\x1b" not in file.getvalue()
    assert len(lines) == 1 + 4 + 4
    assert lines[-1].startswith("# latency p50/p99")


def test_a_terminal_is_given_back_and_then_told_the_summary(watched):
    file = TtyText()
    view(watched, console=Console(file=file, force_terminal=True, width=80, height=24), keys=False)
    screen_part, _, rest = file.getvalue().rpartition("\x1b[?1049l")
    assert "H A P P I N E S S" in screen_part
    assert "watched face.raw up to 0.4 s: 4 windows, 4 decisions" in rest
    assert watched.places[0].closed


@pytest.fixture
def keyboard(monkeypatch):
    """A pseudo terminal as standard input: what types into it, and its settings."""
    termios = pytest.importorskip("termios")
    master, slave = os.openpty()
    file = os.fdopen(slave)
    monkeypatch.setattr("sys.stdin", file)
    yield lambda typed: os.write(master, typed), lambda: termios.tcgetattr(slave)
    file.close()
    os.close(master)


def test_keys_pause_seek_and_quit(keyboard):
    press, settings = keyboard
    before = settings()
    watched = FakeWatched(deque([made_shown(24)]), endless=True)
    typed = {"pause": b" ", "resume": b"\x1b[C", ("seek", 3_500_000): b"\x1b[D\x1b[D", ("seek", 1_500_000): b"q"}
    watched.answer = lambda what: press(typed.get(what, b""))
    watched.turn = lambda: watched.asked or press(b" ") and watched.asked.append("began")
    view(watched, console=Console(file=TtyText(), force_terminal=True, width=80, height=24))
    assert watched.asked == ["began", "pause", "resume", ("seek", 3_500_000), ("seek", 2_500_000), ("seek", 1_500_000)]
    assert settings() == before


def test_a_live_source_has_no_seeking_keys(keyboard):
    press, _ = keyboard
    press(b"\x1b[C\x1b[Dq")
    watched = FakeWatched(deque(), made_facts(seekable=False, duration_us=None), endless=True)
    file = TtyText()
    view(watched, console=Console(file=file, force_terminal=True, width=80, height=24))
    assert watched.asked == []
    assert "left/right" not in file.getvalue()


def test_held_until_the_user_quits(keyboard):
    press, _ = keyboard
    watched = FakeWatched(deque([made_shown(0)]))
    turns = []
    watched.turn = lambda: turns.append(0) or (len(turns) == 5 and press(b"q"))
    file = TtyText()
    view(watched, console=Console(file=file, force_terminal=True, width=80, height=24), hold=True)
    assert len(turns) >= 5
    assert "ended" in file.getvalue()


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt()])
def test_the_terminal_is_as_before_after_an_error(keyboard, error):
    _, settings = keyboard
    before, file = settings(), TtyText()
    watched = FakeWatched(deque([made_shown(0), error]))
    with pytest.raises(type(error)):
        view(watched, console=Console(file=file, force_terminal=True, width=80, height=24))
    assert settings() == before
    assert "\x1b[?1049l" in file.getvalue()
    assert "watched face.raw" in file.getvalue()


def test_the_terminal_is_as_before_after_a_request_to_end(keyboard):
    _, settings = keyboard
    before, file = settings(), TtyText()
    watched = FakeWatched(deque([made_shown(0)]), endless=True)
    watched.turn = lambda: watched.script or os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(SystemExit) as left:
        view(watched, console=Console(file=file, force_terminal=True, width=80, height=24))
    assert left.value.code == 128 + signal.SIGTERM
    assert settings() == before
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_unknown_times_are_dashes():
    shown = made_shown(0)
    shown = shown._replace(decision=shown.decision._replace(latency_ms=math.nan))
    assert decision_line(made_facts(), shown, math.nan, Tally()).endswith("- ev/s  queue 0.50 ms  compute - ms")


@pytest.mark.parametrize("file", [io.StringIO, TtyText])
def test_a_stream_begins_when_its_first_window_will_be_seen(watched, file):
    places = []
    view(watched, console=Console(file=file(), force_terminal=True, width=80, height=24), keys=False,
         begin=lambda: places.append(len(watched.places)))
    assert places == [1]


def test_a_program_that_reads_keys_is_not_stopped_by_one(keyboard):
    import termios

    from neurofer.stream.watch.keys import Keys

    _, settings = keyboard
    before = settings()
    with Keys() as keys:
        assert keys.available
        assert settings()[6][termios.VSUSP] == b"\x00"
    assert settings() == before
