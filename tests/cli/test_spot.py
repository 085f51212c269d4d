"""``neurofer spot``: rows that ``score-spotting`` reads, pictures, scores, failures that do not stop the rest."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurofer.spotting.csv import read_interval_table
from neurofer.train.run_folder import write_card
from trees.micro_films import write_images
from trees.spot_runs import pulses, write_spot_run
from trees.spot_store import FRAMES, write_long_store

HEADER = "video,type,onset,apex,offset,onset_ms,apex_ms,offset_ms,score"
WHOLE = ("--whole", "--fps", 30)


class Made:
    """Runs of videos and of events, a store, a film."""

    def __init__(self, folder: Path) -> None:
        self.video, self.events = write_spot_run(folder / "video"), write_spot_run(folder / "events", "events")
        self.store = write_long_store(folder / "store")
        self.film = write_images(folder / "film", pulses(90, (40, 46)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("made"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_rows_are_a_table_of_intervals(made: Made, run_cli: Any) -> None:
    code, out, err = run_cli("spot", made.video, made.film, *WHOLE)
    assert code == 0, err
    assert out.splitlines()[0] == HEADER
    for row in csv.DictReader(out.splitlines()):
        if row["type"]:
            assert int(row["onset"]) <= int(row["apex"]) <= int(row["offset"]) < 90
            assert float(row["offset_ms"]) == pytest.approx(int(row["offset"]) * 1e3 / 30, abs=0.01)
    assert "film: " in err
    assert "in 90 frames (3 s)" in err
    assert not list(Path().iterdir())


@pytest.mark.parametrize("kind", ["video", "events"])
def test_a_stores_videos_are_scored_against_its_truth(kind: str, made: Made, run_cli: Any) -> None:
    code, out, err = run_cli("spot", getattr(made, kind), made.store, "-o", "found.csv", "--plot", "pictures",
                             "--scores", "scores.csv")
    assert code == 0, err
    found = read_interval_table("found.csv")
    assert found.videos == ("a_0", "b_0", "b_1")
    assert sorted(path.name for path in Path("pictures").iterdir()) == ["a_0.png", "b_0.png", "b_1.png"]
    scores = list(csv.DictReader(Path("scores.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["frame"] for row in scores] == [str(number) for _ in range(3) for number in range(FRAMES)]
    assert all(0 <= float(row[name]) <= 1 for row in scores for name in ("micro", "macro"))
    assert "F1 against the truth of 3 videos (TP/FP/FN): micro " in out
    assert "1 of them shows people whom the run was trained on" in out
    score = run_cli("score-spotting", made.store / "intervals.csv", "found.csv")
    assert score.code == 0
    overall = score.out.strip().splitlines()[-1].split()
    assert f"overall {overall[-1]} ({'/'.join(overall[1:4])})" in out


def test_tested_people_alone(made: Made, run_cli: Any) -> None:
    code, out, err = run_cli("spot", made.video, made.store, "--tested", "-o", "found.csv")
    assert code == 0, err
    assert read_interval_table("found.csv").videos == ("b_0", "b_1")
    assert "truth of 2 videos" in out
    assert "trained on" not in out


def test_a_films_truth_comes_by_table(made: Made, run_cli: Any, tmp_path: Path) -> None:
    Path("truth.csv").write_text("video,type,onset,offset\nfilm,micro,40,46\nother,,,\n", encoding="utf-8")
    code, out, err = run_cli("spot", made.video, made.film, *WHOLE, "--truth", "truth.csv", "-o", "found.csv", "--plot",
                             "line.png")
    assert code == 0, err
    assert "F1 against the truth of 1 video" in out
    assert "1 video of --truth not looked at (other)" in err
    assert Path("line.png").stat().st_size > 10_000
    refused = run_cli("spot", made.video, made.film, *WHOLE, "--truth", "truth.csv", "-o", "truth.csv")
    assert refused.code == 2
    assert "is among what is read" in refused.err


def test_a_film_that_fails_is_told_and_the_others_go_on(made: Made, run_cli: Any, tmp_path: Path) -> None:
    broken = write_images(tmp_path / "broken", pulses(20))
    (broken / "5.png").write_bytes(b"no image")
    code, _, err = run_cli("spot", made.video, broken, made.film, *WHOLE, "-o", "found.csv")
    assert code == 1
    assert "5.png: is not an image that can be read, or is damaged; it is frame 5 of 20" in err
    assert read_interval_table("found.csv").videos == ("film",)
    assert "broken" in Path("failures.csv").read_text(encoding="utf-8")
    alone = run_cli("spot", made.video, broken, *WHOLE, "-o", "none.csv")
    assert alone.code == 1
    assert alone.err.startswith("error: ")
    assert not Path("none.csv").exists()


def test_runs_of_other_tasks_are_refused(made: Made, run_cli: Any, tmp_path: Path) -> None:
    other = tmp_path / "micro"
    other.mkdir()
    (other / "model.safetensors").write_bytes(b"")
    write_card(other, {"task": "micro", "classes": ["a"], "channels": 3, "backend": "ann"})
    found = run_cli("spot", other, made.film, *WHOLE)
    assert found.code == 1
    assert "is a run of task micro, need one of task spot" in found.err
    swapped = run_cli("spot", made.video, made.film, *WHOLE, "--recognise", made.video)
    assert swapped.code == 1
    assert "is a run of task spot, need one of task micro" in swapped.err


@pytest.mark.parametrize(("words", "told"), [
    (("--eyes", "1,2,3"), "--eyes: need LX,LY,RX,RY"), (("--box", "1,2,3"), "--box: need LEFT,TOP"),
    (("--whole", "--box", "0,0,9,9"), "give one of them"), (("--tested", "--subjects", "a"), "give one of them"),
    (("--tested",), "but none is given"), (("--plot", "a.jpg"), ".png, .pdf or .svg"),
    (("--whole",), "give --fps"), (("--fps", "0", "--whole"), "--fps: need a number above 0"),
    (("--fps", "30", "--realign-s", "-1"), "--realign-s: need 0 to 600")])
def test_slips_are_one_sentence(words: tuple[str, ...], told: str, made: Made, run_cli: Any) -> None:
    found = run_cli("spot", made.video, made.film, *words)
    assert found.code == 2, found.err
    assert told in found.err
    assert found.out == ""


def test_one_picture_is_for_one_video(made: Made, run_cli: Any) -> None:
    found = run_cli("spot", made.video, made.store, "--plot", "line.png")
    assert found.code == 2
    assert "is one file for 3 videos; name a folder" in found.err


def test_a_film_of_steady_light_has_a_row_with_its_name_alone(made: Made, run_cli: Any, tmp_path: Path) -> None:
    film = write_images(tmp_path / "grey", np.full((30, 32, 32), 90, np.uint8))
    found = run_cli("spot", made.video, film, *WHOLE)
    assert found.out.splitlines() == [HEADER, "grey,,,,,,,,"]


def test_rate_needs_no_run_and_takes_films_and_recordings(made: Made, run_cli: Any) -> None:
    recording = Path(shutil.copytree(made.store / "events" / "a_0", "elsewhere"))
    code, out, err = run_cli("spot", "rate", made.store, recording, "--box", "0,0,32,32", "-o", "found.csv",
                             "--plot", "pictures", "--scores", "scores.csv")
    assert code == 0, err
    found = read_interval_table("found.csv")
    assert set(found.videos) == {"a_0", "b_0", "b_1", "elsewhere"}
    assert "F1 against the truth of 3 videos" in out
    assert "trained" not in out
    with open("scores.csv", newline="") as file:
        scores = [float(row["macro"]) for row in csv.DictReader(file) if row["video"] == "b_0"]
    assert len(scores) == FRAMES
    assert max(scores) > 0.5 > np.median(scores)  # the pulse against its background
    assert len(list(Path("pictures").iterdir())) == 4
    code, out, err = run_cli("spot", "rate", made.film, *WHOLE)
    assert code == 0, err
    assert "events made of 30 frames a second" in err


def test_rate_was_trained_on_nobody(made: Made, run_cli: Any) -> None:
    code, _, err = run_cli("spot", "rate", made.store, "--tested")
    assert (code, "nobody" in err) == (2, True)


def test_a_plot_without_a_name_lies_beside_the_table(made: Made, run_cli: Any) -> None:
    code, _, err = run_cli("spot", made.video, made.film, *WHOLE, "--plot", "-o", "found.csv")
    assert code == 0, err
    assert {"found.csv", "found.png"} <= {path.name for path in Path().iterdir()}
    code, _, err = run_cli("spot", made.video, made.store, "-o", "all.csv", "--plot")
    assert code == 0, err
    assert {path.name for path in Path("all-pictures").iterdir()} == {"a_0.png", "b_0.png", "b_1.png"}
