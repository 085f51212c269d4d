"""What an open HDF5 file holds, as plain values; for the process that ``neurofer.hdf5_child`` runs.

Nothing outside the file is opened, and what is declared is counted before anything is allocated for it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any, BinaryIO

import h5py
import numpy as np
from h5py import h5a, h5l, h5o
from numpy.typing import NDArray

MOST_BYTES = 1 << 29
"""Of all values of a file together, however large it is."""

MOST_ENTRIES = 1_000
"""Of one group; attributes of one group likewise."""

MOST_OBJECTS = 20_000
MOST_WORDS = 20_000
MOST_TEXT_BYTES = 2 << 20
"""Of all names and words together, long before JSON of them is large."""

MOST_LEVELS = 16
NAME_LENGTH = 255
FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32_000: "lzf"}
"""Ways to pack that are undone; no other code, let alone a plugin, is run for a file."""


class Unreadable(Exception):  # noqa: N818  a clause, not a state
    """Why a file is not read: ``/a/b is a link``, to stand behind the file's name."""


class Reader:
    """Turns an open file into plain values; arrays go to ``out`` as they are read."""

    def __init__(self, out: BinaryIO, most_bytes: int, levels: int) -> None:
        self._out, self._most_bytes, self._levels = out, min(most_bytes, MOST_BYTES), levels
        self._written = self._bytes = self._objects = self._words = self._text_bytes = 0

    def group(self, group: h5py.h5g.GroupID, place: str, level: int, only: frozenset[bytes] = frozenset()
              ) -> dict[str, Any]:
        """What a group holds, by kind and name.

        Raises:
            Unreadable: too much of something, or something that is not read.
        """
        found: dict[str, Any] = {"attributes": {}, "values": {}, "groups": {}}
        if level == self._levels:
            return found
        if level > MOST_LEVELS:
            raise Unreadable(f"{place} lies in more than {MOST_LEVELS} groups, which may hold each other")
        found["attributes"] = self._attributes(group, place)
        for raw, link in self._names(lambda take: group.links.iterate(take, info=True), place):
            if only and raw not in only and link != h5l.TYPE_HARD:
                continue
            name = self._name(raw, place)
            inside = f"{place}/{name}"
            if link != h5l.TYPE_HARD:
                raise Unreadable(f"{inside} is a link, need everything in one file")
            kind = h5o.get_info(group, raw).type
            if kind == h5o.TYPE_GROUP:
                if not only or raw in only:
                    found["groups"][name] = self.group(h5o.open(group, raw), inside, level + 1)
            elif kind == h5o.TYPE_DATASET:
                found["values"][name] = self._value(h5py.Dataset(h5o.open(group, raw)), inside)
            else:
                raise Unreadable(f"{inside} is neither a group nor a data set")
        return found

    def _names(self, iterate: Callable[[Callable[..., bool | None]], object], place: str) -> list[tuple[bytes, int]]:
        """Names, and kinds of links, that an iteration of HDF5 calls back with; it ends at the most that is read."""
        found: list[tuple[bytes, int]] = []
        left = MOST_OBJECTS - self._objects

        def take(name: bytes, link: h5l.LinkInfo | None = None) -> bool | None:  # None goes on
            found.append((name, -1 if link is None else link.type))  # HDF5 writes the next one into the same object
            return True if len(found) > min(MOST_ENTRIES, left) or len(name) > NAME_LENGTH else None

        iterate(take)
        if len(found) > MOST_ENTRIES:
            raise Unreadable(f"{place or '/'} holds more entries than are read, at most {MOST_ENTRIES}")
        if len(found) > left:
            raise Unreadable(f"holds more entries than are read, at most {MOST_OBJECTS}")
        if found and len(found[-1][0]) > NAME_LENGTH:
            raise Unreadable(f"{place or '/'} holds a name of {len(found[-1][0])} bytes, at most {NAME_LENGTH}")
        self._objects += len(found)
        return found

    def _name(self, raw: bytes, place: str) -> str:
        """A name as text; one with a slash would lead HDF5 on a way through other entries."""
        if raw in (b"", b".") or b"/" in raw:
            raise Unreadable(f"{place or '/'} holds an entry named {raw!r}, which is no name")
        self._count_text(len(raw), place)
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise Unreadable(f"{place or '/'} holds an entry named {raw!r}, which is no text") from error

    def _attributes(self, group: h5py.h5g.GroupID, place: str) -> dict[str, int | float | str]:
        """Single numbers and words; anything else is left out."""
        found: dict[str, int | float | str] = {}
        for raw, _ in self._names(lambda take: h5a.iterate(group, take), place):
            attribute, name = h5a.open(group, raw), raw.decode("utf-8", "replace")
            with contextlib.suppress(TypeError):  # a type that numpy does not know
                if attribute.shape not in ((), (1,)):
                    continue
                kind = attribute.dtype
                text = h5py.check_string_dtype(kind) is not None
                if not text and kind.kind not in "biuf":
                    continue
                self._count_text(len(raw), place)
                self._count(kind.itemsize, 1, f"attribute {name} of {place or '/'}")
                value = np.empty(attribute.shape, kind)
                attribute.read(value)
                one = value.ravel()[0]
                found[name] = self._word(one, place) if text else float(one) if kind.kind == "f" else int(one)
        return found

    def _value(self, data: h5py.Dataset, place: str) -> str | dict[str, Any]:
        """A word, words with their shape, or shape, type and place in ``out`` of an array of real numbers."""
        if data.is_virtual or data.external:
            raise Unreadable(f"{place} lies in another file, need everything in one file")
        if data.shape is None:
            raise Unreadable(f"{place} is empty, need numbers or words")
        kind, elements = data.dtype, math.prod(data.shape)
        text = h5py.check_string_dtype(kind) is not None
        if not text and kind.kind not in "biuf":
            raise Unreadable(f"{place} is {kind}, need numbers or words")
        self._check_packing(data, place)
        self._count(max(kind.itemsize, 8) if kind.kind == "f" else kind.itemsize, elements, f"{place} {data.shape}")
        if text:
            self._words += elements
            if self._words > MOST_WORDS:
                raise Unreadable(f"{place} {data.shape} holds more words than are read, at most {MOST_WORDS}")
            words = [self._word(one, place) for one in np.asarray(data[()]).ravel()]
            return words[0] if data.shape in ((), (1,)) else {"shape": data.shape, "words": words}
        array, start = _plain(np.asarray(data[()])), self._written
        self._written += self._out.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        self._written += self._out.write(bytes(-self._written % 8))
        return {"shape": data.shape, "type": array.dtype.name, "start": start}

    def _check_packing(self, data: h5py.Dataset, place: str) -> None:
        made = data.id.get_create_plist()
        for number in range(made.get_nfilters()):
            if (code := made.get_filter(number)[0]) not in FILTERS:
                raise Unreadable(f"{place} is packed in way {code}, need one of {', '.join(FILTERS.values())}")
        if data.chunks and math.prod(data.chunks) * data.dtype.itemsize > self._most_bytes:
            raise Unreadable(f"{place} lies in pieces of {data.chunks}, larger than all that is read")

    def _count(self, item_bytes: int, elements: int, what: str) -> None:
        self._bytes += item_bytes * elements
        for most, whose in ((MOST_BYTES, "any file"), (self._most_bytes, "a file of its size")):
            if self._bytes > most:
                raise Unreadable(f"is larger than {_size(most)} at {what}, the most that is read of {whose}")

    def _count_text(self, length: int, place: str) -> None:
        self._text_bytes += length
        if self._text_bytes > MOST_TEXT_BYTES:
            raise Unreadable(f"{place or '/'} holds more text than is read, at most {_size(MOST_TEXT_BYTES)}")

    def _word(self, raw: Any, place: str) -> str:
        data = raw if isinstance(raw, bytes) else str(raw).encode("utf-8", "replace")
        self._count_text(len(data), place)
        return data.decode("utf-8", "replace")


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """Real numbers in a type of this machine: float64, int64 where it is enough for uint64, or as they were."""
    kind = array.dtype
    if kind.kind == "b":
        return array.view(np.uint8) != 0  # whatever bytes a file has for them
    if kind.kind == "f" or kind.itemsize == 8 and (kind.kind == "i" or not array.size or int(array.max()) < 1 << 63):
        return array.astype(np.float64 if kind.kind == "f" else np.int64, copy=False)
    return array.astype(kind.newbyteorder("="), copy=False)


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count % (1 << 20) == 0 else f"{count} bytes"
