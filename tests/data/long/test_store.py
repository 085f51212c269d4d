"""The truth of a store of long videos: read back as it was written, and refused in one sentence when it was changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from neurofer.data.long.store import TRUTH, open_long
from neurofer.errors import BadFileError
from trees.spot_store import TRUTH as WRITTEN
from trees.spot_store import write_long_store

ROW = b"a_0,micro,1,2,3,fear,yes\n"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_long_store(tmp_path_factory.mktemp("long") / "store")


def test_the_truth_is_read_back_as_it_was_written(store: Path) -> None:
    assert open_long(store).truth == WRITTEN


@pytest.mark.parametrize(("old", "new", "told"), [
    (b"a_0,micro", b"a_0,mikro", "(KeyError: 'mikro')"),
    (b"yes\n", b"yes\n" + ROW.replace(b"3", b"1"), "need 0 <= onset <= apex <= offset, got 1, 2, 1 in a_0)"),
    (b"yes\n", b"yes\n" + ROW.replace(b"fear", b"f" * 200_000), "(Error: field larger than field limit"),
    (b"disgust", b"disg\xfcst", "can't decode byte 0xfc"),
    (b"video,type", b"film,type", "(KeyError: 'video')"),
    (b"40", b"41", "is not the truth that the store was made with (see a_0)"),
    (b"yes\n", b"yes\n" + ROW.replace(b"a_0", b"z_9"), "is not the truth that the store was made with (see z_9)"),
])
def test_a_changed_truth_is_told_in_one_short_sentence(store: Path, old: bytes, new: bytes, told: str) -> None:
    path = store / TRUTH
    whole = path.read_bytes()
    assert old in whole
    path.write_bytes(whole.replace(old, new, 1))
    try:
        with pytest.raises(BadFileError, match=re.escape(told)) as caught:
            open_long(store)
    finally:
        path.write_bytes(whole)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value)) < len(str(path)) + 250  # never the file itself
