"""``neurofer compare``: an ANN and an SNN side by side, and the SNN on everything that runs it, as one report."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from neurofer.cli.options import examples, paragraphs
from neurofer.errors import UsageError
from neurofer.progress import shown

HELP = """Compare an ANN and an SNN on the people that neither has seen, and the SNN on everything that runs it.

The report says how often each is right, and how early; whether every target fires the trained network's spikes, layer
by layer, and where the first one differs; how long a decision takes on this machine; what a recording takes in
operations, and, estimated by published tables, in energy; and how the network lies on the chip.

Targets: torch is the trained network and always there; simulate its integers in numpy; gpu the same in torch, on a GPU
or a CPU; lava Intel's Lava (make lava), slow, and so on a few recordings only.

The SNN must have been trained with snn.quantise; --after-training rounds any other, and shows what that changes. Runs
that were trained on other data, or that test other people, are refused.
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("compare", help=paragraphs(HELP), epilog=examples(
        "neurofer compare runs/ann runs/chip --data store -o report",
        "neurofer compare runs/ann runs/chip --targets torch,simulate,gpu,lava --lava-clips 4 -o report",
        "neurofer compare runs/ann runs/chip --energy fp32,loihi1-davies --decisions 1000 -o report",
        "neurofer compare runs/ann runs/snn --after-training --chip loihi1 -o report"))(compare)


def compare(
    context: typer.Context,
    run_ann: Path = typer.Argument(..., metavar="RUN_ANN", help="Run folder of backend ann."),
    run_snn: Path = typer.Argument(..., metavar="RUN_SNN", help="Run folder of backend snn."),
    out: Path = typer.Option(..., "--out", "-o", help="Folder for report.html and report.json; an earlier comparison "
                             "there is replaced when the new one is whole.", show_default=False),
    targets: str = typer.Option("torch,simulate,gpu", "--targets", help="What runs the SNN: some of torch, simulate, "
                                "gpu, lava."),
    data: Path | None = typer.Option(None, "--data", help="Store; by default the one that the runs were trained on."),
    chip: str | None = typer.Option(None, "--chip", help="loihi1 or loihi2; by default what the SNN was trained for, "
                                    "else loihi2."),
    after_training: bool = typer.Option(False, "--after-training", help="Round a network that was trained in float "
                                        "numbers; it will fire other spikes."),
    lava_clips: int = typer.Option(2, "--lava-clips", min=1, help="Recordings that Lava runs."),
    energy: str = typer.Option("all", "--energy", help="Published tables of costs: some of fp32, fp16, int8, "
                               "loihi1-davies, loihi1-keras-spiking, loihi1-sana-fe, or all, or none."),
    decisions: int = typer.Option(200, "--decisions", min=20, help="Decisions of each that are timed."),
    device: str = typer.Option("auto", "--device", help="Where the gpu target runs: auto, cpu or cuda."),
    cache: Path | None = typer.Option(None, "--cache", help="Where to keep network inputs; by default STORE/.cache."),
) -> None:
    from neurofer.hardware.comparison.energy_estimate import chosen_tables
    from neurofer.hardware.comparison.folder import refuse_other_folder
    from neurofer.hardware.comparison.targets import chosen_targets
    from neurofer.hardware.gpu import chosen_device
    from neurofer.hardware.limits import CHIPS

    if chip is not None and chip not in CHIPS:
        raise UsageError(f"--chip: choose {' or '.join(CHIPS)}, got {chip!r}")
    names, tables = chosen_targets(targets), chosen_tables(energy)
    refuse_other_folder(out)
    chosen_device(device)
    from neurofer.hardware.compare import Wanted
    from neurofer.hardware.compare import compare as compared
    from neurofer.hardware.comparison.folder import write_comparison
    from neurofer.train.run_folder import load_run

    wanted = Wanted(names, chip, after_training, tuple(tables), lava_clips, decisions, device)
    found = compared(load_run(run_ann), load_run(run_snn), wanted, data, cache, tell=_tell)
    write_comparison(out, found, command_of(context))
    _print(found)
    typer.echo(f"\n{out / 'report.html'}: the whole report, one file; {out / 'report.json'}: every number")


def command_of(context: typer.Context) -> str:
    """The command that runs, quoted for a shell: its arguments and every option that was given."""
    words = context.command_path.split()
    for parameter in context.command.params:
        value, source = context.params[parameter.name], context.get_parameter_source(parameter.name)
        if source is None or source.name == "DEFAULT":
            continue
        option = [] if parameter.param_type_name == "argument" else [max(parameter.opts, key=len)]
        words += option if value is True else [*option, str(value)]
    return shlex.join(words)


def _tell(step: str) -> None:
    if shown():
        typer.echo(f"{step} ...", err=True)


def _print(found: Mapping[str, Any]) -> None:
    """The comparison in short."""
    from neurofer.cli._numbers import per_cent, short_number
    from neurofer.cli.options import text_table
    from neurofer.hardware.comparison.energy import estimates_in
    from neurofer.hardware.comparison.pays import verdict_words
    from neurofer.hardware.comparison.words import first_words, graded, name_of

    alike = {pair["other"] if pair["one"] == "torch" else pair["one"]: f"{pair['same']} of {pair['recordings']}"
             for pair in found["decisions"] if "torch" in (pair["one"], pair["other"])}
    rows = []
    for name, scored in found["accuracy"].items():
        spikes, late, flow = (part.get(name) for part in (found["spikes"], found["time"]["latency"],
                                                          found["time"]["throughput"]))
        times = ["-" if late is None else f"{late[quantile]:.2f}" for quantile in ("p50_ms", "p95_ms", "p99_ms")]
        rows.append((name_of(found, name), scored["samples"],
                     per_cent(scored["accuracy"], scored["interval"]["accuracy"]), alike.get(name, "-"),
                     f"{spikes['different']:,} of {spikes['spikes']:,}" if spikes else "-", *times,
                     f"{flow['recordings_per_s']:.0f}" if flow else "-"))
    typer.echo(text_table(("", "recordings", "accuracy %", "decides as torch", "other spikes than torch", "p50 ms",
                           "p95 ms", "p99 ms", "recordings/s"), rows))
    for name, target in found["spikes"].items():
        if target["first"]:
            typer.echo(f"first difference of {name}: {first_words(target['first'])}")
    ann, snn = found["operations"]["ann"], found["operations"]["snn"]
    typer.echo(f"\na recording takes {short_number(ann['per_recording'])} MACs (ann, {ann['parameters']:,} parameters) "
               f"or {short_number(snn['per_recording'])} synaptic operations (snn, {snn['parameters']:,} parameters; "
               f"rate {snn['rate']:.3f}, T {snn['steps_per_recording']:.1f})")
    for one in estimates_in(found):
        typer.echo(f"  {one.of}: {one}")
    for line in found["energy"]["break_even"]:
        typer.echo(f"  {verdict_words(line, snn['synaptic_operations_per_dense_mac'])}")
    memory, chip = found["memory"], found["chip"]
    typer.echo(f"{memory['chip']}: {graded(memory['cores'])} cores, {graded(memory['neurons'])} neurons, "
               f"{graded(memory['weights'])} weights; its layers delay an answer by {chip['delay_ms']:g} ms")
