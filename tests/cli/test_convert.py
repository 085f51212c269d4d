"""``neurofer convert``."""

import numpy as np
import pytest

from neurofer.events import open_recording


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("".join(f"{1_000 * k + 500} {k % 60} {k % 40} {k % 2}\n" for k in range(300)))
    return path


@pytest.mark.parametrize("name", ["out.npy", "out.npz", "out.csv", "out.bin", "out.h5", "out", "out.store"])
def test_there_and_back(run_cli, source, tmp_path, name):
    result = run_cli("convert", source, tmp_path / name, "--sensor", "64x48")
    assert (result.code, result.out) == (0, f"{tmp_path / name}: 300 events, 64x48, read again and equal\n")
    silent = name in ("out.npy", "out.csv", "out.bin")
    back = run_cli("convert", tmp_path / name, tmp_path / "back.txt", *(("--sensor", "64x48") if silent else ()))
    assert back.code == 0
    assert (tmp_path / "back.txt").read_text() == source.read_text()


@pytest.mark.parametrize(("name", "encoding", "kind"), [
    ("out.raw", "evt3", "evt3"), ("out.raw", "evt2", "evt2"), ("out.dat", "evt3", "dat"),
    ("out.aedat4", "evt3", "aedat4"), ("out.es", "evt3", "es")])
def test_camera_formats(run_cli, source, tmp_path, name, encoding, kind):
    pytest.importorskip("faery")
    result = run_cli("convert", source, tmp_path / name, "--sensor", "64x48", "--format", encoding, "--zero-time")
    assert result.code == 0, result.err
    with open_recording(tmp_path / name) as recording:
        assert (recording.format, recording.sensor) == (kind, (64, 48))
        assert (recording.start_us, recording.end_us) == (0, 299_000)


def test_real_recording_to_columns(run_cli, recordings, tmp_path):
    result = run_cli("convert", recordings / "evt3_640x480_triggers.raw", tmp_path / "walk")
    assert result.code == 0
    assert "4157 external triggers are not part of walk" in result.err
    assert len(np.load(tmp_path / "walk" / "t.npy")) == 343_474


def test_broken_events_stop_it_unless_repaired(run_cli, source, tmp_path):
    source.write_text(source.read_text() + "7 1 1 1\n")
    (tmp_path / "out.npy").write_bytes(b"earlier")
    result = run_cli("convert", source, tmp_path / "out.npy", "--sensor", "64x48")
    assert result.code == 1
    assert "time runs backwards at event 300" in result.err
    assert (tmp_path / "out.npy").read_bytes() == b"earlier"
    result = run_cli("convert", source, tmp_path / "out.npy", "--sensor", "64x48", "--mode", "repair")
    assert result.code == 0
    assert "1 events were left out" in result.err


@pytest.mark.parametrize("name", ["out.raw", "out.dat", "out.aedat4", "out.es", "out.npy"])
def test_a_source_that_breaks_off_is_named_whatever_the_target(run_cli, source, tmp_path, name):
    pytest.importorskip("faery")
    source.write_text(source.read_text() + "301000 4")
    result = run_cli("convert", source, tmp_path / name, "--sensor", "64x48")
    assert result.code == 1
    assert f"{source}: " in result.err
    assert "cannot hold" not in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["in.txt"]


@pytest.mark.parametrize(("target", "words", "code", "sentence"), [
    ("out.mat", (), 2, "cannot be written as '.mat'"),
    ("out.raw", ("--format", "evt9"), 2, "one of evt3, evt2, got 'evt9'"),
    ("in.txt", (), 2, "is IN itself"),
    ("out.npy", ("--mode", "lax"), 2, "choose strict, repair or trust"),
])
def test_refusals(run_cli, source, tmp_path, target, words, code, sentence):
    result = run_cli("convert", source, tmp_path / target, "--sensor", "64x48", *words)
    assert result.code == code
    assert sentence in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["in.txt"]
