"""Face boxes and crops: by hand, as laws, on real recordings, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurofer.data import boxes
from neurofer.data.boxes import FaceBox, density_box, find_box, intersection_over_union, largest_cluster, locate_face
from neurofer.data.clip import Box
from neurofer.data.crop import cell_edges, crop_picture, crop_resize, square_box
from neurofer.errors import NeuroferError, UsageError
from neurofer.events.events import Events
from neurofer.events.recording import MemoryRecording


def test_a_square_keeps_the_centre_and_holds_the_box() -> None:
    assert square_box(Box(10, 20, 30, 50)) == Box(0, 20, 50, 50)
    assert square_box(Box(0, 0, 10, 10), padding=0.5) == Box(-5, -5, 20, 20)
    assert square_box(Box(3, 4, 7, 7)) == Box(3, 4, 7, 7)
    with pytest.raises(ValueError, match="need a box with an area"):
        square_box(Box(0, 0, 0, 3))


def test_a_crop_over_the_edge_is_filled() -> None:
    picture = np.arange(1, 13, dtype=np.uint8).reshape(1, 3, 4)
    assert crop_picture(picture, Box(-1, 1, 3, 3)).tolist() == [[[0, 5, 6], [0, 9, 10], [0, 0, 0]]]
    assert not crop_picture(picture, Box(9, 9, 2, 2)).any()
    assert crop_picture(picture, Box(-1, 1, 3, 3), fill=7).tolist() == [[[7, 5, 6], [7, 9, 10], [7, 7, 7]]]


def test_shrinking_averages_and_keeps_the_mean() -> None:
    picture = np.random.default_rng(0).random((2, 64, 64)).astype(np.float32)
    small = crop_resize(picture, Box(0, 0, 64, 64), 16)
    assert small.shape == (2, 16, 16)
    assert small.dtype == np.float32
    # Area averages of whole pixels.
    assert np.allclose(small[0, 0, 0], picture[0, :4, :4].mean(), atol=1e-6)
    assert np.allclose(small.mean((1, 2)), picture.mean((1, 2)), atol=1e-6)


def test_resizing_keeps_bytes_and_mirror_images() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (3, 50, 50), dtype=np.uint8)
    for size_px in (20, 50, 90):
        out = crop_resize(picture, Box(0, 0, 50, 50), size_px)
        assert out.dtype == np.uint8
        mirrored = crop_resize(np.ascontiguousarray(picture[:, :, ::-1]), Box(0, 0, 50, 50), size_px)
        # Rounding of the weights may move a byte by one.
        assert np.abs(out[:, :, ::-1].astype(int) - mirrored).max() <= 1


def test_a_box_that_is_not_square_is_not_stretched() -> None:
    picture = np.zeros((1, 40, 40), np.float32)
    picture[0, 15:25, 15:25] = 1
    out = crop_resize(picture, Box(10, 15, 20, 10), 20)
    assert out.shape == (1, 20, 20)
    assert out[0, 5:15, 5:15].all()
    assert out.sum() == 100


@pytest.mark.parametrize(("length", "size_px"), [(64, 64), (100, 64), (64, 7), (5, 16), (1, 8), (10, 15)])
def test_cells_cover_the_picture_once(length: int, size_px: int) -> None:
    edges = cell_edges(0, length, size_px, length)
    covered = np.zeros(size_px, int)
    for low, high in edges:
        assert 0 <= low <= high <= size_px
        covered[low:high] += 1
    assert covered.min() >= 1
    if length <= size_px:
        assert covered.max() == 1


def test_crops_of_pictures_and_of_events_see_the_same_place() -> None:
    events = Events([0, 1], [20, 30], [12, 17], [1, 1], (64, 48))
    from neurofer.spiking.bins import spike_tensor

    picture = np.zeros((1, 48, 64), np.float32)
    picture[0, events.y, events.x] = 1
    box = Box(12, 4, 32, 32)
    spikes = spike_tensor(events, 0, 10, 10, box, 16).spikes[0, 1]
    assert np.array_equal(crop_resize(picture, box, 16)[0] > 0, spikes > 0)


def test_overlap_and_clusters_by_hand() -> None:
    assert intersection_over_union(Box(0, 0, 10, 10), Box(5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert intersection_over_union(Box(0, 0, 10, 10), Box(10, 0, 10, 10)) == 0
    here = [Box(0, 0, 10, 10), Box(1, 0, 10, 10), Box(0, 1, 10, 10)]
    assert largest_cluster([Box(50, 50, 10, 10), *here, Box(80, 0, 5, 5)]) == here
    assert largest_cluster([]) == []


def test_the_density_box_leaves_out_eight_per_cent_on_each_side() -> None:
    counts = np.ones((50, 100), np.float32)
    assert density_box(counts) == Box(7, 3, 85, 43)
    with pytest.raises(ValueError, match="no events"):
        density_box(np.zeros((4, 4), np.float32))


def test_events_without_a_face_fall_back_to_where_they_are(small_events: Events) -> None:
    found = locate_face(MemoryRecording(small_events))
    assert found.source == "density"
    assert found.box.width <= 40


def test_the_users_box_wins(face_events: Events) -> None:
    assert locate_face(MemoryRecording(face_events), Box(1, 2, 30, 30)) == FaceBox(Box(1, 2, 30, 30), "user")
    with pytest.raises(UsageError, match="box 200,2,30,30 shows nothing of the 128x96 sensor"):
        locate_face(MemoryRecording(face_events), Box(200, 2, 30, 30))


@pytest.mark.parametrize(("box", "refused"), [
    (Box(-64, 0, 256, 9), False), (Box(0, 0, 257, 9), True), (Box(0, 0, 9, 100_000), True)])
def test_a_box_may_reach_over_the_edge_but_not_far(face_events: Events, box: Box, refused: bool) -> None:
    recording = MemoryRecording(face_events)                              # 128 x 96
    if refused:
        with pytest.raises(UsageError, match="is more than twice as long as the 128x96 sensor"):
            locate_face(recording, box)
    else:
        assert locate_face(recording, box).box == box


def test_a_recording_without_events_has_no_face() -> None:
    with pytest.raises(NeuroferError, match="no events to find a face in"):
        find_box(Events.empty((64, 64)))


def test_a_face_in_real_events_is_found(recordings: Path) -> None:
    array = np.load(recordings / "ncaltech101_face.npy")
    events = Events(array["t"], array["x"], array["y"], array["p"], (240, 180))
    found = locate_face(MemoryRecording(events))
    assert found.source == "events"
    # Read off the picture: brows at 62, chin at 145, middle of the face at 78.
    assert intersection_over_union(found.box, Box(28, 53, 101, 101)) > 0.7
    assert find_box(events) == found.box


def test_a_face_in_frames_is_found(recordings: Path) -> None:
    import cv2

    video = cv2.VideoCapture(str(recordings / "neutral_to_happy_640x360.mp4"))
    frames = [video.read()[1] for _ in range(3)]
    found = boxes.box_of_frames(frames)
    assert found is not None
    assert found.source == "frames"
    # Read off the frame: brows at 130, chin at 290, middle of the face at 294.
    assert intersection_over_union(found.box, Box(196, 106, 195, 195)) > 0.7
    assert boxes.box_of_frames([np.zeros((90, 90), np.uint8)]) is None
