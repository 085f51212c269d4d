"""Representations by name and by words."""

from __future__ import annotations

import pytest

from neurofer.errors import UsageError
from neurofer.represent import Counts, Tie, TimeSurface, VoxelGrid, build_representation, parse_settings


def test_each_kind_by_name():
    assert build_representation("tie") == Tie()
    assert build_representation("voxel", bins=9, normalise=True) == VoxelGrid(9, "window", True)
    assert build_representation("counts", mode="signed") == Counts("signed")
    assert build_representation("time_surface", tau_us=500) == TimeSurface(tau_us=500.0)


def test_words_are_read_by_the_type_of_their_setting():
    assert parse_settings("voxel", ["bins=7", "normalise=false", "span=events"]) == {
        "bins": 7, "normalise": False, "span": "events"}
    assert parse_settings("time_surface", ["tau_us=1e4"]) == {"tau_us": 10_000.0}
    assert parse_settings("tie", []) == {}


@pytest.mark.parametrize(("kind", "settings", "message"), [
    ("tei", {}, r"unknown representation 'tei' \(did you mean tie\?\); choose tie, voxel, counts, time_surface"),
    ("tie", {"varient": "t_t"}, r"unknown setting 'varient' \(did you mean variant\?\); settings are variant, kernel"),
    ("tie", {"variant": "t2"}, "unknown variant 't2'; choose t_t, t_t0, t0_t, t0_t0"),
    ("tie", {"kernel": "x"}, "unknown kernel 'x'; choose triangle14, triangle8, est"),
    ("tie", {"variant": 3}, "tie: variant must be a word, got 3"),
    ("voxel", {"bins": "5"}, "voxel: bins must be a whole number, got '5'"),
    ("voxel", {"bins": True}, "voxel: bins must be a whole number, got True"),
    ("voxel", {"bins": 1}, "at least 2 bins"),
    ("time_surface", {"tau_us": -1.0}, "tau_us must be a positive number"),
])
def test_wrong_settings_are_refused_by_name(kind, settings, message):
    with pytest.raises(UsageError, match=message):
        build_representation(kind, **settings)


@pytest.mark.parametrize(("kind", "word", "message"), [
    ("voxel", "bins=5.0", "bins must be a whole number, got '5.0'"),
    ("voxel", "normalise=yes", "normalise must be true or false, got 'yes'"),
    ("voxel", "bins", "a setting is name=value, got 'bins'"),
    ("time_surface", "tau_us=long", "tau_us must be a number, got 'long'"),
    ("tie", "colour=red", "unknown setting 'colour'"),
    ("chart", "a=b", "unknown representation 'chart'"),
])
def test_wrong_words_are_refused_by_name(kind, word, message):
    with pytest.raises(UsageError, match=message):
        parse_settings(kind, [word])


def test_a_setting_given_twice_is_refused():
    with pytest.raises(UsageError, match="setting bins is given twice"):
        parse_settings("voxel", ["bins=3", "bins=4"])
