"""``neurofer prepare casme2|samm|smic|casme3|mmew``: micro-expression data sets into stores of aligned faces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import typer

from neurofer.cli.options import examples, paragraphs, text_table
from neurofer.errors import UsageError

if TYPE_CHECKING:
    from neurofer.data.micro.table import MicroTable

OUT = typer.Option(..., "--out", "-o", help="Folder of the store; new, empty, or unfinished.", show_default=False)
LIST = typer.Option(None, "--list", help="The composite list combined_3class_gt.csv of MEGC 2019: its clips get its "
                    "class as label3, others none. Without it, the class follows from the emotion.")
LANDMARKS = typer.Option(None, "--landmarks", help="Eyes on the onset frames: a CSV of subject,clip,left_eye_x,"
                         "left_eye_y,right_eye_x,right_eye_y and, where names repeat, onset_frame.")
BOXES = typer.Option(None, "--boxes", help="Face boxes, brows to chin: a CSV of subject,clip,x,y,w,h. Without either, "
                     "OpenCV's detector looks for face and eyes.")
WHOLE = typer.Option(False, "--whole", help="Pictures are cropped to the face already: take all of them.")
SIZE = typer.Option(128, "--size", help="Side of the aligned face crop in pixels.")
THRESHOLD = typer.Option(0.1, "--threshold", help="Change of log brightness that makes an event.")
MARGIN = typer.Option(300.0, "--margin-ms", help="Kept before the onset and after the offset, where there are frames.")
WORKERS = typer.Option(0, "--workers", min=0, help="Processes; 0 for one per core. The result does not depend on it.")
SHARD = typer.Option(None, "--shard", metavar="I/N", help="Make only part I of N, for several machines.")


def root_option(holds: str) -> Any:
    """The option of the data set's root."""
    return typer.Option(..., "--root", help=f"Folder that holds {holds}.", show_default=False)


def sheet_option(what: str) -> Any:
    """The option of the annotation table."""
    return typer.Option(None, "--sheet", help=f"{what}; looked for below the root by default.")


class Asked(NamedTuple):
    """Options that all the data sets have."""

    root: Path
    out: Path
    landmarks: Path | None
    boxes: Path | None
    whole: bool
    size: int
    threshold: float
    margin_ms: float
    workers: int
    shard: str | None


def register(prepare_app: typer.Typer) -> None:
    """Add the data sets to ``neurofer prepare``."""
    for verb, more in ((casme2, ("--list combined_3class_gt.csv", "--root CASME2 --out data/cropped --whole")),
                       (samm, ("--list combined_3class_gt.csv", "--landmarks eyes.csv")),
                       (smic, ("--list combined_3class_gt.csv", "--part VIS --out data/smic-vis")),
                       (casme3, ("--boxes boxes.csv", "--part C --out data/casme3-c")),
                       (mmew, ("--sheet MMEW_Micro_Exp.xlsx", "--workers 8 --shard 1/4"))):
        name = verb.__name__
        prepare_app.command(name, help=paragraphs(str(verb.__doc__)),
                            epilog=examples(*(_example(name, words) for words in more)))(verb)


def _example(name: str, words: str) -> str:
    given = {"--root": f"--root {name.upper()} ", "--out": f"--out data/{name} "}
    return f"neurofer prepare {name} " + "".join(text for option, text in given.items() if option not in words) + words


def casme2(
    root: Path = root_option("CASME2-RAW or Cropped, and the table"), out: Path = OUT,
    sheet: Path | None = sheet_option("CASME2-coding-20140508.xlsx or CASME2_label_Ver_2.xls"),
    cde_list: Path | None = LIST, landmarks: Path | None = LANDMARKS, boxes: Path | None = BOXES, whole: bool = WHOLE,
    size: int = SIZE, threshold: float = THRESHOLD, margin_ms: float = MARGIN, workers: int = WORKERS,
    shard: str | None = SHARD,
) -> None:
    """CASME II: 255 micro-expressions of 26 people at 200 frames a second; either edition of its table.

    With --whole, the authors' own crops (Cropped) are taken where they are there. What cannot be used is told by sheet,
    row and column, and the rest is prepared. A run that was stopped goes on when the same command is given again.
    """
    from neurofer.data.micro.casme2 import FOLDERS, read_casme2

    table = read_casme2(root, sheet)
    raw, cropped = FOLDERS
    if whole and (root / cropped).is_dir():
        table = replace(table, records=tuple(
            replace(record, folder=record.folder.replace(f"{raw}/", f"{cropped}/", 1)) for record in table.records))
    _prepare(table, cde_list, Asked(root, out, landmarks, boxes, whole, size, threshold, margin_ms, workers, shard))


def samm(
    root: Path = root_option("SAMM, or its subjects' folders, and the table"), out: Path = OUT,
    sheet: Path | None = sheet_option("SAMM_Micro_FACS_Codes_v2.xlsx"), cde_list: Path | None = LIST,
    landmarks: Path | None = LANDMARKS, boxes: Path | None = BOXES, whole: bool = WHOLE, size: int = SIZE,
    threshold: float = THRESHOLD, margin_ms: float = MARGIN, workers: int = WORKERS, shard: str | None = SHARD,
) -> None:
    """SAMM: 159 micro-expressions of 29 people at 200 frames a second.

    What cannot be used is told by sheet, row and column, and the rest is prepared. A run that was stopped goes on when
    the same command is given again.
    """
    from neurofer.data.micro.samm import read_samm

    _prepare(read_samm(root, sheet), cde_list,
             Asked(root, out, landmarks, boxes, whole, size, threshold, margin_ms, workers, shard))


def smic(
    root: Path = root_option("HS, VIS or NIR"), out: Path = OUT,
    sheet: Path | None = typer.Option(None, "--sheet", help="SMIC-HS-E_annotation.xlsx, or its folder: take the "
                                      "expressions in the long films."),
    part: str = typer.Option("HS", "--part", metavar="HS|VIS|NIR", help="Which camera."), cde_list: Path | None = LIST,
    landmarks: Path | None = LANDMARKS, boxes: Path | None = BOXES, whole: bool = WHOLE, size: int = SIZE,
    threshold: float = THRESHOLD, margin_ms: float = MARGIN, workers: int = WORKERS, shard: str | None = SHARD,
) -> None:
    """SMIC: 164 micro-expressions of 16 people at 100 frames a second (HS); the midpoint stands for the apex.

    VIS and NIR have 25 frames a second, which are interpolated for the events. What cannot be used is told by file, and
    the rest is prepared. A run that was stopped goes on when the same command is given again.
    """
    from neurofer.data.micro import smic as data_set

    table = data_set.read_smic(root, sheet, part=_one_of("--part", part, data_set.Part))
    _prepare(table, cde_list, Asked(root, out, landmarks, boxes, whole, size, threshold, margin_ms, workers, shard))


def casme3(
    root: Path = root_option("the subjects' folders and the table"), out: Path = OUT,
    sheet: Path | None = sheet_option("cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx"),
    part: str = typer.Option("A", "--part", metavar="A|C", help="Part of the data set."),
    landmarks: Path | None = LANDMARKS, boxes: Path | None = BOXES, whole: bool = WHOLE, size: int = SIZE,
    threshold: float = THRESHOLD, margin_ms: float = MARGIN, workers: int = WORKERS, shard: str | None = SHARD,
) -> None:
    """CAS(ME)3: micro-expressions at 30 frames a second, interpolated to eight times as many for their events.

    What cannot be used is told by sheet, row and column, and the rest is prepared. A run that was stopped goes on when
    the same command is given again.
    """
    from neurofer.data.micro import casme3 as data_set

    table = data_set.read_casme3(root, sheet, part=_one_of("--part", part, data_set.Part))
    _prepare(table, None, Asked(root, out, landmarks, boxes, whole, size, threshold, margin_ms, workers, shard))


def mmew(
    root: Path = root_option("the subjects' folders, or Micro_Expression, and the table"), out: Path = OUT,
    sheet: Path | None = sheet_option("MMEW_Micro_Exp.xlsx"), landmarks: Path | None = LANDMARKS,
    boxes: Path | None = BOXES, whole: bool = WHOLE, size: int = SIZE, threshold: float = THRESHOLD,
    margin_ms: float = MARGIN, workers: int = WORKERS, shard: str | None = SHARD,
) -> None:
    """MMEW: 300 micro-expressions of 36 people at 90 frames a second.

    What cannot be used is told by sheet, row and column, and the rest is prepared. A run that was stopped goes on when
    the same command is given again.
    """
    from neurofer.data.micro.mmew import read_mmew

    _prepare(read_mmew(root, sheet), None,
             Asked(root, out, landmarks, boxes, whole, size, threshold, margin_ms, workers, shard))


def _prepare(table: MicroTable, cde_list: Path | None, asked: Asked) -> None:
    from neurofer.cli._prepared import tell_differing, tell_prepared
    from neurofer.data.micro.cde import apply_cde, read_cde
    from neurofer.data.micro.landmarks import read_face_boxes, read_landmarks
    from neurofer.data.micro.preparing import MicroPlan, prepare_micro
    from neurofer.data.micro.summary import read_summary, summary_rows
    from neurofer.workers import parse_shard, processors

    plan = MicroPlan(asked.size, asked.margin_ms, asked.threshold, whole=asked.whole)
    eyes = read_landmarks(asked.landmarks) if asked.landmarks else None
    faces = read_face_boxes(asked.boxes) if asked.boxes else None
    counts = list(table.differing)
    if cde_list is not None:
        listed = read_cde(cde_list)
        table = apply_cde(table, listed)
        counts += listed.differing
    store = prepare_micro(table, asked.root, asked.out, plan, eyes, faces, asked.workers or processors(),
                          parse_shard(asked.shard))
    if store is not None:
        tell_differing(counts)
    tell_prepared(store, asked.out)
    if store is not None:
        typer.echo(text_table(("counted", "number"), summary_rows(read_summary(asked.out))))


def _one_of(option: str, word: str, choices: Any) -> Any:
    known = get_args(choices)
    if word.upper() not in known:
        raise UsageError(f"{option}: choose {' or '.join(known)}, got {word!r}")
    return word.upper()
