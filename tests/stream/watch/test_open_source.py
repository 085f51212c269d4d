"""A source that a text names."""

from __future__ import annotations

import sys

import pytest

from neurofer.errors import UsageError
from neurofer.stream.watch.open_source import open_source


def test_standard_input_that_is_closed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="standard input is closed"):
        open_source("-")
