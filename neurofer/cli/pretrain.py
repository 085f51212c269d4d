"""``neurofer pretrain``: a store with frames and a configuration become a generator, whose encoder is taken over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from neurofer.cli.options import examples, with_options
from neurofer.errors import UsageError
from neurofer.launch import rank

if TYPE_CHECKING:
    from neurofer.train.pretrain_config import PretrainConfig


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("pretrain", epilog=examples(
        "neurofer pretrain --data store --out runs/gan",
        "neurofer pretrain --config pretrain_synthetic --data store --out runs/gan train.epochs=20",
        "neurofer pretrain --backend snn --data store --out runs/snn-gan",
        "neurofer pretrain --out runs/gan --resume"))(pretrain)


def pretrain(
    overrides: list[str] | None = typer.Argument(None, metavar="[KEY=VALUE]...", help="Settings such as "
                                                 "train.epochs=20, stronger than the configuration."),
    backend: str | None = typer.Option(None, "--backend", help="Whose encoder: ann draws from pictures of events, snn "
                                       "from the events as spikes; by default what the configuration says."),
    config: str | None = typer.Option(None, "--config", help="YAML file or shipped configuration ('neurofer ls'); by "
                                      "default pretrain_synthetic, for snn pretrain_snn_synthetic."),
    data: Path | None = typer.Option(None, "--data", help="Store with frames ('neurofer prepare ... --frames')."),
    out: Path | None = typer.Option(None, "--out", "-o", help="Run folder to make."),
    seed: int | None = typer.Option(None, "--seed", help="Of weights, order and dropout; the split has its own."),
    resume: bool = typer.Option(False, "--resume", help="Go on with the run in --out where it was stopped."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace the run in --out."),
    cache: Path | None = typer.Option(None, "--cache", help="Where to keep network inputs; by default STORE/.cache."),
) -> None:
    """Pre-train an encoder: a GAN learns to draw the grey face from events, on training subjects only."""
    with_options("pretrain", overrides, [("backend", backend)])  # refused if given twice; else it picks a configuration
    words = with_options("pretrain", overrides, (("data", data), ("out", out), ("seed", seed)))
    if resume and overwrite:
        raise UsageError("pretrain: --resume goes on with a run and --overwrite throws it away; give one of them")

    if backend not in (None, "ann", "snn"):
        raise UsageError(f"--backend: need ann or snn, got {backend!r}")

    from neurofer.config import find_config, load_config
    from neurofer.train.pretrain_config import PretrainConfig

    path = find_config(config or ("pretrain_snn_synthetic" if backend == "snn" else "pretrain_synthetic"))
    if config is None and resume and out is not None and (out / "config.yaml").exists():
        path = out / "config.yaml"
    resolved = load_config(PretrainConfig, path, words)
    if backend is not None and resolved.backend != backend:
        raise UsageError(f"pretrain: --backend {backend}, but the configuration is for {resolved.backend}; "
                         "leave --backend out, or give another --config")

    from neurofer.train.reconstruct import pretrain as run
    from neurofer.train.run_folder import read_card

    folder = run(resolved, resume=resume, overwrite=overwrite, cache=cache)
    if rank():
        return
    card = read_card(folder)
    typer.echo(f"{folder}: {card['epochs']} epochs, {card['parameters']['generator']} parameters, "
               f"{card['parameters']['encoder']} of them in the encoder, {len(card['subjects'])} subjects seen")
    _print_scores(card["metrics"])
    said = " ".join([f"model.encoder_from={folder}", "model.mode=finetune", *_other_settings(resolved)])
    typer.echo(f"next: neurofer train {said} --data {resolved.data} --out {folder}-finetune")


def _other_settings(config: PretrainConfig) -> list[str]:
    """What a recogniser must be told, because its shipped configuration differs from this pre-training."""
    import json
    import shlex

    from neurofer.config import find_config, load_config
    from neurofer.train.config import TrainConfig

    shipped = load_config(TrainConfig, find_config(f"{config.backend}_synthetic"))
    pairs: list[tuple[str, object, object]]
    if config.backend == "snn":
        said, usual = config.snn.of_recogniser(), shipped.snn
        pairs = [(f"snn.{name}", getattr(said, name), getattr(usual, name))
                 for name in config.snn.names_of_recogniser()]
    else:
        here, there = config.represent, shipped.represent
        pairs = [
            ("model.size_px", config.model.size_px, shipped.model.size_px),
            ("model.width", config.model.width, shipped.model.width),
            ("represent.kind", here.kind, there.kind), ("represent.window_us", here.window_us, there.window_us),
            *((f"represent.settings.{name}", value, there.settings.get(name) if here.kind == there.kind else None)
              for name, value in here.settings.items())]
    pairs += [*((f"split.{name}", value, getattr(shipped.split, name)) for name, value in config.split),
              ("label", config.label, shipped.label)]
    words = [f"{name}={json.dumps(value) if isinstance(value, (list, dict)) else value}"
             for name, value, expected in pairs if value != expected]
    return [*(["--backend snn"] if config.backend == "snn" else []), *map(shlex.quote, words)]


def _print_scores(metrics: dict[str, dict[str, float]]) -> None:
    """Held-out scores beside those of the mean training face."""
    from neurofer.cli.options import text_table

    names = (("psnr_db", "PSNR dB", 2), ("ssim", "SSIM", 3), ("ncc", "NCC", 3), ("mae", "MAE", 4), ("mse", "MSE", 4),
             ("rmse", "RMSE", 4))
    if not metrics["held_out"]:
        typer.echo("no held-out clip has frames, so nothing was scored")
        return
    rows = [(what, *(f"{metrics[key][name]:.{digits}f}" for name, _, digits in names))
            for what, key in (("drawn", "held_out"), ("drawn with another clip's embedding", "other_embedding"),
                              ("mean training face", "mean_face"))]
    typer.echo(text_table(("held-out subjects", *(title for _, title, _ in names)), rows))
