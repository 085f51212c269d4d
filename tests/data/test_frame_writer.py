"""Frames written one by one are those written at once; a writer that is left early leaves nothing."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from neurofer.data.frames import FrameWriter, frame_paths, frames_digest, write_frames
from neurofer.errors import BadFileError

TIMES = np.array([0, 5_000, 10_000])


@pytest.fixture
def pictures() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (3, 4, 6)).astype(np.uint8)


def files(store: Path) -> list[str]:
    return sorted(path.name for path in store.rglob("*") if path.is_file())


def test_one_by_one_is_all_at_once(tmp_path: Path, pictures: NDArray[np.uint8]) -> None:
    write_frames(tmp_path / "whole", "a", TIMES, pictures)
    with FrameWriter(tmp_path / "pieces", "a", TIMES, (4, 6)) as writer:
        for picture in pictures:
            writer.write(picture)
        assert files(tmp_path / "pieces")[0].startswith(".a-")
    for one, other in zip(frame_paths(tmp_path / "whole", "a"), frame_paths(tmp_path / "pieces", "a"), strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert writer.digest() == frames_digest(TIMES, pictures)


def test_files_are_those_of_numpy(tmp_path: Path, pictures: NDArray[np.uint8]) -> None:
    write_frames(tmp_path, "a", TIMES, pictures)
    for path, array in zip(frame_paths(tmp_path, "a"), (pictures, TIMES), strict=True):
        saved = io.BytesIO()
        np.save(saved, array)
        assert path.read_bytes() == saved.getvalue()


def test_pictures_need_not_lie_together_in_memory(tmp_path: Path, pictures: NDArray[np.uint8]) -> None:
    turned = pictures.transpose(0, 2, 1)
    write_frames(tmp_path, "a", TIMES, turned)
    np.testing.assert_array_equal(np.load(frame_paths(tmp_path, "a")[0]), turned)
    assert frames_digest(TIMES, turned) == frames_digest(TIMES, turned.copy())


def test_an_error_leaves_an_earlier_clip_whole(tmp_path: Path, pictures: NDArray[np.uint8]) -> None:
    write_frames(tmp_path, "a", TIMES, pictures)
    before = [path.read_bytes() for path in frame_paths(tmp_path, "a")]
    with pytest.raises(BadFileError, match=r"3\.png"), FrameWriter(tmp_path, "a", TIMES, (4, 6)) as writer:
        writer.write(255 - pictures[0])
        raise BadFileError("3.png: is damaged")
    assert [path.read_bytes() for path in frame_paths(tmp_path, "a")] == before
    assert files(tmp_path) == ["a.npy", "a.times.npy"]


def test_too_few_frames_are_no_clip(tmp_path: Path, pictures: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="1 frames of a came, but 3 times"), \
            FrameWriter(tmp_path, "a", TIMES, (4, 6)) as writer:
        writer.write(pictures[0])
    assert files(tmp_path) == []


@pytest.mark.parametrize("wrong", [np.zeros((6, 4), np.uint8), np.zeros((4, 6), np.float32)])
def test_other_frames_are_refused(tmp_path: Path, wrong: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match=r"need 3 frames \(4, 6\) uint8 of a, but frame 0 came as"), \
            FrameWriter(tmp_path, "a", TIMES, (4, 6)) as writer:
        writer.write(wrong)


def test_a_frame_too_many_is_refused(tmp_path: Path, pictures: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="but frame 3 came"), FrameWriter(tmp_path, "a", TIMES, (4, 6)) as writer:
        for picture in [*pictures, pictures[0]]:
            writer.write(picture)
    assert files(tmp_path) == []


@pytest.mark.parametrize("times", [np.array([0, 0, 1]), np.zeros(0, np.int64), np.zeros((3, 1), np.int64)])
def test_times_rise_and_are_there(tmp_path: Path, times: NDArray[np.int64]) -> None:
    with pytest.raises(ValueError, match="times of"):
        FrameWriter(tmp_path, "a", times, (4, 6))
    assert files(tmp_path) == []
