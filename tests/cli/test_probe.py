"""``neurofer probe``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

SMALL = ("model.size_px=16", "model.width=0.125", "represent.window_us=50000", "train.epochs=1", "train.batch=16",
         "train.held_out_pairs=4", "train.keep_every=0", "train.sheet_every=0")


def test_every_stage_has_scores_of_both_encoders(run_cli: Callable, framed_store: Path, tmp_path: Path) -> None:
    out, cache, kept = tmp_path / "gan", tmp_path / "cache", tmp_path / "probe.json"
    assert run_cli("pretrain", "--data", framed_store, "--out", out, "--cache", cache, *SMALL).code == 0
    result = run_cli("probe", out, "--cache", cache, "--json", kept)
    assert result.code == 0, result.err
    said = json.loads(kept.read_text())
    for name in ("pretrained", "untrained"):
        assert [row["stage"] for row in said[name]] == ["e1", "e2", "e3", "neck"]
        assert all(0 <= row[part] <= 1 for row in said[name] for part in ("validation", "test"))
    assert f"{100 * said['pretrained'][3]['test']:.1f}" in result.out.splitlines()[-1]
    again = run_cli("probe", out, "--cache", cache)
    assert again.out == result.out


def test_what_is_no_pretraining_is_refused(run_cli: Callable, tmp_path: Path) -> None:
    result = run_cli("probe", tmp_path / "none")
    assert result.code == 1
    assert "no such pre-training" in result.err
    assert "Traceback" not in result.err
