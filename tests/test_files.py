"""Writing: whole or not at all."""

import errno
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from neurofer import files
from neurofer.errors import BadFileError
from neurofer.files import atomic_folder, atomic_path, file_digest, read_json, write_text


def test_a_finished_file_replaces_the_old_one(tmp_path):
    target = tmp_path / "deep" / "result.csv"
    write_text(target, "old")
    write_text(target, "new")
    assert target.read_text() == "new"
    assert [path.name for path in target.parent.iterdir()] == ["result.csv"]


def test_an_error_leaves_the_old_file_and_no_rest(tmp_path):
    target = tmp_path / "result.csv"
    write_text(target, "old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["result.csv"]


def test_the_suffix_survives_for_libraries_that_look_at_it(tmp_path):
    with atomic_path(tmp_path / "picture.png") as temporary:
        assert temporary.suffix == ".png"


def test_a_folder_is_replaced_whole(tmp_path):
    for content in ("old", "new"):
        with atomic_folder(tmp_path / "run") as temporary:
            (temporary / f"{content}.txt").write_text(content)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["new.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_folder_is_exchanged_or_moved_aside(tmp_path, monkeypatch, exchanges):
    if not exchanges:
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    for number in range(3):
        with atomic_folder(tmp_path / "run") as temporary:
            (temporary / f"{number}").write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["2"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no exchange of names")
def test_a_whole_folder_is_there_at_every_moment(tmp_path):
    """What a kill would leave: looked at as often as can be while the folder is replaced."""
    target, absent, done = tmp_path / "run", 0, threading.Event()

    def replace():
        for number in range(300):
            with atomic_folder(target) as temporary:
                (temporary / "report").write_text(str(number))
        done.set()

    with atomic_folder(target) as temporary:
        (temporary / "report").write_text("first")
    thread = threading.Thread(target=replace)
    thread.start()
    while not done.is_set():
        absent += not target.exists()
    thread.join()
    assert absent == 0


def test_an_error_leaves_the_old_folder(tmp_path):
    with atomic_folder(tmp_path / "run") as temporary:
        (temporary / "old.txt").touch()
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "run") as temporary:
        raise RuntimeError
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["old.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_full_disk_is_one_sentence(tmp_path):
    target = tmp_path / "result.csv"
    write_text(target, "old")
    with pytest.raises(BadFileError, match=r"result\.csv: the disk is full"), atomic_path(target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert target.read_text() == "old"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_an_array_cut_by_a_full_disk_is_reported_as_that(tmp_path):
    with pytest.raises(BadFileError, match="the disk is full"), atomic_path(tmp_path / "result.npy"), \
            open("/dev/full", "wb") as device:
        np.zeros(1 << 16).tofile(device)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_device_that_is_really_full_is_reported(tmp_path):
    full = pytest.raises(BadFileError, match="the disk is full")
    with full, atomic_path(tmp_path / "result.csv"), open("/dev/full", "w") as device:
        device.write("x" * 100_000)


def test_a_device_or_a_pipe_stays_what_it_is(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link"):
        with pytest.raises(BadFileError, match="is a device or a pipe"), atomic_path(tmp_path / name):
            raise AssertionError("nothing is written")
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link").is_symlink()


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "folder").symlink_to(tmp_path / "real")
    (tmp_path / "file").symlink_to(tmp_path / "real.txt")
    with atomic_folder(tmp_path / "folder") as temporary:
        (temporary / "new").touch()
    write_text(tmp_path / "file", "new")
    assert (tmp_path / "folder").is_symlink()
    assert (tmp_path / "file").is_symlink()
    assert (tmp_path / "real" / "new").exists()
    assert (tmp_path / "real.txt").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "real", "real.txt"]


def test_the_current_folder_can_be_replaced(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with atomic_folder(Path()) as temporary:
        (temporary / "new").touch()
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadFileError, match="cannot be written"):
        write_text(tmp_path / "file" / "below.txt", "")


def test_a_failure_to_read_another_file_keeps_its_own_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"), atomic_path(tmp_path / "out" / "result.csv"):
        (tmp_path / "absent").read_text()


def test_the_digest_is_sha256(tmp_path):
    (tmp_path / "empty").touch()
    assert file_digest(tmp_path / "empty").startswith("e3b0c44298fc1c14")


@pytest.mark.parametrize("content", ["[" * 200_000, "{", "\udc80"])
def test_json_that_cannot_be_read_is_a_value_error(tmp_path, content):
    (tmp_path / "broken.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=r"nested too deeply|Expecting|decode"):
        read_json(tmp_path / "broken.json")


def test_json_reads_back(tmp_path):
    write_text(tmp_path / "a.json", '{"ü": [1, null]}')
    assert read_json(tmp_path / "a.json") == {"ü": [1, None]}
