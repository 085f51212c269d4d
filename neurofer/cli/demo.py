"""``neurofer demo``: everything once, end to end, on faces that nobody owns."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from neurofer.cli.options import examples
from neurofer.errors import UsageError

if TYPE_CHECKING:
    from neurofer.data.clip import ClipSet
    from neurofer.data.synthetic import SyntheticPlan
    from neurofer.stream.predictor import Decision
    from neurofer.train.config import TrainConfig
    from neurofer.train.pretrain_config import PretrainConfig

BACKENDS = ("ann", "snn")
GAN = "gan"


class DemoResults(NamedTuple):
    """What the demo found.

    Attributes:
        out: The demo's folder.
        plan: What was prepared.
        quick: Whether it was kept short, so that its scores mean nothing.
        store: The prepared clips.
        evaluations: By backend; see ``neurofer.evaluate.recognition``.
        clip: Name of the clip that was predicted.
        decisions: By backend.
        seconds: By step.
    """

    out: Path
    plan: SyntheticPlan
    quick: bool
    store: ClipSet
    evaluations: dict[str, dict[str, Any]]
    clip: str
    decisions: dict[str, list[Decision]]
    seconds: dict[str, float]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo", epilog=examples("neurofer demo --out demo", "neurofer demo --out demo-1 --seed 1"))(demo)


def demo(
    out: Path = typer.Option(Path("demo"), "--out", "-o", help="Folder for data, models and report.html."),
    seed: int = typer.Option(0, min=0, help="Of the faces and of the training."),
    quick: bool = typer.Option(False, "--quick", help="Few people and epochs: shows that it runs, not how good it is."),
    workers: int = typer.Option(0, min=0, help="Processes that prepare data; 0 for one per core."),
) -> None:
    """Everything once: made-up faces, a pre-training, both backends tested on the same unseen people, and a report.

    Steps that an earlier call finished with the same settings are not done again.
    """
    from neurofer.cli._demo_report import demo_report, demo_table
    from neurofer.data.synthetic import SyntheticPlan
    from neurofer.files import write_text
    from neurofer.plot.report import report_html

    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file; give a folder with --out")
    plan = SyntheticPlan(seed=seed, frames=True)
    if quick:
        plan = replace(plan, subjects=3, clips_per_class=1, fps=60.0)
    seconds: dict[str, float] = {}
    steps = _Steps(total=6, seconds=seconds)
    with steps.next("prepare", f"faces of {plan.subjects} people, seen by a simulated event camera"):
        store = _prepare(out / "store", plan, workers)
    with steps.next(GAN, "pre-train: draw the face from events"):
        _train(_config(GAN, out, seed, quick))
    for backend in BACKENDS:
        start = ", on the encoder of the pre-training" if backend == "ann" else ""
        with steps.next(backend, f"train {backend}{start}"):
            _train(_config(backend, out, seed, quick))
    with steps.next("evaluate", "test both on people that neither has seen; decide about one recording"):
        evaluations = {backend: _evaluate(out / backend) for backend in BACKENDS}
        clip = _example_clip(store, evaluations["ann"])
        decisions = {backend: _predict(out / backend, store, clip) for backend in BACKENDS}
    results = DemoResults(out, plan, quick, store, evaluations, clip, decisions, seconds)
    with steps.next("report", "write the report"):
        write_text(out / "report.html", report_html(demo_report(results)))
    typer.echo("")
    typer.echo(demo_table(results))
    typer.echo(f"\n{out / 'report.html'}: the whole report, one file")


class _Steps:
    """Says which step runs and keeps how long each took."""

    def __init__(self, total: int, seconds: dict[str, float]) -> None:
        self._total, self._seconds, self._count, self._name, self._started = total, seconds, 0, "", 0.0

    def next(self, name: str, what: str) -> _Steps:
        self._count += 1
        self._name = name
        typer.echo(f"{self._count}/{self._total} {what}")
        return self

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, kind: object, *_: object) -> None:
        self._seconds[self._name] = time.perf_counter() - self._started
        if kind is None:
            typer.echo(f"    {self._seconds[self._name]:.0f} s")


def _prepare(folder: Path, plan: SyntheticPlan, workers: int) -> ClipSet:
    """The store; one that an earlier demo made with other settings or another version is made again."""
    import shutil

    from neurofer.data.preparing import PLAN
    from neurofer.data.synthetic import prepare_synthetic
    from neurofer.errors import NeuroferError
    from neurofer.workers import processors

    try:
        store = prepare_synthetic(folder, plan, workers or processors())
    except UsageError as error:
        if not (folder / PLAN).is_file():
            raise
        typer.echo(f"    again from the start ({error})")
        shutil.rmtree(folder)
        store = prepare_synthetic(folder, plan, workers or processors())
    if store is None:
        raise NeuroferError(f"{folder}: could not be finished; delete it and run the demo again")
    return store


def _config(name: str, out: Path, seed: int, quick: bool) -> TrainConfig | PretrainConfig:
    import json

    from neurofer.config import find_shipped, load_config
    from neurofer.train.config import TrainConfig
    from neurofer.train.pretrain_config import PretrainConfig

    overrides = [f"data={json.dumps(str(out / 'store'))}", f"out={json.dumps(str(out / name))}", f"seed={seed}"]
    if quick:
        overrides.append("train.epochs=2")
    if name == GAN:
        return load_config(PretrainConfig, find_shipped("pretrain_demo"), overrides)
    if name == "ann":
        overrides += ["model.mode=finetune", f"model.encoder_from={json.dumps(str(out / GAN))}"]
    return load_config(TrainConfig, find_shipped(f"{name}_demo"), overrides)


def _train(config: TrainConfig | PretrainConfig) -> None:
    """Train, go on with a killed run, or leave a finished one that is just this."""
    from neurofer.config import load_config
    from neurofer.data.store import read_store_index
    from neurofer.errors import NeuroferError
    from neurofer.train.config import TrainConfig
    from neurofer.train.recognise import train_recogniser
    from neurofer.train.reconstruct import pretrain
    from neurofer.train.run_folder import read_card

    def run(*, resume: bool, overwrite: bool) -> None:
        if isinstance(config, TrainConfig):
            train_recogniser(config, resume=resume, overwrite=overwrite)
        else:
            pretrain(config, resume=resume, overwrite=overwrite)

    folder = Path(str(config.out))
    same = False
    if (folder / "config.yaml").exists():
        try:
            same = load_config(type(config), folder / "config.yaml") == config
            if same and (folder / "card.json").exists():
                same = read_card(folder)["data"]["digest"] == read_store_index(str(config.data)).digest
        except NeuroferError:
            same = False
    try:
        run(resume=same, overwrite=not same)
    except NeuroferError:
        if not same:
            raise
        run(resume=False, overwrite=True)  # what was there could not be gone on with


def _evaluate(folder: Path) -> dict[str, Any]:
    from neurofer.evaluate.recognition import evaluate_run
    from neurofer.train.run_folder import load_run

    return evaluate_run(load_run(folder))


def _example_clip(store: ClipSet, evaluation: dict[str, Any]) -> str:
    """The first clip of the first test subject that shows an expression: chosen by name, not by how it turns out."""
    subject = sorted(evaluation["metrics"]["clip"]["per_subject"])[0]
    return next(clip.name for clip in store.of_subjects([subject]) if clip.label != "neutral")


def _predict(folder: Path, store: ClipSet, name: str) -> list[Decision]:
    from neurofer.events import open_recording
    from neurofer.stream.predictor import Predictor

    clip = next(clip for clip in store.clips if clip.name == name)
    with open_recording(clip.path) as recording:
        return list(Predictor.open(folder).decide(recording, clip.box))
