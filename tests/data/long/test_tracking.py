"""The face of a long video: one similarity for all frames, or one that follows the looks without jumps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from neurofer.data.clip import Box
from neurofer.data.long import tracking
from neurofer.data.long.tracking import FaceTracker, NoFaceError, aligned_frames, blended, smoothing_share
from neurofer.data.micro.align import Landmarks, aligned, alignment_of, whole_picture
from neurofer.data.micro.faces import Alignment, found_alignment
from neurofer.data.similarity import Similarity
from neurofer.errors import UsageError
from neurofer.stream.micro.films import FaceHint
from trees.faces import face_frames

EYES = Landmarks((20.0, 20.0), (44.0, 24.0))


def numbered(count: int) -> list[NDArray[np.uint8]]:
    """Frames of noise, each another one; their top left pixel is their number."""
    frames = np.random.default_rng(0).integers(0, 256, (count, 48, 64)).astype(np.uint8)
    frames[:, 0, 0] = np.arange(count)
    return list(frames)


@pytest.fixture
def found_at(monkeypatch: pytest.MonkeyPatch) -> dict[int, Similarity]:
    """What the detector finds, by the number of a frame; to be filled by the test."""
    there: dict[int, Similarity] = {}

    def look(frames: list[NDArray[np.uint8]], size_px: int) -> Alignment | None:
        (frame,) = frames
        found = there.get(int(frame[0, 0]))
        return None if found is None else Alignment(found, "detected eyes")

    monkeypatch.setattr(tracking, "found_alignment", look)
    return there


def wanted(frames: list[NDArray[np.uint8]], similarities: list[Similarity], size_px: int = 32) -> NDArray[np.uint8]:
    return np.stack([aligned(frame, similarity, size_px) for frame, similarity in zip(frames, similarities,
                                                                                       strict=True)])


def test_the_first_face_holds_for_all_frames(found_at: dict[int, Similarity]) -> None:
    first, frames = Similarity(0.5, 3, 2, 1), numbered(40)
    found_at.update({0: first, 10: Similarity(0.7)})
    tracker = FaceTracker(32)
    np.testing.assert_array_equal(np.stack(list(tracker(frames, 10))), wanted(frames, [first] * 40))
    assert (tracker.by, tracker.looks, tracker.without_face, dict(tracker.found)) == ("detected eyes", 1, 0,
                                                                                     {"detected eyes": 1})


def test_a_face_that_is_seen_late_holds_from_the_start(found_at: dict[int, Similarity]) -> None:
    late, frames = Similarity(0.5), numbered(60)
    found_at.update({5: Similarity(0.9), 30: late})  # at 40 fps, frames 0, 10, 20, 30 and 40 are searched
    tracker = FaceTracker(32)
    np.testing.assert_array_equal(np.stack(list(tracker(frames, 40))), wanted(frames, [late] * 60))
    assert (tracker.looks, tracker.without_face) == (4, 3)


@pytest.mark.parametrize(("count", "fps", "said"), [
    (60, 40.0, "frames 0, 10, 20, 30, 40;"), (25, 40.0, "frames 0, 10, 20;"), (1, 40.0, "frame 0;"),
    (60, 2.0, "frames 0, 1, 2, 3, 4;")])
def test_no_face_is_one_sentence(found_at: dict[int, Similarity], count: int, fps: float, said: str) -> None:
    found_at[50] = Similarity(1)
    with pytest.raises(NoFaceError, match="detector finds in " + said) as caught:
        list(FaceTracker(32, name="006_1")(numbered(count), fps))
    assert str(caught.value).startswith("006_1: shows no face")
    assert "give --eyes or --box, or --whole" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("hint", "by", "similarity"), [
    ((EYES, Box(0, 0, 9, 9), True), "landmarks", alignment_of(EYES, 32)),
    ((None, Box(4, 4, 40, 40), True), "user box", alignment_of(Box(4, 4, 40, 40), 32)),
    (FaceHint(whole=True), "whole picture", whole_picture(64, 48, 32))])
def test_the_users_word_holds_for_all_frames(found_at: dict[int, Similarity], hint: tracking.Hint, by: str,
                                             similarity: Similarity) -> None:
    tracker, frames = FaceTracker(32, hint, realign_s=0.2), numbered(9)
    np.testing.assert_array_equal(np.stack(list(tracker(frames, 10))), wanted(frames, [similarity] * 9))
    assert (tracker.by, tracker.looks) == (by, 0)


def test_looks_are_smoothed_and_frames_between_glide(found_at: dict[int, Similarity]) -> None:
    """Shifts alone, at a scale of 1: worked out by hand."""
    frames = numbered(11)
    found_at.update({0: Similarity(1, 0, 0, 0), 4: Similarity(1, 0, -8, 4), 8: Similarity(1, 0, -8, 4)})
    share = 1 - math.exp(-0.4 / 2)
    one = share * -8
    two = one + share * (-8 - one)
    xs = [0, one / 4, one / 2, 3 * one / 4, *np.linspace(one, two, 5), two, two]
    found = np.stack(list(aligned_frames(frames, 10, 32, realign_s=0.4)))
    by_hand = wanted(frames, [Similarity(1, 0, float(x), float(-x / 2)) for x in xs])
    assert np.abs(found.astype(int) - by_hand).max() <= 1  # rounding of the shifts, then of the pixels
    np.testing.assert_array_equal(found[0], by_hand[0])


def test_no_face_in_a_later_look_holds_the_crop(found_at: dict[int, Similarity]) -> None:
    frames, first = numbered(30), Similarity(0.6, 2, 1, 1)
    found_at[0] = first
    tracker = FaceTracker(32, realign_s=0.5)
    np.testing.assert_array_equal(np.stack(list(tracker(frames, 10))), wanted(frames, [first] * 30))
    assert (tracker.looks, tracker.without_face) == (6, 5)


@pytest.mark.parametrize("realign_s", [0.0, 0.5, 100.0])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 6, 21])
def test_every_frame_comes_once(found_at: dict[int, Similarity], count: int, realign_s: float) -> None:
    found_at.update({number: Similarity(1, 0, -number, 0) for number in range(count)})
    frames = numbered(count)
    for frame in frames:
        frame[:, :] = frame[0, 0]
    assert [int(one[5, 5]) for one in aligned_frames(frames, 10, 32, realign_s=realign_s)] == list(range(count))


@pytest.mark.parametrize(("realign_s", "ahead"), [(0.0, 1), (0.5, 6)])
def test_few_frames_are_read_ahead(found_at: dict[int, Similarity], realign_s: float, ahead: int) -> None:
    read = itertools.count()

    def endless() -> Iterator[NDArray[np.uint8]]:
        frame = np.zeros((48, 64), np.uint8)
        while next(read) >= 0:
            yield frame

    found_at[0] = Similarity(1)
    stream = aligned_frames(endless(), 10, 32, realign_s=realign_s)
    for number in range(100):
        next(stream)
        had = next(read)  # one more than were read
        read = itertools.count(had)
        assert had - number <= ahead


def test_more_than_memory_holds_is_refused(found_at: dict[int, Similarity], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "MOST_HELD_BYTES", 100 * 64 * 48)
    found_at[0] = Similarity(1)
    with pytest.raises(UsageError, match=r"--realign-s 11 holds 110 frames of 64x48 pixels, .*; give 10 or less"):
        list(FaceTracker(32, realign_s=11)(numbered(2), 10))
    assert len(list(FaceTracker(32, realign_s=10)(numbered(2), 10))) == 2


@pytest.mark.parametrize("realign_s", [-1, math.nan, math.inf])
def test_impossible_times_are_refused(realign_s: float) -> None:
    with pytest.raises(UsageError, match="--realign-s: need 0 to 600 seconds"):
        FaceTracker(32, realign_s=realign_s)


def test_a_blend_moves_the_crop_on_straight_lines() -> None:
    one, other = Similarity(0.5, 10, 30, -20), Similarity(0.8, -15, -7, 3)
    half = blended(one, other, 0.25)
    for corner in ((0, 0), (31, 0), (0, 31), (31, 31)):
        places = [np.linalg.solve(each.matrix[:, :2], corner - each.matrix[:, 2]) for each in (one, other, half)]
        np.testing.assert_allclose(places[2], 0.75 * places[0] + 0.25 * places[1], atol=1e-9)  # sums of doubles
    assert blended(one, other, 0) is one
    assert blended(one, one, 0.3) is one


def test_smoothing_does_not_depend_on_how_often_it_looks() -> None:
    once, twice = smoothing_share(1.0), smoothing_share(0.5)
    assert 1 - once == pytest.approx((1 - twice) ** 2)
    assert smoothing_share(0.5) < 0.25  # what tracking.SMOOTHING_S promises of half a second


def test_a_head_that_moves_is_followed_without_a_jump() -> None:
    """Real detections: a drawn face that drifts 40 pixels in 4 s within a larger picture, and stays there for 5 s."""
    face = face_frames(1, "neutral", 0, 1, 160)[0]
    frames = []
    for number in range(90):
        frame = np.full((200, 300), int(face[0, 0]), np.uint8)
        left = 20 + (number // 2 if number < 40 else 20) * 2
        frame[20:180, left : left + 160] = face
        frames.append(frame)
    still, moving = FaceTracker(64), FaceTracker(64, realign_s=1)
    held, followed = np.stack(list(still(frames, 10))), np.stack(list(moving(frames, 10)))
    assert (still.by, moving.by, moving.looks, moving.without_face) == ("detected eyes", "detected eyes", 9, 0)
    last = found_alignment(frames[-1:], 64)
    assert last is not None
    centred = aligned(frames[-1], last.similarity, 64).astype(int)
    assert np.abs(followed[-1] - centred).mean() < 0.4 * np.abs(held[-1] - centred).mean()
    own, steps = (np.abs(np.diff(each.astype(int), axis=0)).mean(axis=(1, 2)) for each in (held, followed))
    assert steps.max() < 1.1 * own.max()  # the face itself moves 2 pixels at every other frame; no look adds a jump
