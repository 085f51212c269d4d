"""Faces in a crop: eyes come to fixed places, boxes and whole pictures fill it, and frames keep their light."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from neurofer.data.clip import Box
from neurofer.data.micro import faces
from neurofer.data.micro.align import EYES, Landmarks, aligned, alignment_of, whole_picture
from neurofer.data.micro.faces import MOST_TURN_DEGREES, find_eyes, found_alignment, given_alignment
from neurofer.data.similarity import Similarity
from neurofer.errors import UsageError
from trees.faces import face_frames


def lies_at(similarity: Similarity, point: tuple[float, float]) -> tuple[float, float]:
    x, y = similarity.matrix @ (*point, 1.0)
    return float(x), float(y)


def texture(width: int, height: int) -> NDArray[np.uint8]:
    """Smooth, so that interpolation hardly matters; different everywhere."""
    y, x = np.mgrid[:height, :width]
    return np.rint(128 + 60 * np.sin(x / 9) + 50 * np.cos(y / 7 + x / 31)).astype(np.uint8)


@pytest.mark.parametrize(("left", "right"), [((30.0, 40.0), (66.0, 40.0)), ((100.0, 50.0), (160.0, 74.0)),
                                             ((61.5, 90.0), (80.0, 84.0))])
def test_eyes_come_to_their_places(left: tuple[float, float], right: tuple[float, float]) -> None:
    similarity = alignment_of(Landmarks(left, right), 200)
    for point, goal in zip((left, right), EYES, strict=True):
        # Places are shares of the side from the corner; a pixel's centre is half a pixel further.
        assert lies_at(similarity, point) == pytest.approx((goal[0] * 200 - 0.5, goal[1] * 200 - 0.5), abs=1e-9)


def test_a_level_face_of_the_crops_own_size_is_only_shifted() -> None:
    similarity = alignment_of(Landmarks((10.0, 20.0), (46.0, 20.0)), 100)
    assert (similarity.scale, similarity.degrees) == pytest.approx((1.0, 0.0))
    assert (similarity.x_px, similarity.y_px) == pytest.approx((21.5, 9.5))


def test_either_eye_may_be_called_left() -> None:
    one, other = (40.0, 30.0), (90.0, 36.0)
    assert alignment_of(Landmarks(one, other)) == alignment_of(Landmarks(other, one))


@pytest.mark.parametrize("right", [(12.0, 11.0), (10.0, 10.0), (float("nan"), 10.0)])
def test_eyes_at_one_place_are_refused(right: tuple[float, float]) -> None:
    with pytest.raises(UsageError, match="pixels apart; need two places"):
        alignment_of(Landmarks((10.0, 10.0), right))


def test_the_square_of_a_box_becomes_the_crop() -> None:
    similarity = alignment_of(Box(10, 20, 40, 60), 120)  # its square is 60 wide, from x = 0, y = 20
    assert similarity.scale == 2.0
    assert lies_at(similarity, (-0.5, 19.5)) == pytest.approx((-0.5, -0.5))
    assert lies_at(similarity, (59.5, 79.5)) == pytest.approx((119.5, 119.5))


def test_a_whole_picture_keeps_its_aspect_and_lies_in_the_middle() -> None:
    similarity = whole_picture(50, 100, 200)
    assert lies_at(similarity, (-0.5, -0.5)) == pytest.approx((49.5, -0.5))
    assert lies_at(similarity, (49.5, 99.5)) == pytest.approx((149.5, 199.5))


def test_the_crop_of_a_box_of_its_own_size_is_that_part_of_the_frame() -> None:
    frame = texture(90, 70)
    crop = aligned(frame, alignment_of(Box(20, 10, 48, 48), 48), 48)
    np.testing.assert_array_equal(crop, frame[10:58, 20:68])


def test_the_frames_edge_goes_on_where_the_crop_is_beyond_it() -> None:
    frame = texture(60, 40)
    crop = aligned(frame, alignment_of(Box(-8, 4, 32, 32), 32), 32)
    np.testing.assert_array_equal(crop[:, :8], np.repeat(frame[4:36, :1], 8, axis=1))
    beyond = aligned(frame, alignment_of(Box(100, 4, 32, 32), 32), 32)
    np.testing.assert_array_equal(beyond, np.repeat(frame[4:36, -1:], 32, axis=1))


def test_a_turned_face_is_turned_back() -> None:
    import cv2

    frame, eyes = texture(160, 160), Landmarks((60.0, 70.0), (100.0, 70.0))
    turn = cv2.getRotationMatrix2D((80, 80), 12, 1)
    turned = np.asarray(cv2.warpAffine(frame, turn, (160, 160)), np.uint8)
    moved = Landmarks(*((float(x), float(y)) for x, y in (turn @ (*eye, 1.0) for eye in eyes)))
    level, back = (aligned(one, alignment_of(where, 96), 96).astype(int)
                   for one, where in ((frame, eyes), (turned, moved)))
    # Twice interpolated, a texture of 45 pixels a wave differs by a few grey levels of 220.
    assert np.abs(level - back).max() <= 4


def test_a_shifted_frame_with_shifted_eyes_gives_the_same_crop() -> None:
    frame, eyes = texture(200, 160), Landmarks((60.0, 60.0), (100.0, 66.0))
    shifted = Landmarks(*((x - 9, y - 5) for x, y in eyes))
    np.testing.assert_array_equal(aligned(frame, alignment_of(eyes, 64), 64),
                                  aligned(np.ascontiguousarray(frame[5:, 9:]), alignment_of(shifted, 64), 64))


def test_shrinking_averages_fine_texture() -> None:
    board = (255 * (np.indices((240, 240)).sum(axis=0) % 2)).astype(np.uint8)
    crop = aligned(board, whole_picture(240, 240, 70), 70)
    # Without the blur, a checkerboard becomes waves of 0 to 255; its rim goes on as stripes.
    assert np.abs(crop[2:-2, 2:-2].astype(int) - 127.5).max() <= 1.5


def test_an_even_frame_stays_even() -> None:
    frame = np.full((50, 80), 137, np.uint8)
    assert np.unique(aligned(frame, Similarity(0.3, 20, 5, -3), 32)).tolist() == [137]


@pytest.mark.parametrize("degrees", [0, -12])
def test_the_detector_brings_eyes_near_their_places(degrees: float) -> None:
    import cv2

    frame = face_frames(1, "neutral", 0, 1, 256)[0]
    turn = cv2.getRotationMatrix2D((128, 128), degrees, 1)
    turned = np.asarray(cv2.warpAffine(frame, turn, (256, 256), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    found = found_alignment([np.zeros((256, 256), np.uint8), turned], 128)
    assert found is not None
    assert found.by == "detected eyes"
    assert found.similarity.degrees == pytest.approx(degrees, abs=4)
    again = find_eyes(aligned(turned, found.similarity, 128), Box(0, 0, 128, 128))
    assert again is not None
    for eye, goal in zip(again, EYES, strict=True):
        # The cascade's own places scatter by 2 pixels of 128.
        assert eye == pytest.approx((goal[0] * 128, goal[1] * 128), abs=5)


def test_without_eyes_a_face_is_taken_upright(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = face_frames(1, "neutral", 0, 1, 256)[0]
    with_eyes = found_alignment([frame], 128)
    monkeypatch.setattr(faces, "find_eyes", lambda *_: None)
    without = found_alignment([frame], 128)
    assert with_eyes is not None
    assert without is not None
    assert (without.by, without.similarity.degrees) == ("detected box", 0.0)
    # About the same crop: within a tenth in size.
    assert without.similarity.scale == pytest.approx(with_eyes.similarity.scale, rel=0.1)


def test_no_eyes_in_an_even_picture() -> None:
    assert find_eyes(np.full((256, 256), 128, np.uint8), Box(50, 50, 160, 160)) is None


def test_a_steep_eye_line_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    places = iter([[(100.0, 90.0)], [(150.0, 90.0 + 50 * np.tan(np.radians(MOST_TURN_DEGREES + 1)))]])
    monkeypatch.setattr(faces, "_eye_places", lambda *_: next(places))
    assert find_eyes(np.zeros((256, 256), np.uint8), Box(50, 50, 160, 160)) is None


def test_frames_without_a_face_have_no_alignment() -> None:
    assert found_alignment([texture(160, 120), np.zeros((120, 160), np.uint8)], 64) is None


def test_what_the_user_says_wins_in_order() -> None:
    eyes, box = Landmarks((20.0, 30.0), (60.0, 30.0)), Box(5, 5, 60, 60)
    said = [given_alignment((100, 80), 64, *more) for more in ((eyes, box, True), (None, box, True), (None, None, True),
                                                               (None, None, False))]
    assert [one and one.by for one in said] == ["landmarks", "user box", "whole picture", None]


@pytest.mark.parametrize(("eyes", "box", "why"), [
    (Landmarks((20.0, 30.0), (100.0, 30.0)), None, "not both inside the 100x80 picture"),
    (None, Box(120, 0, 10, 10), "shows nothing of the 100x80 sensor")])
def test_a_face_outside_of_the_picture_is_refused(eyes: Landmarks | None, box: Box | None, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        given_alignment((100, 80), 64, eyes, box)
