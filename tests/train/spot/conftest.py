"""One small store for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from trees.long_store import write_long_store


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_long_store(tmp_path_factory.mktemp("long") / "store")
