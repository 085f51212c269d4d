"""Cached pictures of windows: right windows, right crop, bounded, and never stale."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurofer.data import cache as cache_module
from neurofer.data.cache import code_digest, usable_cache
from neurofer.data.crop import crop_resize
from neurofer.data.store import open_store
from neurofer.data.windows import clip_windows, window_edges
from neurofer.errors import BadFileError, NeuroferError
from neurofer.events.open import open_recording
from neurofer.represent import build_representation

TIE = build_representation("tie", variant="t0_t0", kernel="triangle14")


def test_edges_do_not_drift() -> None:
    assert window_edges(10, 100_010, 1e6 / 30).tolist() == [10, 33_343, 66_677, 100_010]
    assert len(window_edges(0, 99_999, 1e6 / 30)) - 1 == 2  # the third window is not whole


def test_a_row_is_the_window_represented_cropped_and_resized(blob_store: Path, tmp_path: Path) -> None:
    clip_set = open_store(blob_store)
    rows = clip_windows(clip_set, TIE, 50_000, 16, tmp_path)
    clip = clip_set.clips[7]
    with open_recording(clip.path) as recording:
        part = recording.between(100_000, 150_000)
        picture = TIE(part, (100_000, 150_000), origin_us=recording.start_us)
    assert clip.box is not None
    np.testing.assert_array_equal(rows.of(7)[2], crop_resize(picture, clip.box, 16))
    assert rows.counts_of(7)[2].tolist() == [int(part.p.sum()), int((~part.p).sum())]
    assert isinstance(rows.rows, np.memmap)


def test_counts_of_a_clip_are_those_of_its_windows(blob_store: Path, tmp_path: Path) -> None:
    rows = clip_windows(open_store(blob_store), TIE, 50_000, 16, tmp_path)
    assert rows.clip_counts().tolist() == [rows.counts_of(clip).sum(axis=0).tolist() for clip in range(36)]
    assert rows.lengths().sum() == len(rows.rows)


def test_parts_of_a_data_set_have_rows_of_their_own(blob_store: Path, tmp_path: Path) -> None:
    whole = open_store(blob_store)
    length = whole.clips[0].stop_us - whole.clips[0].start_us
    clips = [clip for clip in whole.clips if clip.stop_us - clip.start_us == length][:2]
    first, second = (clip_windows(replace(whole, clips=(clip,)), TIE, 50_000, 16, tmp_path) for clip in clips)
    assert first.rows.shape == second.rows.shape  # nothing but the clip's name tells them apart
    assert (first.rows != second.rows).any()


def test_the_second_time_nothing_is_made(blob_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip_set = open_store(blob_store)
    first = clip_windows(clip_set, TIE, 50_000, 16, tmp_path)
    monkeypatch.setattr("neurofer.data.windows.open_recording", None)  # whoever opens a recording now, fails
    again = clip_windows(clip_set, TIE, 50_000, 16, tmp_path)
    np.testing.assert_array_equal(first.rows, again.rows)


def test_other_recipe_data_or_code_is_another_cache(blob_store: Path, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    clip_set = open_store(blob_store)
    folders = {clip_windows(clip_set, TIE, 50_000, 16, tmp_path).folder,
               clip_windows(clip_set, TIE, 50_000, 8, tmp_path).folder,
               clip_windows(clip_set, build_representation("tie", variant="t0_t0", kernel="triangle8"), 50_000, 16,
                            tmp_path).folder,
               clip_windows(replace(clip_set, digest="other"), TIE, 50_000, 16, tmp_path).folder}
    monkeypatch.setattr(cache_module, "code_digest", lambda modules: "other code")
    folders.add(clip_windows(clip_set, TIE, 50_000, 16, tmp_path).folder)
    assert len(folders) == 5


def test_a_cut_cache_is_made_again(blob_store: Path, tmp_path: Path) -> None:
    clip_set = open_store(blob_store)
    first = clip_windows(clip_set, TIE, 50_000, 16, tmp_path)
    whole, path = np.array(first.rows), first.folder / "rows.npy"
    del first
    for left in (path.read_bytes()[:1000], b"", path.read_bytes()[:10] + b"{'descr': (" + b" " * 107):
        path.write_bytes(left)
        np.testing.assert_array_equal(clip_windows(clip_set, TIE, 50_000, 16, tmp_path).rows, whole)


def test_a_full_disk_is_told_and_leaves_nothing(blob_store: Path, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*words: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", full)
    with pytest.raises(BadFileError, match="the disk is full"):
        clip_windows(open_store(blob_store), TIE, 50_000, 16, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_too_short_clips_are_named(blob_store: Path, tmp_path: Path) -> None:
    with pytest.raises(NeuroferError, match=r"12 clip\(s\) are shorter than 7 windows of 50000 us"):
        clip_windows(open_store(blob_store), TIE, 50_000, 16, tmp_path, fewest=7)


def test_a_store_that_cannot_be_written_is_cached_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert usable_cache(None, tmp_path, tmp_path / "run") == tmp_path / ".cache"
    assert usable_cache(tmp_path / "mine", tmp_path, tmp_path / "run") == tmp_path / "mine"
    monkeypatch.setattr(cache_module.os, "access", lambda *words: False)
    assert usable_cache(None, tmp_path, tmp_path / "run") == tmp_path / "run"


def test_the_code_digest_follows_every_file_of_a_package() -> None:
    import neurofer.represent
    from neurofer.data import crop

    assert code_digest([neurofer.represent]) != code_digest([crop])
    assert code_digest([crop]) == code_digest([crop])
