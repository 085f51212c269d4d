"""``neurofer prepare``: a data set into a store that training reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from neurofer.cli import prepare_long, prepare_micro, prepare_own
from neurofer.cli.options import examples, parse_mode
from neurofer.errors import UsageError

if TYPE_CHECKING:
    from neurofer.data.clip import ClipSet

prepare_app = typer.Typer(no_args_is_help=True, help="Turn a data set into a store of event clips that training reads.")


def register(app: typer.Typer) -> None:
    """Add the verb and its data sets."""
    prepare_micro.register(prepare_app)
    prepare_long.register(prepare_app)
    prepare_own.register(prepare_app)
    app.add_typer(prepare_app, name="prepare")


@prepare_app.command(epilog=examples(
    "neurofer prepare synthetic --out data/synthetic",
    "neurofer prepare synthetic --out small --subjects 6 --clips-per-class 1 --workers 2",
    "neurofer prepare synthetic --out big --subjects 1000 --shard 3/8",
    "neurofer prepare synthetic --micro --out data/micro --subjects 12 --fps 200",
    "neurofer prepare synthetic --micro --out data/micro-100 --fps 100 --name micro_100 --first-subject 12",
    "neurofer prepare synthetic --long --out data/long --subjects 8 --videos 2",
    "neurofer prepare synthetic --long --out data/long-varying --light varying --fps 200 --name long_varying",
))
def synthetic(
    out: Path = typer.Option(..., "--out", "-o", help="Folder of the store; new, empty, or unfinished.",
                             show_default=False),
    micro: bool = typer.Option(False, "--micro", help="Micro-expressions: short and weak, as aligned video and as "
                               "events, with the frames of onset, apex and offset."),
    long: bool = typer.Option(False, "--long", help="Long recordings: minutes with micro- and macro-expressions among "
                              "blinks, speech and head motion, as aligned video and as events, with intervals.csv."),
    subjects: int | None = typer.Option(None, help="Number of people.",
                                        show_default="24; 12 with --micro, 8 with --long"),
    seed: int = typer.Option(0, help="Everything drawn at random follows from it."),
    clips_per_class: int | None = typer.Option(None, help="Clips of each of the 8 classes and each person.",
                                               show_default="3"),
    size: int | None = typer.Option(None, help="Side of the square sensor in pixels.",
                                    show_default="128; 112 with --long"),
    fps: float | None = typer.Option(None, help="Frames drawn per second; brightness is linear in time between them. "
                                     "100 to 1000 with --micro. With --long, frames of the video, such as 30 or 200: "
                                     "its events see at least 200 a second.",
                                     show_default="120; 200 with --micro, 30 with --long"),
    preset: str | None = typer.Option(None, help="Event pixel: clean, spiking_fer, c_v2e, default, noisy or eck.",
                                      show_default="default"),
    frames: bool = typer.Option(False, "--frames", help="Keep grey frames, too, about 30 a second; --micro and "
                                "--long keep all."),
    first_subject: int = typer.Option(0, help="Number of the first person: other numbers are other people."),
    per_class: str | None = typer.Option(None, metavar="N,P,S", help="With --micro: clips of each person that are "
                                         "negative, positive and surprise.", show_default="4,2,2"),
    videos: int | None = typer.Option(None, help="With --long: recordings of each person.", show_default="2"),
    length_s: float | None = typer.Option(None, "--length-s", help="With --long: seconds of a recording.",
                                          show_default="120"),
    light: str | None = typer.Option(None, help="With --long: steady, or varying with lamps that are dimmed, switched "
                                     "and moved; the same faces do the same.", show_default="steady"),
    threshold: float | None = typer.Option(None, help="With --micro or --long: change of log brightness that makes an "
                                           "event.", show_default="0.1"),
    name: str | None = typer.Option(None, help="With --micro or --long: name of the data set, to tell pooled ones "
                                    "apart.", show_default="micro_synthetic, long_synthetic"),
    workers: int = typer.Option(0, min=0, help="Processes; 0 for one per core. The result does not depend on it."),
    shard: str | None = typer.Option(None, metavar="I/N", help="Make only part I of N, for several machines."),
) -> None:
    """Procedural faces seen by a simulated event camera: eight classes, ground truth for every frame, no licence.

    A run that was stopped goes on where it was when the same command is given again.
    """
    from neurofer.data.long.synthetic import LongSyntheticPlan, prepare_long_synthetic
    from neurofer.data.micro.synthetic import MicroSyntheticPlan, prepare_micro_synthetic
    from neurofer.data.synthetic import SyntheticPlan, prepare_synthetic
    from neurofer.workers import parse_shard, processors

    kind = _kind(micro, long)
    own = _fit(kind, _given(clips_per_class=clips_per_class, preset=preset, frames=frames or None, per_class=per_class,
                            videos=videos, length_s=length_s, light=light, threshold=threshold, name=name))
    shared = _given(subjects=subjects, seed=seed, size_px=size, fps=fps, first_subject=first_subject)
    how = workers or processors(), parse_shard(shard)
    store: ClipSet | None
    if kind == "--long":
        videos_made = prepare_long_synthetic(out, LongSyntheticPlan(**shared, **own), *how)
        store = None if videos_made is None else videos_made.clip_set
    elif kind == "--micro":
        if per_class is not None:
            own["per_class"] = _parse_counts(per_class)
        store = prepare_micro_synthetic(out, MicroSyntheticPlan(**shared, **own), *how)
    else:
        store = prepare_synthetic(out, SyntheticPlan(**shared, **own), *how)
    if store is None:
        typer.echo(f"{out}: this part is done; the store is complete when the other parts are")
        return
    typer.echo(f"{out}: {len(store.clips)} clips of {len(store.subjects)} subjects, {len(store.classes)} classes, "
               f"digest {store.digest[:12]}")


_OWN_OPTIONS = {
    "": ("clips_per_class", "preset", "frames"), "--micro": ("per_class", "threshold", "name"),
    "--long": ("videos", "length_s", "light", "threshold", "name"),
}
"""Options of ``prepare synthetic`` that mean something for each kind of store only."""

_INSTEAD = {
    "--micro": "it keeps all frames, --per-class says how many clips, --threshold sets the pixel",
    "--long": "it keeps all frames, --videos and --length-s say how much, --threshold sets the pixel",
}


def _given(**options: Any) -> dict[str, Any]:
    """The options that were given; a plan has its own defaults for the others."""
    return {name: value for name, value in options.items() if value is not None}


def _kind(micro: bool, long: bool) -> str:
    if micro and long:
        raise UsageError("--micro, --long: a store holds either short clips or long recordings; leave one out")
    return "--micro" if micro else "--long" if long else ""


def _fit(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """The given options, refused where one says nothing about the kind of store that is made."""
    unfit = [name for name in given if name not in _OWN_OPTIONS[kind]]
    names = ", ".join(f"--{name.replace('_', '-')}" for name in unfit)
    if unfit and kind:
        raise UsageError(f"{kind} has no {names}: {_INSTEAD[kind]}; leave the option out")
    if unfit:
        kinds = [one for one, options in _OWN_OPTIONS.items() if all(name in options for name in unfit)]
        raise UsageError(f"{names}: only with {' or '.join(kinds) or '--micro or --long'}; add it, or leave the option "
                         "out")
    return given


def _parse_counts(text: str) -> tuple[int, ...]:
    """``"4,2,2"`` as three numbers.

    Raises:
        UsageError: not three whole numbers.
    """
    words = [word.strip() for word in text.split(",")]
    if len(words) != 3 or not all(word.isdecimal() and len(word) < 10 for word in words):
        raise UsageError(f"--per-class: need the clips of negative, positive and surprise such as 4,2,2, got {text!r}")
    return tuple(int(word) for word in words)


@prepare_app.command(epilog=examples(
    "neurofer prepare ckplus --root CK+ --out data/ckplus",
    "neurofer prepare ckplus --root CK+ --out data/ckplus-2 --preset c_v2e --frame-list common_jpg_files.txt",
    "neurofer prepare ckplus --root CK+ --out data/eck --events e-ck+",
    "neurofer train configs/ann_synthetic.yaml data=data/ckplus split.kind=folds split.fold=0",
))
def ckplus(
    root: Path = typer.Option(..., "--root", help="Folder that holds cohn-kanade-images and Emotion.",
                              show_default=False),
    out: Path = typer.Option(..., "--out", "-o", help="Folder of the store; new, empty, or unfinished.",
                             show_default=False),
    preset: str = typer.Option("spiking_fer", help="Event pixel: spiking_fer or c_v2e, or any other preset."),
    seed: int = typer.Option(0, help="Thresholds of the pixels follow from it and the sequence's name."),
    events: Path | None = typer.Option(None, "--events", help="Take the authors' e-CK+ events below this folder "
                                       "(Train_Set, Test_Set) instead of simulating them."),
    frame_list: Path | None = typer.Option(None, "--frame-list", help="The public list of kept windows "
                                           "(common_jpg_files.txt); without it, windows are kept by their events."),
    workers: int = typer.Option(0, min=0, help="Processes; 0 for one per core. The result does not depend on it."),
    shard: str | None = typer.Option(None, metavar="I/N", help="Make only part I of N, for several machines."),
) -> None:
    """CK+ as events (e-CK+): 327 posed expressions of 118 people, from neutral to apex, with their grey frames.

    What cannot be used is told by file, and the rest is prepared. A run that was stopped goes on where it was when the
    same command is given again.
    """
    from neurofer.cli._prepared import tell_differing, tell_prepared
    from neurofer.data.ckplus import prepare_ckplus
    from neurofer.workers import parse_shard, processors

    summary = prepare_ckplus(root, out, preset, seed=seed, events=events, frame_list=frame_list,
                             workers=workers or processors(), part=parse_shard(shard))
    if summary is not None:
        tell_differing(summary.differing)
    tell_prepared(None if summary is None else summary.store, out)


@prepare_app.command(epilog=examples(
    "neurofer prepare nefer --root NEFER --out data/nefer",
    "neurofer prepare nefer --root NEFER --out data/nefer --boxes boxes.csv --frames --similarity 0.62,0,45,-10",
    "neurofer train --backend ann --data data/nefer --out runs/nefer split.kind=official label=reported",
))
def nefer(
    root: Path = typer.Option(..., "--root", help="Folder that holds annotations, event_raw and rgb_frames.",
                              show_default=False),
    out: Path = typer.Option(..., "--out", "-o", help="Folder of the store; new, empty, or unfinished.",
                             show_default=False),
    boxes: Path | None = typer.Option(None, "--boxes", help="Face boxes: a CSV of recording,t_us,x,y,w,h; the median "
                                      "of a recording's rows counts. Others get the percentile box."),
    frames: bool = typer.Option(False, "--frames", help="Keep the RGB frames in grey on the event sensor, 47 MB a "
                                "clip; needs --similarity."),
    similarity: str | None = typer.Option(None, "--similarity", metavar="fit|S,D,X,Y",
                                          help="Where RGB pixels lie on the event sensor: scale, degrees, shift in "
                                          "pixels; fit lays the whole picture over it."),
    mode: str = typer.Option("strict", "--mode", help="Broken events: strict leaves the recording out, repair only "
                             "them."),
    workers: int = typer.Option(0, min=0, help="Processes; 0 for one per core. The result does not depend on it."),
    shard: str | None = typer.Option(None, metavar="I/N", help="Make only part I of N, for several machines."),
) -> None:
    """NEFER: recordings of 29 people who watch films, with the labels that the film aims at and that they report.

    What cannot be used is told by file and row, and the rest is prepared. A run that was stopped goes on where it was
    when the same command is given again.
    """
    from neurofer.cli._prepared import tell_differing, tell_prepared
    from neurofer.data.nefer import NeferPlan, prepare_nefer
    from neurofer.data.similarity import Similarity
    from neurofer.workers import parse_shard, processors

    if frames and similarity is None:
        raise UsageError("--frames needs --similarity: the data set does not say where an RGB pixel lies on the event "
                         "sensor; give SCALE,DEGREES,X,Y, or fit to lay the whole picture over it")
    where = None if similarity is None or similarity == "fit" else Similarity.parse(similarity)
    plan = NeferPlan(frames, where, parse_mode(mode))
    summary = prepare_nefer(root, out, plan, boxes, workers or processors(), parse_shard(shard))
    if summary is not None:
        tell_differing(summary.differing)
        if summary.unlisted:
            typer.echo(f"{summary.unlisted} raw recordings are in no table and were left out", err=True)
    tell_prepared(None if summary is None else summary.store, out)


@prepare_app.command(epilog=examples(
    "neurofer prepare see --root SEE --out data/see --frames",
    "neurofer train --backend ann --data data/see --out runs/see split.kind=official represent.kind=counts "
    "represent.window_us=33333",
))
def see(
    root: Path = typer.Option(..., "--root", help="Folder that holds event, frame and emotion.json.",
                              show_default=False),
    out: Path = typer.Option(..., "--out", "-o", help="Folder of the store; new, empty, or unfinished.",
                             show_default=False),
    split: Path | None = typer.Option(None, "--split", help="The JSON that says who trains and who tests; the root's "
                                      "emotion.json by default."),
    frames: bool = typer.Option(False, "--frames", help="Keep the grey frames, too."),
    least_grey: int = typer.Option(64, "--least-grey", help="Least distance of a pixel from the grey of no events "
                                   "(128) that counts as an event."),
    mode: str = typer.Option("strict", "--mode", help="Broken events in recordings: strict leaves the recording out, "
                             "repair only them."),
    workers: int = typer.Option(0, min=0, help="Processes; 0 for one per core. The result does not depend on it."),
    shard: str | None = typer.Option(None, metavar="I/N", help="Make only part I of N, for several machines."),
) -> None:
    """SEE: one eye of 111 people, seven emotions under four lightings, as accumulated event pictures of 33 ms.

    What cannot be used is told by file, and the rest is prepared. A run that was stopped goes on where it was when the
    same command is given again.
    """
    from neurofer.cli._prepared import tell_differing, tell_prepared
    from neurofer.data.see import SeePlan, prepare_see
    from neurofer.workers import parse_shard, processors

    plan = SeePlan(frames, least_grey, parse_mode(mode))
    summary = prepare_see(root, out, plan, split, workers or processors(), parse_shard(shard))
    if summary is not None:
        tell_differing(summary.differing)
        if summary.shared:
            typer.echo(f"warning: the official split has {len(summary.shared)} subjects in training and in testing "
                       f"({', '.join(summary.shared[:5])}{', ...' if len(summary.shared) > 5 else ''}); its scores are "
                       "not of new people, split.kind=subjects or folds are", err=True)
    tell_prepared(None if summary is None else summary.store, out)
