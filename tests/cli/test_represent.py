"""``neurofer represent`` on files of every kind and on wrong words."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.events import write_columns
from neurofer.events.events import Events
from neurofer.represent import Counts, Tencode, Tie, VoxelGrid

START_US = 5_000_000


@pytest.fixture
def recording(tmp_path, small_events):
    """A store of columns whose clock starts at 5 s."""
    moved = Events(small_events.t + START_US, small_events.x, small_events.y, small_events.p, small_events.sensor)
    write_columns(tmp_path / "recording", moved, moved.sensor)
    return tmp_path / "recording", moved


def test_array_as_computed_with_start_counted_from_the_first_event(run_cli, recording, tmp_path):
    path, events = recording
    result = run_cli("represent", path, "--kind", "tie", "--set", "variant=t0_t", "--set", "kernel=est",
                     "--start-us", 10_000, "--window-us", 20_000, "-o", tmp_path / "out.npy")
    assert result.code == 0, result.err
    window = (events.start_us + 10_000, events.start_us + 30_000)
    expected = Tie("t0_t", "est")(events, window, origin_us=events.start_us)
    array = np.load(tmp_path / "out.npy", allow_pickle=False)
    np.testing.assert_array_equal(array, expected)
    assert array.dtype == np.uint8
    assert "Tie(variant='t0_t', kernel='est', scale='sensor')" in result.out


def test_origin_zero_takes_the_stored_clock(run_cli, recording, tmp_path):
    path, events = recording
    assert run_cli("represent", path, "--set", "variant=t_t", "--set", "kernel=est", "--origin", "zero",
                   "-o", tmp_path / "out.npy").code == 0
    expected = Tie("t_t", "est")(events, (events.start_us, events.start_us + 33_333), origin_us=0)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)


@pytest.mark.parametrize(("kind", "word", "recipe"), [
    ("voxel", "bins=3", VoxelGrid(3)), ("counts", "mode=signed", Counts("signed"))])
def test_other_kinds(run_cli, recording, tmp_path, kind, word, recipe):
    path, events = recording
    assert run_cli("represent", path, "--kind", kind, "--set", word, "-o", tmp_path / "out.npy").code == 0
    expected = recipe(events, (events.start_us, events.start_us + 33_333))
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)


@pytest.mark.parametrize("recipe", [Tie(), Tencode()])
def test_picture_in_colour_is_the_image_itself(run_cli, recording, tmp_path, recipe):
    import cv2

    path, events = recording
    assert run_cli("represent", path, "--kind", recipe.kind, "-o", tmp_path / "out.png").code == 0
    picture = cv2.cvtColor(cv2.imread(str(tmp_path / "out.png")), cv2.COLOR_BGR2RGB)
    expected = recipe(events, (events.start_us, events.start_us + 33_333))
    np.testing.assert_array_equal(picture, np.moveaxis(expected, 0, -1))


@pytest.mark.parametrize("kind", ["voxel", "counts", "time_surface", "event_frame", "tbr_tensor", "est"])
def test_picture_of_the_others_is_a_figure(run_cli, recording, tmp_path, kind):
    assert run_cli("represent", recording[0], "--kind", kind, "-o", tmp_path / "out.png").code == 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("kind", "empty"), [("tie", 0), ("event_frame", 128), ("tencode", 255)])
def test_a_window_behind_the_end_is_empty_and_said(run_cli, recording, tmp_path, kind, empty):
    result = run_cli("represent", recording[0], "--kind", kind, "--start-us", 10_000_000, "-o", tmp_path / "out.npy")
    assert result.code == 0
    assert "no events" in result.err
    assert f"all is {empty}" in result.err
    assert (np.load(tmp_path / "out.npy") == empty).all()


@pytest.mark.parametrize(("words", "message"), [
    (["--kind", "voxels", "-o", "out.npy"], "choose tie, voxel, counts, time_surface"),
    (["--set", "variant=t9", "-o", "out.npy"], "choose t_t, t_t0, t0_t, t0_t0"),
    (["--set", "kernel=x", "-o", "out.npy"], "choose triangle14, triangle8, est"),
    (["--set", "speed=3", "-o", "out.npy"], "settings are variant, kernel, scale"),
    (["--kind", "voxel", "--set", "bins=many", "-o", "out.npy"], "bins must be a whole number"),
    (["--set", "variant", "-o", "out.npy"], "name=value"),
    (["--start-us", "-1", "-o", "out.npy"], "--start-us"),
    (["--window-us", "0", "-o", "out.npy"], "--window-us"),
    (["--origin", "last", "-o", "out.npy"], "choose first, zero"),
    (["--mode", "easy", "-o", "out.npy"], "choose strict, repair, trust"),
    (["--sensor", "wide", "-o", "out.npy"], "--sensor"),
    (["-o", "out.jpg"], ".npy or .png"),
])
def test_wrong_words_exit_with_2_and_name_the_choices(run_cli, recording, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    result = run_cli("represent", recording[0], *words)
    assert result.code == 2
    assert message in result.err
    assert not list(tmp_path.glob("out.*"))


def test_the_recording_is_never_overwritten(run_cli, tmp_path):
    path = tmp_path / "in.npy"
    np.save(path, np.array([[0, 1, 2, 1], [9, 3, 4, 0]]))
    before = path.read_bytes()
    result = run_cli("represent", path, "--sensor", "8x8", "-o", path)
    assert result.code == 2
    assert "is the recording itself" in result.err
    assert path.read_bytes() == before


def test_a_missing_file_exits_with_1(run_cli, tmp_path):
    result = run_cli("represent", tmp_path / "none.raw", "-o", tmp_path / "out.npy")
    assert result.code == 1
    assert "none.raw" in result.err


@pytest.mark.parametrize(("name", "sensor"), [
    ("face_320x240.aedat4", None), ("ncaltech101_face.npy", "240x180"), ("ncaltech101_face_evt3.raw", None)])
def test_real_recordings(run_cli, recordings, tmp_path, name, sensor):
    words = [] if sensor is None else ["--sensor", sensor]
    result = run_cli("represent", recordings / name, *words, "--start-us", 20_000, "-o", tmp_path / "out.npy")
    assert result.code == 0, result.err
    picture = np.load(tmp_path / "out.npy")
    assert picture.any(axis=(1, 2)).all()


def test_one_face_in_every_format_gives_one_picture(run_cli, recordings, tmp_path):
    pictures = []
    for name in ("ncaltech101_face.npy", "ncaltech101_face.dat", "ncaltech101_face_metavision_ecf.hdf5"):
        words = ["--sensor", "240x180"] if name.endswith(".npy") else []
        assert run_cli("represent", recordings / name, *words, "-o", tmp_path / f"{name}.npy").code == 0
        pictures.append(np.load(tmp_path / f"{name}.npy"))
    np.testing.assert_array_equal(pictures[0], pictures[1])
    np.testing.assert_array_equal(pictures[0], pictures[2])
