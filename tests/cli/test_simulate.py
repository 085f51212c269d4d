"""``neurofer simulate``."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from neurofer.events import open_recording


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "frames"
    place.mkdir()
    x = np.arange(40)[None, :] + np.zeros((30, 1))
    for number in range(10):
        cv2.imwrite(str(place / f"{number}.png"), (128 + 90 * np.sin((x + 0.5 * number) / 4)).astype(np.uint8))
    return place


def test_a_folder_of_frames(run_cli, folder, tmp_path):
    out = tmp_path / "out.npz"
    words = ("--fps", "100", "--preset", "clean", "--size", "20x15", "--seed", "4")
    result = run_cli("simulate", folder, "-o", out, *words)
    assert result.code == 0, result.err
    assert "20x15" in result.out
    with open_recording(out) as recording:
        assert recording.sensor == (20, 15)
        first = recording.between(0, 1 << 40)
    assert json.loads((tmp_path / "out.npz.json").read_text())["seed"] == 4
    run_cli("simulate", folder, "-o", tmp_path / "again.npz", *words)
    with open_recording(tmp_path / "again.npz") as recording:
        np.testing.assert_array_equal(recording.between(0, 1 << 40).t, first.t)


def test_the_real_video(run_cli, recordings, tmp_path):
    video = recordings / "neutral_to_happy_640x360.mp4"
    result = run_cli("simulate", video, "-o", tmp_path / "face", "--size", "160x90")
    assert result.code == 0, result.err
    with open_recording(tmp_path / "face") as recording:
        assert recording.sensor == (160, 90)
        assert recording.report().events > 10_000
        assert 2_000_000 < recording.end_us < 2_400_000


def test_wrong_words_end_with_2_and_bad_files_with_1(run_cli, folder, tmp_path):
    out = tmp_path / "out.npz"
    for words, code, said in (
            ((folder, "-o", out), 2, "give --fps"), ((folder, "-o", out, "--fps", "0"), 2, "--fps"),
            ((folder, "-o", out, "--fps", "30", "--preset", "x"), 2, "unknown preset 'x'"),
            ((folder, "-o", out, "--fps", "30", "--size", "big"), 2, "--size"),
            ((folder, "-o", out, "--fps", "30", "--upsample", "0"), 2, "--upsample"),
            ((folder, "-o", tmp_path / "out.xyz", "--fps", "30"), 2, ".xyz"),
            ((tmp_path / "none.mp4", "-o", out), 1, "no such video")):
        result = run_cli("simulate", *words)
        assert result.code == code, result.err
        assert said in result.err
        assert result.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frames"]
