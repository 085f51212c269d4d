"""Tables of long videos as their authors ship them: made-up rows with the published numbers and every known oddity."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from neurofer.data.long.casme2_long import CLASSES
from neurofer.data.long.casme2_naming import FILMS, FOLDERS
from trees.micro_sheets import Row, write_grid, write_table

SAMM_LV_SHEET = "SAMM_LongVideos_V3_Release.xlsx"
SAMM_LV_HEADER = ("Subject", "Filename", "Inducement Code", "Onset", "Apex", "Offset", "Duration", "Type",
                  "Action Units", "Notes")
SAMM_LV_ABOVE = [["SAMM Long Videos"], *[[f"Note {number}", None, "Subject"] for number in range(8)]]
"""9 rows of text, so the header is row 10."""
NO_APEX = (("010_1_3", "macro"), ("026_2_5", "macro"), ("036_6_2", "macro"), ("036_6_3", "macro"),
           ("028_4_1", "micro"), ("032_3_1", "micro"))
ONSET_0 = ("011_6_8", "011_6_10", "012_3_3", "018_3_3", "018_4_4", "018_4_7", "018_4_9", "018_6_2", "018_6_5",
           "020_6_3")
ONSET_1 = ("011_2_4", "025_3_2")
TWICE = "037_4_1"
"""One name of a macro- and of a micro-expression."""
FRACTIONS, FRACTION_ONSETS = 178, 143

CASME2_SHEET = "CAS(ME)^2code_final(Updated).xlsx"
APEX_AFTER = {("s27", "disgust1_5"): (1224, 1230), ("s31", "happy2_1"): (2202, 2203),
              ("s32", "anger1_12"): (2451, 2455)}
"""Offset and apex, which lies after it."""
APEX_0 = ("s34", "anger1_1")
OFFSET_0 = 44
TITLES = {"0101": "disgustingteeth", "0102": "eatingworms", "0401": "girlcrashing", "0402": "beatingpregnantwoman",
          "0502": "funnyerrors", "0503": "unnyfarting", "0505": "funnyinnovations", "0507": "climbingthewall",
          "0508": "funnydunkey"}
MISPLACED = ("s19", "23_0502funnyerrors")
"""A folder among another subject's."""

MACRO_SHEET = "cas(me)3_part_A_MaE_label_JpgIndex_v2_emotion.xlsx"


def samm_row(name: str, kind: str, onset: object, apex: object, offset: object, **more: object) -> Row:
    """One row of the table of SAMM long videos; its duration follows from its frames."""
    duration = float(str(offset)) - float(str(onset)) + 1
    return {"Subject": name[:3], "Filename": name, "Inducement Code": 5, "Onset": onset, "Apex": apex, "Offset": offset,
            "Duration": round(duration, 3), "Type": "Macro" if kind == "macro" else "Micro - 1/2",
            "Action Units": "4+7", "Notes": None, **more}


def samm_lv_rows() -> list[Row]:
    """502 rows of 147 videos: the published numbers of types, videos and subjects, and the known oddities."""
    macro_named = [*(name for name, kind in NO_APEX if kind == "macro"), *ONSET_0, *ONSET_1, TWICE]
    micro_named = [*(name for name, kind in NO_APEX if kind == "micro"), TWICE]
    videos = _samm_videos({name.rpartition("_")[0] for name in macro_named + micro_named})
    free = [video for video in videos if video not in {name.rpartition("_")[0] for name in macro_named}]
    without_macro = [video for video in free if video[:3] == "033"]          # the subject without macro-expressions
    without_macro += [video for video in free if video[-1] == "5" and video[:3] not in ("033", "006")][: 17 - len(
        without_macro)]
    with_macro = [video for video in videos if video not in without_macro]
    with_micro = _first([*without_macro, *(name.rpartition("_")[0] for name in micro_named),
                         *_one_a_subject(videos), *videos], 79, without="006")
    names = ([(name, "micro") for name in _names(micro_named, with_micro, 159)]
             + [(name, "macro") for name in _names(macro_named, with_macro, 343)])
    random, fractions, rows = np.random.default_rng(5), 0, list[Row]()
    for name, kind in names:
        length = int(random.integers(30, 101) if kind == "micro" else random.integers(110, 400))
        onset = 0 if name in ONSET_0 and kind == "macro" else 1 if name in ONSET_1 else int(random.integers(5, 9000))
        apex: object = -1 if (name, kind) in NO_APEX else onset + length // 3
        last: object = onset + length
        first: object = onset
        if kind == "macro" and onset > 1 and fractions < FRACTIONS:
            fractions += 1
            first = onset + 0.2 * (fractions % 4 + 1) if fractions <= FRACTION_ONSETS else onset
            last = onset + length + 0.4
        rows.append(samm_row(name, kind, first, apex, last))
    return rows


def write_samm_lv_sheet(root: Path, rows: Iterable[Row], name: str = SAMM_LV_SHEET, above: int = 9) -> Path:
    """The table, its header below so many rows of text."""
    text = [*SAMM_LV_ABOVE, ["Codes below"]][:above]
    return write_table(root / name, SAMM_LV_HEADER, rows, text, "FACS_Movement_Only")


def casme2_row(participant: int, expression: str, frames: Sequence[int], kind: str = "macro",
               emotion: str = "negative") -> list[object]:
    """One row of the first sheet, which has no header; frames are onset, apex and offset."""
    return [participant, expression, *frames, "4+10", emotion, f"{kind}-expression", "anger"]


def casme2_long_rows() -> tuple[list[list[object]], list[tuple[str, str]]]:
    """357 rows with the published numbers of types, classes and subjects, and the known oddities; the 98 folders."""
    participants = {folder: number for number, folder in FOLDERS.items()}
    films = {code: film for film, code in FILMS.items()}
    needed = [(folder, FILMS[name.split("_")[0]]) for folder, name in (*APEX_AFTER, APEX_0)] + [("s23", "0502")]
    every = [(folder, code) for code in FILMS.values() for folder in FOLDERS.values()]
    videos = list(dict.fromkeys([*needed, *every]))[:98]
    rest = videos[len(needed):]
    empty, micro_only = rest[-3:], rest[-9:-3]
    with_macro = [video for video in videos if video not in (*empty, *micro_only)]
    of_14 = {folder for folder, _ in micro_only}
    of_14 |= set([folder for folder in FOLDERS.values() if folder not in of_14][: 14 - len(of_14)])
    with_micro = [*micro_only, *[video for video in with_macro if video[0] in of_14][:27]]
    rows, used = list[list[object]](), set[tuple[str, str]]()

    def add(video: tuple[str, str], kind: str, emotion: str, name: str, frames: Sequence[int]) -> None:
        used.add((video[0], name))
        rows.append(casme2_row(participants[video[0]], name, frames, kind, emotion))

    def next_name(video: tuple[str, str]) -> str:
        return next(name for number in itertools.count(1) if (video[0], name := f"{films[video[1]]}_{number}") not in (
            *used, *APEX_AFTER, APEX_0))

    emotions = {kind: [name for name, count in classes.items() for _ in range(count)]
                for kind, classes in CLASSES.items()}
    for (folder, name), (offset, apex) in APEX_AFTER.items():
        add((folder, FILMS[name.split("_")[0]]), "macro", emotions["macro"].pop(), name, (offset - 30, apex, offset))
    add((APEX_0[0], "0401"), "macro", emotions["macro"].pop(), APEX_0[1], (557, 0, 608))
    for number, emotion in enumerate(emotions["macro"]):
        video, onset = with_macro[number % len(with_macro)], 100 + 70 * (number // len(with_macro))
        offset = 0 if number < OFFSET_0 else onset + 40
        add(video, "macro", emotion, next_name(video), (onset, onset + 20, offset))
    for number, emotion in enumerate(emotions["micro"]):
        video, onset = with_micro[number % len(with_micro)], 1000 + 50 * (number // len(with_micro))
        add(video, "micro", emotion, next_name(video), (onset, onset + 5, onset + 12))
    return rows, videos


def write_casme2_sheet(root: Path, rows: Iterable[Sequence[object]], text_codes: bool = True, name: str = CASME2_SHEET,
                       sheets: Mapping[str, str] | None = None) -> Path:
    """The workbook of three sheets without a header; ``text_codes=False`` as programs leave it that drop zeros.

    ``sheets`` renames some of them, to ``""`` leaves them out.
    """
    from openpyxl import Workbook

    grids = {"CASFEcode_final": [list(row) for row in rows],
             "naming rule1": [[int(folder[1:]), folder, number] for number, folder in FOLDERS.items()],
             "naming rule2": [[code if text_codes else int(code), film] for film, code in FILMS.items()]}
    book = Workbook()
    assert book.active is not None
    book.remove(book.active)
    for title, grid in grids.items():
        named = (sheets or {}).get(title, title)
        if named:
            sheet = book.create_sheet(named)
            for cells in grid:
                sheet.append(cells)
    root.mkdir(parents=True, exist_ok=True)
    book.save(root / name)
    return root / name


def casme2_folder(video: tuple[str, str]) -> str:
    """Where the frames of a video lie, below ``rawpic``."""
    number = video[0][1:]
    if video == ("s23", "0502"):
        return "/".join(MISPLACED)
    return f"{video[0]}/{number}_{video[1]}{TITLES[video[1]]}"


def write_macro_sheet(root: Path, rows: Iterable[Sequence[object]],
                      header: Sequence[str] = ("sub", "seq", "onset", "apex", "offset", "emotion")) -> Path:
    """The table of CAS(ME)3's macro-expressions."""
    return write_grid(root / "annotation" / MACRO_SHEET, [header, *rows])


def _samm_videos(needed: set[str]) -> list[str]:
    """147 videos of 30 subjects, with the needed ones."""
    subjects = [f"{number:03}" for number in (*range(6, 14), *range(15, 27), *range(28, 38))]
    every = [f"{subject}_{number}" for number in range(1, 8) for subject in subjects]
    return sorted(list(dict.fromkeys([*sorted(needed), *every]))[:147])


def _one_a_subject(videos: Iterable[str]) -> list[str]:
    return list({video[:3]: video for video in videos}.values())


def _first(videos: Iterable[str], count: int, without: str) -> list[str]:
    return [video for video in dict.fromkeys(videos) if video[:3] != without][:count]


def _names(named: Sequence[str], videos: Sequence[str], count: int) -> list[str]:
    """So many names of expressions, at least one in each video."""
    names = dict.fromkeys(named)
    have = {name.rpartition("_")[0] for name in named}
    order = [*(video for video in videos if video not in have), *itertools.chain(*[videos] * 20)]
    for video in order:
        if len(names) == count:
            break
        names[next(name for number in itertools.count(1) if (name := f"{video}_{number}") not in names)] = None
    return list(names)
