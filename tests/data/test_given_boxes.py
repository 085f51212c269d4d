"""Boxes that come from a table or from percentiles, and pictures that are moved to the event sensor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurofer.data.boxes import percentile_box
from neurofer.data.clip import Box
from neurofer.data.given_boxes import read_boxes, recording_name
from neurofer.data.similarity import Similarity
from neurofer.errors import UsageError

SENSOR = (100, 80)


def test_percentile_box_by_hand() -> None:
    counts = np.zeros((80, 100), np.float32)
    counts[20:61, 30:71] = 1
    # Distances from pixel (50, 40) go to 20; their 96 % is 20 across and 92 % is 19 down: 1.02 * 20 + 0.5 is 20.9.
    assert percentile_box(counts) == Box(30, 20, 42, 42)


def test_percentile_box_moves_with_the_face_and_ignores_noise_and_hot_pixels() -> None:
    generator = np.random.default_rng(1)
    counts = np.zeros((80, 100), np.float32)
    counts[20:50, 30:60] = 20
    box = percentile_box(counts)
    assert percentile_box(np.roll(counts, (7, 11), (0, 1))) == Box(box.left + 11, box.top + 7, box.width, box.height)
    assert percentile_box(7 * counts) == box
    noisy = counts + generator.integers(0, 2, counts.shape).astype(np.float32)
    noisy[3, 97] = 900
    # One hot pixel among 900 active ones moves the mean place by a twentieth of a pixel, which may round up once.
    np.testing.assert_allclose(percentile_box(noisy), box, atol=1)
    with pytest.raises(ValueError, match="no events"):
        percentile_box(np.zeros((8, 8), np.float32))


def test_the_median_of_a_recordings_rows(tmp_path: Path) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text("a,1,10,10,30,30\na_cd,2,12,10,31,30\nfolder/a.raw,3,40,11,32.4,30\nb,0,1,1,2\nc,0,nan,1,1,1\n")
    boxes, problems = read_boxes(table, SENSOR)
    assert boxes == {"a": Box(12, 10, 31, 30)}
    assert [problem.where for problem in problems] == [f"{table}:4", f"{table}:5"]
    assert recording_name("x/user01_cd.raw") == "user01"


def test_a_table_of_boxes_that_is_not_there(tmp_path: Path) -> None:
    assert str(read_boxes(tmp_path / "none.csv", SENSOR)[1][0]) == f"{tmp_path / 'none.csv'}: is missing"


def test_a_similarity_maps_pixels_as_it_says() -> None:
    picture = np.zeros((40, 50), np.uint8)
    picture[10, 20] = 200
    moved = Similarity(1, 0, 5, 7).warp(picture, SENSOR)
    assert (moved.shape, moved[17, 25], np.count_nonzero(moved)) == ((80, 100), 200, 1)
    turned = Similarity(1, 90, 60, 0).warp(picture, SENSOR)
    assert turned[20, 50] == 200
    bigger = Similarity(2).warp(picture, SENSOR)
    assert (bigger[20, 40], bigger.sum()) == (200, 800)


def test_shrinking_keeps_the_mean_and_the_place() -> None:
    generator = np.random.default_rng(0)
    picture = generator.integers(0, 255, (320, 400)).astype(np.uint8)
    small = Similarity.fit((400, 320), SENSOR).warp(picture, SENSOR)
    assert small.std() < picture.std() / 3
    # Means of 16 pixels, rounded once.
    np.testing.assert_allclose(small, picture.reshape(80, 4, 100, 4).mean((1, 3)), atol=1)


def test_the_whole_picture_fits_in_the_middle() -> None:
    white = np.full((100, 100), 255, np.uint8)
    fitted = Similarity.fit((100, 100), SENSOR).warp(white, SENSOR)
    assert (fitted[:, 11:89] > 250).all()
    assert not fitted[:, :9].any()
    assert not fitted[:, 91:].any()


@pytest.mark.parametrize("text", ["", "fit,1", "1,2,3", "nan,0,0,0", "-1,0,0,0", "1,0,1e9,0"])
def test_words_that_are_no_similarity(text: str) -> None:
    with pytest.raises(UsageError, match="similarity"):
        Similarity.parse(text)
