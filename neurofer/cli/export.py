"""``neurofer export``: a trained network for a chip, for other simulators, or for any ONNX runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from neurofer.cli.options import examples, paragraphs
from neurofer.errors import UsageError

if TYPE_CHECKING:
    from neurofer.hardware.export import Exported
    from neurofer.hardware.network import ChipNetwork
    from neurofer.train.run_folder import Run

TARGETS = ("loihi1", "loihi2", "nir", "onnx")
RECORDINGS = 64

HELP = """Write a trained network so that something else runs it, spike for spike, or refuse with every reason.

loihi1, loihi2: the chip network, integers only, which 'neurofer deploy' and Lava run (HDF5 in the layout of lava-dl's
netx). The run must have been trained with snn.quantise, so that the chip computes what was trained; --after-training
rounds any other, and says how many spikes change. nir: the same network as a NIR graph, for snnTorch, norse and
spikingjelly. onnx: the network of an ann run, its state as inputs and outputs.

A chip network is compared with the trained one on random input before it is written. Where no proof says that its
currents stay within 24 bits, the run's training recordings are run to see.
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export", help=paragraphs(HELP), epilog=examples(
        "neurofer train --backend snn --data store --out runs/chip snn.quantise=loihi2",
        "neurofer export runs/chip --target loihi2 -o net.h5 --report fit.html",
        "neurofer export net.h5 --target nir -o net.nir",
        "neurofer export runs/ann --target onnx -o ann.onnx"))(export)


def export(
    source: Path = typer.Argument(..., metavar="RUN", help="Run folder; or a chip network (.h5), or a NIR graph made "
                                                           "from one (.nir)."),
    target: str = typer.Option(..., "--target", help="loihi1, loihi2, nir or onnx.", show_default=False),
    out: Path = typer.Option(..., "--out", "-o", help="File to write.", show_default=False),
    report: Path | None = typer.Option(None, "--report", metavar="FILE.html", help="Also write how it lies on the "
                                       "chip: cores, neurons, synapses, memory, what does not fit."),
    data: Path | None = typer.Option(None, "--data", help="Store of the run, if it has moved."),
    recordings: int | None = typer.Option(None, "--recordings", min=1, help="Training recordings that are run where no "
                                          f"proof says that currents stay within 24 bits; {RECORDINGS} by default."),
    after_training: bool = typer.Option(False, "--after-training", help="Round a network that was trained in float "
                                        "numbers; it will fire other spikes."),
    cache: Path | None = typer.Option(None, "--cache", help="Where to keep network inputs; by default STORE/.cache."),
) -> None:
    if target not in TARGETS:
        raise UsageError(f"--target: choose {', '.join(TARGETS)}, got {target!r}")
    if out.is_dir():
        raise UsageError(f"--out: {out} is a folder; name a file such as {out / 'net.h5'}")
    for option, place in (("--out", out), ("--report", report)):
        if place is not None and place.exists() and source.exists() and place.resolve() == source.resolve():
            raise UsageError(f"{option}: {place} is the source itself; choose another name")
    if report is not None and report.resolve() == out.resolve():
        raise UsageError(f"--report: {report} is the file of --out too; choose another name")
    if report is not None and target not in TARGETS[:2]:
        raise UsageError(f"--report: says how a network lies on a chip; --target {target} is none")
    if target == "onnx":
        _refuse_given({"--data": data, "--recordings": recordings, "--after-training": after_training or None,
                       "--cache": cache}, "for chip networks, not for --target onnx")
    from neurofer.hardware.export import examine, open_source
    from neurofer.hardware.network import ChipNetwork

    opened = open_source(source)
    for option, place in (("--out", out), ("--report", report)):
        if place is not None and not isinstance(opened, ChipNetwork) and _is_of_the_run(place, opened):
            raise UsageError(f"{option}: {place} is a file of the run itself; choose another name")
    if target == "onnx":
        _write_onnx(opened, source, out)
        return
    if after_training and isinstance(opened, ChipNetwork):
        _refuse_given({"--after-training": True}, f"for a run; {source} holds whole numbers already")
    chip = opened.target if isinstance(opened, ChipNetwork) else opened.config.snn.chip or "loihi2"
    made = examine(opened, chip if target == "nir" else target, after_training=after_training, data=data,
                   recordings=recordings or RECORDINGS, cache=cache)
    if target == "nir":
        from neurofer.hardware.nir import write_nir

        write_nir(out, made.required())
        typer.echo(f"{out}: NIR graph, {_size(made.network)}\n{_compared(made)}")
    else:
        _write_chip(made, out, report)


def _refuse_given(options: dict[str, object], what_for: str) -> None:
    """Raise if options were given that would change nothing."""
    if given := [name for name, value in options.items() if value is not None]:
        raise UsageError(f"{', '.join(given)}: {'is' if len(given) == 1 else 'are'} {what_for}; leave "
                         f"{'it' if len(given) == 1 else 'them'} out")


def _is_of_the_run(place: Path, run: Run) -> bool:
    """Whether a name is that of a file which a run needs."""
    folder, place = run.path.resolve(), place.resolve()
    return folder in place.parents and place.relative_to(folder).as_posix() in {*run.card["files"], "card.json"}


def _write_chip(made: Exported, out: Path, report: Path | None) -> None:
    from neurofer.cli.options import text_table
    from neurofer.files import write_text
    from neurofer.hardware.chip_file import write_chip
    from neurofer.hardware.fit_report import fit_note, fit_report, fit_table
    from neurofer.plot.report import report_html

    network, lies = made.network, made.lies
    if report is not None:
        shown = fit_report(network, lies, made.peaks or (), (("compared", _compared(made)),))
        write_text(report, report_html(shown))
    write_chip(out, made.required())
    typer.echo(f"{out}: {network.target}, {_size(network)}, digest {network.digest[:12]}\n{_compared(made)}")
    typer.echo(f"\n{text_table(*fit_table(lies))}\n\n{fit_note(lies)}")
    for warning in lies.warnings:
        typer.echo(f"note: {warning}")
    if report is not None:
        typer.echo(f"{report}: how it lies on the chip")
    typer.echo(f"next: neurofer deploy {out} --on simulate RECORDING")


def _write_onnx(opened: Run | ChipNetwork, source: Path, out: Path) -> None:
    from neurofer.hardware.network import ChipNetwork
    from neurofer.hardware.onnx import write_onnx

    if isinstance(opened, ChipNetwork):
        raise UsageError(f"{source}: a chip network holds integers and spikes, which ONNX has no operators for; use "
                         "--target nir")
    checked = write_onnx(opened, out)
    if checked is None:
        typer.echo(f"{out}: ONNX; not compared, as onnxruntime is not installed (pip install 'neurofer[onnx]')")
    else:
        typer.echo(f"{out}: ONNX; over {checked.decisions} decisions onnxruntime {checked.runtime} and torch differ by "
                   f"at most {checked.logit_difference:.1e} in a logit and {checked.probability_difference:.1e} in a "
                   "probability")


def _size(network: ChipNetwork) -> str:
    weights = sum(layer.weight.size for layer in network.layers)
    return (f"{len(network.layers)} layers, {network.neurons:,} neurons, {weights:,} weights, steps of "
            f"{network.dt_us:,} us, output {network.delay} steps late")


def _compared(made: Exported) -> str:
    if made.compared is None:
        return "a chip network already: the same integers"
    spikes, different = (sum(getattr(one, name) for one in made.compared) for name in ("spikes", "different"))
    beside = "; the trained network is not what the chip runs" if different else ""
    return (f"{different:,} of {spikes:,} spikes differ from the trained network's on random input, all layers "
            f"counted{beside}")
