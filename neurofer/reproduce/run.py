"""A reproduction from its settings to its tables: plan, cells, report."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from neurofer.data.cache import usable_cache
from neurofer.data.clip import ClipSet
from neurofer.data.store import open_store
from neurofer.errors import BadFileError, NeuroferError
from neurofer.files import atomic_path, csv_text, write_text
from neurofer.plot.markdown import report_markdown
from neurofer.plot.report import Report, report_html
from neurofer.reproduce.cells import Cell, Outcome, Source, read_cells, run_cells
from neurofer.reproduce.figures import files_of
from neurofer.reproduce.tables import Row, csv_table, training_rows
from neurofer.train.config import DistillConfig, TrainConfig
from neurofer.train.data import chosen_label, prepare


@dataclass(frozen=True)
class Choices:
    """How cells are run.

    Attributes:
        workers: Processes.
        part: ``(i, n)`` of the cells.
        resume: Go on with the table in the folder.
        render: Run nothing; make the tables of what is there.
        keep_models: Leave the run folders of all cells.
        cache: Where to keep network inputs; beside the store by default.
    """

    workers: int = 1
    part: tuple[int, int] = (1, 1)
    resume: bool = False
    render: bool = False
    keep_models: bool = False
    cache: Path | None = None


@dataclass(frozen=True)
class TableKind:
    """What differs between tables.

    Attributes:
        code: Digest of the code that its results depend on.
        warm: Makes what cells share, before several processes want it at the same time.
    """

    code: Callable[[], str]
    warm: Callable[[Sequence[Cell], ClipSet, Path], None]


def run_table(cells: Sequence[Cell], clip_set: ClipSet, data: Path, out: Path, choices: Choices,
              more: Sequence[Path] = (), kind: TableKind | None = None) -> Outcome:
    """Run what is not finished, or only read what is.

    Args:
        cells: The table.
        clip_set: What is in the stores.
        data: The store; network inputs are kept beside it.
        out: Folder of the table.
        choices: How cells are run.
        more: Further stores that are pooled with it.
        kind: What is particular to the table; by default that of recognisers.

    Raises:
        NeuroferError: the folder holds something else, see ``run_cells``.
    """
    _claim(out, choices)
    kind = kind or TableKind(code_version, warm)
    cache = usable_cache(choices.cache, data, out / "cache").resolve()
    source = Source(data.resolve(), clip_set.digest, kind.code(), cache, tuple(path.resolve() for path in more))
    if choices.render:
        return read_cells(cells, out, source)
    return run_cells(cells, out.resolve(), source, workers=choices.workers, resume=choices.resume, part=choices.part,
                     keep_models=choices.keep_models, before=lambda: kind.warm(cells, clip_set, cache),
                     said=record_text)


def _claim(out: Path, choices: Choices) -> None:
    """Refuse a place that is no folder for a table, before anything is computed.

    Raises:
        NeuroferError: a file, or a folder of other things.
        BadFileError: it cannot be made.
    """
    if out.exists() and not out.is_dir():
        raise NeuroferError(f"{out}: is a file; name a folder with --out")
    if not choices.render:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadFileError(f"{out}: cannot be made ({error.strerror or error}); choose another place") from error
        ours = ("cells", "runs", "cache")
        if not any((out / name).is_dir() for name in ours) and any(out.iterdir()):
            raise NeuroferError(f"{out}: holds other files; name a new or empty folder with --out")


def read_data(data: Path) -> ClipSet:
    """The clips of a store."""
    return open_store(data)


def record_text(record: Mapping[str, Any]) -> str:
    """What of a finished cell is shown while others run; no number of a protocol that is told with another only."""
    result = record["result"]
    if "clip" in result and record["parameters"].get("stage") not in ("ladder", "spiking_fer"):
        return f"test accuracy {100 * result['clip']['accuracy']:.1f} %"
    held_out = result.get("held_out", {})
    return f"PSNR {held_out['psnr_db']:.1f} dB" if "psnr_db" in held_out else "done"


def code_version() -> str:
    """A digest of the code that a result depends on, without its comments."""
    from neurofer import evaluate, models, represent, spiking, train
    from neurofer.data import boxes, crop, folds, frames, official, pairs, partition, random_splits, splits, windows
    from neurofer.events import augment, edits
    from neurofer.reproduce import ladder_baselines, stages

    modules = (represent, models, spiking, train, evaluate, augment, edits, boxes, crop, folds, frames, official, pairs,
               partition, random_splits, splits, windows, stages, ladder_baselines)
    return code_digest_of(modules)


def code_digest_of(modules: Sequence[ModuleType]) -> str:
    """A digest of modules and of the files of packages, which comments, docstrings and line breaks do not change."""
    digest = hashlib.sha256()
    for module in modules:
        home = Path(str(module.__file__))
        for path in sorted(home.parent.glob("*.py")) if home.name == "__init__.py" else [home]:
            digest.update(f"{path.name} {bare_code(path.read_text(encoding='utf-8'))}\n".encode())
    return digest.hexdigest()[:16]


def bare_code(text: str) -> str:
    """A module's code in a form that comments, docstrings and line breaks do not change."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = [line for line in node.body if not (
                isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))]
    return ast.dump(tree)


def warm(cells: Sequence[Cell], clip_set: ClipSet, cache: Path) -> None:
    """Make every kind of network input once, before several processes want them at the same time."""
    made = set()
    for cell in cells:
        if cell.parameters["stage"] not in ("train", "ladder", "spiking_fer"):
            continue
        settings = TrainConfig.model_validate_json(json.dumps(cell.parameters["config"]))
        key = json.dumps([settings.represent.model_dump(mode="json"), settings.model.size_px]
                         if settings.backend == "ann" else
                         [settings.snn.input, settings.snn.dt_us, settings.snn.size_px], sort_keys=True)
        if key not in made:
            made.add(key)
            settings = settings.model_copy(update={"distill": DistillConfig()})  # no teacher is there yet
            prepare(settings, chosen_label(clip_set, settings.label), None, cache)


def write_tables(out: Path, outcome: Outcome, configuration: str, report: Report,
                 rows: Sequence[Row] | None = None) -> None:
    """Write ``config.yaml``, ``table.csv``, the figures, ``report.md`` and ``report.html``.

    Args:
        out: Folder of the table.
        outcome: Its cells.
        configuration: The resolved settings as text.
        report: About them.
        rows: Of ``table.csv``; by default those of the trainings.
    """
    write_text(out / "config.yaml", configuration)
    rows = training_rows(outcome.records) if rows is None else rows
    if rows:
        write_text(out / "table.csv", csv_text(csv_table(rows)))
    for name, png in files_of(report.sections).items():
        with atomic_path(out / name) as temporary:
            temporary.write_bytes(png)
    write_text(out / "report.md", report_markdown(report))
    write_text(out / "report.html", report_html(report))
