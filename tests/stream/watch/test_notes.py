"""Warnings while the terminal is a picture."""

from __future__ import annotations

import logging

import pytest

from neurofer.stream.watch.notes import KEPT, Notes

LOG = logging.getLogger("neurofer.stream.watch.tcp")


def test_a_warning_is_shown_once_and_given_back_behind(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    class Usual(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())

    logger, usual = logging.getLogger("neurofer"), Usual()
    logger.addHandler(usual)
    try:
        with Notes() as notes:
            assert notes.take() is None
            for number in range(KEPT + 5):
                LOG.warning("%d: connection\n lost", number)
            assert notes.take() == f"{KEPT + 4}: connection lost"
            assert notes.take() is None
            assert seen == []
        assert seen == [f"{number}: connection\n lost" for number in range(5, KEPT + 5)]
        LOG.warning("later")
        assert seen[-1] == "later"
    finally:
        logger.removeHandler(usual)
