"""``neurofer show``."""

import numpy as np
import pytest

from neurofer.events import write_recording
from neurofer.events.recording import MemoryRecording
from neurofer.plot.frames import GROUND, ON_COLOUR, count_pixels, frame_image, make_sheet


@pytest.fixture
def source(tmp_path, face_events):
    write_recording(tmp_path / "face.npz", face_events)
    return tmp_path / "face.npz"


@pytest.mark.parametrize("suffix", ["png", "svg", "gif"])
def test_pictures(run_cli, source, tmp_path, suffix):
    image = pytest.importorskip("PIL.Image")
    out = tmp_path / f"out.{suffix}"
    result = run_cli("show", source, "-o", out, "--window-us", "20000")
    assert result.code == 0, result.err
    assert result.out == f"{out}: {15 if suffix == 'gif' else 8} frames of 20000 events\n"
    if suffix == "gif":
        with image.open(out) as film:
            assert (film.n_frames, film.info["loop"]) == (15, 0)
    elif suffix == "png":
        with image.open(out) as picture:
            assert picture.width > 800


@pytest.mark.parametrize(("name", "words", "code", "sentence"), [
    ("out.bmp", (), 2, "ends in .png, .pdf, .svg or .gif"),
    ("out.png", ("--frames", "100"), 2, "holds at most 64"),
    ("out.png", ("--sensor", "64x48"), 2, "contradicts the given 64x48"),
])
def test_refusals(run_cli, source, tmp_path, name, words, code, sentence):
    result = run_cli("show", source, "-o", tmp_path / name, *words)
    assert result.code == code
    assert sentence in result.err
    assert not (tmp_path / name).exists()


def test_nothing_to_show(run_cli, tmp_path):
    (tmp_path / "none.raw").write_bytes(b"% evt 3.0\n% geometry 64x48\n% end\n")
    result = run_cli("show", tmp_path / "none.raw", "-o", tmp_path / "out.png")
    assert result.code == 1
    assert "holds no events, so there is nothing to show" in result.err
    assert not (tmp_path / "out.png").exists()


def test_frames_hold_the_events_of_their_windows(face_events):
    sheet = make_sheet(MemoryRecording(face_events), frames=5, window_us=10_000)
    assert len(sheet.frames) == 5
    for frame in sheet.frames:
        events = face_events.between(frame.start_us, frame.stop_us)
        assert frame.counts.sum() == len(events)
        assert frame.counts[1].sum() == events.p.sum()
    widths = np.diff(sheet.edges_us) / 1e6
    assert (sheet.rate * widths).sum() == pytest.approx(len(face_events))


def test_colours():
    counts = np.zeros((2, 1, 3), np.uint16)
    counts[1, 0, 1], counts[0, 0, 2] = 9, 9
    image = frame_image(counts, 4.0)
    assert image[0, 0] == pytest.approx(GROUND)
    assert image[0, 1] == pytest.approx(ON_COLOUR)
    assert image[0, 2, 2] > image[0, 2, 0]


def test_counting_stays_inside():
    counts = np.zeros((2, 2, 2), np.uint16)
    counts[1, 0, 0] = 65_535
    x, y = np.array([0, 1, 9, 0], np.uint16), np.array([0, 1, 0, 9], np.uint16)
    count_pixels(x, y, np.ones(4, bool), 0, counts)
    assert counts.sum() == 65_535 + 1
