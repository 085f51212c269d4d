"""Warnings while a whole terminal is a picture: kept out of it, shown as its note, and given back when it is gone."""

from __future__ import annotations

import logging
from collections import deque
from types import TracebackType

KEPT = 20


class Notes(logging.Handler):
    """Takes what ``neurofer`` logs while its ``with`` block runs; the newest few go to the usual place behind it."""

    def __init__(self) -> None:
        super().__init__()
        self._logger = logging.getLogger("neurofer")
        self._kept: deque[logging.LogRecord] = deque(maxlen=KEPT)
        self._fresh: str | None = None
        self._before: list[logging.Handler] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self._kept.append(record)
        self._fresh = " ".join(record.getMessage().split())

    def take(self) -> str | None:
        """The newest one, once."""
        fresh, self._fresh = self._fresh, None
        return fresh

    def __enter__(self) -> Notes:
        self._before, self._logger.handlers = self._logger.handlers, [self]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._logger.handlers = self._before
        for record in self._kept:
            self._logger.handle(record)
