"""The card of a run folder for notebooks: what the model is, what its test gave, its confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neurofer.events.card import card_html, safely
from neurofer.events.picture import Picture
from neurofer.numbers import short_number

PICTURES = ("confusion.png", "timeline.png", "curves.png")
"""The first of these that is in the folder is shown."""
PICTURE_PX = 320
METRICS = (("accuracy", "accuracy"), ("uar", "UAR"), ("macro_f1", "macro F1"))


def run_card(folder: Path, card: Mapping[str, Any]) -> str:
    """The card of a run.

    Args:
        folder: The run folder; only pictures are read from it.
        card: Its ``card.json``; what it does not say is left out.
    """
    return safely(folder.name, lambda: card_html(folder.name, _facts(folder, card), _pictures(folder), PICTURE_PX))


def _facts(folder: Path, card: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = [("folder", str(folder)), ("model", _model_text(card)), ("input", _input_text(card)),
             ("classes", ", ".join(map(str, card.get("classes") or ()))),
             ("trained on", str((card.get("data") or {}).get("name", ""))), *_test_facts(card),
             ("protocol", str((card.get("protocol") or {}).get("name", "")))]
    operations = card.get("operations") or {}
    if operations.get("per_decision"):
        facts.append(("cost", f"{short_number(operations['per_decision'])} {operations.get('kind', 'operations')} "
                              "a decision"))
    facts.append(("digest", str(card.get("digest", ""))[:12]))
    return [(name, value) for name, value in facts if value]


def _model_text(card: Mapping[str, Any]) -> str:
    said = [str(card["backend"])] if card.get("backend") else []
    if card.get("parameters"):
        said.append(f"{short_number(card['parameters'])} parameters")
    if card.get("quantised"):
        said.append("quantised")
    if (card.get("encoder") or {}).get("mode"):
        said.append(f"encoder {card['encoder']['mode']}")
    return ", ".join(said)


def _input_text(card: Mapping[str, Any]) -> str:
    said = [str((card.get("representation") or {}).get("kind") or card.get("input") or "")]
    if card.get("size_px"):
        said.append(f"{card['size_px']}x{card['size_px']} pixels")
    for key, name in (("window_us", "window"), ("dt_us", "step")):
        if card.get(key):
            said.append(f"{name} {card[key] / 1e3:g} ms")
    if (card.get("context_windows") or 1) > 1:
        said.append(f"context of {card['context_windows']} windows")
    return ", ".join(part for part in said if part)


def _test_facts(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each figure of the test with its interval; says so where there was none."""
    test = (card.get("metrics") or {}).get("test") or {}
    facts = []
    for key, name in METRICS:
        if isinstance(test.get(key), (int, float)):
            edges = (test.get("interval") or {}).get(key)
            between = f" (95 % interval {100 * edges[0]:.1f} to {100 * edges[1]:.1f})" if edges else ""
            facts.append((f"test {name}", f"{100 * test[key]:.1f} %{between}"))
    return facts or [("test", "no result in the card")]


def _pictures(folder: Path) -> list[Picture]:
    """A small form of the first picture that is there; none where it is broken."""
    import cv2

    path = next((folder / name for name in PICTURES if (folder / name).is_file()), None)
    if path is None:
        return []
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return []
    scale = min(1.0, 2 * PICTURE_PX / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return [Picture(np.asarray(small[..., ::-1], np.uint8), path.name)]
