"""What all tests share: the command line as a function, the real recordings, small streams of events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import hypothesis
import numpy as np
import pytest

from neurofer.events.events import Events

ROOT = Path(__file__).resolve().parent.parent

# The same examples in every run: a test that fails today was right to fail yesterday.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")


class CliResult(NamedTuple):
    """What a command gave: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


@pytest.fixture
def run_cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., CliResult]:
    """``run_cli("info", path)`` runs the command line in this process."""

    def run(*words: object) -> CliResult:
        from neurofer.cli.app import main

        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        code = end.value.code
        return CliResult(code if isinstance(code, int) else int(code is not None), out, err)

    return run


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root: the checkout, whatever is installed."""
    return ROOT


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of real recordings, kept beside the checkout."""
    folder = ROOT.parent / "shared" / "recordings"
    if not folder.is_dir():
        pytest.skip("the real recordings are not beside the checkout")
    return folder


def moving_edge(events: int, sensor: tuple[int, int], duration_us: int, seed: int) -> Events:
    """A vertical edge that sweeps over the sensor twice with noise around it; ON in front, OFF behind."""
    generator = np.random.default_rng(seed)
    width, height = sensor
    t = np.sort(generator.integers(0, duration_us, events))
    front = (t / duration_us * 2 * width) % width
    p = generator.random(events) < 0.5
    x = np.clip(front + np.where(p, 1.5, -1.5) + generator.normal(0, 1, events), 0, width - 1)
    noise = generator.random(events) < 0.1
    x = np.where(noise, generator.integers(0, width, events), x)
    return Events(t, x.astype(np.uint16), generator.integers(0, height, events).astype(np.uint16), p, sensor)


@pytest.fixture(scope="session")
def small_events() -> Events:
    """2000 events on 32 x 24 pixels in 50 ms."""
    return moving_edge(2_000, (32, 24), 50_000, seed=1)


@pytest.fixture(scope="session")
def face_events() -> Events:
    """20 000 events on 128 x 96 pixels in 300 ms: an oval outline that nods, with eyes, mouth and background noise."""
    generator = np.random.default_rng(2)
    count, width, height, duration_us = 20_000, 128, 96, 300_000
    t = np.sort(generator.integers(0, duration_us, count))
    angle = generator.random(count) * 2 * np.pi
    nod = 3 * np.sin(2 * np.pi * t / 150_000)
    part = generator.choice(4, count, p=(0.55, 0.15, 0.15, 0.15))
    centre_x, centre_y = np.array([64, 54, 74, 64])[part], np.array([46, 38, 38, 60])[part]
    radius_x, radius_y = np.array([24, 4, 4, 9])[part], np.array([32, 2, 2, 3])[part]
    x = centre_x + radius_x * np.cos(angle) + generator.normal(0, 0.6, count)
    y = centre_y + radius_y * np.sin(angle) + nod + generator.normal(0, 0.6, count)
    noise = generator.random(count) < 0.05
    x = np.where(noise, generator.integers(0, width, count), np.clip(np.rint(x), 0, width - 1))
    y = np.where(noise, generator.integers(0, height, count), np.clip(np.rint(y), 0, height - 1))
    p = (np.cos(2 * np.pi * t / 150_000) * np.sin(angle) > 0) ^ (generator.random(count) < 0.1)
    return Events(t, x.astype(np.uint16), y.astype(np.uint16), p, (width, height))


def moving_blob(direction: str, seed: int, duration_us: int, sensor: tuple[int, int]) -> Events:
    """A disc that crosses the sensor's middle in one direction: ON at its front, OFF at its back, a fifth is noise."""
    generator = np.random.default_rng(seed)
    count, (width, height) = 4_000, sensor
    t = np.sort(generator.integers(0, duration_us, count))
    angle = {"right": 0.0, "down": np.pi / 2, "left": np.pi}[direction] + generator.normal(0, 0.15)
    way = 0.3 * min(sensor) * (2 * t / duration_us - 1)
    p = generator.random(count) < 0.5
    rim = generator.random(count) * 2 * np.pi
    ahead = way + np.where(p, 2.0, -2.0)
    x = width / 2 + ahead * np.cos(angle) + 2.5 * np.cos(rim)
    y = height / 2 + ahead * np.sin(angle) + 2.5 * np.sin(rim)
    noise = generator.random(count) < 0.2
    x = np.where(noise, generator.integers(0, width, count), np.clip(x, 0, width - 1))
    y = np.where(noise, generator.integers(0, height, count), np.clip(y, 0, height - 1))
    return Events(t, x.astype(np.uint16), y.astype(np.uint16), p, sensor)


@pytest.fixture(scope="session")
def blob_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that is learnt in seconds: 6 subjects, 3 classes (where a blob moves), 2 clips of 0.3 to 0.4 s each."""
    from neurofer.data.clip import Box, Clip
    from neurofer.data.store import StoredClip, write_store_index
    from neurofer.events.columns import write_columns

    store, sensor, classes = tmp_path_factory.mktemp("blobs") / "store", (48, 40), ("down", "left", "right")
    clips = []
    for subject in range(6):
        for number in range(6):
            label, name = classes[number % 3], f"s{subject}_{number}"
            duration_us = 300_000 + 50_000 * ((subject + number) % 3)
            events = moving_blob(label, 100 * subject + number, duration_us, sensor)
            path = store / "events" / name
            digest = write_columns(path, events, sensor).digest
            clip = Clip(name, path, 0, duration_us, f"s{subject}", label, "blobs", Box(4, 0, 40, 40), sensor)
            clips.append(StoredClip(clip, len(events), digest))
    write_store_index(store, "blobs", classes, sensor, {"made_by": "the tests"}, clips, "1")
    return store


@pytest.fixture(scope="session")
def framed_store(blob_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The blobs with a grey frame every 1/30 s: a light disc where the blob is, on the subject's own dark grey."""
    import shutil

    from neurofer.data.frames import write_frames
    from neurofer.data.store import open_store

    store = tmp_path_factory.mktemp("framed") / "store"
    shutil.copytree(blob_store, store, ignore=shutil.ignore_patterns(".cache"))
    for clip in open_store(store).clips:
        width, height = clip.sensor or (0, 0)
        times = np.arange(clip.start_us, clip.stop_us, 33_333)
        way = 0.3 * height * (2 * times / clip.stop_us - 1)
        angle = {"right": 0.0, "down": np.pi / 2, "left": np.pi}[clip.label]
        y, x = np.mgrid[:height, :width]
        far = np.hypot(x - width / 2 - way[:, None, None] * np.cos(angle),
                       y - height / 2 - way[:, None, None] * np.sin(angle))
        pictures = np.where(far < 5, 220, 40 + 10 * int(clip.subject[1:])).astype(np.uint8)
        write_frames(store, clip.name, times, pictures)
    return store
