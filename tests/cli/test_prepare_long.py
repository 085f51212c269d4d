"""``neurofer prepare samm-lv|casme2-long|casme3-long`` on small trees of their layouts, good and bad."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neurofer.data.long.store import open_long, video_frames
from neurofer.events.open import open_recording
from trees.long_trees import write_casme2_long, write_casme3_long, write_samm_lv

Cli = Callable[..., Any]
NAMES = ("samm-lv", "casme2-long", "casme3-long")
QUICK = ("--size", 32, "--workers", 1)
WHOLE = (*QUICK, "--whole")


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three short videos of one person of each data set."""
    root = tmp_path_factory.mktemp("trees")
    write_samm_lv(root / "samm-lv", ("006",), frames=30)
    write_casme2_long(root / "casme2-long", subjects=1, frames=30)
    write_casme2_long(root / "casme2-long", subjects=1, frames=30, crops="cropped", size_px=40)
    write_casme3_long(root / "casme3-long", subjects=1, frames=30)
    return root


def counted(text: str) -> dict[str, int]:
    """The table at the end, by its words."""
    rows = [line.rsplit(maxsplit=1) for line in text.splitlines() if line.strip()]
    return {row[0].strip(): int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


@pytest.mark.parametrize(("name", "fps"), [("samm-lv", "200"), ("casme2-long", "30"), ("casme3-long", "30")])
def test_a_data_set_becomes_a_long_store(run_cli: Cli, trees: Path, tmp_path: Path, name: str, fps: str) -> None:
    words = ("prepare", name, "--root", trees / name, "--out", tmp_path / "store", *WHOLE)
    made = run_cli(*words)
    assert made.code == 0, made.err
    assert "prepared 3 of 3 clips of 1 subjects" in made.out
    assert "this copy is not the released one" in made.err
    rows = counted(made.out)
    assert (rows["videos"], rows["micro-expressions"], rows["macro-expressions"]) == (3, 1, 2)
    assert (rows["frames"], rows["aligned by whole picture"]) == (90, 3)
    assert rows.get("videos interpolated for their events", 0) == (0 if fps == "200" else 3)
    store = open_long(tmp_path / "store")
    assert store.clip_set.name == name.replace("-", "_")
    assert sorted(clip.label for clip in store.videos) == ["both", "macro", "none"]
    for clip in store.videos:
        assert (clip.facts["fps"], clip.facts["first_frame"]) == (fps, "1")
        assert video_frames(clip).pictures.shape == (30, 32, 32)
    (micro,) = (one for truth in store.truth.values() for one in truth if one.kind == "micro")
    assert (micro.onset, micro.offset) == (5, 9)  # frames 6 to 10 of the data set
    again = run_cli(*words)
    assert (again.code, again.out) == (0, made.out)


def test_the_authors_crops_of_casme2(run_cli: Cli, trees: Path, tmp_path: Path) -> None:
    made = run_cli("prepare", "casme2-long", "--root", trees / "casme2-long", "--out", tmp_path / "raw", *QUICK)
    assert made.code == 0, made.err
    assert counted(made.out)["aligned by detected eyes"] == 3
    cut = run_cli("prepare", "casme2-long", "--root", trees / "casme2-long", "--out", tmp_path / "cut", *WHOLE)
    assert cut.code == 0, cut.err
    with open_recording(open_long(tmp_path / "cut").videos[0].path) as recording:
        source = json.loads((tmp_path / "cut/events" / open_long(tmp_path / "cut").videos[0].name
                             / "meta.json").read_text())["meta"]["source"]
        assert recording.sensor == (32, 32)
    assert source.startswith("cropped/")


def test_the_face_is_looked_for_again(run_cli: Cli, trees: Path, tmp_path: Path) -> None:
    made = run_cli("prepare", "samm-lv", "--root", trees / "samm-lv", "--out", tmp_path / "store", *QUICK,
                   "--realign-s", "0.05", "--no-events")
    assert made.code == 0, made.err
    rows = counted(made.out)
    assert (rows["aligned by detected eyes"], rows["videos without events"]) == (3, 3)
    assert open_long(tmp_path / "store").videos[0].facts["events_made"] == "no"


def test_boxes_and_eyes_by_the_name_of_the_video(run_cli: Cli, trees: Path, tmp_path: Path) -> None:
    boxes, eyes = tmp_path / "boxes.csv", tmp_path / "eyes.csv"
    boxes.write_text("subject,video,x,y,w,h\n006,006_1,8,8,80,80\n006,006_2,8,8,80,80\n006,006_9,8,8,80,80\n")
    eyes.write_text("subject,video,left_eye_x,left_eye_y,right_eye_x,right_eye_y\n006,006_1,30,40,60,40\n")
    made = run_cli("prepare", "samm-lv", "--root", trees / "samm-lv", "--out", tmp_path / "store", *QUICK,
                   "--boxes", boxes, "--landmarks", eyes)
    assert made.code == 0, made.err
    assert "boxes: 1 of 3 rows name no video of samm_lv: 006 006_9" in made.err
    assert [clip.facts["aligned"] for clip in open_long(tmp_path / "store").videos] == [
        "landmarks", "user box", "detected eyes"]


def test_a_part_says_that_others_are_missing(run_cli: Cli, trees: Path, tmp_path: Path) -> None:
    words = ("prepare", "samm-lv", "--root", trees / "samm-lv", "--out", tmp_path / "store", *WHOLE)
    assert "this part is done" in run_cli(*words, "--shard", "1/2").out
    assert "prepared 3 of 3 clips" in run_cli(*words, "--shard", "2/2").out


@pytest.mark.parametrize(("words", "code", "why"), [
    (("--size", "8"), 2, "size is 8; need 32 to 1024"), (("--threshold", "0"), 2, "threshold is 0; need 0.01 to 1"),
    (("--realign-s", "-1"), 2, "realign_s is -1; need 0 to 600"),
    (("--realign-s", "1", "--whole"), 2, "leave one of them out"),
    (("--landmarks", "none.csv"), 1, "none.csv: cannot be read"), (("--shard", "3/2"), 2, "shard"),
    (("--sheet", "none.xlsx"), 1, "none.xlsx")])
def test_options_that_do_not_fit(run_cli: Cli, trees: Path, tmp_path: Path, words: tuple[str, ...], code: int,
                                 why: str) -> None:
    made = run_cli("prepare", "samm-lv", "--root", trees / "samm-lv", "--out", tmp_path / "store", *words)
    assert made.code == code
    assert why in made.err
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("name", NAMES)
def test_help_has_examples(run_cli: Cli, name: str) -> None:
    shown = run_cli("prepare", name, "--help")
    assert shown.code == 0
    assert f"neurofer prepare {name} --root" in shown.out


def test_a_folder_that_is_not_the_data_set(run_cli: Cli, tmp_path: Path) -> None:
    for name in NAMES:
        made = run_cli("prepare", name, "--root", tmp_path, "--out", tmp_path / "store")
        assert made.code == 1, name
        assert str(tmp_path) in made.err
        assert len(made.err.splitlines()) < 4, made.err
