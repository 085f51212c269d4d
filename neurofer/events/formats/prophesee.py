"""Prophesee's EVT3 and EVT2 (``.raw``) and DAT files, decoded in constant memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from neurofer.errors import BadFileError
from neurofer.events.formats import prophesee_words as words
from neurofer.events.formats.prophesee_header import Header, read_header
from neurofer.events.source import RawBlock, Source

BLOCK_WORDS = 1 << 17
CD_EVENTS = (0x00, 0x0C)
"""Event types of a DAT file that are contrast detections."""


class WordSource(Source):
    """A header, then words of a fixed size; a position is a word's number and the decoder's state there."""

    word: np.dtype[Any]
    decode: Callable[..., int]

    def __init__(self, path: Path, header: Header, data_start: int) -> None:
        super().__init__(path)
        self.sensor = header.geometry(path)
        if self.sensor is None and (camera := header.camera()):
            name, self.likely_sensor = camera
            self.hint = name
        self._file = path.open("rb")
        self._data_start = data_start
        size = os.fstat(self._file.fileno()).st_size - data_start
        self._words, self.tail_bytes = divmod(size, self.word.itemsize)
        self.blocks = -(-self._words // BLOCK_WORDS)
        self.start = (0, (0, 0, 0, 0, -1, 0))

    def read(self, position: tuple[int, tuple[int, ...]]) -> RawBlock:
        first, before = position
        count = min(BLOCK_WORDS, self._words - first)
        data = os.pread(self._file.fileno(), count * self.word.itemsize, self._data_start + first * self.word.itemsize)
        if len(data) < count * self.word.itemsize:
            raise BadFileError(f"{self.path}: became shorter while it was read")
        state = np.array((*before, 0, 0, 0), np.int64)
        block = np.frombuffer(data, self.word)
        room = self.room(block)
        t, x, y = np.empty(room, np.int64), np.empty(room, np.uint16), np.empty(room, np.uint16)
        p = np.empty(room, np.bool_)
        kept = type(self).decode(self.views(block), state, t, x, y, p)
        following = (first + count, tuple(state[:6].tolist())) if first + count < self._words else None
        return RawBlock(t[:kept], x[:kept], y[:kept], p[:kept], following, *state[6:].tolist())

    def room(self, block: np.ndarray[Any, Any]) -> int:
        """Most events that a block makes."""
        return len(block)

    def views(self, block: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The block as the decoder wants it."""
        return block

    def close(self) -> None:
        self._file.close()


class Evt3Source(WordSource):
    """EVT 3.0: 16-bit words, rows and vectors of columns."""

    format = "evt3"
    word = np.dtype("<u2")
    decode = words.decode_evt3

    def room(self, block: np.ndarray[Any, Any]) -> int:
        return int(words.count_evt3(block)) + words.VECTOR


class Evt2Source(WordSource):
    """EVT 2.0: one 32-bit word an event."""

    format = "evt2"
    word = np.dtype("<u4")
    decode = words.decode_evt2


class DatSource(WordSource):
    """DAT: pairs of 32-bit words; a word here is a pair."""

    format = "dat"
    word = np.dtype("<u8")
    decode = words.decode_dat

    def views(self, block: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return block.view("<u4")


def open_raw(path: Path) -> Source:
    """A RAW file, by the encoding that its header names.

    Raises:
        BadFileError: no header, no encoding, or one that is not read here.
    """
    header = read_header(path)
    if header.encoding == "evt3":
        return Evt3Source(path, header, header.size)
    if header.encoding == "evt2":
        return Evt2Source(path, header, header.size)
    if not header.size:
        raise BadFileError(f"{path}: has no RAW header (lines that start with '% '); it is no Prophesee recording")
    named = f"the encoding {header.encoding!r}" if header.encoding else "no encoding"
    raise BadFileError(f"{path}: the header names {named}; EVT2 and EVT3 can be read, "
                       "convert the file with the camera's software first")


def open_dat(path: Path) -> Source:
    """A DAT file of contrast detections.

    Raises:
        BadFileError: another kind of events, or no event type behind the header.
    """
    header = read_header(path)
    with path.open("rb") as file:
        file.seek(header.size)
        kind = file.read(2)
    if len(kind) < 2:
        raise BadFileError(f"{path}: ends inside the header, at byte {header.size + len(kind)}")
    if kind[0] not in CD_EVENTS or kind[1] != 8:
        raise BadFileError(f"{path}: holds events of type {kind[0]:#04x} with {kind[1]} bytes each; need contrast "
                           "detections (type 0x0c or 0x00, 8 bytes)")
    if header.fields.get("version", "2").strip() != "2":
        raise BadFileError(f"{path}: is DAT version {header.fields['version']}; version 2 can be read")
    return DatSource(path, header, header.size + 2)
