"""Writing so that nothing is lost: a temporary name beside the target, then one rename."""

from __future__ import annotations

import contextlib
import csv
import errno
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from neurofer.errors import BadFileError


@contextlib.contextmanager
def atomic_path(target: Path | str) -> Iterator[Path]:
    """A temporary path beside ``target`` that becomes ``target`` when the block ends without an error.

    The suffix is kept, so libraries that choose a format by it work. An error leaves an earlier ``target`` as it was
    and removes the temporary file. A link stays, and what it leads to is replaced.

    Raises:
        BadFileError: the disk is full, the place cannot be written, or something is there that is no file.
    """
    target = _followed(target)
    if target.exists() and not target.is_file() and not target.is_dir():
        raise BadFileError(f"{target}: is a device or a pipe, which cannot be replaced by a file; name a file")
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=f".partial{target.suffix}", dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        if _is_about_another_file(error, target):
            raise
        raise _write_error(target, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(target: Path | str) -> Iterator[Path]:
    """A temporary folder beside ``target`` that becomes ``target`` when the block ends without an error.

    An earlier folder of that name is replaced only then. A link stays, and what it leads to is replaced.

    Raises:
        BadFileError: the disk is full or the place cannot be written.
    """
    target = _followed(target)
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", suffix=".partial", dir=target.parent))
        yield temporary
        os.chmod(temporary, 0o777 & ~_umask())
        _swap_folders(temporary, target)
    except OSError as error:
        if _is_about_another_file(error, target):
            raise
        raise _write_error(target, error) from error
    finally:
        if temporary is not None and temporary.exists():
            shutil.rmtree(temporary, ignore_errors=True)


def _followed(target: Path | str) -> Path:
    """Where a link leads; a name such as ``.`` as the folder that it is."""
    target = Path(target)
    return target.resolve() if target.is_symlink() or target.name in ("", "..") else target


def _swap_folders(new: Path, target: Path) -> None:
    """Put ``new`` in the place of ``target`` by renames alone, so that a whole folder exists at every moment.

    Where the system can exchange two names in one step, one of them is under ``target`` at every moment; elsewhere the
    old one lies beside it for an instant.
    """
    if not target.exists():
        os.replace(new, target)
        return
    if _exchange(new, target):
        shutil.rmtree(new, ignore_errors=True)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}-", suffix=".old", dir=target.parent))
    try:
        os.replace(target, old / target.name)
        os.replace(new, target)
    except OSError:
        if not target.exists() and (old / target.name).exists():
            os.replace(old / target.name, target)
        raise
    finally:
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; whether the system could."""
    import ctypes

    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of Linux
    return bool(renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0)


def write_text(target: Path | str, text: str) -> None:
    """Write ``text`` to ``target`` in one step (UTF-8)."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as the text of a CSV file, lines ending in a line feed."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def read_json(path: Path | str) -> Any:
    """The content of a JSON file.

    Raises:
        ValueError: not UTF-8, not JSON, or nested too deeply.
        OSError: it cannot be read.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def file_digest(path: Path | str) -> str:
    """SHA-256 of a file's bytes, as hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def is_full_disk(error: OSError) -> bool:
    """Whether an error says that the disk, or the user's share of it, is full.

    numpy tells of a short write without a code, in words only: ``1536000 requested and 24544 written``.
    """
    if error.errno is None:
        return re.search(r"\d+ requested and \d+ written", str(error)) is not None
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _is_about_another_file(error: OSError, target: Path) -> bool:
    """Whether the block failed on a file that it was reading, say, and not on what it writes."""
    if is_full_disk(error) or not isinstance(error.filename, str):
        return False
    place, culprit = target.absolute(), Path(error.filename).absolute()
    return place.parent not in culprit.parents and culprit not in place.parents


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _write_error(target: Path, error: OSError) -> BadFileError:
    if is_full_disk(error):
        return BadFileError(f"{target}: the disk is full; nothing was changed there, free some space and run it again")
    return BadFileError(f"{target}: cannot be written ({error.strerror or error}); "
                        "choose another place or fix its permissions")
