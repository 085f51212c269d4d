"""Which videos are looked at, under which names, and whose truth is whose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurofer.errors import BadFileError, UsageError
from neurofer.spotting.interval import Interval
from neurofer.stream.spot.sources import find_videos, with_truth
from trees.micro_films import write_images
from trees.spot_store import write_long_store


def test_films_are_called_as_their_files_and_two_of_one_name_as_their_paths(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.avi", "sub/a.mov"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    film = write_images(tmp_path / "c.d", np.zeros((2, 4, 4), np.uint8))
    found = find_videos([tmp_path, tmp_path / "b.avi"])
    assert [source.name for source in found] == [str(tmp_path / "a.mp4"), "b", "c.d", str(tmp_path / "sub/a.mov")]
    assert found[2].path == film
    assert all(source.truth is None for source in found)


def test_a_store_gives_its_videos_or_those_of_some_people(tmp_path: Path) -> None:
    store = write_long_store(tmp_path / "store")
    assert [(source.name, source.subject, len(source.truth or ())) for source in find_videos([store])] == [
        ("a_0", "made/a", 2), ("b_0", "made/b", 1), ("b_1", "made/b", 0)]
    assert [source.name for source in find_videos([store], ["made/b"])] == ["b_0", "b_1"]
    assert [source.name for source in find_videos([store], ["a"])] == ["a_0"]
    with pytest.raises(UsageError, match="the store has no subject z; it has a, b"):
        find_videos([store], ["a", "z"])
    (store / "intervals.csv").unlink()
    with pytest.raises(BadFileError, match="intervals.csv is missing"):
        find_videos([store])
    film = write_images(tmp_path / "film", np.zeros((2, 4, 4), np.uint8))
    with pytest.raises(UsageError, match="people of a store of long videos, but none is given"):
        find_videos([film], ["a"])


def test_truth_goes_to_the_video_of_its_name(tmp_path: Path) -> None:
    films = find_videos([write_images(tmp_path / name, np.zeros((2, 4, 4), np.uint8)) for name in ("a", "b")])
    truth = [Interval("b", "micro", 0, 1), Interval("x", "macro", 0, 1)]
    found, note = with_truth(films, truth, ["b", "x"])
    assert [source.truth for source in found] == [(), (truth[0],)]
    assert note == "1 video of --truth not looked at (x)"
    with pytest.raises(UsageError, match=r"--truth: names x, y, but what is looked at is called a, b; the column"):
        with_truth(films, [], ["x", "y"])
