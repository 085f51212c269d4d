"""What format a file has, told by its first bytes; the name decides only where the bytes cannot."""

from __future__ import annotations

import stat
from pathlib import Path

from neurofer.errors import BadFileError

SNIFF_BYTES = 4_096

READABLE = (
    "EVT2 and EVT3 (.raw), DAT (.dat), AEDAT4 (.aedat4), AEDAT2 (.aedat), HDF5 (.h5, .hdf5), Event Stream (.es), "
    "numpy (.npy, .npz), text (.csv, .txt), N-MNIST and N-Caltech101 (.bin), ROS bag (.bag) and folders of columns"
)

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"#!AER-DAT4", "aedat4"),
    (b"#!AER-DAT2", "aedat2"),
    (b"Event Stream", "es"),
    (b"\x93NUMPY", "npy"),
    (b"PK\x03\x04", "npz"),
    (b"#ROSBAG V2.0", "bag"),
)
_SUFFIXES = {
    ".raw": "raw", ".dat": "dat", ".aedat4": "aedat4", ".aedat": "aedat2", ".h5": "hdf5", ".hdf5": "hdf5",
    ".es": "es", ".npy": "npy", ".npz": "npz", ".bin": "bin", ".bag": "bag",
}
_NAMES = {
    "raw": "Prophesee RAW", "dat": "DAT", "aedat4": "AEDAT4", "aedat2": "AEDAT2", "hdf5": "HDF5", "es": "Event Stream",
    "npy": "numpy", "npz": "numpy archive", "bin": "N-Caltech101", "bag": "ROS bag",
}
_VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v")


def sniff(path: Path) -> str:
    """One of ``raw dat aedat4 aedat2 hdf5 es npy npz bin bag text``.

    Raises:
        BadFileError: missing, unreadable, not a plain file, empty, or of no format that can be read.
    """
    head = _head(path)
    suffix = path.suffix.lower()
    named = _SUFFIXES.get(suffix)
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head.startswith(b"#!AER-DAT"):
        version = head[9:12].decode("latin-1")
        raise BadFileError(f"{path}: is AEDAT {version}; AEDAT 2 and 4 can be read, convert it first")
    if head[:1] == b"%" and head[1:2] in b" \r\n" and named not in ("raw", "dat") and _prophesee(head):
        return _prophesee(head) or "raw"
    if named in ("raw", "dat") and head[:1] == b"%":
        return _prophesee(head) or named
    if named != "bin" and _is_text(head):
        if named is None and suffix not in _VIDEOS:
            return "text"
        raise BadFileError(f"{path}: is text, not {_NAMES.get(named or '', suffix)}; name it .txt or .csv if its lines "
                           "are events t x y p")
    if suffix in _VIDEOS or head[4:8] == b"ftyp":
        raise BadFileError(f"{path}: is a video, not events; make events of it with neurofer simulate")
    if named == "bin" and _is_text(head) and len(head) > 64:
        raise BadFileError(f"{path}: is text, not {_NAMES['bin']}; name it .txt or .csv if its lines are events "
                           "t x y p")
    if named in ("raw", "dat", "bin"):
        return named
    if named is not None:
        raise BadFileError(f"{path}: does not start like a {_NAMES[named]} file; it is broken or of another format")
    raise BadFileError(f"{path}: is of no known format; readable are {READABLE}")


def _head(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise BadFileError(f"{path}: is a folder without meta.json, so no store of events; give a recording in it")
        if not stat.S_ISREG(mode):
            raise BadFileError(f"{path}: is not a plain file; copy the recording to a file first")
        with path.open("rb") as file:
            head = file.read(SNIFF_BYTES)
    except FileNotFoundError as error:
        raise BadFileError(f"{path}: does not exist") from error
    except (OSError, ValueError) as error:
        raise BadFileError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if not head:
        raise BadFileError(f"{path}: is empty")
    return head


def _prophesee(head: bytes) -> str | None:
    """``raw`` or ``dat`` by the words of a header, None when they do not say."""
    text = head.decode("latin-1").lower()
    if "% evt " in text or "% format " in text:
        return "raw"
    if "% version" in text or "data file containing" in text:
        return "dat"
    return None


def _is_text(head: bytes) -> bool:
    """Whether all of it is printable, apart from a letter that the end of the sample cuts."""
    body = head.removeprefix(b"\xef\xbb\xbf")
    if any(byte < 32 and byte not in b"\t\n\r\f" for byte in body) or b"\x7f" in body:
        return False
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(body) - 4 and len(head) == SNIFF_BYTES
    return True
