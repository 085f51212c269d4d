"""Progress: every item comes through, lines only where a task is long, silence on request."""

from __future__ import annotations

import pytest

from neurofer import progress as module
from neurofer.progress import progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setenv("NEUROFER_PROGRESS", "1")
    return now


def test_all_items_come_through_in_order() -> None:
    assert list(progress(range(5))) == [0, 1, 2, 3, 4]
    assert list(progress(iter("abc"))) == ["a", "b", "c"]


def test_a_quick_task_writes_nothing(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    list(progress(range(100), desc="quick"))
    assert capsys.readouterr().err == ""


def test_a_long_task_writes_occasional_lines_and_a_last_one(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress(total=40, unit="clips", desc="prepare") as bar:
        for _ in range(40):
            clock[0] += 1
            bar.note("fine")
            bar.update()
    lines = capsys.readouterr().err.splitlines()
    # due after 5 s, then every 15 s: at 5, 20, 35, and the end at 40
    assert [line.split(" clips")[0] for line in lines] == [
        "prepare: 5/40 (12 %)", "prepare: 20/40 (50 %)", "prepare: 35/40 (88 %)", "prepare: 40/40 (100 %)"
    ]
    assert lines[0].endswith("5 s, about 35 s left, fine")


def test_silence_on_request(
    clock: list[float], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROFER_PROGRESS", "0")
    with progress(total=2) as bar:
        clock[0] += 100
        bar.update()
    assert capsys.readouterr().err == ""


def test_an_error_inside_passes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        for _ in progress(range(3)):
            raise ZeroDivisionError


def test_nothing_to_iterate_over_is_refused() -> None:
    with pytest.raises(TypeError, match="update"):
        iter(progress(total=3)).__next__()
