"""``neurofer prepare samm-lv|casme2-long|casme3-long``: data sets of long videos into stores of aligned faces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from neurofer.cli.options import examples, paragraphs, text_table
from neurofer.cli.prepare_micro import OUT, SHARD, THRESHOLD, WORKERS, root_option, sheet_option

if TYPE_CHECKING:
    from neurofer.data.long.record import LongTable

LANDMARKS = typer.Option(None, "--landmarks", help="Eyes on the first frame of each video: a CSV of subject,video,"
                         "left_eye_x,left_eye_y,right_eye_x,right_eye_y.")
BOXES = typer.Option(None, "--boxes", help="Face boxes, brows to chin: a CSV of subject,video,x,y,w,h. Without either, "
                     "OpenCV's detector looks for face and eyes.")
WHOLE = typer.Option(False, "--whole", help="Pictures are cropped to the face already: take all of them.")
SIZE = typer.Option(112, "--size", help="Side of the aligned face crop in pixels.")
REALIGN = typer.Option(0.0, "--realign-s", help="Look for the face again every so many seconds and follow it smoothly; "
                       "0 lets the first place hold for the whole video. Frames of that time are held in memory.")
EVENTS = typer.Option(True, "--events/--no-events", help="Make the events of each video, too.")


class Asked(NamedTuple):
    """Options that all the data sets have."""

    root: Path
    out: Path
    landmarks: Path | None
    boxes: Path | None
    whole: bool
    size: int
    threshold: float
    realign_s: float
    events: bool
    workers: int
    shard: str | None


def register(prepare_app: typer.Typer) -> None:
    """Add the data sets to ``neurofer prepare``."""
    for verb, more in ((samm_lv, ("", "--samm-sheet SAMM_Micro_FACS_Codes_v2.xlsx --realign-s 1", "--no-events "
                                  "--workers 8 --shard 1/4")),
                       (casme2_long, ("", "--whole", "--boxes boxes.csv")),
                       (casme3_long, ("", "--landmarks eyes.csv"))):
        name = verb.__name__.replace("_", "-")
        command = f"neurofer prepare {name} --root {name.split('-')[0].upper()} --out data/{name}"
        prepare_app.command(name, help=paragraphs(str(verb.__doc__)),
                            epilog=examples(*(f"{command} {words}".strip() for words in more)))(verb)


def samm_lv(
    root: Path = root_option("SAMM_longvideos, or that folder itself, and the table"), out: Path = OUT,
    sheet: Path | None = sheet_option("SAMM_LongVideos_V3_Release.xlsx, or V1 or V2"),
    samm_sheet: Path | None = typer.Option(None, "--samm-sheet", help="SAMM_Micro_FACS_Codes_v2.xlsx, for the emotions "
                                           "of the micro-expressions."),
    landmarks: Path | None = LANDMARKS, boxes: Path | None = BOXES, whole: bool = WHOLE, size: int = SIZE,
    threshold: float = THRESHOLD, realign_s: float = REALIGN, events: bool = EVENTS, workers: int = WORKERS,
    shard: str | None = SHARD,
) -> None:
    """SAMM Long Videos: 147 videos of 30 people at 200 frames a second, 159 micro- and 343 macro-expressions.

    What cannot be used is told by sheet, row and column, and the rest is prepared. A run that was stopped goes on when
    the same command is given again; one with a corrected sheet makes no video anew.
    """
    from neurofer.data.long.samm_lv import read_samm_lv

    _prepare(read_samm_lv(root, sheet, samm_sheet),
             Asked(root, out, landmarks, boxes, whole, size, threshold, realign_s, events, workers, shard))


def casme2_long(
    root: Path = root_option("rawpic or cropped, and the table"), out: Path = OUT,
    sheet: Path | None = sheet_option("CAS(ME)^2code_final(Updated).xlsx"), landmarks: Path | None = LANDMARKS,
    boxes: Path | None = BOXES, whole: bool = WHOLE, size: int = SIZE, threshold: float = THRESHOLD,
    realign_s: float = REALIGN, events: bool = EVENTS, workers: int = WORKERS, shard: str | None = SHARD,
) -> None:
    """CAS(ME)2: 98 long videos of 22 people at 30 frames a second, 57 micro- and 300 macro-expressions.

    With --whole, the authors' own crops (cropped) are taken. Frames are interpolated to eight times as many for the
    events. What cannot be used is told by sheet, row and column, and the rest is prepared. A run that was stopped goes
    on when the same command is given again; one with a corrected sheet makes no video anew.
    """
    from neurofer.data.long.casme2_long import read_casme2_long

    _prepare(read_casme2_long(root, sheet, "cropped" if whole else "rawpic"),
             Asked(root, out, landmarks, boxes, whole, size, threshold, realign_s, events, workers, shard))


def casme3_long(
    root: Path = root_option("the subjects' folders, or part_A, and the tables"), out: Path = OUT,
    sheet: Path | None = sheet_option("cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx"),
    macro_sheet: Path | None = typer.Option(None, "--macro-sheet", help="The macro-expressions' table; looked for "
                                            "below the root by default."),
    landmarks: Path | None = LANDMARKS, boxes: Path | None = BOXES, whole: bool = WHOLE, size: int = SIZE,
    threshold: float = THRESHOLD, realign_s: float = REALIGN, events: bool = EVENTS, workers: int = WORKERS,
    shard: str | None = SHARD,
) -> None:
    """CAS(ME)3, part A: its films at 30 frames a second, with their micro- and macro-expressions.

    Frames are interpolated to eight times as many for the events. What cannot be used is told by sheet, row and column,
    and the rest is prepared. A run that was stopped goes on when the same command is given again; one with a corrected
    sheet makes no video anew.
    """
    from neurofer.data.long.casme3_long import read_casme3_long

    _prepare(read_casme3_long(root, sheet, macro_sheet),
             Asked(root, out, landmarks, boxes, whole, size, threshold, realign_s, events, workers, shard))


def _prepare(table: LongTable, asked: Asked) -> None:
    from neurofer.cli._prepared import tell_differing, tell_prepared
    from neurofer.data.long.preparing import LongPlan, prepare_long
    from neurofer.data.long.summary import read_summary, summary_rows
    from neurofer.data.micro.landmarks import read_face_boxes, read_landmarks
    from neurofer.workers import parse_shard, processors

    plan = LongPlan(asked.size, asked.threshold, whole=asked.whole, realign_s=asked.realign_s, events=asked.events)
    eyes = read_landmarks(asked.landmarks) if asked.landmarks else None
    faces = read_face_boxes(asked.boxes) if asked.boxes else None
    store = prepare_long(table, asked.root, asked.out, plan, eyes, faces, asked.workers or processors(),
                         parse_shard(asked.shard))
    if store is not None:
        tell_differing(table.differing)
    tell_prepared(store, asked.out)
    if store is not None:
        typer.echo(text_table(("counted", "number"), summary_rows(read_summary(asked.out))))
