"""Which of several processes shows progress and tells errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from neurofer import launch
from neurofer.progress import progress


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``started(RANK=1, WORLD_SIZE=4)`` is how a launcher starts a process."""
    def start(**words: int) -> None:
        for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
            monkeypatch.delenv(name, raising=False)
        for name, number in words.items():
            monkeypatch.setenv(name, str(number))

    return start


def test_one_process_alone_is_the_first(started: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    for words in ({}, {"RANK": 3}, {"RANK": 0, "WORLD_SIZE": 1}):
        started(**words)
        assert (launch.rank(), launch.local_rank(), launch.together(), launch.may_speak()) == (0, 0, 1, True)
    monkeypatch.setenv("WORLD_SIZE", "many")
    assert launch.together() == 1


def test_the_first_of_each_machine_speaks_until_they_know_of_each_other(started: Callable[..., None],
                                                                        run_cli: Any) -> None:
    for rank, local, speaks in ((0, 0, True), (1, 1, False), (2, 0, True), (3, 1, False)):
        started(RANK=rank, LOCAL_RANK=local, WORLD_SIZE=4, LOCAL_WORLD_SIZE=2)
        assert (launch.rank(), launch.processes_here(), launch.together()) == (rank, 2, 4)
        assert launch.may_speak() is speaks
        code, _, err = run_cli("train", "--backend", "cnn")
        assert (code, bool(err)) == (2, speaks)


def test_progress_is_shown_by_the_first_alone(started: Callable[..., None], monkeypatch: pytest.MonkeyPatch,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("NEUROFER_PROGRESS", raising=False)
    monkeypatch.setattr("neurofer.progress.FIRST_LINE_S", -1.0)
    for rank in (0, 1):
        started(RANK=rank, WORLD_SIZE=2)
        assert list(progress(range(3))) == [0, 1, 2]
        assert bool(capsys.readouterr().err) is (rank == 0)
