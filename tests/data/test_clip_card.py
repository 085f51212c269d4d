"""Cards of clips and sets of clips: what they say, bounded reading, escaped names."""

from __future__ import annotations

import html
import re
from pathlib import Path

import numpy as np
import pytest

from neurofer.data.clip import Box, Clip, ClipSet
from neurofer.data.clip_card import clip_card, clip_set_card
from neurofer.events.columns import write_columns
from neurofer.events.events import Events
from neurofer.events.writing import write_recording


@pytest.fixture
def events() -> Events:
    random = np.random.default_rng(0)
    return Events(np.sort(random.integers(0, 1_000_000, 4_000)), random.integers(0, 64, 4_000),
                  random.integers(0, 48, 4_000), random.integers(0, 2, 4_000), (64, 48))


def made_clip(path: Path, name: str = "a", label: str = "happiness", **changes: object) -> Clip:
    return Clip(**{"name": name, "path": path, "start_us": 200_000, "stop_us": 700_000, "subject": "s1", "label": label,
                   "dataset": "drawn", "box": Box(8, 8, 30, 30), "sensor": (64, 48), "truth": {"apex_us": 450_000},
                   "facts": {"part": "test"}, **changes})


def facts_of(card: str) -> dict[str, str]:
    cells = [html.unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", card)]
    return dict(zip(cells[::2], cells[1::2], strict=True))


def test_a_clip_of_a_store(tmp_path: Path, events: Events) -> None:
    write_columns(tmp_path / "a", events, events.sensor)
    card = made_clip(tmp_path / "a")._repr_html_()
    assert facts_of(card) == {
        "label": "happiness", "subject": "s1", "data set": "drawn", "interval": "200,000 to 700,000 us (0.500 s)",
        "sensor": "64x48 pixels", "face box": "30x30 at 8, 8", "apex": "0.250 s into the clip", "part": "test",
        "events": f"{len(events.between(200_000, 700_000)):,}"}
    assert card.count("<img") == 1


def test_a_clip_of_a_small_file_is_read_and_one_of_a_large_file_is_not(
        tmp_path: Path, events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    write_recording(tmp_path / "a.dat", events)
    clip = made_clip(tmp_path / "a.dat")
    assert facts_of(clip_card(clip))["events"] == f"{len(events.between(200_000, 700_000)):,}"
    monkeypatch.setattr("neurofer.data.clip_card.SMALL_FILE_BYTES", 100)
    card = clip_card(clip)
    assert facts_of(card)["events"] == "not read yet"
    assert "<img" not in card


def test_a_missing_or_broken_recording_is_told(tmp_path: Path) -> None:
    assert "cannot be read" in facts_of(clip_card(made_clip(tmp_path / "none")))["events"]
    (tmp_path / "b.raw").write_bytes(b"nothing")
    card = clip_card(made_clip(tmp_path / "b.raw"))
    assert "b.raw" in facts_of(card)["events"]
    assert facts_of(card)["label"] == "happiness"


def test_a_set_shows_one_clip_of_each_class(tmp_path: Path, events: Events) -> None:
    write_columns(tmp_path / "a", events, events.sensor)
    clips = tuple(made_clip(tmp_path / "a", name, label) for name, label in
                  (("a", "anger"), ("b", "anger"), ("c", "fear"), ("d", "joy")))
    broken = made_clip(tmp_path / "none", "e", "rest")
    whole = ClipSet("drawn", ("anger", "fear", "joy", "rest"), (*clips, broken), "0123456789abcdef")
    card = whole._repr_html_()
    facts = facts_of(card)
    assert facts.pop("picture of rest").startswith("cannot be read: ")
    assert facts == {"clips": "5", "subjects": "1", "classes": "anger 2, fear 1, joy 1, rest 1",
                     "digest": "0123456789ab"}
    assert re.findall(r"<figcaption[^>]*>(.*?)<", card) == ["anger", "fear", "joy"]


def test_names_are_escaped(tmp_path: Path, events: Events) -> None:
    write_columns(tmp_path / "a", events, events.sensor)
    evil = "<script>alert(1)</script>\"'"
    clip = made_clip(tmp_path / "a", evil, evil, subject=evil, dataset=evil, facts={evil: evil})
    cards = clip_card(clip) + clip_set_card(ClipSet(evil, (evil,), (clip,), evil))
    assert "<script" not in cards
    assert facts_of(clip_card(clip))["label"] == evil
    assert 'alt="&lt;script' in cards
