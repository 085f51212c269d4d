"""Pictures of a window: counts by hand, house colours, bounded sizes."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.events.picture import OFF_COLOUR, ON_COLOUR, count_events
from neurofer.represent import build_representation
from neurofer.stream.web.pictures import (
    LONGEST_PX,
    Painter,
    colour_picture,
    event_picture,
    face_picture,
    full_count,
)
from trees.running_stream import BOX, RunningStream


def test_colours_are_those_of_the_figures_and_silence_is_see_through() -> None:
    counts = np.array([[[0, 9, 0]], [[9, 0, 0]]])
    picture = event_picture(counts, 4.0)
    assert picture[0, 0].tolist() == [*(round(255 * part) for part in ON_COLOUR), 255]
    assert picture[0, 1].tolist() == [*(round(255 * part) for part in OFF_COLOUR), 255]
    assert picture[0, 2].tolist() == [0, 0, 0, 0]


def test_brightness_follows_slowly_and_stands_still_in_silence() -> None:
    counts = np.zeros((2, 4, 4), np.int64)
    assert full_count(counts, 7.0) == 7.0
    counts[0] = 20
    assert full_count(counts, 0.0) == 20.0
    assert full_count(counts, 10.0) == pytest.approx(11.0)  # floating point


def test_the_face_is_tie_of_the_box_at_its_own_size() -> None:
    shown = RunningStream(first=5).window()
    face = face_picture()(shown)
    whole = build_representation("tie")(shown.events, (shown.start_us, shown.stop_us))
    assert face.shape == (3, 88, 88)  # the square around the box of 72 x 88
    np.testing.assert_array_equal(face[:, :, 8:80], whole[:, 14:102, 44:116])
    assert face_picture()(shown._replace(box=None)) is None


def test_other_representations_are_grey() -> None:
    grid = np.zeros((5, 4, 4), np.float32)
    grid[:, 1, 2] = -2.0
    picture = colour_picture(grid)
    assert picture[1, 2].tolist() == [255, 255, 255]
    assert picture.sum() == 3 * 255
    with pytest.raises(ValueError, match="C, height, width"):
        colour_picture(grid[0])


def test_parts_are_png_files_and_rasters() -> None:
    import cv2

    shown = RunningStream(first=5, backend="snn").window()
    parts = {f"{part.facts['name']}{part.facts.get('layer', '')}": part for part in Painter().parts(shown)}
    assert set(parts) == {"event", "face", "rasterconv1", "rasterconv2", "rasteroutput"}
    event = cv2.imdecode(np.frombuffer(parts["event"].data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert event.shape == (120, 160, 4)
    assert (event[..., 3] > 0).sum() == (count_events(shown.events, LONGEST_PX).sum(0) > 0).sum()
    raster = np.frombuffer(parts["rasterconv2"].data, np.uint8).reshape(10, 64)
    np.testing.assert_array_equal(raster, shown.raster["conv2"])
    assert "face" not in {part.facts["name"] for part in Painter().parts(shown._replace(box=None))}
    assert BOX.height == 88
