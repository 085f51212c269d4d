"""Films and recordings to decisions: the numbers of training, moments from the user or from events, clear refusals."""

from __future__ import annotations

import csv
import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurofer.data.clip import Box, Clip
from neurofer.data.frames import clip_frames
from neurofer.data.micro.align import EYES, Landmarks
from neurofer.data.store import open_store
from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.events.columns import write_columns
from neurofer.events.events import Events
from neurofer.events.open import open_recording
from neurofer.files import file_digest
from neurofer.stream.micro import films
from neurofer.stream.micro.films import FaceHint, FilmReader
from neurofer.stream.micro.given import Given, Moment, moments_in, read_given
from neurofer.stream.micro.inputs import Source, find_sources
from neurofer.stream.micro.pictures import Pictures
from neurofer.stream.micro.predictor import MicroDecision, MicroPredictor
from neurofer.stream.micro.recordings import RecordingReader, crop_events, eye_box
from neurofer.stream.tables import Request
from neurofer.train.micro.load import MicroRun, load_micro_run
from neurofer.train.micro.recipe import train_micro
from neurofer.train.run_folder import write_card
from trees.micro_films import clip_images, write_images, write_video
from trees.micro_store import small_config, write_micro_store

KINDS = {
    "flow": (), "linear": ("key.kind=linear",), "uniform": ("key.kind=uniform",), "flow apex": ("key.apex=flow",),
    "drawn": ("key.kind=interp_cnn", "interpolate.steps=2", "interpolate.batch=2", "interpolate.crop_px=32"),
}
SLICES = {"slices": (), "spiking": ("backend=snn",), "event": ("key.kind=event",)}
WHOLE = FaceHint(whole=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_micro_store(tmp_path_factory.mktemp("store") / "store")


@pytest.fixture(scope="module")
def runs(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Gives the run folder of some overrides, trained once."""
    folder = tmp_path_factory.mktemp("runs")

    @functools.cache
    def trained(*overrides: str) -> Path:
        out = folder / f"run{len(list(folder.iterdir()))}"
        return train_micro(small_config("prior.loss=none", "target.epochs=1", "target.alpha=none", *overrides,
                                        f"data=[{store}]", f"out={out}"))

    return trained


def clip_of(store: Path, run: Path) -> tuple[Clip, list[float]]:
    """A clip that a run was tested with, and the probabilities that it wrote."""
    rows = list(csv.DictReader((run / "predictions.csv").read_text(encoding="utf-8").splitlines()))
    clip = next(clip for clip in open_store(store).clips if clip.name == rows[0]["clip"])
    return clip, [float(rows[0][name]) for name in ("negative", "positive", "surprise")]


def annotated(clip: Clip) -> Given:
    return Given(*(Moment(float(clip.facts[f"{name}_frame"])) for name in ("onset", "apex", "offset")))


def decide(predictor: MicroPredictor, path: Path, given: Given | None = None, hint: FaceHint = WHOLE,
           fps: float | None = 100.0) -> MicroDecision:
    reader = FilmReader(predictor.size_px, fps, hint, given=given)
    return predictor.decide(functools.partial(reader.read, path), given)


@pytest.mark.parametrize("kind", KINDS)
def test_a_clips_own_frames_get_the_probabilities_of_training(kind: str, runs: Any, store: Path,
                                                              tmp_path: Path) -> None:
    run = runs(*KINDS[kind])
    clip, wanted = clip_of(store, run)
    found = decide(MicroPredictor(load_micro_run(run)), clip_images(tmp_path / "film", clip), annotated(clip))
    assert found.probabilities == pytest.approx(wanted, abs=1e-5)  # written with six digits
    assert found.placed.how == "given"
    assert found.latency_ms > 0


@pytest.mark.parametrize("kind", SLICES)
def test_a_clips_own_events_get_the_probabilities_of_training(kind: str, runs: Any, store: Path) -> None:
    run = runs("input.kind=slices", *SLICES[kind])
    predictor = MicroPredictor(load_micro_run(run))
    clip, wanted = clip_of(store, run)
    first_us = open_recording(clip.path).start_us
    given = None if kind == "event" else Given(*(Moment((clip.truth[f"{name}_us"] - first_us) / 1e3, True)
                                                 for name in ("onset", "apex", "offset")))
    reader = RecordingReader(predictor.size_px, Request())
    found = predictor.decide(functools.partial(reader.read, clip.path), given)
    if kind == "event":
        assert found.placed.how in ("found", "whole")
    else:
        assert found.probabilities == pytest.approx(wanted, abs=1e-5)  # written with six digits
    assert found.probabilities.sum() == pytest.approx(1)


def test_without_moments_they_are_found_or_the_whole_film_is_taken(runs: Any, store: Path, tmp_path: Path) -> None:
    predictor = MicroPredictor(load_micro_run(runs("key.kind=event")))
    clip, _ = clip_of(store, predictor.run.path)
    pictures = np.asarray(clip_frames(clip).pictures)
    still = write_images(tmp_path / "still", np.repeat(pictures[:1], 15, axis=0))
    found = decide(predictor, still)
    assert found.placed.how == "whole"
    assert found.why == "there are no events"
    assert found.placed.moments == (0, 7, 14)
    assert found.placed.instants.times == pytest.approx(np.linspace(0, 14, 11))


def bump_film(size_px: int) -> np.ndarray:
    """A textured square whose middle is pushed aside and comes back: still, 35 frames there, 45 back, still."""
    import cv2

    texture = cv2.GaussianBlur(np.random.default_rng(0).normal(size=(size_px, size_px)), (0, 0), 1.2)
    texture = 25 + 205 * (texture - texture.min()) / np.ptp(texture)
    y, x = np.mgrid[:size_px, :size_px].astype(np.float32)
    bump = np.exp(-((x - 0.5 * size_px) ** 2 + (y - 0.7 * size_px) ** 2) / (2 * (0.1 * size_px) ** 2))
    rise, fall = (0.5 - 0.5 * np.cos(np.pi * np.arange(1, count + 1) / count) for count in (35, 45))
    shift = np.concatenate((np.zeros(60), rise, 1 - fall, np.zeros(60)))
    return np.stack([cv2.remap(texture.astype(np.float32), x - np.float32(2 * one) * bump, y, cv2.INTER_CUBIC)
                     for one in shift]).clip(0, 255).astype(np.uint8)


def test_a_movement_there_and_back_is_found(runs: Any, tmp_path: Path) -> None:
    predictor = MicroPredictor(load_micro_run(runs()))
    film = write_images(tmp_path / "film", bump_film(96))
    reader = FilmReader(96, 200.0, WHOLE)
    found = predictor.decide(functools.partial(reader.read, film))
    assert found.placed.how == "found"
    onset, apex, offset = found.placed.moments
    assert 60 <= onset < apex - 5
    assert apex == pytest.approx(95, abs=8)  # frames; the specification's simulation gives at most 8
    assert offset > apex + 10


def test_expressions_are_looked_for_where_training_looked(runs: Any, tmp_path: Path) -> None:
    run = load_micro_run(runs())
    film = write_images(tmp_path / "film", bump_film(96))  # moves at the mouth
    for part, how in (("mouth", "found"), ("brows", "whole")):
        event = run.config.event.model_copy(update={"parts": [part]})
        predictor = MicroPredictor(replace(run, config=run.config.model_copy(update={"event": event})))
        decision = predictor.decide(functools.partial(FilmReader(96, 200.0, WHOLE).read, film))
        assert decision.placed.how == how, part
        _, _, apexes_ms = Pictures(tmp_path / "out", predictor)._apexes(decision)
        assert np.isfinite(apexes_ms["event"]) == (how == "found"), part


def test_of_a_recording_without_an_expression_all_events_are_counted(runs: Any, tmp_path: Path) -> None:
    predictor = MicroPredictor(load_micro_run(runs("input.kind=slices")))
    events = Events(np.array([0, 9_000, 31_000]) + 5_000, *np.full((3, 3), 1), (48, 48))
    write_columns(tmp_path / "few", [events], (48, 48))
    reader = RecordingReader(predictor.size_px, Request(Box(0, 0, predictor.size_px, predictor.size_px)))
    decision = predictor.decide(functools.partial(reader.read, tmp_path / "few"))
    assert decision.placed.how == "whole"
    times_ms, counts, apexes_ms = Pictures(tmp_path / "out", predictor)._apexes(decision)
    assert np.isnan(apexes_ms["event"])
    assert times_ms[:4].tolist() == [5, 15, 25, 35]  # milliseconds from the first event
    assert counts.tolist() == [2, 0, 0, 1]


def test_frames_are_numbered_as_the_film_has_them_though_only_some_are_kept(tmp_path: Path) -> None:
    film = write_images(tmp_path / "film", np.random.default_rng(0).integers(0, 255, (90, 16, 16)).astype(np.uint8))
    given = Given(Moment(40), None, Moment(51))
    clip = FilmReader(16, 100.0, WHOLE, given=given).read(film)
    assert (clip.first_frame, len(clip.times_us)) == (10, 72)  # 300 ms on both sides
    assert clip.times_us[0] == 100_000
    assert moments_in(clip, given) == (30, 35, 41)
    in_ms = Given(Moment(400, True), None, Moment(510, True))
    same = FilmReader(16, 100.0, WHOLE, given=in_ms).read(film)
    assert moments_in(same, in_ms) == (30, 35, 41)


def test_a_video_is_the_film_of_its_frames(tmp_path: Path) -> None:
    pictures = np.repeat(np.random.default_rng(0).integers(0, 255, (12, 4, 4)), 8, axis=1).repeat(8, axis=2)
    video = write_video(tmp_path / "film.avi", pictures.astype(np.uint8), 100.0)
    clip = FilmReader(32, hint=WHOLE).read(video)
    assert clip.pictures is not None
    assert np.abs(clip.pictures.astype(int) - pictures).max() <= 1  # colours and back
    assert clip.times_us.tolist() == [10_000 * number for number in range(12)]


@pytest.mark.parametrize("hint", [FaceHint(box=Box(30, 20, 48, 48)), FaceHint(eyes=Landmarks(
    *((30 + x * 48 - 0.5, 20 + y * 48 - 0.5) for x, y in EYES)))])
def test_box_and_eyes_cut_the_same_face_out(hint: FaceHint, store: Path, tmp_path: Path) -> None:
    pictures = np.asarray(clip_frames(open_store(store).clips[0]).pictures[:3])
    wide = np.zeros((3, 100, 120), np.uint8)
    wide[:, 20:68, 30:78] = pictures
    clip = FilmReader(48, 100.0, hint).read(write_images(tmp_path / "wide", wide))
    assert clip.pictures is not None
    assert np.abs(clip.pictures.astype(int) - pictures).max() <= 1  # places of eyes are rounded in their last digits


def test_films_that_cannot_be_decided_about_say_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grey = np.full((4, 64, 64), 128, np.uint8)
    film, one = write_images(tmp_path / "film", grey), write_images(tmp_path / "one", grey[:1])
    with pytest.raises(NeuroferError, match=r"shows no face .* frames 0, 1, 2, 3; give --eyes or --box, or --whole"):
        FilmReader(32, 100.0).read(film)
    with pytest.raises(BadFileError, match="holds one frame, need at least 2"):
        FilmReader(32, 100.0, WHOLE).read(one)
    with pytest.raises(UsageError, match="give --fps"):
        FilmReader(32, None, WHOLE).read(film)
    late = Given(Moment(900), None, Moment(901))
    with pytest.raises(UsageError, match="--onset 900 lies behind its end"):
        FilmReader(32, 100.0, WHOLE, given=late).read(film)
    cut = Given(Moment(1), None, Moment(9))
    with pytest.raises(UsageError, match="--offset 9 lies behind its end; its frames are 0 to 3"):
        moments_in(FilmReader(32, 100.0, WHOLE, given=cut).read(film), cut)
    monkeypatch.setattr(films, "MOST_FRAMES", 3)
    with pytest.raises(NeuroferError, match=r"more than 3 frames.*neurofer spot"):
        FilmReader(32, 100.0, WHOLE).read(film)


def test_a_long_slow_film_without_moments_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurofer.stream.micro.clips.LONGEST_SLOW_FRAMES", 3)
    film = write_images(tmp_path / "film", np.full((4, 16, 16), 128, np.uint8))
    assert len(FilmReader(16, 100.0, WHOLE).read(film).events) == 0
    with pytest.raises(NeuroferError, match="4 frames at less than 60 a second are too many"):
        _ = FilmReader(16, 30.0, WHOLE).read(film).events


@pytest.mark.parametrize(("words", "problem"), [
    (("3", None, None), "give both"), ((None, "3", None), "give both"), (("3", None, "2"), "onset <= apex <= offset"),
    (("3", "9", "8"), "onset <= apex <= offset"), (("3", None, "50ms"), "all as frames or all in ms"),
    (("-3", None, "5"), "--onset: need the number of a frame"), (("3", "4.5", "5"), "--apex: need the number")])
def test_moments_out_of_order_are_refused(words: tuple[str | None, ...], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        read_given(*words)


def test_moments_are_read_as_frames_or_milliseconds() -> None:
    assert read_given(None, None, None) is None
    assert read_given("3", None, "9") == (Moment(3), None, Moment(9))
    assert read_given("3.5ms", "4ms", "9ms") == (Moment(3.5, True), Moment(4, True), Moment(9, True))


def test_a_box_of_the_crops_size_changes_no_event(small_events: Events) -> None:
    wide = crop_events(small_events, Box(0, 0, 32, 24), 32)
    assert wide.sensor == (32, 32)
    assert np.array_equal(wide.x, small_events.x)
    assert np.array_equal(wide.y, small_events.y + 4)  # made square about its centre
    assert np.array_equal(wide.t, small_events.t)


def test_pixels_share_a_cell_or_fill_several() -> None:
    events = Events([1, 2, 3], [2, 5, 9], [2, 3, 9], [1, 0, 1], (10, 10))
    half = crop_events(events, Box(2, 2, 4, 4), 2)
    assert np.column_stack((half.t, half.x, half.y, half.p)).tolist() == [[1, 0, 0, 1], [2, 1, 0, 0]]
    double = crop_events(events, Box(2, 2, 2, 2), 4)
    assert np.column_stack((double.t, double.x, double.y)).tolist() == [[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1]]
    assert len(crop_events(events, Box(0, 0, 1, 1), 4)) == 0


def test_a_detected_face_gets_its_eyes_where_aligned_faces_have_them() -> None:
    box = eye_box(Box(100, 50, 200, 200))
    left = (100 + 0.31 * 200 - box.left) / box.width
    assert left == pytest.approx(EYES[0][0], abs=0.005)  # rounded to pixels
    assert (50 + 0.265 * 200 - box.top) / box.height == pytest.approx(EYES[0][1], abs=0.005)


def test_recordings_of_events_need_a_run_that_sees_events(runs: Any, tmp_path: Path) -> None:
    flow = MicroPredictor(load_micro_run(runs()))
    with pytest.raises(UsageError, match=r"sees optical flow .*train a run with input.kind=slices"):
        flow.require_events_suffice(Path("a.raw"))
    slices = MicroPredictor(load_micro_run(runs("input.kind=slices")))
    slices.require_events_suffice(Path("a.raw"))
    events = Events(np.arange(0, 120_000_000, 40_000), *np.ones((3, 3000), int), (8, 8))
    write_columns(tmp_path / "long", [events], (8, 8))
    with pytest.raises(NeuroferError, match=r"120 s are more than 100.*neurofer spot"):
        RecordingReader(48, Request(Box(0, 0, 8, 8))).read(tmp_path / "long")
    clip = RecordingReader(48, Request(Box(0, 0, 8, 8), stop_us=50_000_000)).read(tmp_path / "long")
    with pytest.raises(UsageError, match=r"has no frames to number; give --onset in milliseconds"):
        moments_in(clip, Given(Moment(3), None, Moment(9)))


def test_folders_are_films_recordings_or_searched(store: Path, tmp_path: Path) -> None:
    film = write_images(tmp_path / "all" / "b", np.zeros((1, 4, 4), np.uint8))
    (tmp_path / "all" / "a.mp4").write_bytes(b"")
    (tmp_path / "all" / "c.raw").write_bytes(b"")
    (tmp_path / "all" / "notes.csv").write_text("a\n")
    found = find_sources([tmp_path / "all", store])
    assert found[:3] == [Source(tmp_path / "all" / "a.mp4", "film"), Source(film, "film"),
                         Source(tmp_path / "all" / "c.raw", "recording")]
    assert {source.kind for source in found[3:]} == {"recording"}
    assert len(found) == 3 + len(open_store(store).clips)
    with pytest.raises(UsageError, match="is one image"):
        find_sources([film / "0.png"])
    with pytest.raises(UsageError, match="no film or recording there"):
        find_sources([write_images(tmp_path / "empty", np.zeros((0, 4, 4), np.uint8))])


@pytest.mark.parametrize("kind", ["flow", "slices"])
def test_pictures_are_drawn_and_no_name_is_used_twice(kind: str, runs: Any, store: Path, tmp_path: Path) -> None:
    predictor = MicroPredictor(load_micro_run(runs(f"input.kind={kind}")))
    clip, _ = clip_of(store, predictor.run.path)
    pictures = Pictures(tmp_path / "out", predictor)
    if kind == "flow":
        found = decide(predictor, clip_images(tmp_path / "film", clip), annotated(clip))
    else:
        reader = RecordingReader(predictor.size_px, Request())
        found = predictor.decide(functools.partial(reader.read, clip.path))
    pictures.draw(tmp_path / "film", found)
    pictures.draw(tmp_path / "film", found)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "film-2-apex.png", "film-2-keyframes.png", "film-apex.png", "film-keyframes.png"]


def altered(run: Path, folder: Path, name: str) -> Path:
    """A copy of a run with one byte of a file changed, or without it."""
    import shutil

    shutil.copytree(run, folder)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    return folder


@pytest.mark.parametrize("name", ["model.safetensors", "config.yaml", "interpolator.safetensors"])
def test_an_altered_run_is_refused(name: str, runs: Any, tmp_path: Path) -> None:
    run = runs(*KINDS["drawn"])
    assert isinstance(load_micro_run(run), MicroRun)
    with pytest.raises(BadFileError, match=f"{name}: was altered"):
        load_micro_run(altered(run, tmp_path / "run", name))
    (tmp_path / "run" / name).unlink()
    with pytest.raises(BadFileError, match=f"{name}: missing"):
        load_micro_run(tmp_path / "run")


def test_a_run_of_another_task_is_refused(runs: Any, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"")
    write_card(folder, {"classes": ["a"], "channels": 3, "backend": "ann"})
    assert file_digest(folder / "model.safetensors")
    with pytest.raises(BadFileError, match="is a run of task recognise, need one of task micro"):
        load_micro_run(folder)
