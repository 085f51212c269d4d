"""What a viewer adds up: rates, latencies, shares, and how they are written."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neurofer.stream.decisions import Decision
from neurofer.stream.watch.shown import label_shown
from neurofer.stream.watch.summary import BINS, MEMORY, Latencies, Summary
from neurofer.stream.watch.words import clock_text, rate_text, speed_text, summary_lines, time_text
from trees.watched import made_facts, made_shown


def test_two_windows_by_hand():
    summary = Summary()
    summary.add(made_shown(0, None, events=50))
    summary.add(made_shown(1, events=50))
    assert summary.labels == {"happiness": 1}
    assert summary.latencies() == Latencies((300.0, 300.0), (0.5, 0.5), (3.0, 3.0), 1)
    assert summary.rate() == ((500.0,), 500.0)  # 100 events in 0.2 s
    assert summary.since_us == 200_000


def test_percentiles_are_of_the_newest_decisions_only():
    summary = Summary()
    for number in range(MEMORY + 500):
        summary.add(made_shown(number, events=1))
    latencies = summary.latencies()
    newest = 2.0 + np.arange(500, MEMORY + 500)
    assert latencies.decisions == MEMORY
    assert tuple(latencies.compute) == (np.percentile(newest, 50), np.percentile(newest, 99))


def test_unknown_times_are_left_out():
    summary = Summary()
    shown = made_shown(0)
    summary.add(shown._replace(decision=shown.decision._replace(latency_ms=math.nan)))
    assert math.isnan(summary.latencies().compute.p50_ms)
    assert summary.latencies().queue.p50_ms == 0.5


def test_a_minute_of_rate_is_remembered():
    summary = Summary()
    for number in range(1_000):
        shown = made_shown(number, events=number % 7)
        summary.add(shown._replace(tally=shown.tally._replace(events=sum(k % 7 for k in range(number + 1)))))
    history = summary.rate().history
    assert len(history) == BINS
    assert sum(history) * 0.5 == pytest.approx(sum(k % 7 for k in range(400, 1_000)))  # floats add up in another order


def test_windows_that_the_viewer_missed_count_in_the_rate():
    every, some = Summary(), Summary()
    for number in range(30):
        every.add(made_shown(number))
        if number % 3 == 2:
            some.add(made_shown(number))
    assert some.rate().history[1:] == pytest.approx(every.rate().history[1:])  # sums of the same parts
    assert some.rate().now == pytest.approx(500.0)


def test_a_seek_back_forgets_the_rate_and_one_on_leaves_a_gap():
    summary = Summary()
    for number in range(20):
        summary.add(made_shown(number))
    summary.add(made_shown(40, restarts=1))
    assert summary.rate().history[3:] == (500.0, None, None, None, None, 500.0)
    summary.add(made_shown(3, restarts=2))
    assert summary.rate().history == (500.0,)


def test_lines_of_the_summary():
    summary = Summary()
    for number, probabilities in enumerate([(0.1, 0.7, 0.2)] * 3 + [(0.8, 0.1, 0.1)]):
        summary.add(made_shown(number, probabilities, decisions=number + 6, dropped_windows=2, restarts=1))
    lines = list(summary_lines(made_facts(source="a\x1b[2Jb"), summary))
    assert lines == [
        "watched a?[2Jb up to 0.4 s: 4 windows, 9 decisions, 200 events",
        "labels  happiness 75.0 %, anger 25.0 %  (of 4 decisions; 5 went by unseen)",
        "losses  dropped windows 2, dropped events 0, bad events 0, lost packets 0, restarts 1",
        "latency p50/p99  evidence 300/300 ms, queue 0.50/0.50 ms, compute 3.5/5.0 ms  (last 4 decisions)",
    ]


def test_one_is_told_as_one():
    summary = Summary()
    summary.add(made_shown(0, (0.1, 0.7, 0.2), decisions=1))
    first, *_, last = summary_lines(made_facts(), summary)
    assert first.endswith(": 1 window, 1 decision, 50 events")
    assert last.endswith("(last 1 decision)")


def test_numbers_as_text():
    assert [clock_text(time) for time in (0, 12_349_999, 62_300_000, 3_723_000_000)] == [
        "0.0 s", "12.3 s", "1:02.3", "1:02:03"]
    assert [rate_text(rate) for rate in (math.nan, 0, 999, 1_234, 999_700, 1.2e6)] == [
        "- ev/s", "0 ev/s", "999 ev/s", "1.23 kev/s", "1000 kev/s", "1.2 Mev/s"]
    assert [time_text(time) for time in (math.nan, 0.123, 3.21, 1_234.5)] == ["-", "0.12", "3.2", "1,234"]
    assert (speed_text(1.0), speed_text(math.inf)) == ("1x", "max")


def test_a_tie_of_all_classes_is_no_label() -> None:
    tied = Decision(0, 10, "happy", (0.25, 0.25, 0.25, 0.25), 0, 1.0)
    assert tied.tied
    assert label_shown(tied) == "undecided"
    assert label_shown(tied._replace(probabilities=(0.25, 0.26, 0.25, 0.24))) == "happy"
