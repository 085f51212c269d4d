"""One small store for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from trees.micro_store import write_micro_store


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_micro_store(tmp_path_factory.mktemp("micro") / "store")
