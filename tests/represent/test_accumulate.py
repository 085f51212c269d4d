"""A window in pieces is the window at once; kernels stay inside their arrays; repr is a recipe."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurofer.events.events import Events
from neurofer.represent import (
    Accumulate,
    Behi,
    Counts,
    Est,
    EventFrame,
    Representation,
    Sae,
    Tbr,
    TbrTensor,
    Tencode,
    Tie,
    TimeSurface,
    TqrTensor,
    VoxelGrid,
    describe,
)
from neurofer.represent.registry import KINDS
from neurofer.represent.tie import VARIANTS
from neurofer.represent.tie_kernel import KERNELS

RECIPES: list[Representation] = [
    *(Tie(variant, kernel) for variant in VARIANTS for kernel in KERNELS), Tie(scale="active"),
    *(VoxelGrid(bins, span) for bins in (2, 5) for span in ("window", "events")), VoxelGrid(normalise=True),
    *(Counts(mode) for mode in ("polarity", "signed", "binary")),
    *(TimeSurface(decay, tau_us) for decay in ("exponential", "linear", "latest") for tau_us in (50.0, 30_000.0)),
    EventFrame(), Accumulate(), Sae(), Tbr(), TbrTensor(), TbrTensor(5), TqrTensor(), Tencode(), Behi(), Est(),
    Est(steps=5, per_event=200),
]
SENSOR = (11, 6)


def stream(seed: int, count: int) -> Events:
    generator = np.random.default_rng(seed)
    t = np.sort(generator.integers(-2000, 12_000, count))
    x, y = generator.integers(0, 11, count), generator.integers(0, 6, count)
    return Events(t, x, y, generator.random(count) < 0.5, SENSOR)


@pytest.mark.parametrize("recipe", RECIPES, ids=repr)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 700), cuts=st.lists(st.integers(0, 700), max_size=5))
def test_pieces_equal_the_whole(recipe, seed, count, cuts):
    events = stream(seed, count)
    edges = [0, *sorted(min(cut, count) for cut in cuts), count]
    pieces = [events[low:high] for low, high in zip(edges, edges[1:], strict=False)]
    whole = recipe(events, (0, 10_000), origin_us=-1000)
    np.testing.assert_array_equal(recipe.accumulate(pieces, SENSOR, (0, 10_000), origin_us=-1000), whole)
    assert whole.shape == (recipe.channels, 6, 11)
    assert whole.dtype == recipe.dtype
    assert len(recipe.channel_names) == recipe.channels


def test_no_kind_is_left_out():
    assert {recipe.kind for recipe in RECIPES} == set(KINDS)


@pytest.mark.parametrize("recipe", RECIPES, ids=repr)
def test_without_events_every_pixel_has_the_empty_value(recipe):
    for array in (recipe(Events.empty(SENSOR), (0, 10_000)), recipe(stream(3, 100), (50_000, 60_000))):
        np.testing.assert_array_equal(array, np.full((recipe.channels, 6, 11), recipe.empty_value, recipe.dtype))


# A pixel of TIE depends on the others: its background is wherever the scale puts it.
@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if not isinstance(recipe, Tie)], ids=repr)
def test_pixels_that_never_fired_have_the_empty_value(recipe):
    events = stream(4, 300)
    still = np.ones((6, 11), bool)
    inside = events.between(0, 10_000)
    still[inside.y, inside.x] = False
    still[3:, 5:] = True
    moving = Events(*(column[(events.y < 3) | (events.x < 5)] for column in (events.t, events.x, events.y, events.p)),
                    SENSOR)
    assert (recipe(moving, (0, 10_000))[:, still] == recipe.empty_value).all()


@pytest.mark.parametrize("recipe", RECIPES, ids=repr)
def test_mirrored_events_give_the_mirrored_array(recipe):
    events = stream(5, 400)
    mirrored = Events(events.t, 10 - events.x, events.y, events.p, SENSOR)
    np.testing.assert_array_equal(recipe(mirrored, (0, 10_000)), recipe(events, (0, 10_000))[:, :, ::-1])


def test_counters_that_run_over_within_pieces():
    def piece(start: int, count: int) -> Events:
        x, y = np.full(count, 2), np.full(count, 1)
        return Events(np.arange(start, start + count), x, y, np.ones(count, bool), SENSOR)

    pieces = [piece(0, 40_000), piece(40_000, 40_000), piece(80_000, 3)]
    assert Counts(overflow="saturate").accumulate(pieces, SENSOR, (0, 100_000))[1, 1, 2] == 65_535
    with pytest.raises(ValueError, match="1 counters pass 65535"):
        Counts().accumulate(pieces, SENSOR, (0, 100_000))


@pytest.mark.parametrize("recipe", RECIPES, ids=repr)
def test_lying_events_stay_inside_the_array(recipe):
    # Columns that were never checked: places far outside, times backwards. Nothing may be written beyond the array.
    generator = np.random.default_rng(0)
    t = generator.integers(0, 10_000, 3000)
    wild = generator.integers(0, 65_536, (2, 3000)).astype(np.uint16)
    lying = Events.trusted(t, wild[0], wild[1], generator.random(3000) < 0.5, (4, 3))
    state = recipe.start((4, 3), (0, 10_000))
    state._take(lying)
    assert state.finish().shape == (recipe.channels, 3, 4)


def test_strided_columns_are_read_right():
    events = stream(1, 500)
    array = events.to_array()
    strided = Events(array["t"], array["x"], array["y"], array["p"], SENSOR)
    for recipe in (Tie(), VoxelGrid(), Counts(), TimeSurface()):
        np.testing.assert_array_equal(recipe(strided, (0, 10_000)), recipe(events, (0, 10_000)))


def test_pieces_out_of_order_or_of_another_sensor_are_refused():
    events = stream(2, 100)
    state = Counts().start(SENSOR, (0, 10_000))
    state.add(events[60:])
    with pytest.raises(ValueError, match="before the one before it ends"):
        state.add(events[:60])
    with pytest.raises(ValueError, match=r"of a \(11, 6\) sensor"):
        state.add(Events.empty((3, 3)))


def test_repr_builds_the_same_recipe():
    for recipe in RECIPES:
        assert eval(describe(recipe)) == recipe  # noqa: S307
        assert hash(recipe) == hash(eval(describe(recipe)))  # noqa: S307
