"""``neurofer score-spotting``: the table, the JSON, the log, and one sentence for each slip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

HEADER = "video,type,onset,offset"
TRUTH = ("v1,micro,0,9", "v1,macro,5,100", "v1,macro,90,120", "v2,,,", "v3,micro,40,49")
PREDICTED = ("v3,micro,40,49", "v1,micro,0,4", "v1,micro,0,9", "v1,macro,10,100", "v2,macro,1,30")


def scores(tp: int, fp: int, fn: int) -> dict[str, Any]:
    return {"tp": tp, "fp": fp, "fn": fn, "precision": pytest.approx(tp / (tp + fp), abs=1e-15),
            "recall": pytest.approx(tp / (tp + fn), abs=1e-15),
            "f1": pytest.approx(2 * tp / (2 * tp + fp + fn), abs=1e-15)}


SCORES = {"micro": scores(2, 1, 0), "macro": scores(1, 1, 1), "overall": scores(3, 2, 1)}


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def write(truth: tuple[str, ...] = TRUTH, predicted: tuple[str, ...] = PREDICTED) -> tuple[str, str]:
        for name, rows in (("truth.csv", truth), ("said.csv", predicted)):
            Path(name).write_text("\n".join((HEADER, *rows)) + "\n", encoding="utf-8")
        return "truth.csv", "said.csv"

    return write


def test_the_table(run_cli: Any, tables: Any) -> None:
    code, out, err = run_cli("score-spotting", *tables())
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "truth.csv: 3 videos, 2 micro, 2 macro; pairs of one type that overlap: 0 micro, 1 macro",
        "said.csv: 3 videos, 3 micro, 2 macro; pairs of one type that overlap: 1 micro, 0 macro",
        "",
        "         TP  FP  FN  precision  recall      F1",
        "-------  --  --  --  ---------  ------  ------",
        "micro     2   1   0     0.6667  1.0000  0.8000",
        "macro     1   1   1     0.5000  0.5000  0.5000",
        "overall   3   2   1     0.6000  0.7500  0.6667"]


def test_json_is_the_scores_alone(run_cli: Any, tables: Any) -> None:
    code, out, err = run_cli("score-spotting", *tables(), "--json")
    assert code == 0
    assert json.loads(out) == SCORES
    assert [list(json.loads(out)), list(json.loads(out)["micro"])] == [list(SCORES), list(SCORES["micro"])]
    assert "1 macro" in err  # what is said besides goes elsewhere


def test_other_orders_and_columns_change_nothing(run_cli: Any, tables: Any) -> None:
    truth, said = tables(TRUTH[::-1], PREDICTED[::-1])
    lines = [line.split(",") for line in Path(said).read_text(encoding="utf-8").splitlines()]
    rows = [",".join((row[3], "note", row[0], row[1], row[2])) for row in lines]
    rows[0] = "offset,more,video,type,onset"
    Path(said).write_text("\ufeff" + "\r\n".join(rows), encoding="utf-8")
    assert json.loads(run_cli("score-spotting", truth, said, "--json").out) == SCORES


@pytest.mark.parametrize(("dataset", "header"), [("samm", "1"), ("casme2", "2")])
def test_the_log(run_cli: Any, tables: Any, dataset: str, header: str) -> None:
    code, out, err = run_cli("score-spotting", *tables(), "--log", "logs/log.txt", "--dataset", dataset)
    assert (code, err) == (0, "")
    assert "overall" in out
    assert Path("logs/log.txt").read_text(encoding="utf-8").splitlines() == [
        header, "v1 - - 0 4 FP", "v1 0 9 0 9 TP", "v1 5 100 10 100 TP", "v1 90 120 - - FN", "v2 - - 1 30 FP",
        "v3 40 49 40 49 TP"]


def test_a_video_that_the_truth_does_not_know_is_named(run_cli: Any, tables: Any) -> None:
    code, out, err = run_cli("score-spotting", *tables(predicted=(*PREDICTED, "V1,micro,0,9", "V1,micro,20,29")))
    assert code == 0
    assert "micro     2   3   0" in out
    assert err == "warning: said.csv: 1 video not in truth.csv (V1), where 2 intervals can only be false alarms\n"


def test_no_name_in_common(run_cli: Any, tables: Any) -> None:
    code, out, err = run_cli("score-spotting", *tables(predicted=("a/v1,micro,0,9",)))
    assert code == 0
    assert "overall   0   1   4     0.0000  0.0000  0.0000" in out
    assert err.splitlines()[1] == "warning: the tables name no video in common; truth.csv has v1, v2, v3"


def test_nothing_spotted_is_a_result(run_cli: Any, tables: Any) -> None:
    code, out, err = run_cli("score-spotting", *tables(predicted=()))
    assert (code, err) == (0, "")
    assert "overall   0   0   4     0.0000  0.0000  0.0000" in out


def test_no_truth_is_none(run_cli: Any, tables: Any) -> None:
    assert run_cli("score-spotting", *tables(truth=())) == (
        1, "", "error: truth.csv: names no video, so there is nothing to score against\n")


def test_bad_rows_are_told_together(run_cli: Any, tables: Any) -> None:
    code, out, err = run_cli("score-spotting", *tables(predicted=("v1,micro,9,0", "v1,mikro,0,9")))
    assert (code, out) == (1, "")
    assert err == ("error: said.csv: 2 problems\n  line 2: runs backwards, from onset 9 to offset 0\n"
                   "  line 3: type is 'mikro', need micro or macro\n")


@pytest.mark.parametrize(("words", "code", "told"), [
    (("--log", "log.txt"), 2, "--log and --dataset belong together"),
    (("--dataset", "samm"), 2, "--log and --dataset belong together"),
    (("--log", "log.txt", "--dataset", "smic"), 2, "choose samm or casme2, got 'smic'"),
    (("--log", "truth.csv", "--dataset", "samm"), 2, "truth.csv is one of the two tables"),
    (("more.csv",), 2, "unexpected extra argument"),
])
def test_a_wrong_command(run_cli: Any, tables: Any, words: tuple[str, ...], code: int, told: str) -> None:
    before = {path.name for path in Path().iterdir()} | {"truth.csv", "said.csv"}
    found = run_cli("score-spotting", *tables(), *words)
    assert (found.code, found.out) == (code, "")
    assert told in found.err
    assert found.err.count("\n") == 1
    assert {path.name for path in Path().iterdir()} == before


def test_a_missing_table(run_cli: Any, tables: Any) -> None:
    truth, _ = tables()
    code, out, err = run_cli("score-spotting", truth, "nothing.csv")
    assert (code, out) == (1, "")
    assert err == "error: nothing.csv: no such file; give a CSV whose first row names video,type,onset,offset\n"
