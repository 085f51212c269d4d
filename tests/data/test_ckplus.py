"""CK+: its tree, the authors' events, frame lists, windows that are kept, and stores made of them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurofer.data.ckplus import SENSOR, busy_run, prepare_ckplus, sensor_box, window_counts, window_start
from neurofer.data.ckplus_counts import WINDOWS, count_release
from neurofer.data.ckplus_tree import CLASSES, IMAGES, find_events, longest_run, read_frame_list, read_tree
from neurofer.data.clip import Box, Clip, ClipSet
from neurofer.data.expected import differing
from neurofer.data.folds import PLACE, places_in_class, published_side
from neurofer.data.frames import clip_frames
from neurofer.data.store import read_store_index
from neurofer.data.windows import window_edges
from neurofer.errors import BadFileError, UsageError
from neurofer.events.columns import write_columns
from neurofer.events.events import Events
from neurofer.events.open import open_recording
from neurofer.train.triples import contexts, doubled_contexts
from trees.ckplus import PICTURES, expression, write_emotion, write_events, write_sequence, write_tree
from trees.published import published_structure


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Two subjects with three expressions each."""
    root = tmp_path_factory.mktemp("ck") / "CK+"
    write_tree(root, (10, 32), ("anger", "fear", "surprise"))
    return root


@pytest.fixture
def copy(tree, tmp_path):
    return shutil.copytree(tree, tmp_path / "CK+")


@pytest.fixture(scope="module")
def store(tree):
    return prepare_ckplus(tree, tree.parent / "store").store


def told(problems):
    return [str(problem) for problem in problems]


def test_the_tree_is_read_with_its_quirks(tree):
    found = read_tree(tree)
    assert found.problems == []
    assert found.wanted == 6
    assert found.labels == {f"S{subject:03d}_{number:03d}": label for subject in (10, 32)
                            for number, label in ((1, "anger"), (2, "fear"), (3, "surprise"))}
    first = found.sequences["S010_001"]
    assert first.folder == "cohn-kanade-images/S010/001"
    assert (first.pictures[0], len(first.pictures)) == ("S010_001_00000003.png", PICTURES)


def test_a_store_of_events_and_frames(store, tree):
    assert (store.prepared, store.wanted, store.problems) == (6, 6, ())
    assert store.clip_set.classes == CLASSES
    assert store.clip_set.subjects == ("S010", "S032")
    for clip in store.clip_set.clips:
        frames = clip_frames(clip)
        assert frames.pictures.shape == (PICTURES, SENSOR[1], SENSOR[0])
        assert frames.times_us.tolist() == [round(number * 1e6 / 30) for number in range(PICTURES)]
        counts = window_counts(clip.path)
        with open_recording(clip.path) as recording:
            low, high = busy_run(counts)
            assert clip.start_us == recording.start_us + round(low * 1e6 / 30)
            assert clip.stop_us == recording.start_us + round((high + 1) * 1e6 / 30)
            assert recording.report().events == counts.sum()
        assert len(window_edges(clip.start_us, clip.stop_us, 33_333)) - 1 == high - low + 1 >= 3
        face = Box(*(round(side) for side in (0.05 * SENSOR[0], 0.05 * SENSOR[1], 0.9 * SENSOR[0], 0.9 * SENSOR[1])))
        assert clip.box.width == clip.box.height > 80
        assert face.left < clip.box.left + clip.box.width // 2 < face.left + face.width
        assert clip.facts[PLACE] in ("1 of 2", "2 of 2")
    assert read_store_index(store.folder).parameters["pixel"]["threshold_on"] == 0.2


def test_parts_and_presets(tree, store, tmp_path):
    assert prepare_ckplus(tree, tmp_path / "parts", part=(1, 2)) is None
    parts = prepare_ckplus(tree, tmp_path / "parts", part=(2, 2)).store
    assert parts.clip_set.digest == store.clip_set.digest
    with pytest.raises(UsageError, match=r"preset spiking_fer \(now c_v2e\)"):
        prepare_ckplus(tree, tmp_path / "parts", "c_v2e")
    with pytest.raises(UsageError, match="unknown preset 'dvs'"):
        prepare_ckplus(tree, tmp_path / "none", "dvs")


def test_a_picture_of_the_true_size(tmp_path):
    root = tmp_path / "CK+"
    write_sequence(root, "S999_001", expression(3, "happiness", 5), size=(640, 490))
    write_emotion(root, "S999_001", 5, 5)
    store = prepare_ckplus(root, tmp_path / "store").store
    clip, = store.clip_set.clips
    assert clip.label == "happiness"
    assert clip.sensor == SENSOR
    assert clip_frames(clip).pictures.shape == (5, 260, 346)


def test_a_box_in_shares_of_the_picture():
    assert sensor_box(Box(160, 122, 320, 320), (640, 490)) == Box(86, 63, 173, 173)   # 86.5, 64.7, 173 x 169.8
    assert sensor_box(Box(0, 0, 640, 480), (640, 480)) == Box(0, -43, 346, 346)


def test_the_run_of_busy_windows():
    assert busy_run(np.array([9, 1, 3, 9, 10, 5])) == (2, 5)               # the run after the quiet window
    assert busy_run(np.array([1, 2, 10, 10, 3, 2, 1])) == (2, 4)           # 2 is not above 20 % of 10
    assert busy_run(np.array([0, 0, 0, 0, 10])) == (2, 4)                  # three at least
    assert busy_run(np.array([10, 0, 0, 0])) == (0, 2)
    assert busy_run(np.array([5, 5, 5])) == (0, 2)


def test_windows_begin_with_the_first_event(tmp_path):
    for times, counts in (([7, 33_339, 33_340, 33_341], [2, 2]), ([0, 66_666], [1, 1]), ([0, 66_667], [1, 0, 1]),
                          ([5], [1]), ([], [])):
        t = np.array(times, np.int64)
        zeros = np.zeros(len(t), np.uint16)
        write_columns(tmp_path / "events", Events(t, zeros, zeros, zeros.astype(bool), (4, 4)), (4, 4))
        assert window_counts(tmp_path / "events").tolist() == counts
    assert [window_start(number) for number in range(4)] == [0, 33_333, 66_667, 100_000]


def test_longest_run_of_windows():
    assert longest_run([4]) == (4, 4)
    assert longest_run([1, 2, 5, 6, 7, 9]) == (5, 7)
    assert longest_run([1, 2, 8, 9]) == (1, 2)


def test_the_frame_list_chooses_windows(tree, tmp_path):
    lines = [f"Test_Set/1/S010_001/frame_{number:04d}.jpg" for number in (2, 3, 4)]
    lines += [r"Train_Set\4\S010_002\frame_0001.jpg", "4/S010_002/frame_0002.jpg", "", "S010_003/frame_0000",
              "S010_003/frame_0001", "S010_003/frame_0002", "S010_003/frame_0005"]                 # 10 lines
    lines += ["Test_Set/1/S133_003/frame_0003.jpg", "frame_7", "Test_Set/7/S032_001/frame_0001.jpg",
              "Test_Set/4/S032_002/frame_0008.jpg"]
    path = tmp_path / "list.txt"
    path.write_text("\n".join(lines))
    summary = prepare_ckplus(tree, tmp_path / "store", frame_list=path)
    clips = {clip.name: clip for clip in summary.store.clip_set.clips}
    assert sorted(clips) == ["S010_001", "S010_002", "S010_003"]
    for name, low, high in (("S010_001", 2, 4), ("S010_002", 1, 2), ("S010_003", 0, 2)):
        with open_recording(clips[name].path) as recording:
            assert clips[name].start_us - recording.start_us == window_start(low)
            assert clips[name].stop_us - recording.start_us == window_start(high + 1)
    assert told(summary.store.problems) == [
        f"{path}:12: is 'frame_7', not such as Test_Set/1/S133_003/frame_0003.jpg",
        f"{path}:7: begins the windows of S010_003, which are not one unbroken run; the longest, 0 to 2, is used",
        f"{path}:13: lists S032_001 under surprise, but its emotion file says anger: two labels for one clip",
        f"{path}:14: keeps window 8 of S032_002, which has only 8 pictures",
        f"{path}:11: lists S133_003, which this copy does not label",
        f"{path}: does not list S032_003; it is left out"]
    assert (summary.store.prepared, summary.store.wanted) == (3, 6)
    counts = {count.what: count.have for count in summary.differing}
    assert counts["anger: train windows"] == 3
    assert counts["fear: train windows"] == 2


def test_frame_lists_that_are_none(tmp_path):
    path = tmp_path / "list.txt"
    with pytest.raises(BadFileError, match="cannot be read as a frame list"):
        read_frame_list(path)
    path.write_bytes(bytes(range(256)))
    with pytest.raises(BadFileError, match="no line names a window"):
        read_frame_list(path)
    path.write_text("junk\n" * 200 + "1/S010_001/frame_0001.jpg\n1/S010_001/frame_0002.jpg\n2/S010_001/frame_0003.jpg")
    kept, problems = read_frame_list(path)
    assert kept["S010_001"][:3] == (1, 2, "anger")
    assert told(problems)[-1] == f"{path}: has 101 more bad rows"


def test_the_authors_events(tree, tmp_path):
    given = tmp_path / "e-ck+"
    path = write_events(given, "S010_001", "anger")
    write_events(given, "S010_002", "fear", "Test_Set")
    write_events(given, "S010_003", "disgust")
    for part in ("Train_Set", "Test_Set"):
        write_events(given, "S032_001", "anger", part)
    write_events(given, "S077_001", "anger")
    pickled = given / "Train_Set" / "7" / "S032_003.npy"
    pickled.parent.mkdir(parents=True, exist_ok=True)
    np.save(pickled, np.array([{}], object), allow_pickle=True)
    summary = prepare_ckplus(tree, tmp_path / "store", events=given).store
    assert [clip.name for clip in summary.clip_set.clips] == ["S010_001", "S010_002"]
    rows = np.load(path)
    with open_recording(summary.clip_set.clips[0].path) as recording:
        events = recording.between(0, 10_000_000)
    np.testing.assert_array_equal(events.t, np.rint(rows[:, 2] * 1e6))
    np.testing.assert_array_equal(events.p, rows[:, 3] > 0)
    np.testing.assert_array_equal(events.x, rows[:, 0])
    assert clip_frames(summary.clip_set.clips[0]).times_us[0] == 0
    text = "\n".join(told(summary.problems))
    assert f"{given / 'Train_Set/3/S010_003.npy'}: lies among disgust, but S010_003 is labelled surprise" in text
    assert f"{given / 'Test_Set/1/S032_001.npy'}: is a second file of S032_001" in text
    assert "S077_001.npy: has no emotion file" in text
    assert f"{given}: holds no S032_002.npy below Train_Set or Test_Set/4" in text
    assert f"{pickled}: is not a readable .npy file" in text
    assert len(summary.problems) == 5
    with pytest.raises(BadFileError, match="holds neither Train_Set nor Test_Set"):
        find_events(tree, read_tree(tree))


@pytest.mark.parametrize("rows", [
    np.zeros((0, 4)), np.zeros((4, 3)), np.full((5, 4), np.nan), np.array([[400, 0, 0.1, 1], [1, 1, 0.2, 1]]),
    np.array([[1, 1, 0.25, 1], [2, 2, 0.1, -1], [1, 1, 0.05, 1]]), np.array([[1, 1, 0.5, 1], [0, 2, 5e4 + 0.1, -1]]),
    np.array([[1, 1, 0.5, 7], [0, 2, 0.6, -1]]),
], ids=["empty", "three columns", "nan", "off the sensor", "backwards", "half a day", "polarity 7"])
def test_bad_event_files_are_told(rows, tmp_path):
    root, given = tmp_path / "CK+", tmp_path / "e-ck+"
    write_sequence(root, "S010_001", expression(10, "anger"))
    write_emotion(root, "S010_001", 1)
    path = given / "Train_Set" / "1" / "S010_001.npy"
    path.parent.mkdir(parents=True)
    np.save(path, rows)
    summary = prepare_ckplus(root, tmp_path / "store", events=given).store
    assert summary.clip_set is None
    assert [problem.where for problem in summary.problems] == [str(path)]
    assert not (tmp_path / "store" / "events" / "S010_001").exists()


def test_everything_wrong_is_told_together_and_the_rest_is_prepared(copy, tmp_path):
    images = copy / IMAGES
    cut = images / "S010" / "001" / "S010_001_00000005.png"
    cut.write_bytes(cut.read_bytes()[:-300])
    nine = write_emotion(copy, "S010_002", 9)
    words = write_emotion(copy, "S010_003", "happy")
    second = write_emotion(copy, "S032_001", 3, 4)
    for path in sorted((images / "S032" / "002").glob("S*.png"))[1:]:
        path.unlink()
    one = images / "S032" / "002"
    write_emotion(copy, "S032_002", 4, 1)
    (copy / "Emotion" / "S032" / "002" / f"S032_002_{PICTURES:08d}_emotion.txt").unlink()
    blank = np.random.default_rng(0).integers(80, 99, (PICTURES, 120, 120)).astype(np.uint8)
    write_sequence(copy, "S050_001", blank)                                # noise, no face
    write_emotion(copy, "S050_001", 2)
    lost = write_emotion(copy, "S051_001", 2)
    (images / "S032" / "003" / "S032_003_0000004.png").write_bytes(b"x")
    summary = prepare_ckplus(copy, tmp_path / "store").store
    assert [clip.name for clip in summary.clip_set.clips] == ["S032_003"]
    assert (summary.prepared, summary.wanted) == (1, 8)
    assert told(summary.problems) == [
        f"{nine}: holds '9.0000000e+00', not a number of 1 to 7",
        f"{words}: holds 'happy', not a number of 1 to 7",
        f"{second.with_name(f'S032_001_{PICTURES:08d}_emotion.txt')}: is a second emotion file of S032_001, beside "
        f"{second.name}: two labels for one clip",
        f"{one}: holds one picture; events come from the change between two",
        f"{images / 'S032/003/S032_003_0000004.png'}: is not named as a picture of S032_003 (S032_003_########.png); "
        "it is not used",
        f"{images / 'S051/001'}: is missing, but {lost.name} labels it",
        f"{cut}: is not an image that can be read, or is damaged",
        f"{images / 'S050/001/S050_001_00000001.png'}: shows no face that the frontal detector finds; S050_001 is left "
        "out"]
    assert read_store_index(tmp_path / "store").parameters["dropped"] == ["S010_001", "S050_001"]


def test_lost_pictures_are_told(copy):
    folder = copy / IMAGES / "S010" / "001"
    (folder / "S010_001_00000006.png").unlink()
    (copy / IMAGES / "S010" / "002" / f"S010_002_{PICTURES:08d}.png").unlink()
    found = read_tree(copy)
    assert told(found.problems) == [
        f"{folder}: lacks pictures between 5 and 7; those that are there are taken as consecutive",
        f"{folder.with_name('002')}: ends with picture {PICTURES - 1}, but S010_002_{PICTURES:08d}_emotion.txt labels "
        "a later one; the copy is not whole"]
    assert len(found.sequences["S010_001"].pictures) == PICTURES - 1
    assert "S010_002" not in found.sequences
    assert "S010_002" in found.labels


@pytest.mark.parametrize(("content", "said"), [
    ("", "holds '', not a number"), ("nan", "holds 'nan'"), ("0", "holds '0'"), ("2.5", "holds '2.5'"),
    ("1 2", "holds 2 numbers or words, not one: two labels"), ("\0" * 10_000, "not a number of 1 to 7"),
], ids=["empty", "nan", "neutral", "half", "two", "zeros"])
def test_emotion_files_that_say_nothing(copy, content, said):
    path = write_emotion(copy, "S010_002", content)
    problem, = read_tree(copy).problems
    assert problem.where == str(path)
    assert said in problem.what


def test_a_wrong_root(tree, tmp_path):
    with pytest.raises(BadFileError, match="no such folder; give the root of CK"):
        read_tree(tmp_path / "nowhere")
    with pytest.raises(BadFileError, match="has no folder cohn-kanade-images and no folder Emotion"):
        read_tree(tree / IMAGES)
    (tmp_path / IMAGES).mkdir()
    with pytest.raises(BadFileError, match="has no folder Emotion; give"):
        read_tree(tmp_path)
    (tmp_path / "Emotion" / "S010" / "001").mkdir(parents=True)
    with pytest.raises(BadFileError, match="holds no file S###"):
        read_tree(tmp_path)


def test_counts_beside_the_published_ones(tree, store):
    counts = {count.what: count for count in count_release(read_tree(tree).labels, store.clip_set.clips, True)}
    assert sum(count.wanted for what, count in counts.items() if what.endswith("labelled sequences")) == 327
    assert sum(count.wanted for what, count in counts.items() if what.endswith("train windows")) == 2_168
    assert sum(count.wanted for what, count in counts.items() if what.endswith("test windows")) == 558
    assert sum(count.wanted for what, count in counts.items() if what.endswith("train sequences")) == 256
    assert sum(count.wanted for what, count in counts.items() if what.endswith("test sequences")) == 63
    assert counts["anger: labelled sequences"].have == 2
    assert counts["people"].have == 2
    assert (counts["anger: train sequences"].have, counts["anger: test sequences"].have) == (1, 1)


def test_a_copy_with_the_published_structure_differs_in_nothing():
    labels, dropped = published_structure()
    facts = places_in_class(labels)
    clips = [Clip(name, Path(name), 0, 1, name[:4], label, "ckplus", facts=facts[name])
             for name, label in labels.items() if name not in dropped]
    sides = published_side(ClipSet("ckplus", CLASSES, tuple(clips), ""))
    lengths = {}
    for side, windows in WINDOWS.items():
        for label, count in zip(CLASSES, windows, strict=True):
            names = [clip.name for clip in clips if (clip.label, sides[clip.name]) == (label, side)]
            lengths.update({name: count // len(names) + (place < count % len(names))
                            for place, name in enumerate(names)})
    clips = [replace(clip, stop_us=window_start(lengths[clip.name])) for clip in clips]
    assert differing(count_release(labels, clips, windows=True)) == ()
    for side, triples, doubled in (("train", 1_656, 4_456), ("test", 432, 1_170)):
        of_side = [lengths[name] for name in lengths if sides[name] == side]
        assert sum(len(contexts(number, 3)) for number in of_side) == triples
        assert sum(len(doubled_contexts(number)) for number in of_side) == doubled
    fewer = differing(count_release(labels, clips[1:], windows=True))
    assert [count.what for count in fewer] == ["anger: train sequences", "anger: train windows"]
