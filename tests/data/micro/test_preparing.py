"""Records into a micro store: which frames, at which times, with which facts, and what is told of the rest."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from neurofer.data.clip import Box, Clip
from neurofer.data.frames import clip_frames, frames_digest
from neurofer.data.micro.align import Landmarks, aligned, alignment_of
from neurofer.data.micro.films import LONGEST_SLOW_FRAMES, kept_numbers
from neurofer.data.micro.landmarks import ClipKey
from neurofer.data.micro.preparing import MicroPlan, clip_names, prepare_micro
from neurofer.data.micro.record import Fix, MicroRecord
from neurofer.data.micro.summary import read_summary, summary_rows
from neurofer.data.micro.table import MicroTable
from neurofer.data.preparing import PrepareSummary, Problem
from neurofer.data.store import open_store, read_store_index
from neurofer.errors import BadFileError, UsageError
from neurofer.events.open import open_recording
from neurofer.keyframes.film_events import film_events
from trees.faces import face_frames, save_picture

PLAN = MicroPlan(size_px=32, margin_ms=20, whole=True)
"""At 200 frames a second, 4 frames around an expression."""


def record(clip: str = "EP01", subject: str = "sub01", onset: int = 10, apex: int | None = 14, offset: int = 21,
           **more: object) -> MicroRecord:
    given = {"dataset": "casme2", "video": clip, "kind": "micro", "fps": 200.0, "emotion": "disgust",
             "label3": "negative", "where": f"table.csv, row {onset}", "folder": f"{subject}/{clip}", **more}
    return MicroRecord(subject=subject, clip=clip, onset_frame=onset, apex_frame=apex, offset_frame=offset,
                       **given)  # type: ignore[arg-type]


def table(*records: MicroRecord, **more: object) -> MicroTable:
    return MicroTable(records[0].dataset, records, **more)  # type: ignore[arg-type]


def picture(number: int) -> NDArray[np.uint8]:
    """``(48, 64)``, a wave that moves a pixel a frame."""
    across = 128 + 100 * np.sin((np.arange(64) + number) / 5)
    return np.tile(np.rint(across).astype(np.uint8), (48, 1))


def write_frames(root: Path, one: MicroRecord, numbers: Iterable[int]) -> None:
    for number in numbers:
        save_picture(root / one.folder / f"img{number}.png", picture(number))


def prepared(root: Path, out: Path, *records: MicroRecord, plan: MicroPlan = PLAN, **more: object) -> PrepareSummary:
    summary = prepare_micro(table(*records), root, out, plan, **more)  # type: ignore[arg-type]
    assert summary is not None
    return summary


def clips_of(summary: PrepareSummary) -> tuple[Clip, ...]:
    assert summary.clip_set is not None
    return summary.clip_set.clips


def said(summary: PrepareSummary) -> str:
    return "\n".join(map(str, summary.problems))


def test_a_clip_as_the_store_keeps_it(tmp_path: Path) -> None:
    one = record(aus=("4", "L10"), fixes=(Fix("offset", "", "21", "blank in this edition"),))
    write_frames(tmp_path / "root", one, range(8, 24))
    (clip,) = clips_of(prepared(tmp_path / "root", tmp_path / "store", one))
    frames = clip_frames(clip)
    assert frames.times_us.tolist() == list(range(0, 80_000, 5_000))  # frames 8 to 23: two before, two behind
    assert frames.pictures.shape == (16, 32, 32)
    assert clip.truth == {"onset_us": 10_000, "apex_us": 30_000, "offset_us": 65_000}
    assert (clip.name, clip.subject, clip.label, clip.dataset) == ("sub01_EP01", "sub01", "disgust", "casme2")
    assert (clip.start_us, clip.stop_us, clip.sensor, clip.box) == (0, 75_001, (32, 32), Box(0, 0, 32, 32))
    facts = dict(clip.facts)
    assert float(facts.pop("log_noise")) > 0
    assert facts.pop("frames_digest") == frames_digest(frames.times_us, frames.pictures)
    assert facts == {
        "label3": "negative", "kind": "micro", "video": "EP01", "clip": "EP01", "onset_frame": "10", "apex_frame": "14",
        "offset_frame": "21", "fps": "200", "aus": "4+L10", "apex_source": "annotated",
        "fix": "offset blank -> 21 (blank in this edition)", "aligned": "whole picture"}


def test_events_are_those_of_the_kept_frames(tmp_path: Path) -> None:
    one = record()
    write_frames(tmp_path / "root", one, range(10, 22))
    (clip,) = clips_of(prepared(tmp_path / "root", tmp_path / "store", one, plan=replace(PLAN, threshold=0.2)))
    frames = clip_frames(clip)
    with open_recording(clip.path) as recording:
        events = recording.between(recording.start_us, recording.end_us + 1)
    wanted = film_events(np.asarray(frames.pictures), frames.times_us, 0.2, PLAN.blur_px)
    assert len(wanted) > 100
    for column in ("t", "x", "y", "p"):
        np.testing.assert_array_equal(getattr(events, column), getattr(wanted, column))


def test_one_transform_holds_for_all_frames(tmp_path: Path) -> None:
    one, eyes = record(), Landmarks((20.0, 20.0), (44.0, 24.0))
    write_frames(tmp_path / "root", one, range(10, 22))
    (clip,) = clips_of(prepared(tmp_path / "root", tmp_path / "store", one, landmarks={ClipKey("sub01", "EP01"): eyes},
                                boxes={ClipKey("sub01", "EP01"): Box(0, 0, 9, 9)}))
    assert clip.facts["aligned"] == "landmarks"
    where = alignment_of(eyes, 32)
    for kept, number in zip(clip_frames(clip).pictures, range(10, 22), strict=True):
        np.testing.assert_array_equal(kept, aligned(picture(number), where, 32))


def test_each_clip_says_what_its_face_was_found_by(tmp_path: Path) -> None:
    one, other, third = record("a"), record("b"), record("c")
    for each in (one, other):
        write_frames(tmp_path / "root", each, range(10, 22))
    for number, frame in enumerate(face_frames(1, "neutral", 0, 12, 160), start=10):
        save_picture(tmp_path / "root" / third.folder / f"img{number}.png", frame)
    summary = prepared(tmp_path / "root", tmp_path / "store", one, other, third, plan=replace(PLAN, whole=False),
                       boxes={ClipKey("sub01", "a"): Box(4, 4, 40, 40)})
    assert [clip.facts["aligned"] for clip in clips_of(summary)] == ["user box", "detected eyes"]
    assert "sub01/b/img10.png: shows no face that the detector finds, nor do other frames of sub01 b" in said(summary)
    assert read_summary(tmp_path / "store").aligned == {"detected eyes": 1, "user box": 1}
    assert read_summary(tmp_path / "store").rejected == 1


def test_what_a_face_needs_to_be_inside_the_picture(tmp_path: Path) -> None:
    one = record()
    write_frames(tmp_path / "root", one, range(10, 22))
    summary = prepared(tmp_path / "root", tmp_path / "store", one,
                       landmarks={ClipKey("sub01", "EP01"): Landmarks((20.0, 20.0), (64.0, 24.0)),
                                  ClipKey("sub07", "EP01"): Landmarks((20.0, 20.0), (40.0, 24.0))})
    assert summary.clip_set is None
    assert "img10.png: landmarks: the eyes (20.0, 20.0) and (64.0, 24.0) are not both inside the 64x48" in said(summary)
    assert "landmarks: 1 of 2 rows name no clip of casme2: sub07 EP01" in said(summary)


@pytest.mark.parametrize(("there", "margin_ms", "wanted"), [
    (range(100), 20, range(6, 26)), (range(100), 24.9, range(6, 26)), (range(100), 0, range(10, 22)),
    (range(9, 23), 300, range(9, 23)), ([*range(4, 8), *range(9, 22), 23], 300, range(9, 22))])
def test_frames_around_an_expression(there: Iterable[int], margin_ms: float, wanted: range) -> None:
    assert kept_numbers(record(), dict.fromkeys(there), margin_ms) == wanted


def test_slow_films_are_interpolated_for_their_events_alone(tmp_path: Path) -> None:
    one = record(fps=30.0, dataset="casme3")
    write_frames(tmp_path / "root", one, range(10, 22))
    (clip,) = clips_of(prepared(tmp_path / "root", tmp_path / "store", one))
    assert clip.facts["upsampled"] == "8"
    assert clip_frames(clip).times_us[:4].tolist() == [0, 33_333, 66_667, 100_000]
    assert clip.truth["apex_us"] == 133_333
    assert clip.name == "sub01_EP01_10"
    assert read_summary(tmp_path / "store").upsampled == 1
    assert read_store_index(tmp_path / "store").parameters["upsampled"] == 8


def test_a_slow_expression_of_a_minute_is_a_slip(tmp_path: Path) -> None:
    one = record(fps=30.0, offset=10 + LONGEST_SLOW_FRAMES)
    summary = prepared(tmp_path / "root", tmp_path / "store", one)
    assert said(summary) == ("table.csv, row 10: sub01 EP01 is 1001 frames long; at 30 frames a second an expression "
                             "has 1000 at most")


def test_what_cannot_be_used_is_told_and_the_rest_is_prepared(tmp_path: Path) -> None:
    root, names = tmp_path / "root", ("gap", "torn", "size", "none", "good")
    every = {name: record(name) for name in names}
    for name in names:
        if name != "none":
            write_frames(root, every[name], range(10, 22))
    (root / "sub01/gap/img15.png").unlink()
    torn = root / "sub01/torn/img12.png"
    torn.write_bytes(torn.read_bytes()[:40])
    save_picture(root / "sub01/size/img13.png", np.zeros((20, 20), np.uint8))
    earlier = Problem("table.csv, row 3", "has no onset")
    summary = prepare_micro(table(*every.values(), problems=(earlier,)), root, tmp_path / "store", PLAN)
    assert summary is not None
    assert [clip.name for clip in clips_of(summary)] == ["sub01_good"]
    for text in ("table.csv, row 3: has no onset", f"{root}/sub01/gap: lacks 1 of the 12 frames", f"{torn}: is not an",
                 "img13.png: has 20x20 pixels, the onset frame of sub01 size 64x48", f"{root}/sub01/none: is missing"):
        assert text in said(summary)
    assert len(summary.problems) == 5
    assert read_summary(tmp_path / "store").rejected == 5


def test_a_mended_file_is_taken_in_by_the_next_run(tmp_path: Path) -> None:
    one, other = record("a"), record("b", label3=None, emotion="others")
    for each in (one, other):
        write_frames(tmp_path / "root", each, range(10, 22))
    hidden = tmp_path / "root/sub01/b/img11.png"
    hidden.rename(tmp_path / "kept.png")
    first = prepared(tmp_path / "root", tmp_path / "store", one, other)
    assert [clip.name for clip in clips_of(first)] == ["sub01_a"]
    (tmp_path / "kept.png").rename(hidden)
    second = prepared(tmp_path / "root", tmp_path / "store", one, other)
    assert {clip.name: clip.facts.get("label3") for clip in clips_of(second)} == {"sub01_a": "negative",
                                                                                "sub01_b": None}
    assert open_store(tmp_path / "store").classes == ("disgust", "others")
    assert not (tmp_path / "store" / "problems.csv").exists()


def test_another_list_makes_no_clip_anew(tmp_path: Path) -> None:
    one = record()
    write_frames(tmp_path / "root", one, range(10, 22))
    (before,) = clips_of(prepared(tmp_path / "root", tmp_path / "store", one))
    for path in (tmp_path / "root").rglob("*.png"):
        path.unlink()
    (after,) = clips_of(prepared(tmp_path / "root", tmp_path / "store", replace(one, label3=None)))
    assert (before.facts["label3"], after.facts.get("label3")) == ("negative", None)


def test_parts_and_workers_give_the_same_store(tmp_path: Path) -> None:
    every = [record(name, onset=10 + place) for place, name in enumerate("abc")]
    for each in every:
        write_frames(tmp_path / "root", each, range(8, 24))
    whole = prepared(tmp_path / "root", tmp_path / "one", *every, workers=2)
    assert prepare_micro(table(*every), tmp_path / "root", tmp_path / "two", PLAN, part=(1, 2)) is None
    assert not (tmp_path / "two" / "summary.json").exists()
    parts = prepared(tmp_path / "root", tmp_path / "two", *every, part=(2, 2))
    assert whole.clip_set is not None
    assert parts.clip_set is not None
    assert whole.clip_set.digest == parts.clip_set.digest
    assert read_summary(tmp_path / "one") == read_summary(tmp_path / "two")


def test_another_plan_for_the_same_folder_is_refused(tmp_path: Path) -> None:
    one = record()
    write_frames(tmp_path / "root", one, range(10, 22))
    prepared(tmp_path / "root", tmp_path / "store", one)
    with pytest.raises(UsageError, match=r"was prepared with threshold 0.1 \(now 0.2\)"):
        prepared(tmp_path / "root", tmp_path / "store", one, plan=replace(PLAN, threshold=0.2))


def test_impossible_plans_are_refused_together() -> None:
    with pytest.raises(UsageError, match="size is 8; need 32 to 1024; margin_ms is -1; .*threshold is nan"):
        MicroPlan(size_px=8, margin_ms=-1, threshold=math.nan)


def test_names_are_unique_and_fit_for_files() -> None:
    every = [record("EP01"), record("EP01", subject="sub02"), record("ep 02/ä"), record("x"), record("X", onset=12),
             record("006_1_2", subject="006"), record("b", "spNO.1", dataset="casme3"),
             record("spNO.1_b_10", "spNO.1", dataset="casme3"), record("006_1_2", subject="006", onset=12)]
    assert clip_names(every) == ["sub01_EP01", "sub02_EP01", "sub01_ep-02-ä", "sub01_x_10", "sub01_X_12",
                                 "006_1_2_10", "spNO.1_b_10", "spNO.1_b_10+2", "006_1_2_12"]


def test_macro_expressions_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    one, macro = record("a"), record("b", kind="macro")
    for each in (one, macro):
        write_frames(tmp_path / "root", each, range(10, 22))
    assert len(clips_of(prepared(tmp_path / "root", tmp_path / "micro", one, macro))) == 1
    assert read_summary(tmp_path / "micro").macro_left_out == 1
    both = prepared(tmp_path / "root", tmp_path / "both", one, macro, plan=replace(PLAN, macro=True))
    assert [clip.facts["kind"] for clip in clips_of(both)] == ["micro", "macro"]


def test_a_single_frame_and_no_motion_are_counted(tmp_path: Path) -> None:
    still = record("still", onset=10, apex=10, offset=10, emotion="", apex_source="midpoint", label3=None)
    write_frames(tmp_path / "root", still, [10])
    (clip,) = clips_of(prepared(tmp_path / "root", tmp_path / "store", still))
    assert (clip.label, clip.stop_us, clip.truth["offset_us"]) == ("unknown", 1, 0)
    summary = read_summary(tmp_path / "store")
    assert (summary.short, summary.midpoint_apexes, summary.without_events, summary.noisy) == (1, 1, 1, 0)


def test_the_summary_counts_rules_fixes_and_classes(tmp_path: Path) -> None:
    fix = Fix("offset", "19", "21", "slip of the pen")
    every = [record("a", fixes=(fix,)), record("b", subject="sub02", emotion="happiness", label3="positive"),
             record("c", fixes=(fix,))]
    for each in every[:2]:
        write_frames(tmp_path / "root", each, range(10, 22))
    rules = Counter({"apex is the onset": 2})
    assert prepare_micro(table(*every, rules=rules), tmp_path / "root", tmp_path / "store", PLAN) is not None
    summary = read_summary(tmp_path / "store")
    assert (summary.clips, summary.subjects, summary.repaired, summary.rejected) == (2, 2, 1, 1)
    assert summary.label3 == {"negative": 1, "positive": 1}
    assert summary.rules == {"apex is the onset": 2}
    assert summary.fixes == ({"subject": "sub01", "clip": "a", **fix._asdict()},)
    assert summary.frames == {"least": 12, "most": 12}
    rows = dict(summary_rows(summary))
    assert (rows["rule: apex is the onset"], rows["aligned by whole picture"], rows["rejected"]) == (2, 2, 1)
    assert "clips without events" not in rows
    path = tmp_path / "store" / "summary.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "clips_there": 3}))
    with pytest.raises(BadFileError, match="is no summary of a micro store"):
        read_summary(tmp_path / "store")
