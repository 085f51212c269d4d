"""What a copy of CK+ holds, as its files lie: sequences, labels, and what is wrong with them; events and frame lists.

``cohn-kanade-images/S###/###/S###_###_########.png`` and ``Emotion/S###/###/S###_###_########_emotion.txt``, which
holds one number; most sequences have none. Beside CK+: e-CK+ events ``{Train_Set,Test_Set}/{1..7}/S###_###.npy``, and
the public list of kept windows, lines such as ``Test_Set/1/S133_003/frame_0003.jpg``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from neurofer.data.csv_rows import LARGEST_BYTES, few
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError

CLASSES = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
"""By the numbers 1 to 7 of CK+ ("happy" there is "happiness" here, as in the other data sets)."""

IMAGES, EMOTION = "cohn-kanade-images", "Emotion"
MOST_PICTURES = 1000
"""Of one sequence; those of CK+ have up to 71."""

SETS = ("Train_Set", "Test_Set")
_LIST_LINE = re.compile(r"(?:(?:.*/)?(?P<number>\d)/|.*/)?(?P<name>S\d{3}_\d{3})/frame_(?P<window>\d{1,6})(?:\.\w+)?")


@dataclass(frozen=True)
class Sequence:
    """One labelled sequence of pictures, neutral to apex.

    Attributes:
        name: ``S###_###``.
        label: One of ``CLASSES``.
        pictures: File names in order of time, at least two.
        where: The emotion file.
    """

    name: str
    label: str
    pictures: tuple[str, ...]
    where: str

    @property
    def folder(self) -> str:
        """Where the pictures lie, below the root."""
        return picture_folder(self.name)


class Tree(NamedTuple):
    """What a copy holds.

    Attributes:
        sequences: Sequences that can be prepared, by name.
        labels: Label of every sequence that has a good emotion file, with or without good pictures.
        wanted: Sequences that have an emotion file.
        problems: What is wrong.
    """

    sequences: dict[str, Sequence]
    labels: dict[str, str]
    wanted: int
    problems: list[Problem]


class Kept(NamedTuple):
    """The windows ``first`` to ``last`` of a sequence that a frame list keeps, and the class it says, if it does."""

    first: int
    last: int
    label: str | None
    where: str


def picture_folder(name: str) -> str:
    """Folder of a sequence's pictures below the root."""
    subject, number = name.split("_")
    return f"{IMAGES}/{subject}/{number}"


def read_tree(root: Path) -> Tree:
    """The labelled sequences below the root of CK+.

    Raises:
        BadFileError: not the root of CK+, or one without any emotion file.
    """
    absent = [name for name in (IMAGES, EMOTION) if not (root / name).is_dir()]
    if absent:
        what = "no such folder" if not root.is_dir() else f"has no folder {' and no folder '.join(absent)}"
        raise BadFileError(f"{root}: {what}; give the root of CK+, which holds {IMAGES} and {EMOTION}")
    sequences, labels, problems, wanted = dict[str, Sequence](), dict[str, str](), list[Problem](), 0
    for name, folder in _sequence_folders(root / EMOTION):
        files = sorted(path for path in folder.iterdir() if path.name.endswith("_emotion.txt")
                       and not path.name.startswith("."))
        if not files:
            continue
        wanted += 1
        label = _label(name, files)
        if isinstance(label, Problem):
            problems.append(label)
            continue
        labels[name] = label
        pictures, wrong = _pictures(root, name, files[0])
        problems += wrong
        if pictures:
            sequences[name] = Sequence(name, label, pictures, str(files[0]))
    if not wanted:
        raise BadFileError(f"{root / EMOTION}: holds no file S###/###/S###_###_########_emotion.txt; unpack the "
                           "emotion labels of CK+ there")
    return Tree(sequences, labels, wanted, problems)


def find_events(root: Path, tree: Tree) -> tuple[dict[str, str], list[Problem]]:
    """The e-CK+ file of each sequence, relative to ``root``, and what is wrong.

    Raises:
        BadFileError: not the root of e-CK+ events.
    """
    if not any((root / part).is_dir() for part in SETS):
        what = "holds neither Train_Set nor Test_Set" if root.is_dir() else "no such folder"
        raise BadFileError(f"{root}: {what}; give the folder of e-CK+ that holds {' and '.join(SETS)}")
    found: dict[str, list[Path]] = defaultdict(list)
    for part in SETS:
        for path in sorted((root / part).glob("[1-7]/*.npy")):
            if not path.name.startswith("."):
                found[path.stem].append(path)
    events, problems = dict[str, str](), list[Problem]()
    for name, paths in sorted(found.items()):
        path, said = paths[0], {CLASSES[int(path.parent.name) - 1] for path in paths}
        if name not in tree.labels:
            problems.append(Problem(str(path), f"has no emotion file below {EMOTION}; it is not used"))
        elif len(paths) > 1:
            problems.append(Problem(str(paths[1]), f"is a second file of {name}, beside {path}; neither is used"))
        elif said != {tree.labels[name]}:
            problems.append(Problem(str(path), f"lies among {said.pop()}, but {name} is labelled {tree.labels[name]}: "
                                               "two labels for one clip"))
        else:
            events[name] = path.relative_to(root).as_posix()
    missing = [name for name in sorted(tree.sequences) if name not in found]
    problems += [Problem(str(root), f"holds no {name}.npy below {' or '.join(SETS)}/"
                                    f"{CLASSES.index(tree.labels[name]) + 1}") for name in missing]
    return events, problems


def read_frame_list(path: Path) -> tuple[dict[str, Kept], list[Problem]]:
    """The run of windows that a frame list keeps of each sequence, and lines that say something else.

    Raises:
        BadFileError: no such file, too large a one, or none of its lines names a window.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise BadFileError(f"{path}: has {path.stat().st_size >> 20} MB, a frame list has less than one")
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").splitlines()
    except OSError as error:
        raise BadFileError(f"{path}: cannot be read as a frame list ({error.strerror or error})") from error
    windows: dict[str, set[int]] = defaultdict(set)
    first: dict[str, Kept] = {}
    problems = []
    for row, line in enumerate(lines, start=1):
        text = line.strip().replace("\\", "/")
        if not text or text.startswith("#"):
            continue
        match = _LIST_LINE.fullmatch(text)
        number = int(match["number"] or 0) if match else 0
        if match is None or number > len(CLASSES):
            problems.append(Problem(f"{path}:{row}", f"is {text[:80]!r}, not such as "
                                                     "Test_Set/1/S133_003/frame_0003.jpg"))
            continue
        name, label = match["name"], CLASSES[number - 1] if number else None
        here = first.setdefault(name, Kept(0, 0, label, f"{path}:{row}"))
        if here.label != label:
            problems.append(Problem(f"{path}:{row}", f"lists {name} under {label}, but {here.where} under "
                                                     f"{here.label}"))
            continue
        windows[name].add(int(match["window"]))
    if not windows:
        raise BadFileError(f"{path}: no line names a window, such as Test_Set/1/S133_003/frame_0003.jpg")
    kept = {}
    for name, numbers in windows.items():
        start, stop = longest_run(sorted(numbers))
        kept[name] = first[name]._replace(first=start, last=stop)
        if stop - start + 1 < len(numbers):
            problems.append(Problem(first[name].where, f"begins the windows of {name}, which are not one unbroken run; "
                                                       f"the longest, {start} to {stop}, is used"))
    return kept, few(problems, path)


def longest_run(numbers: list[int]) -> tuple[int, int]:
    """First and last of the longest run of consecutive numbers among rising ones; the first of equally long ones."""
    best = start = numbers[0], numbers[0]
    for number in numbers[1:]:
        start = (start[0], number) if number == start[1] + 1 else (number, number)
        if start[1] - start[0] > best[1] - best[0]:
            best = start
    return best


def _sequence_folders(folder: Path) -> Iterator[tuple[str, Path]]:
    for subject in sorted(folder.iterdir()):
        if not re.fullmatch(r"S\d{3}", subject.name) or not subject.is_dir():
            continue
        for number in sorted(subject.iterdir()):
            if re.fullmatch(r"\d{3}", number.name) and number.is_dir():
                yield f"{subject.name}_{number.name}", number


def _label(name: str, files: list[Path]) -> str | Problem:
    if len(files) > 1:
        return Problem(str(files[1]), f"is a second emotion file of {name}, beside {files[0].name}: two labels for one "
                                      "clip")
    path = files[0]
    if not re.fullmatch(rf"{name}_\d{{8}}_emotion\.txt", path.name):
        return Problem(str(path), f"lies in the folder of {name}, but is named as of another sequence")
    try:
        with open(path, "rb") as file:
            words = file.read(256).decode("ascii", "replace").split()
    except OSError as error:
        return Problem(str(path), f"cannot be read ({error.strerror or error})")
    if len(words) > 1:
        return Problem(str(path), f"holds {len(words)} numbers or words, not one: two labels for one clip")
    try:
        number = float(words[0]) if words else 0.0
    except ValueError:
        number = 0.0
    if number not in range(1, len(CLASSES) + 1):
        return Problem(str(path), f"holds {words[0][:40] if words else ''!r}, not a number of 1 to {len(CLASSES)}")
    return CLASSES[int(number) - 1]


def _pictures(root: Path, name: str, emotion: Path) -> tuple[tuple[str, ...], list[Problem]]:
    """File names of a sequence's pictures, none if they cannot be used, and what is wrong."""
    folder = root / picture_folder(name)
    if not folder.is_dir():
        return (), [Problem(str(folder), f"is missing, but {emotion.name} labels it")]
    there = [path.name for path in folder.iterdir() if not path.name.startswith(".") and path.suffix.lower() == ".png"]
    found = sorted(one for one in there if re.fullmatch(rf"{name}_\d{{8}}\.png", one))
    problems = [Problem(str(folder / one), f"is not named as a picture of {name} ({name}_########.png); it is not used")
                for one in sorted(set(there).difference(found))]
    if len(found) < 2:
        one = "no picture" if not found else "one picture"
        return (), [*problems, Problem(str(folder), f"holds {one}; events come from the change between two")]
    if len(found) > MOST_PICTURES:
        return (), [*problems, Problem(str(folder), f"holds {len(found)} pictures; a sequence has at most "
                                                    f"{MOST_PICTURES}")]
    numbers = [int(one[-12:-4]) for one in found]
    if numbers[-1] < int(emotion.name[-20:-12]):
        return (), [*problems, Problem(str(folder), f"ends with picture {numbers[-1]}, but {emotion.name} labels a "
                                                    "later one; the copy is not whole")]
    if numbers[-1] - numbers[0] + 1 > len(numbers):
        before, after = next(pair for pair in zip(numbers, numbers[1:], strict=False) if pair[1] > pair[0] + 1)
        problems.append(Problem(str(folder), f"lacks pictures between {before} and {after}; those that are there are "
                                             "taken as consecutive"))
    return tuple(found), problems
