"""The stream of events: what it accepts, refuses and gives back."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurofer.events.events import Events


def make(t=(1, 2, 3), x=(0, 1, 2), y=(0, 0, 1), p=(1, 0, 1), sensor=(4, 3)):
    return Events(list(t), list(x), list(y), list(p), sensor)


def test_columns_have_the_documented_types():
    events = make()
    assert [getattr(events, name).dtype for name in "txyp"] == [np.int64, np.uint16, np.uint16, np.bool_]
    assert len(events) == 3
    assert (events.start_us, events.end_us) == (1, 3)


@pytest.mark.parametrize("polarity", [[1, 0, 1], [1, -1, 1], [True, False, True]])
def test_polarity_conventions_agree(polarity):
    assert make(p=polarity).p.tolist() == [True, False, True]


def test_between_is_half_open():
    assert make(t=(1, 2, 3)).between(2, 3).t.tolist() == [2]
    assert len(make().between(9, 10)) == 0


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30), st.lists(st.integers(0, 1000), max_size=4))
def test_pieces_put_together_give_the_whole(times, cuts):
    times = sorted(times)
    events = Events(times, [0] * len(times), [0] * len(times), [True] * len(times), (1, 1))
    edges = [0, *sorted(cuts), 1001]
    pieces = [events.between(low, high) for low, high in zip(edges, edges[1:], strict=False)]
    assert Events.concatenate(pieces).t.tolist() == times


def test_crop_moves_events_into_the_box_and_drops_the_rest():
    cropped = make(x=(0, 1, 3), y=(0, 2, 2)).crop(left=1, top=1, width=2, height=2)
    assert (cropped.x.tolist(), cropped.y.tolist(), cropped.sensor) == ([0], [1], (2, 2))


def test_a_crop_over_the_edge_keeps_only_real_events():
    cropped = make().crop(left=-2, top=-2, width=4, height=4)
    assert cropped.x.tolist() == [2, 3]


def test_events_are_read_only():
    events = make()
    with pytest.raises(ValueError, match="read-only"):
        events.t[0] = 9
    with pytest.raises(AttributeError, match="read-only"):
        events.t = events.x


def test_the_structured_form_goes_both_ways_and_is_a_copy():
    events = make()
    array = events.to_array()
    again = Events.from_array(array, events.sensor)
    array["t"] = 0
    assert again.t.tolist() == events.t.tolist() == [1, 2, 3]


def test_events_travel_between_processes():
    again = copy.deepcopy(make())  # by __reduce__, as a worker process gets it
    assert again.t.tolist() == [1, 2, 3]
    assert not again.t.flags.writeable


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t": (1, 5, 3)}, r"event 2 \(5 us -> 3 us\)"),
        ({"t": (1.5, 2.0, 3.0)}, "whole microseconds"),
        ({"x": (0, 4, 0)}, r"x of event 1 is 4, outside 0\.\.3"),
        ({"y": (0, -1, 0)}, "y of event 1 is -1"),
        ({"p": (0, 1, 2)}, "polarity of event 2 is 2"),
        ({"x": (0, 1)}, "one length"),
        ({"sensor": (0, 4)}, "sensor must be"),
        ({"sensor": (2**31, 4)}, "sensor must be"),
    ],
)
def test_a_bad_event_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        make(**change)


def test_an_array_without_a_field_is_refused():
    with pytest.raises(ValueError, match="lacks p"):
        Events.from_array(np.zeros(1, [("t", "i8"), ("x", "u2"), ("y", "u2")]), (2, 2))


def test_a_stepped_slice_is_refused():
    with pytest.raises(TypeError, match="step 1"):
        make()[::2]
