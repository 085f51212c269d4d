"""Blinks out of what was spotted: a drawn blink is dropped, movements elsewhere, glances and closed eyes are kept."""

import numpy as np
import pytest

from neurofer.events.events import Events
from neurofer.spotting.interval import Interval
from neurofer.spotting.veto import VetoSettings, eye_share, veto_blinks

SIZE = 100
FRAME_US = 5000
TIMES_US = np.arange(1000, dtype=np.int64) * FRAME_US
EYES, MOUTH = (14, 23, 86, 39), (22, 57, 78, 88)
PLAIN = VetoSettings()
BLINK = (EYES, 2_000_000, 2_180_000, 4000)


def drawn(*bursts, seed=0):
    """Noise of 5 seconds, and bursts ``(box, start_us, stop_us, events)``."""
    rng = np.random.default_rng(seed)
    rows = [np.stack((rng.integers(start, stop, count), rng.integers(left, right, count),
                      rng.integers(top, bottom, count), rng.integers(0, 2, count)))
            for (left, top, right, bottom), start, stop, count in [((0, 0, SIZE, SIZE), 0, 5_000_000, 3000), *bursts]]
    t, x, y, p = np.concatenate(rows, axis=1)
    order = np.argsort(t, kind="stable")
    return Events(t[order], x[order], y[order], p[order], (SIZE, SIZE))


def interval(onset, offset):
    return Interval("v", "micro", onset, offset, None, 1.0)


def dropped(events, *intervals, settings=PLAIN):
    return veto_blinks(intervals, events, TIMES_US, SIZE, settings).dropped


def test_a_blink_alone_is_dropped_and_the_rest_kept_in_order():
    blink, quiet, mouth = interval(390, 450), interval(600, 650), interval(795, 860)
    events = drawn(BLINK, (MOUTH, 4_000_000, 4_250_000, 4000))
    result = veto_blinks([blink, quiet, mouth], events, TIMES_US, SIZE)
    assert result.dropped == [blink]
    assert result.kept == [quiet, mouth]


def test_a_blink_within_an_expression_is_kept():
    events = drawn(BLINK, (MOUTH, 1_950_000, 2_350_000, 4000))
    assert dropped(events, interval(390, 470)) == []


def test_an_interval_that_holds_part_of_a_blink_is_dropped_one_beside_it_is_not():
    assert len(dropped(drawn(BLINK), interval(380, 410), interval(420, 480))) == 2
    assert dropped(drawn(BLINK), interval(300, 395), interval(445, 500)) == []


@pytest.mark.parametrize("stop_us", [2_030_000, 2_700_000])
def test_glances_and_long_movements_are_no_blinks(stop_us):
    assert dropped(drawn((EYES, 2_000_000, stop_us, 6000)), interval(390, 560)) == []


def test_a_blink_rises_most_in_the_eyes():
    events = drawn(BLINK)
    assert len(dropped(events, interval(390, 450))) == 1
    assert dropped(events, interval(390, 450), settings=VetoSettings(dominance=1000.0)) == []


def test_most_events_must_be_in_the_eyes_and_the_rest_of_the_face_quiet():
    events = drawn(BLINK, (MOUTH, 2_000_000, 2_180_000, 1000))
    shares = [VetoSettings(least_eye_share=share, quiet_z=99) for share in (0.7, 0.9)]
    assert [len(dropped(events, interval(395, 440), settings=one)) for one in shares] == [1, 0]
    assert dropped(events, interval(395, 440)) == []


def test_eye_share_by_hand():
    events = Events([10, 20, 30, 40, 50], [50, 50, 50, 1, 50], [30, 30, 70, 99, 30], [True] * 5, (SIZE, SIZE))
    assert eye_share(events, SIZE, 10, 40) == pytest.approx(2 / 3)
    assert eye_share(events, SIZE, 41, 49) == 0


def test_nothing_spotted():
    assert veto_blinks([], drawn(), TIMES_US, SIZE) == ([], [])


def test_refusals():
    with pytest.raises(ValueError, match="v ends at frame 999, an interval at 1000"):
        veto_blinks([interval(990, 1000)], drawn(), TIMES_US, SIZE)
    with pytest.raises(ValueError, match="dominance of 1 or more"):
        VetoSettings(dominance=0.5)
    with pytest.raises(ValueError, match="a share of 0 to 1"):
        VetoSettings(least_eye_share=70)
    with pytest.raises(ValueError, match="the events want"):
        veto_blinks([interval(0, 1)], drawn(), TIMES_US, 64)
