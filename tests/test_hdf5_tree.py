"""HDF5 files from anywhere: whole ones become plain values, all others one sentence, in bounded time and memory."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurofer import hdf5_child, hdf5_tree
from neurofer.errors import BadFileError
from neurofer.hdf5_tree import Tree, read_tree

AGAIN = "export it again with 'neurofer export'"


def fill(file: h5py.File) -> None:
    """One of each kind of thing that is read, or left out without complaint."""
    attributes = {"whole": 3, "real": 2.5, "word": "wört", "fixed": np.bytes_("abc"), "yes": True,
                  "one": np.array([7], "u1")}
    left_out = {"several": np.arange(3), "none": h5py.Empty("f8"), "complex": 1j, "pair": np.zeros((), "i4,f8")}
    for name, value in {**attributes, **left_out}.items():
        file.attrs[name] = value
    group = file.create_group("layer/0")
    group.attrs["scale"] = 0.5
    group["type"], group["kind"], group["flag"] = np.array([b"input"], "S10"), "CUBA", np.bool_(True)
    group.create_dataset("weight", data=np.arange(600, dtype=">i2").reshape(20, 30), chunks=(7, 8), compression="gzip",
                         shuffle=True, fletcher32=True)
    group["single"], group["double"], group["half"] = np.float32(0.1), np.array([0.1, np.nan]), np.array([0.5], "f2")
    group["unsigned"], group["large"] = np.array([2**63 - 1], "u8"), np.array([2**64 - 1], "u8")
    group["nothing"], group["flags"] = np.zeros((0, 3)), np.array([True, False])
    group["pairs"] = np.array([["a", "b"], ["c", ""]], h5py.string_dtype())
    group["enum"] = np.array([0, 1], h5py.enum_dtype({"A": 0, "B": 1}, "i1"))
    file["other/number"] = np.arange(4)


def write(path: Path, what: Callable[[h5py.File], object] = fill, **more: object) -> Path:
    with h5py.File(path, "w", **more) as file:
        what(file)
    return path


def read(path: Path, **more: object) -> Tree:
    return read_tree(path, "chip network", AGAIN, **more)  # type: ignore[arg-type]


def refusal(path: Path, **more: object) -> str | None:
    """The sentence that a file is refused with, None if it is read."""
    try:
        assert isinstance(read(path, **more), Tree)
        return None
    except BadFileError as error:
        message = str(error)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()  # on one line, too
    return message


def refused(path: Path, **more: object) -> str:
    message = refusal(path, **more)
    assert message is not None
    return message


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_everything_comes_as_it_was_written(libver: str, tmp_path: Path) -> None:
    tree = read(write(tmp_path / "a.net", libver=libver, track_order=libver == "latest"))
    assert tree.attributes == {"whole": 3, "real": 2.5, "word": "wört", "fixed": "abc", "yes": 1, "one": 7}
    assert set(tree.groups) == {"layer", "other"}
    assert not tree.values
    layer = tree.groups["layer"].groups["0"]
    assert layer.attributes == {"scale": 0.5}
    found = layer.values
    assert (found["type"], found["kind"]) == ("input", "CUBA")
    wanted = {"weight": np.arange(600, dtype=np.int16).reshape(20, 30), "flag": np.array(True),
              "single": np.array(np.float64(np.float32(0.1))), "double": np.array([0.1, np.nan]),
              "half": np.array([0.5]), "unsigned": np.array([2**63 - 1], np.int64),
              "large": np.array([2**64 - 1], np.uint64), "nothing": np.zeros((0, 3)),
              "flags": np.array([True, False]), "enum": np.array([0, 1], np.int8),
              "pairs": np.array([["a", "b"], ["c", ""]], object)}
    assert set(found) == {"type", "kind", *wanted}
    for name, value in wanted.items():
        array = found[name]
        assert isinstance(array, np.ndarray)
        assert (array.dtype, array.shape) == (value.dtype, value.shape), name
        np.testing.assert_array_equal(array, value, name)


def test_other_groups_and_deeper_levels_stay_unread(tmp_path: Path) -> None:
    def more(file: h5py.File) -> None:
        fill(file)
        file["other/pair"] = np.zeros(3, "i4,f8")
        file["elsewhere"] = h5py.ExternalLink("none.h5", "/")
        file["near"] = h5py.SoftLink("/other")
        file["top"] = 5

    path = write(tmp_path / "a.net", more)
    assert "/elsewhere is a link" in refused(path)
    tree = read(path, only=("layer",))
    assert set(tree.groups) == {"layer"}
    assert tree.values == {"top": 5}
    assert read(path, only=("layer",), levels=2).groups["layer"].groups == {"0": Tree()}


def test_reading_imports_neither_torch_nor_h5py() -> None:
    code = "import neurofer.hdf5_tree, sys; print([n for n in ('torch', 'h5py') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_modules_beside_the_file_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.version_info < (3, 11):
        pytest.skip("Python itself takes modules from the current folder")
    path = write(tmp_path / "a.net")
    (tmp_path / "h5py.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    assert read(path).attributes["whole"] == 3


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes(500), b"a,b\n" * 100])
def test_no_hdf5_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    path.write_bytes(content)
    assert refused(path).endswith(AGAIN)
    assert ("is no HDF5 file" in refused(path)) is not content.startswith(b"\x89HDF")


def test_no_file_at_all(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.net").endswith("no such file")
    assert "is no file, need a chip network" in refused(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "is no file" in refused(tmp_path / "pipe")


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((5,), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "weight", (5,))
    file.create_virtual_dataset("x", layout)


def cycle(file: h5py.File) -> None:
    file.create_group("a")["b"] = file["/"]


def many_names_of_one(file: h5py.File) -> None:
    file.create_dataset("x", (100_000,), "f8")  # never written, so it takes no room
    for number in range(900):
        file[f"y{number}"] = file["x"]


def filled_packed(file: h5py.File) -> None:
    file.create_dataset("x", data=np.zeros(1 << 20), compression="gzip", chunks=(1 << 17,))


@pytest.mark.parametrize(("what", "told"), [
    (lambda file: file.__setitem__("x", h5py.SoftLink("/y")), "/x is a link"),
    (lambda file: file.__setitem__("x", h5py.ExternalLink("other.h5", "/x")), "/x is a link"),
    (virtual, "/x lies in another file"),
    (lambda file: file.create_dataset("x", (5,), "f8", external=[("/etc/passwd", 0, 40)]), "/x lies in another file"),
    (lambda file: file.__setitem__("x", np.zeros(3, "i4,f8")), "/x is [('f0'"),
    (lambda file: file.__setitem__("x", np.ones(3, "c8")), "/x is complex64"),
    (lambda file: file.__setitem__("x", np.void(b"abc")), "/x is |V3"),
    (lambda file: file.create_dataset("x", (3,), h5py.ref_dtype), "/x is object"),
    (lambda file: file.create_dataset("x", (3,), h5py.vlen_dtype(np.int32)), "/x is object"),
    (lambda file: file.create_dataset("x", (3,), np.dtype(("i4", (2,)))), "need numbers or words"),
    (lambda file: file.__setitem__("x", h5py.Empty("f8")), "/x is empty"),
    (lambda file: file.__setitem__("x", np.dtype("i4")), "/x is neither a group nor a data set"),
    (lambda file: file.create_dataset("x", (9,), "i4", chunks=(9,), scaleoffset=2), "/x is packed in way 6"),
    (lambda file: file.create_dataset("x", (1 << 50, 1 << 10), "f8", chunks=(9, 9)), "larger than 512 MiB at /x"),
    (lambda file: file.create_dataset("x", (200_000,), "f8"), "at /x (200000,), the most that is read of a file"),
    (lambda file: file.create_dataset("x", (300_000,), "f4"), "at /x (300000,)"),  # 1.2 MB, but not as float64
    (lambda file: file.create_dataset("x", (1,), "S2000000"), "at /x (1,)"),
    (lambda file: file.create_dataset("x", (0,), "f8", maxshape=(None,), chunks=(1 << 20,)), "/x lies in pieces"),
    (filled_packed, "at /x (1048576,)"),
    (many_names_of_one, "at /y"),
    (cycle, "lies in more than 16 groups"),
    (lambda file: file.create_group("/".join("a" * 20)), "lies in more than 16 groups"),
    (lambda file: [file.create_group(f"g{number}") for number in range(1001)], "/ holds more entries"),
    (lambda file: [file.create_group(f"g{a}/g{b}") for a in range(50) for b in range(400)], "at most 20000"),
    (lambda file: [file.attrs.__setitem__(f"a{number}", 1) for number in range(1001)], "/ holds more entries"),
    (lambda file: file.create_group("n" * 256), "/ holds a name of 256 bytes"),
    (lambda file: file.create_group(b"\xff\xfe"), "which is no text"),
    (lambda file: file.__setitem__("x", ["ab"] * 20_001), "/x (20001,) holds more words"),
    (lambda file: file.__setitem__("x", "a" * 3_000_000), "/x holds more text"),
    (lambda file: file.__setitem__("x", ["a" * 1000] * 3000), "/x holds more text"),
    (lambda file: [file.create_group(f"g{number}").attrs.__setitem__("a", "a" * 60_000) for number in range(50)],
     "holds more text"),
    (lambda file: file.create_group("\x1b[2J\n").__setitem__("x", h5py.Empty("f8")), "/?[2J?/x is empty"),
])
def test_what_is_not_read(what: Callable[[h5py.File], object], told: str, tmp_path: Path) -> None:
    message = refused(write(tmp_path / "a.net", what))
    assert told in message
    assert message.endswith(AGAIN)
    assert len(message) < 700


def test_a_name_with_a_slash_leads_nowhere(tmp_path: Path) -> None:
    def linked(file: h5py.File) -> None:
        file["a"] = h5py.ExternalLink("other.h5", "/")
        file["a_b"] = 3

    write(tmp_path / "other.h5", lambda file: file.__setitem__("b", 5))
    path = write(tmp_path / "a.net", linked)
    path.write_bytes(path.read_bytes().replace(b"a_b", b"a/b"))
    assert "which is no name" in refused(path, only=("a/b",))


def test_a_bomb_in_a_packed_piece_bursts_within_bounds(tmp_path: Path) -> None:
    """HDF5 unpacks a piece as far as it goes, whatever size is declared: 256 MiB here, of less than 3 kB."""
    def bomb(file: h5py.File) -> None:
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk((100,))
        for _ in range(2):
            made.set_filter(h5py.h5z.FILTER_DEFLATE, 0, (9,))
        data = h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_DOUBLE, h5py.h5s.create_simple((100,)), made)
        data.write_direct_chunk((0,), zlib.compress(zlib.compress(bytes(1 << 28), 9), 9))

    path = write(tmp_path / "a.net", bomb)
    assert path.stat().st_size < 10_000
    started = time.monotonic()
    assert refused(path).endswith(AGAIN)
    assert time.monotonic() - started < 10
    assert peak_bytes(path) < peak_bytes(write(tmp_path / "b.net")) + hdf5_child.MEMORY_BYTES + (8 << 20)


def test_a_library_that_never_ends_or_ends_it_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, child = write(tmp_path / "a.net"), tmp_path / "child.py"
    for body, told in (("while True: pass", "did not end within 1 s"), ("import os; os.abort()", "gave up"),
                       ("print('nonsense')", "gave up"), ("print('[]')", "gave up"), ("", "gave up")):
        child.write_text(body)
        monkeypatch.setattr(hdf5_tree, "_COMMAND", (sys.executable, str(child)))
        assert told in refused(path, timeout_s=1.0 if "while" in body else 30.0)


MANY = """
import os, resource, signal, sys
from neurofer import hdf5_child

most = int(sys.argv[1])
for path in sys.argv[2:]:
    child = os.fork()
    if not child:
        signal.alarm(2)
        hdf5_child.limit_itself(most)
        with open(path + ".out", "wb") as out:
            hdf5_child.hand_over(path, out, most, 1000)
        os._exit(0)
    _, status, used = os.wait4(child, 0)
    print(os.waitstatus_to_exitcode(status), used.ru_maxrss * 1024, used.ru_utime, flush=True)
"""
"""Reads each file in a process forked from one that has imported everything: exit code, bytes and seconds it took."""


def read_many(paths: list[Path], most_bytes: int) -> list[tuple[int, int, float]]:
    done = subprocess.run([sys.executable, "-c", MANY, str(most_bytes), *map(str, paths)], capture_output=True,
                          text=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    return [(int(code), int(peak), float(seconds)) for code, peak, seconds in rows]


def peak_bytes(path: Path) -> int:
    return read_many([path], path.stat().st_size * hdf5_tree.FACTOR + hdf5_tree.SPARE_BYTES)[0][1]


def damaged(whole: bytes, draw: random.Random) -> bytes:
    """A file with a few bytes, a number or a block changed, or its end cut off."""
    data = bytearray(whole)
    place = draw.randrange(len(data))
    length = min(draw.choice((4, 16, 64, 512)), len(data) - place)
    kind = draw.randrange(6)
    if kind == 0:
        for _ in range(draw.choice((1, 1, 3, 10))):
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    elif kind == 1:
        data[place] = draw.randrange(256)
    elif kind == 2:
        number = draw.choice((0, 1, 255, 1 << 16, (1 << 31) - 1, 1 << 32, (1 << 63) - 1, (1 << 64) - 1, place))
        data[place // 8 * 8:place // 8 * 8 + 8] = number.to_bytes(8, "little")
    elif kind == 3:
        data[place:place + length] = bytes(length)
    elif kind == 4:
        source = draw.randrange(len(data) - length + 1)
        data[place:place + length] = data[source:source + length]
    else:
        del data[place:]
    return bytes(data)


def damage_many(folder: Path, count: int, seed: int) -> list[Path]:
    draw = random.Random(seed)
    wholes = [write(folder / f"{libver}.h5", libver=libver).read_bytes() for libver in ("earliest", "latest")]
    paths = [folder / f"{number:05}.net" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(damaged(wholes[number % 3 == 0], draw))  # the newer layout has checksums and finds out sooner
    return paths


def check_many(folder: Path, count: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    paths, kinds = damage_many(folder, count, seed), dict.fromkeys(("whole", "refused", "killed"), 0)
    most_bytes = 64 * 20_000 + (1 << 20)
    idle = peak_bytes(write(folder / "empty.h5", lambda file: None))
    for path, (code, peak, seconds) in zip(paths, read_many(paths, most_bytes), strict=True):
        assert peak < idle + hdf5_child.MEMORY_BYTES + 4 * most_bytes + (16 << 20), f"{path}: {peak} bytes"
        assert seconds < 3
        out = path.with_name(path.name + ".out")
        monkeypatch.setattr(hdf5_tree, "_handed_over", lambda *_, out=out, code=code: (out.read_bytes(), code))
        told = refusal(path)
        kinds["whole" if told is None else "killed" if "gave up" in told else "refused"] += 1
    return kinds


def test_damaged_files_are_read_or_refused_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = check_many(tmp_path, 400, 0, monkeypatch)
    assert min(kinds["whole"], kinds["refused"]) > 50, kinds


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))
def test_very_many_damaged_files(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    print(json.dumps(check_many(tmp_path, 2_000, seed, monkeypatch)))


def test_damaged_files_in_a_process_of_their_own(tmp_path: Path) -> None:
    for path in damage_many(tmp_path, 30, 99):
        started = time.monotonic()
        refusal(path, timeout_s=5.0)
        assert time.monotonic() - started < 8
