"""``neurofer predict`` for micro-expressions: a row a film, failures elsewhere, one sentence for each slip."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurofer.data.clip import Clip
from neurofer.data.store import open_store
from neurofer.train.micro.recipe import train_micro
from neurofer.train.run_folder import write_card
from trees.micro_films import clip_images, moments_of, write_images
from trees.micro_store import small_config, write_micro_store

HEADER = ("file,onset_frame,apex_frame,offset_frame,onset_ms,apex_ms,offset_ms,moments,label,p_negative,p_positive,"
          "p_surprise,latency_ms")


class Made:
    """A store, a run for flow and one for slices, and a film of the first tested clip of the former."""

    def __init__(self, folder: Path) -> None:
        self.store = write_micro_store(folder / "store")
        self.flow, self.slices = (train_micro(small_config(
            "prior.loss=none", "target.epochs=1", "target.alpha=none", f"input.kind={kind}", f"data=[{self.store}]",
            f"out={folder / kind}")) for kind in ("flow", "slices"))
        self.said = next(csv.DictReader((self.flow / "predictions.csv").read_text(encoding="utf-8").splitlines()))
        self.clip: Clip = next(clip for clip in open_store(self.store).clips if clip.name == self.said["clip"])
        self.film = clip_images(folder / "film", self.clip)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("made"))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize("words", [(), ("--task", "micro")])
def test_a_films_row_says_what_the_training_said(words: tuple[str, ...], made: Made, run_cli: Any, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run_cli("predict", *words, made.flow, made.film, "--fps", 100, "--whole", *moments_of(made.clip))
    assert code == 0, err
    assert out.splitlines()[0] == HEADER
    (row,) = rows_of(out)
    assert row["file"] == str(made.film)
    assert [row[f"{name}_frame"] for name in ("onset", "apex", "offset")] == [
        made.clip.facts[f"{name}_frame"] for name in ("onset", "apex", "offset")]
    assert float(row["apex_ms"]) == made.clip.truth["apex_us"] / 1e3
    assert (row["moments"], row["label"]) == ("given", made.said["predicted"])
    for name in ("negative", "positive", "surprise"):
        assert float(row[f"p_{name}"]) == pytest.approx(float(made.said[name]), abs=1e-5)
    assert float(row["latency_ms"]) > 0
    assert "given; face by whole picture" in err
    assert not list(tmp_path.iterdir())


def test_without_an_apex_the_frame_halfway_is_taken(made: Made, run_cli: Any) -> None:
    found = run_cli("predict", made.flow, made.film, "--fps", 100, "--whole", "--onset", 10, "--offset", 31)
    assert [rows_of(found.out)[0][f"{name}_frame"] for name in ("onset", "apex", "offset")] == ["10", "20", "31"]


def test_tables_lie_beside_the_output_and_pictures_where_wanted(made: Made, run_cli: Any, tmp_path: Path) -> None:
    still = write_images(tmp_path / "still", np.full((12, 48, 48), 90, np.uint8))
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    out = tmp_path / "results" / "out.csv"
    words = ("predict", made.flow, broken, still, "--fps", 100, "--whole", "-o", out, "--plot", tmp_path / "pictures")
    for _ in range(2):  # an earlier table may be replaced
        code, _, err = run_cli(*words)
        assert code == 0, err
    (row,) = rows_of(out.read_text(encoding="utf-8"))
    assert (row["moments"], row["onset_frame"], row["offset_frame"]) == ("whole", "0", "11")
    failures = rows_of((out.parent / "failures.csv").read_text(encoding="utf-8"))
    assert [one["file"] for one in failures] == [str(broken)]
    assert "1 of 2 recordings failed" in err
    assert "whole (there are no events)" in err
    assert sorted(path.name for path in out.parent.iterdir()) == ["failures.csv", "out.csv", "out.csv.done"]
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["still-apex.png", "still-keyframes.png"]


def test_a_recording_of_events_is_decided_about(made: Made, run_cli: Any) -> None:
    code, out, err = run_cli("predict", made.slices, made.clip.path, "--onset", "100ms", "--offset", "300ms")
    assert code == 0, err
    (row,) = rows_of(out)
    assert (row["onset_frame"], row["apex_frame"], row["moments"]) == ("", "", "given")
    assert [float(row[f"{name}_ms"]) for name in ("onset", "apex", "offset")] == [100, 200, 300]
    assert "face by truth" in err


def test_shards_share_the_films_out(made: Made, run_cli: Any, tmp_path: Path) -> None:
    for part in ("1/2", "2/2"):
        code, _, err = run_cli("predict", made.slices, made.store, "-o", tmp_path / "out.csv", "--shard", part)
        assert code == 0, err
    found = [rows_of((tmp_path / f"out-{part}-of-2.csv").read_text(encoding="utf-8")) for part in (1, 2)]
    assert len(found[0]) + len(found[1]) == len(open_store(made.store).clips)


SLIPS = {
    "another word": (("--task", "spot"), 2, "--task: need recognise or micro, got 'spot'"),
    "another task": (("--task", "recognise"), 2, "is a run of task micro; leave --task out"),
    "no rate": ((), 2, "does not say its frame rate; give --fps"),
    "onset alone": (("--fps", "100", "--onset", "3"), 2, "give both"),
    "order": (("--fps", "100", "--onset", "9", "--offset", "3"), 2, "need onset <= apex <= offset, got 9, 3"),
    "behind": (("--fps", "100", "--whole", "--onset", "3", "--offset", "9999"), 2, "lies behind its end; its frames"),
    "eyes": (("--fps", "100", "--eyes", "1,2,3"), 2, "--eyes: need LX,LY,RX,RY"),
    "eyes outside": (("--fps", "100", "--eyes", "1,2,300,2"), 2, "are not both inside the 48x48 picture"),
    "two places": (("--fps", "100", "--whole", "--box", "1,2,30,30"), 2, "give one of them"),
    "threshold": (("--fps", "100", "--threshold", "0"), 2, "--threshold: need 0.01 to 1, got 0"),
    "stretch": (("--fps", "100", "--stop-us", "5000"), 2, "choose a part of a film by --onset and --offset"),
    "workers": (("--fps", "100", "--workers", "2"), 2, "--workers is for --task recognise"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_one_sentence(slip: str, made: Made, run_cli: Any, tmp_path: Path,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words, wanted, said = SLIPS[slip]
    code, out, err = run_cli("predict", made.flow, made.film, *words)
    assert code == wanted
    assert said in err
    assert out == ""
    assert err.count("error: ") == 1
    assert "Traceback" not in err


def test_no_face_and_events_for_flow_fail_with_the_remedy(made: Made, run_cli: Any, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wall = write_images(tmp_path / "wall", np.full((3, 64, 64), 90, np.uint8))
    code, _, err = run_cli("predict", made.flow, wall, "--fps", 100)
    assert code == 1
    assert "shows no face that the detector finds" in err
    code, _, err = run_cli("predict", made.flow, made.clip.path)
    assert code == 2
    assert "is a recording of events, but" in err
    assert "train a run with input.kind=slices" in err


def test_what_is_for_micro_expressions_is_refused_elsewhere(made: Made, run_cli: Any, tmp_path: Path) -> None:
    other = tmp_path / "run"
    other.mkdir()
    (other / "model.safetensors").write_bytes(b"")
    write_card(other, {"classes": ["a"], "channels": 3, "backend": "ann"})
    code, _, err = run_cli("predict", other, made.film, "--fps", 100)
    assert code == 2
    assert f"--fps is for runs of micro-expressions, which {other} is not" in err
    code, _, err = run_cli("predict", other, made.film, "--task", "micro")
    assert code == 2
    assert f"--task micro: {other} is a run of task recognise" in err
    code, _, err = run_cli("predict", tmp_path / "missing", made.film, "--fps", 100)
    assert code == 1
    assert "missing: no such run folder" in err
