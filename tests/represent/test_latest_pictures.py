"""Pictures of a pixel's latest, prevailing or any event: event frame, accumulate, SAE, Tencode, BEHI."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurofer.events.events import Events
from neurofer.represent import Accumulate, Behi, EventFrame, Sae, Tencode, build_representation

SENSOR = (4, 2)
WINDOW = (1_000, 2_000)


@pytest.fixture
def trace() -> Events:
    """Pixel (0, 0): ON at 1100, OFF at 1300. (1, 0): OFF at 1200, ON at 1500. (3, 1): ON, ON, OFF, the last at 1500."""
    return Events([1100, 1200, 1300, 1350, 1400, 1500, 1500], [0, 1, 0, 3, 3, 1, 3], [0, 0, 0, 1, 1, 0, 1],
                  [True, False, False, True, True, True, False], SENSOR)


def random_stream(seed: int, count: int) -> Events:
    generator = np.random.default_rng(seed)
    t = np.sort(generator.integers(1_000, 2_000, count))
    return Events(t, generator.integers(0, 4, count), generator.integers(0, 2, count), generator.random(count) < 0.5,
                  SENSOR)


def test_event_frame_by_hand(trace):
    frame = EventFrame()(trace, WINDOW)
    assert frame.tolist() == [[[0, 255, 128, 128], [128, 128, 128, 0]]]


def test_accumulate_by_hand(trace):
    assert Accumulate()(trace, WINDOW).tolist() == [[[127, 127, 127, 127], [127, 127, 127, 255]]]
    earlier = Accumulate()(trace, (1_000, 1_300))
    assert earlier.tolist() == [[[255, 0, 127, 127], [127, 127, 127, 127]]]


def test_sae_by_hand(trace):
    # Times run from 1100 to 1500, so 401 us are 255. (0, 0): ON 0 us, OFF 200 us. (1, 0): OFF 100 us, ON 400 us.
    # (3, 1): ON 300 us, OFF 400 us. 255/802 * (200, 500, 700) = 63.6, 159.0, 222.6.
    assert Sae()(trace, WINDOW).tolist() == [[[63, 158, 0, 0], [0, 0, 0, 222]]]


def test_tencode_by_hand(trace):
    # Times run from 1100 to 1500. (0, 0): OFF at 1300, g = 127.5. (1, 0) and (3, 1): at the end, g = 0.
    picture = Tencode()(trace, WINDOW)
    assert picture[:, 0, 0].tolist() == [0, 127, 255]
    assert picture[:, 0, 1].tolist() == [255, 0, 0]
    assert picture[:, 1, 3].tolist() == [0, 0, 255]
    assert (picture[:, 0, 2:] == 255).all()
    first = Tencode()(trace[:2], WINDOW)
    assert first[:, 0, 0].tolist() == [255, 255, 0]  # the oldest event: g = 255
    assert first[:, 0, 1].tolist() == [0, 0, 255]


def test_behi_by_hand(trace):
    assert Behi()(trace, WINDOW).tolist() == [[[255, 255, 0, 0], [0, 0, 0, 255]]]


def test_of_events_of_one_time_the_later_in_the_stream_counts():
    both = Events([1_500, 1_500], [2, 2], [1, 1], [True, False], SENSOR)
    assert EventFrame()(both, WINDOW)[0, 1, 2] == 0
    assert Tencode()(both, WINDOW)[:, 1, 2].tolist() == [0, 0, 255]
    assert not Sae()(both, WINDOW).any()  # one time only, which is the first


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 60))
def test_laws(seed, count):
    events = random_stream(seed, count)
    fired = np.zeros((2, 4), bool)
    fired[events.y, events.x] = True
    swapped = Events(events.t, events.x, events.y, ~events.p, SENSOR)
    np.testing.assert_array_equal(Behi()(events, WINDOW)[0] == 255, fired)
    frame, tencode = EventFrame()(events, WINDOW), Tencode()(events, WINDOW)
    np.testing.assert_array_equal(frame[0] != 128, fired)
    # The last event is ON where the frame is white and Tencode is red.
    np.testing.assert_array_equal(frame[0] == 255, fired & (tencode[0] == 255))
    np.testing.assert_array_equal(frame[0] == 0, fired & (tencode[2] == 255))
    # Swapping the polarities swaps black and white, red and blue, and leaves times alone.
    np.testing.assert_array_equal(EventFrame()(swapped, WINDOW)[0][fired], 255 - frame[0][fired])
    np.testing.assert_array_equal(Tencode()(swapped, WINDOW), tencode[::-1])
    np.testing.assert_array_equal(Sae()(swapped, WINDOW), Sae()(events, WINDOW))
    even = Accumulate()(events, WINDOW)[0] == 127
    np.testing.assert_array_equal(Accumulate()(swapped, WINDOW)[0][~even], 255 - Accumulate()(events, WINDOW)[0][~even])


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 60), shift=st.sampled_from([7, 10**6, 10**15]))
def test_a_constant_added_to_all_times_changes_nothing(seed, count, shift):
    events = random_stream(seed, count)
    later = Events(events.t + shift, events.x, events.y, events.p, SENSOR)
    for kind in ("event_frame", "accumulate", "sae", "tencode", "behi", "tbr", "tbr_tensor", "tqr", "est"):
        recipe = build_representation(kind)
        np.testing.assert_array_equal(recipe(later, (WINDOW[0] + shift, WINDOW[1] + shift)), recipe(events, WINDOW))


@pytest.mark.parametrize("kind", ["event_frame", "accumulate", "sae", "tencode", "behi", "tbr"])
def test_they_have_no_settings_and_refuse_a_turned_window(kind, trace):
    from neurofer.errors import UsageError

    with pytest.raises(UsageError, match=f"{kind}: unknown setting 'bins'"):
        build_representation(kind, bins=3)
    with pytest.raises(ValueError, match="need start < stop"):
        build_representation(kind)(trace, (2_000, 2_000))
