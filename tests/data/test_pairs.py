"""Pairs of pictures and faces: the right frame, the same crop, no test subject, and what a store may lack."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from neurofer.data.clip import Box, Clip, ClipSet
from neurofer.data.crop import crop_resize
from neurofer.data.frames import clip_frames, frame_paths, write_frames
from neurofer.data.pairs import FrameAt, face_pairs, mean_face, require_unseen
from neurofer.data.partition import Partition
from neurofer.data.store import open_store
from neurofer.data.windows import clip_windows
from neurofer.errors import BadFileError, NeuroferError
from neurofer.represent import build_representation

TIE = build_representation("tie")


@pytest.fixture
def own_store(blob_store: Path, tmp_path: Path) -> Path:
    """A copy of the blobs, without frames, to be changed."""
    shutil.copytree(blob_store, tmp_path / "store", ignore=shutil.ignore_patterns(".cache"))
    return tmp_path / "store"


@pytest.mark.parametrize(("frame_at", "wanted"), [("start", [0, 50, 100]), ("middle", [20, 70, 120]),
                                                  ("end", [50, 100, 150])])
def test_the_frame_nearest_to_the_moment(own_store: Path, tmp_path: Path, frame_at: FrameAt,
                                         wanted: list[int]) -> None:
    clip = open_store(own_store).clips[0]
    # At 0, 20 and every 10 ms from 40 on, as grey as the ms; windows of 50 ms, and the earlier of two equally near.
    times = np.array([0, 20, *range(40, 260, 10)])
    height, width = 40, 48
    pictures = np.broadcast_to(times[:, None, None], (len(times), height, width)).astype(np.uint8)
    write_frames(own_store, clip.name, times * 1000, pictures)
    pairs = face_pairs(open_store(own_store), TIE, 50_000, 16, frame_at, tmp_path / "cache")
    assert [sorted(set(face.ravel().tolist())) for face in pairs.faces.of(0)[:3]] == [[grey] for grey in wanted]
    assert pairs.framed.tolist() == [True] + [False] * 35
    assert not pairs.faces.of(1).any()


def test_faces_go_through_the_crop_of_the_pictures(framed_store: Path, tmp_path: Path) -> None:
    clip_set = open_store(framed_store)
    pairs = face_pairs(clip_set, TIE, 50_000, 16, "middle", tmp_path)
    clip = clip_set.clips[7]
    frame = clip_frames(clip).nearest(125_000)
    assert clip.box is not None
    np.testing.assert_array_equal(pairs.faces.of(7)[2], crop_resize(frame[None], clip.box, 16))
    assert isinstance(pairs.faces.rows, np.memmap)
    # A classifier reads the very same pictures, from the same cache.
    assert clip_windows(clip_set, TIE, 50_000, 16, tmp_path).folder == pairs.pictures.folder
    assert pairs.rows_of([7, 2]).tolist() == [*range(pairs.faces.first[7], pairs.faces.first[8]),
                                              *range(pairs.faces.first[2], pairs.faces.first[3])]
    assert {pairs.clip_of(int(row)) for row in pairs.rows_of([7])} == {7}


def test_mean_face_by_hand(framed_store: Path, tmp_path: Path) -> None:
    pairs = face_pairs(open_store(framed_store), TIE, 50_000, 16, "middle", tmp_path)
    both = np.concatenate([pairs.faces.of(3), pairs.faces.of(20)]).astype(float)
    np.testing.assert_allclose(mean_face(pairs, [3, 20]), both.mean(axis=0))


def test_frames_that_come_later_are_seen(own_store: Path, tmp_path: Path) -> None:
    first, second = open_store(own_store).clips[:2]
    for clip, grey in ((first, 60), (second, 90)):
        write_frames(own_store, clip.name, np.array([0]), np.full((1, 40, 48), grey, np.uint8))
        pairs = face_pairs(open_store(own_store), TIE, 50_000, 16, "start", tmp_path / "cache")
    assert (pairs.faces.of(0) == 60).all()
    assert (pairs.faces.of(1) == 90).all()


def test_a_store_without_frames(blob_store: Path, tmp_path: Path) -> None:
    with pytest.raises(NeuroferError, match=r"^data set blobs: keeps no grey frames, .* --frames\)$"):
        face_pairs(open_store(blob_store), TIE, 50_000, 16, "start", tmp_path)


def test_damaged_frames_are_named(own_store: Path, tmp_path: Path) -> None:
    clip = open_store(own_store).clips[0]
    write_frames(own_store, clip.name, np.array([0]), np.zeros((1, 30, 30), np.uint8))
    with pytest.raises(BadFileError, match=f"clip {clip.name}: its frames have 30x30 pixels and its sensor 48x40"):
        face_pairs(open_store(own_store), TIE, 50_000, 16, "start", tmp_path / "cache")
    path = frame_paths(own_store, clip.name)[0]
    for content in (b"no array", b"", path.read_bytes()[:10] + b"{'descr': (" + b" " * 107):
        path.write_bytes(content)
        with pytest.raises(BadFileError, match=rf"{clip.name}\.npy: cannot be read"):
            face_pairs(open_store(own_store), TIE, 50_000, 16, "start", tmp_path / "cache")


def people(*subjects: str) -> ClipSet:
    clips = tuple(Clip(f"{subject}_{number}", Path("nowhere"), 0, 1, subject, "a", "made", Box(0, 0, 1, 1))
                  for subject in subjects for number in range(2))
    return ClipSet("made", ("a",), clips, "0")


def test_a_test_subject_is_refused_by_name() -> None:
    clip_set = people("ann", "bob", "cem", "dot")
    names = [clip.name for clip in clip_set.clips]
    partition = Partition.of_clips(clip_set, "clean", names[:2], names[2:4], names[4:])
    require_unseen(clip_set, partition, [0, 1, 2])
    with pytest.raises(NeuroferError, match=r"would see 3 clip\(s\) of the test subject\(s\) cem, dot; train on"):
        require_unseen(clip_set, partition, [0, 5, 6, 7])


def test_a_protocol_that_shares_people_refuses_clips_alone() -> None:
    clip_set = people("ann", "bob", "cem")
    partition = Partition.of_clips(clip_set, "shared", ["ann_0", "bob_0"], ["ann_1", "cem_0"], ["ann_1", "cem_0"])
    require_unseen(clip_set, partition, [0, 2])
    with pytest.raises(NeuroferError, match=r"would see 1 clip\(s\) of the test subject\(s\) ann"):
        require_unseen(clip_set, partition, [0, 1])
