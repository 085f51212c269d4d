"""Frames from videos and folders, frames in between, and what is refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from neurofer.errors import BadFileError, UsageError
from neurofer.events import open_recording
from neurofer.simulate.film_events import simulate_to_file
from neurofer.simulate.settings import PRESETS
from neurofer.simulate.upsample import Upsampler, blend, motion_px
from neurofer.simulate.video import natural_key, open_frames


def picture(shift=0.0, size=(48, 32)):
    width, height = size
    y, x = np.mgrid[:height, :width]
    light = 128 + 60 * np.sin((x - shift) / 4.0) * np.cos(y / 5.0) + 40 * np.sin((x - shift) / 9 + y / 7)
    return light.astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "frames"
    place.mkdir()
    for number in range(12):
        cv2.imwrite(str(place / f"f{number}.png"), picture(0.5 * number))
    return place


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (48, 32))
    for number in range(30):
        writer.write(cv2.cvtColor(picture(0.5 * number), cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def test_natural_order(folder):
    names = ["f10.png", "f2.png", "F1.png", "a.png"]
    assert sorted(names, key=natural_key) == ["a.png", "F1.png", "f2.png", "f10.png"]
    source = open_frames(folder, fps=100)
    assert [path.name for path in source.images] == [f"f{number}.png" for number in range(12)]
    frames = list(source)
    assert [t_us for _, t_us in frames] == [10_000 * number for number in range(12)]
    np.testing.assert_array_equal(frames[10][0], picture(5.0))


def test_a_video_keeps_its_times_unless_told(video):
    source = open_frames(video)
    assert (source.size, source.fps, source.frames) == ((48, 32), 25, 30)
    assert [t_us for _, t_us in source] == [40_000 * number for number in range(30)]
    assert [t_us for _, t_us in open_frames(video, fps=250)][-1] == 29 * 4_000
    frame, _ = next(iter(open_frames(video, size=(24, 16))))
    assert frame.shape == (16, 24)


def test_blending_by_hand():
    first, second = np.zeros((1, 2), np.uint8), np.array([[100, 200]], np.uint8)
    between = list(blend(first, second, [0.25, 0.5]))
    np.testing.assert_allclose(between, [[[25, 50]], [[50, 100]]])


def test_upsampling_follows_the_motion():
    assert motion_px(picture(0), picture(0)) == 0
    assert motion_px(picture(0, (160, 120)), picture(3, (160, 120))) == pytest.approx(3, abs=1)
    still, fast = (Upsampler(), Upsampler())
    assert len(list(still([(picture(0), 0), (picture(0), 1000)]))) == 2
    steps = list(fast([(picture(0, (160, 120)), 0), (picture(3, (160, 120)), 900)]))
    assert 3 <= fast.steps <= 5
    assert len(steps) == fast.steps + 1
    assert [t_us for _, t_us in steps] == [round(900 * number / fast.steps) for number in range(fast.steps + 1)]


def test_upsampling_obeys_exposure_and_own_interpolation():
    calls = []

    def middle(before, after, shares):
        calls.append(shares)
        return [before.astype(np.float32) for _ in shares]

    steps = list(Upsampler(exposure_us=5_000, interpolate=middle)([(picture(0), 0), (picture(0.1), 33_333)]))
    assert len(steps) == 8
    assert max(np.diff([t_us for _, t_us in steps])) <= 5_000
    assert len(calls) == 1
    with pytest.raises(ValueError, match="factor of 0 to 1000"):
        Upsampler(-1)


@pytest.mark.parametrize("name", ["out.npz", "out", "out.csv"])
def test_a_film_becomes_a_recording_with_a_manifest(folder, tmp_path, name):
    import json

    source = open_frames(folder, fps=100)
    done = simulate_to_file(source, tmp_path / name, PRESETS["clean"], preset="clean", seed=3)
    with open_recording(tmp_path / name, sensor=(48, 32)) as recording:
        assert recording.sensor == (48, 32)
        assert recording.report().events == done.info.events > 500
        assert 0 < recording.start_us < recording.end_us <= 110_000
    told = json.loads((tmp_path / f"{name}.json").read_text())
    assert told["events"] == done.info.events
    assert told["seed"] == 3
    assert told["upsampling"]["method"] == "linear blending"
    assert told["film"]["frames"] == 12
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_video_that_breaks_off_leaves_an_earlier_result(video, tmp_path):
    out = tmp_path / "out.npz"
    simulate_to_file(open_frames(video), out, PRESETS["clean"])
    before = out.read_bytes()
    content = video.read_bytes()
    video.write_bytes(content[: len(content) // 2])
    with pytest.raises(BadFileError, match=r"film\.avi"):
        simulate_to_file(open_frames(video), out, PRESETS["clean"])
    assert out.read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_video_damaged_in_the_middle_is_an_error(video, tmp_path):
    content = bytearray(video.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8000] = bytes(8000)
    video.write_bytes(bytes(content))
    with pytest.raises(BadFileError, match=r"breaks off after frame \d+ of 30"):
        list(open_frames(video))


@pytest.mark.parametrize("content", [b"", b"text, not film\n" * 50, bytes(range(256)) * 40])
def test_what_is_not_a_video_is_refused(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(BadFileError, match="a.mp4: (is empty|is not a video|holds no frame)"):
        open_frames(path)


def test_bad_folders_are_refused(folder, tmp_path):
    with pytest.raises(BadFileError, match="no such video or folder"):
        open_frames(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadFileError, match="empty: holds no image"):
        open_frames(tmp_path / "empty", fps=30)
    with pytest.raises(UsageError, match="give --fps"):
        open_frames(folder)
    (folder / "f11.png").write_bytes(b"not an image")
    with pytest.raises(BadFileError, match=r"f11\.png: is not an image"):
        list(open_frames(folder, fps=30))
    cv2.imwrite(str(folder / "f11.png"), picture(0, (50, 32)))
    with pytest.raises(BadFileError, match=r"f11\.png: is 50x32, but f0\.png is 48x32"):
        list(open_frames(folder, fps=30))
    (folder / "notes.txt").write_text("x")
    with pytest.raises(BadFileError, match=r"holds notes\.txt, not an image"):
        open_frames(folder, fps=30)


@pytest.mark.parametrize("fps", [0, -5, float("nan"), float("inf"), 2e6])
def test_impossible_rates_are_refused(folder, video, fps):
    for path in (folder, video):
        with pytest.raises(UsageError, match="--fps"):
            open_frames(path, fps=fps)
