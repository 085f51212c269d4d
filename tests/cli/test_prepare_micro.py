"""``neurofer prepare casme2|samm|smic|casme3|mmew`` on small trees of their layouts, good and bad."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neurofer.data.frames import clip_frames
from neurofer.data.micro.pool import labelled, open_pool
from neurofer.data.store import open_store
from trees import casme2 as casme2_tree
from trees import casme3 as casme3_tree
from trees import mmew as mmew_tree
from trees import samm as samm_tree
from trees import smic as smic_tree
from trees.faces import face_frames

Cli = Callable[..., Any]
QUICK = ("--size", 32, "--workers", 1, "--margin-ms", 10)


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few clips of each data set; pictures are stripes, which --whole takes for faces."""
    root = tmp_path_factory.mktemp("trees")
    rows = [row for row in casme2_tree.casme2_rows() if row["Subject"] == "sub01"][:3]
    casme2_tree.write_sheet_255(root / "casme2", rows)
    casme2_tree.write_frames(root / "casme2", rows)
    casme2_tree.write_frames(root / "casme2", rows[:1], cropped=True)
    rows = list(samm_tree.samm_rows())[:2]
    samm_tree.write_sheet(root / "samm", rows)
    samm_tree.write_frames(root / "samm", rows)
    smic_tree.write_clips(root / "smic")
    casme3_tree.write_part_a(root / "casme3")
    mmew_tree.write_official(root / "mmew")
    return root


@pytest.mark.parametrize(("name", "clips", "first"), [
    ("samm", 2, "007_9_1"), ("smic", 6, "s01_ne_01"), ("mmew", 7, "S03-01-002")])
def test_a_data_set_becomes_a_micro_store(run_cli: Cli, trees: Path, tmp_path: Path, name: str, clips: int,
                                          first: str) -> None:
    made = run_cli("prepare", name, "--root", trees / name, "--out", tmp_path / "store", "--whole", *QUICK)
    assert made.code == 0, made.err
    assert f"prepared {clips} of {clips} clips" in made.out
    assert "this copy is not the released one" in made.err
    assert "problem" not in made.err
    assert any(line.split() == ["aligned", "by", "whole", "picture", str(clips)] for line in made.out.splitlines())
    store = open_store(tmp_path / "store")
    assert (store.name, store.clips[0].name) == (name, first)
    for clip in store.clips:
        frames = clip_frames(clip)
        assert frames.pictures.shape[1:] == (32, 32)
        assert set(clip.truth.values()) <= set(frames.times_us.tolist())
        assert {"kind", "video", "clip", "onset_frame", "apex_frame", "offset_frame", "fps", "apex_source"} <= {
            *clip.facts}
    again = run_cli("prepare", name, "--root", trees / name, "--out", tmp_path / "store", "--whole", *QUICK)
    assert (again.code, again.out) == (0, made.out)


def test_slow_films_of_casme3(run_cli: Cli, trees: Path, tmp_path: Path) -> None:
    made = run_cli("prepare", "casme3", "--root", trees / "casme3", "--out", tmp_path / "store", "--whole", *QUICK)
    assert made.code == 0, made.err
    assert any(line.split() == ["clips", "interpolated", "for", "their", "events", "8"]
               for line in made.out.splitlines())
    store = open_store(tmp_path / "store")
    assert [clip.name for clip in store.clips if clip.facts["video"] == "b"] == ["spNO.1_b_166", "spNO.1_b_640"]


def test_the_composite_list_decides_the_classes(run_cli: Cli, trees: Path, tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("smic,s01,s01_ne_01,0\nsmic,s02,s02_sur_01,2\n")
    made = run_cli("prepare", "smic", "--root", trees / "smic", "--out", tmp_path / "store", "--whole", *QUICK,
                   "--list", listed)
    assert made.code == 0, made.err
    assert any(line.split() == ["smic", "negative", "1", "70"] for line in made.err.splitlines())
    chosen = labelled(open_pool([tmp_path / "store"]), "label3")
    assert [(clip.name, clip.label) for clip in chosen.clips] == [("s01_ne_01", "negative"),
                                                                 ("s02_sur_01", "surprise")]
    listed.write_text("smic,s01,s01_ne_01,0\nsmic,s03,s03_ne_01,0\n")
    wrong = run_cli("prepare", "smic", "--root", trees / "smic", "--out", tmp_path / "other", "--list", listed)
    assert wrong.code == 1
    assert "s03 s03_ne_01 has no usable row" in wrong.err
    assert not (tmp_path / "other").exists()


def test_whole_takes_the_authors_crops_of_casme2(run_cli: Cli, trees: Path, tmp_path: Path) -> None:
    made = run_cli("prepare", "casme2", "--root", trees / "casme2", "--out", tmp_path / "store", "--whole", *QUICK)
    assert made.code == 0, made.err
    assert "prepared 1 of 3 clips" in made.out
    assert made.err.count(f"{trees / 'casme2' / 'Cropped'}/sub01/") == 2
    boxes = tmp_path / "boxes.csv"
    names = [str(row["Filename"]) for row in casme2_tree.casme2_rows() if row["Subject"] == "sub01"][:3]
    boxes.write_text("subject,clip,x,y,w,h\n" + "".join(f"sub01,{name},4,0,30,30\n" for name in names))
    made = run_cli("prepare", "casme2", "--root", trees / "casme2", "--out", tmp_path / "raw", "--boxes", boxes, *QUICK)
    assert made.code == 0, made.err
    assert "prepared 3 of 3 clips" in made.out
    summary = json.loads((tmp_path / "raw" / "summary.json").read_text())
    assert (summary["dataset"], summary["clips"], summary["aligned"]) == ("casme2", 3, {"user box": 3})


def test_faces_are_found_in_a_film_of_smic(run_cli: Cli, tmp_path: Path) -> None:
    film = face_frames(1, "neutral", 0, 18, 160)
    smic_tree.write_clips(tmp_path / "smic", smic_tree.CLIPS[:1], part="VIS",
                          picture=lambda _, number: film[number % len(film)])
    made = run_cli("prepare", "smic", "--root", tmp_path / "smic", "--out", tmp_path / "store", "--part", "vis", *QUICK)
    assert made.code == 0, made.err
    facts = open_store(tmp_path / "store").clips[0].facts
    assert (facts["aligned"], facts["fps"], facts["upsampled"]) == ("detected eyes", "25", "8")


def test_pictures_without_a_face_need_a_word(run_cli: Cli, trees: Path, tmp_path: Path) -> None:
    made = run_cli("prepare", "mmew", "--root", trees / "mmew", "--out", tmp_path / "store", *QUICK)
    assert made.code == 1
    assert "give --landmarks or --boxes, or --whole if the pictures are cropped to the face" in made.err
    assert "prepared 0 of 7 clips, so there is no store" in made.err


def test_a_part_says_that_others_are_missing(run_cli: Cli, trees: Path, tmp_path: Path) -> None:
    words = ("prepare", "samm", "--root", trees / "samm", "--out", tmp_path / "store", "--whole", *QUICK)
    assert "this part is done" in run_cli(*words, "--shard", "1/2").out
    assert "prepared 2 of 2 clips" in run_cli(*words, "--shard", "2/2").out


@pytest.mark.parametrize(("words", "code", "why"), [
    (("smic", "--part", "UV"), 2, "--part: choose HS or VIS or NIR, got 'UV'"),
    (("casme3", "--part", "B"), 2, "--part: choose A or C, got 'B'"),
    (("samm", "--size", "8"), 2, "size is 8; need 32 to 1024"),
    (("samm", "--threshold", "0"), 2, "threshold is 0; need 0.01 to 1"),
    (("samm", "--landmarks", "none.csv"), 1, "none.csv: cannot be read"),
    (("samm", "--shard", "3/2"), 2, "shard"),
    (("mmew", "--list", "x"), 2, "--list")])
def test_options_that_do_not_fit(run_cli: Cli, trees: Path, tmp_path: Path, words: tuple[str, ...], code: int,
                                 why: str) -> None:
    made = run_cli("prepare", words[0], "--root", trees / words[0], "--out", tmp_path / "store", *words[1:])
    assert made.code == code
    assert why in made.err
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("name", ["casme2", "samm", "smic", "casme3", "mmew"])
def test_help_has_examples(run_cli: Cli, name: str) -> None:
    shown = run_cli("prepare", name, "--help")
    assert shown.code == 0
    assert f"neurofer prepare {name} --root {name.upper()} --out" in shown.out


def test_a_folder_that_is_not_the_data_set(run_cli: Cli, tmp_path: Path) -> None:
    for name in ("casme2", "samm", "smic", "casme3", "mmew"):
        made = run_cli("prepare", name, "--root", tmp_path, "--out", tmp_path / "store")
        assert made.code == 1, name
        assert str(tmp_path) in made.err
        assert len(made.err.splitlines()) < 4, made.err
