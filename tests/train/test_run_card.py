"""The card of a run folder: what it says, what it leaves out, escaped names."""

from __future__ import annotations

import html
import re
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from neurofer.train.run_card import run_card
from neurofer.train.run_folder import Run

CARD = {
    "backend": "snn", "classes": ["anger", "<script>"], "representation": None, "input": "binary", "size_px": 32,
    "window_us": 100_000, "dt_us": 10_000, "context_windows": None, "parameters": 12_345, "digest": "0123456789abcdef",
    "data": {"name": "drawn"}, "protocol": {"name": "subject-disjoint"},
    "operations": {"kind": "SOP", "per_decision": 1_500_000.0},
    "metrics": {"test": {"accuracy": 0.625, "uar": 0.5, "interval": {"accuracy": [0.55, 0.7], "uar": None}}},
}


def facts_of(card: str) -> dict[str, str]:
    cells = [html.unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", card)]
    return dict(zip(cells[::2], cells[1::2], strict=True))


def test_what_a_card_says(tmp_path: Path) -> None:
    card = run_card(tmp_path / "run", CARD)
    assert facts_of(card) == {
        "folder": str(tmp_path / "run"), "model": "snn, 12.35 k parameters",
        "input": "binary, 32x32 pixels, window 100 ms, step 10 ms", "classes": "anger, <script>", "trained on": "drawn",
        "test accuracy": "62.5 % (95 % interval 55.0 to 70.0)", "test UAR": "50.0 %", "protocol": "subject-disjoint",
        "cost": "1.50 M SOP a decision", "digest": "0123456789ab"}
    assert "<script>" not in card
    assert "<img" not in card


def test_a_run_shows_its_confusion_matrix_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 1_100, 3)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "confusion.png"), noise)
    card = Run(tmp_path, SimpleNamespace(), CARD, SimpleNamespace(), {})._repr_html_()
    assert card.count("<img") == 1
    assert ">confusion.png<" in card
    assert len(card) < 60_000  # 40 kB of PNG as text, and the facts


def test_a_card_that_says_little_and_a_broken_picture(tmp_path: Path) -> None:
    (tmp_path / "confusion.png").write_bytes(b"no picture")
    card = run_card(tmp_path, {})
    assert facts_of(card) == {"folder": str(tmp_path), "test": "no result in the card"}
    assert "cannot be shown" in run_card(tmp_path, {"metrics": "nonsense"})
