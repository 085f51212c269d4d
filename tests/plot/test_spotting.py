"""The timeline of a long video: rows, peaks that survive thinning, what became of each interval, and refusals."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from neurofer.plot._look import BLUE, GREEN
from neurofer.plot.spotting import clock, thinned, timeline_figure
from neurofer.spotting.decode import thresholds_of
from neurofer.spotting.interval import Interval
from neurofer.spotting.settings import Decoding
from neurofer.spotting.smooth import smoothed

DECODINGS: Any = {"micro": Decoding(6, 6, floor=0.1), "macro": Decoding(18, 16, floor=0.9)}
SPOTTED = [Interval("v", "micro", 100, 112, 106), Interval("v", "micro", 300, 312, 306),
           Interval("v", "macro", 500, 540, 520)]
TRUTH = [Interval("v", "micro", 101, 113), Interval("v", "micro", 700, 712), Interval("v", "macro", 498, 530)]


def scores_of(frames: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 0.2, (frames, 2))


def figure_of(frames: int = 900, truth: Any = TRUTH, **changed: Any) -> Any:
    figure = timeline_figure(**{"scores": scores_of(frames), "fps": 30.0, "intervals": SPOTTED, "truth": truth,
                                "decodings": DECODINGS, "title": "a film", **changed})
    figure.savefig(io.BytesIO())
    return figure


@pytest.mark.parametrize(("seconds", "rows"), [(3, 1), (75, 1), (76, 2), (300, 4)])
def test_a_long_video_is_parted_into_rows_that_cover_it(seconds: int, rows: int) -> None:
    figure = figure_of(30 * seconds, intervals=[], truth=None)
    assert len(figure.axes) == 2 * rows
    limits = [axes.get_xlim() for axes in figure.axes[::2]]
    assert limits[0][0] == 0
    assert limits[-1][1] == pytest.approx(seconds)
    assert all(before[1] == after[0] for before, after in zip(limits, limits[1:], strict=False))


def test_the_words_say_what_became_of_the_intervals() -> None:
    title = figure_of().get_suptitle()
    assert title == "a film\nmicro: 1 of 2 found, 1 false alarm   macro: 1 of 1 found, 0 false alarms"
    assert figure_of(truth=None).get_suptitle() == "a film\nspotted: 2 micro, 1 macro"
    assert "micro: 0 of 0 found, 2 false alarms" in figure_of(truth=[]).get_suptitle()


def test_hits_alarms_and_misses_have_colours_and_shapes_of_their_own() -> None:
    upper, lower = figure_of().axes
    greens = [x for line in upper.lines if (line.get_marker(), line.get_color()) == ("o", GREEN)
              for x in line.get_xdata()]
    assert greens == [106 / 30, 520 / 30]
    crosses = [x for line in upper.lines if line.get_marker() == "X" for x in line.get_xdata()]
    assert crosses == [306 / 30]
    rings = [x for line in lower.lines if line.get_marker() == "o" for x in line.get_xdata()]
    assert rings == [706 / 30]


def test_the_threshold_that_held_is_dashed_and_a_lower_floor_dotted() -> None:
    scores = np.zeros((900, 2))
    scores[400:440] = 0.5
    upper = figure_of(scores=scores).axes[0]
    flat = [line for line in upper.lines if len(line.get_xdata()) == 2]
    found = {line.get_color(): [float(line.get_ydata()[0])] for line in flat}
    for line in flat:
        found[line.get_color()].append(float(line.get_ydata()[0]))
    micro, macro = (thresholds_of(smoothed(scores[:, 0], one.skip_frames, "mean"), one) for one in DECODINGS.values())
    assert sorted(set(found["#8a4fbf"])) == [0.1, micro.relative]
    assert set(found[BLUE]) == {0.9}  # above all scores, so the relative one does not hold
    assert upper.get_ylim()[1] > 0.9
    assert macro.used == 0.9


def test_thinning_keeps_every_peak_and_every_valley() -> None:
    values = np.zeros(60_000)
    peaks, valleys = np.arange(500, 60_000, 7000), np.arange(3000, 60_000, 7000)
    values[peaks], values[valleys] = 1, -1
    kept = thinned(values, 1400)
    assert len(kept) <= 1400
    assert set(kept) >= {*peaks.tolist(), *valleys.tolist()}
    assert (np.diff(kept) > 0).all()
    assert thinned(values[:1400], 1400).tolist() == list(range(1400))


def test_a_type_without_settings_has_its_bare_score() -> None:
    figure = figure_of(truth=None, intervals=[], decodings={})
    assert sum(len(line.get_xdata()) == 900 for line in figure.axes[0].lines) == 4
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["micro score", "macro score"]


def test_times_are_minutes_and_seconds() -> None:
    assert [clock(at) for at in (0, 59.999, 60, 61.5, 599.9999)] == ["0:00", "0:59.999", "1:00", "1:01.5", "10:00"]


@pytest.mark.parametrize("scores", [np.zeros((0, 2)), np.zeros(4), np.zeros((4, 3))])
def test_nonsense_is_refused(scores: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"need scores \(N, 2\) of at least one frame"):
        timeline_figure(scores, 30.0, [], None, DECODINGS)
    with pytest.raises(ValueError, match="frame rate"):
        timeline_figure(np.zeros((4, 2)), 0.0, [], None, DECODINGS)
