"""Records of micro-expressions into a micro store: frames aligned to the face, events of them, truth on their clock.

Each clip has its frames from onset to offset and, where there are more, some before and after; the first is at 0 us.
A detector of events needs that quiet time. Expressions filmed below 60 frames a second are blended linearly to eight
times as many for their events alone; the store keeps the frames as they were filmed.

Source:
    Micro-expression recognition specification, sections 2.1, 3 and 5.3.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import neurofer.keyframes.film_events
import neurofer.simulate
from neurofer.data import boxes as face_boxes
from neurofer.data import crop, similarity
from neurofer.data.clip import Box, Clip
from neurofer.data.frames import frames_digest, write_frames
from neurofer.data.micro import align, faces, films, frames_on_disk
from neurofer.data.micro.align import Landmarks
from neurofer.data.micro.films import SLOW_FPS, Film, read_film
from neurofer.data.micro.landmarks import ClipKey, keys_of, value_of
from neurofer.data.micro.record import MicroRecord
from neurofer.data.micro.summary import summarise, write_summary
from neurofer.data.micro.table import MicroTable
from neurofer.data.preparing import PrepareSummary, Problem, code_version, prepare_store
from neurofer.data.store import StoredClip
from neurofer.errors import UsageError, name_some
from neurofer.events.columns import write_columns
from neurofer.events.events import Events
from neurofer.keyframes.film_events import film_events, log_noise, upsampled

SLOW_FACTOR = 8
"""Steps for one of a film below ``SLOW_FPS``, for its events."""


@dataclass(frozen=True)
class MicroPlan:
    """How to prepare a data set.

    Attributes:
        size_px: Side of the aligned crop.
        margin_ms: How much is kept before the onset and after the offset, where there are frames.
        threshold: Change of the logarithm of light that makes an event.
        blur_px: Blur of the aligned frames before their events.
        whole: The pictures show faces that are cropped already; none is looked for.
        macro: Keep macro-expressions, too.

    Raises:
        UsageError: a number that is not possible; all of them together.
    """

    size_px: int = align.SIZE_PX
    margin_ms: float = 300.0
    threshold: float = 0.1
    blur_px: float = 1.0
    whole: bool = False
    macro: bool = False

    def __post_init__(self) -> None:
        problems = [f"{name} is {value:g}; need {low:g} to {high:g}" for name, value, low, high in (
            ("size", self.size_px, 32, 1024), ("margin_ms", self.margin_ms, 0, 10_000),
            ("threshold", self.threshold, 0.01, 1), ("blur_px", self.blur_px, 0, 10)) if not low <= value <= high]
        if problems:
            raise UsageError("prepare: " + "; ".join(problems))

    def parameters(self, dataset: str) -> dict[str, Any]:
        """The plan as the store's index keeps it."""
        return {"data_set": dataset, **asdict(self), "eyes": [list(eye) for eye in align.EYES],
                "upsampled": SLOW_FACTOR, "upsampled_below_fps": SLOW_FPS}


@dataclass(frozen=True)
class MicroJob:
    """One expression to prepare.

    Attributes:
        name: Name of the clip.
        record: What the table says of it, but for the class of the composite protocol, which no file depends on.
        landmarks: The user's eyes.
        box: The user's face box.
    """

    name: str
    record: MicroRecord
    landmarks: Landmarks | None = None
    box: Box | None = None


def prepare_micro(table: MicroTable, root: Path | str, out: Path | str, plan: MicroPlan | None = None,
                  landmarks: Mapping[ClipKey, Landmarks] | None = None, boxes: Mapping[ClipKey, Box] | None = None,
                  workers: int = 1, part: tuple[int, int] = (1, 1)) -> PrepareSummary | None:
    """Make the store, or go on where an earlier run with the same plan was stopped.

    The class of the composite protocol is written with the index, so a run with another list makes no clip anew.

    Args:
        table: Records of a data set.
        root: Its folder.
        out: Empty, new, or an unfinished store of this plan.
        plan: How to prepare it.
        landmarks: The user's eyes by clip, see ``neurofer.data.micro.landmarks``; they win over a box.
        boxes: The user's face boxes. Of clips in neither, the face is looked for.
        workers: Processes; the result does not depend on it.
        part: ``(i, n)``: make only every n-th clip. The part that finishes last writes the index and ``summary.json``.

    Returns:
        What was prepared, and what could not be; None while other parts are missing.

    Raises:
        UsageError: the folder holds something else, or was made with another plan.
        BadFileError: the disk is full or the place cannot be written.
    """
    root, out, plan = Path(root), Path(out), plan or MicroPlan()
    landmarks, boxes = landmarks or {}, boxes or {}
    records = [record for record in table.records if plan.macro or record.kind == "micro"]
    names = clip_names(records)
    jobs = [MicroJob(name, replace(record, label3=None), value_of(record, landmarks), value_of(record, boxes))
            for name, record in zip(names, records, strict=True)]
    facts = {name: {"label3": record.label3} for name, record in zip(names, records, strict=True) if record.label3}
    problems = [*table.problems, *_unused("landmarks", landmarks, table), *_unused("boxes", boxes, table)]
    store = prepare_store(
        out, name=table.dataset, classes=sorted({_emotion(record) for record in records}),
        sensor=(plan.size_px, plan.size_px), parameters=plan.parameters(table.dataset), jobs=jobs,
        make=functools.partial(make_micro_clip, root, plan), code=_code(), problems=problems, facts=facts,
        workers=workers, part=part)
    if store is not None:
        write_summary(out, summarise(table, store, plan.threshold, len(table.records) - len(records)))
    return store


def clip_names(records: Sequence[MicroRecord]) -> list[str]:
    """A name for each record: ``SUBJECT_CLIP``, or the clip's alone where that begins with the subject's.

    Where names repeat, and always in CAS(ME)3, they end with the onset frame. Characters that file names may lack
    become ``-``; two names never differ in case alone.
    """
    plain = [_plain_name(record) for record in records]
    often = Counter(name.casefold() for name in plain)
    names = [f"{name}_{record.onset_frame}" if often[name.casefold()] > 1 or (
             record.dataset == "casme3" and not name.endswith(f"_{record.onset_frame}")) else name
             for name, record in zip(plain, records, strict=True)]
    seen = Counter[str]()
    for place, name in enumerate(names):
        seen[name.casefold()] += 1
        if seen[name.casefold()] > 1:
            names[place] = f"{name}+{seen[name.casefold()]}"
    return names


def make_micro_clip(root: Path, plan: MicroPlan, folder: Path, job: MicroJob) -> StoredClip | Problem:
    """Align one clip by its onset frame, and write its frames and its events."""
    record, sensor = job.record, (plan.size_px, plan.size_px)
    film = read_film(root, record, plan.size_px, plan.margin_ms, job.landmarks, job.box, plan.whole)
    if isinstance(film, Problem):
        return film
    slow = record.fps < SLOW_FPS
    write_frames(folder, job.name, film.times_us, film.pictures)
    place = folder / "events" / job.name
    info = write_columns(place, _events(film, plan, slow), sensor, meta={"source": record.folder})
    moments = (("onset", record.onset_frame), ("apex", record.apex_frame), ("offset", record.offset_frame))
    truth = {f"{name}_us": int(film.times_us[number - film.numbers[0]]) for name, number in moments
             if number is not None}
    facts = {**record_facts(record), "aligned": film.alignment.by,
             "frames_digest": frames_digest(film.times_us, film.pictures)}
    if slow:
        facts["upsampled"] = str(SLOW_FACTOR)
    if len(film.pictures) > 1:
        facts["log_noise"] = f"{log_noise(film.pictures, plan.blur_px):.4f}"
    clip = Clip(job.name, place, 0, int(film.times_us[-1]) + 1, record.subject, _emotion(record), record.dataset,
                Box(0, 0, *sensor), sensor, truth, facts)
    return StoredClip(clip, info.events, info.digest)


def record_facts(record: MicroRecord) -> dict[str, str]:
    """What the store's index keeps of a record beside subject, label and times; the empty is left out."""
    facts = {"kind": record.kind, "video": record.video, "clip": record.clip, "onset_frame": str(record.onset_frame),
             "apex_frame": "" if record.apex_frame is None else str(record.apex_frame),
             "offset_frame": str(record.offset_frame), "fps": f"{record.fps:g}", "aus": "+".join(record.aus),
             "apex_source": "" if record.apex_frame is None else record.apex_source, "objective": record.objective,
             "fix": "; ".join(f"{fix.field} {fix.old or 'blank'} -> {fix.new} ({fix.reason})" for fix in record.fixes)}
    return {name: text for name, text in facts.items() if text}


def _events(film: Film, plan: MicroPlan, slow: bool) -> Events:
    if slow and len(film.pictures) > 1:
        return film_events(*upsampled(film.pictures, film.times_us, SLOW_FACTOR), plan.threshold, plan.blur_px)
    return film_events(film.pictures, film.times_us, plan.threshold, plan.blur_px)


def _unused(option: str, given: Mapping[ClipKey, object], table: MicroTable) -> list[Problem]:
    """Rows of the user's that are about none of the data set's clips; a likely slip in how they are named."""
    known = {key for record in table.records for key in keys_of(record)}
    unknown = [" ".join(map(str, key[:2])) for key in given if key not in known]
    if not unknown:
        return []
    return [Problem(option, f"{len(unknown)} of {len(given)} rows name no clip of {table.dataset}: "
                            f"{name_some(unknown, 3)}")]


def _emotion(record: MicroRecord) -> str:
    return record.emotion or "unknown"


def _plain_name(record: MicroRecord) -> str:
    own = record.clip.casefold().startswith(record.subject.casefold())
    return re.sub(r"[^\w.+-]+", "-", record.clip if own else f"{record.subject}_{record.clip}").lstrip(".+-")


def _code() -> str:
    modules = (align, faces, films, frames_on_disk, face_boxes, crop, similarity, neurofer.keyframes.film_events)
    return code_version(Path(neurofer.simulate.__path__[0]), Path(__file__),
                        *(Path(str(module.__file__)) for module in modules))
