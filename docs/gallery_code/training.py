"""Training: curves of every kind of run."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure


def learning_curves(demo: Path) -> Figure:
    """Learning curves

    Training in grey, validation in blue; the dashed epoch is the one that was kept.
    """
    import json

    from neurofer.plot.training import curves_figure

    lines = (demo / "snn/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return curves_figure([json.loads(line) for line in lines])


def pretraining(demo: Path) -> Figure:
    """Curves of a pre-training

    The two sides of the game, the distance to the true face, and two scores of held-out faces; dashed is what the mean
    training face scores, which needs no events.
    """
    import json

    from neurofer.plot.reconstruction import pretraining_curves

    lines = (demo / "gan/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    card = json.loads((demo / "gan/card.json").read_text(encoding="utf-8"))
    return pretraining_curves([json.loads(line) for line in lines], card["metrics"]["mean_face"])


def loss(demo: Path) -> Figure:
    """A loss alone

    What a run without validation has to show: the loss by epoch, its last value written.
    """
    import json

    from neurofer.plot.training import loss_figure

    lines = (demo / "ann/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return loss_figure([json.loads(line)["train_loss"] for line in lines])


def stages(demo: Path) -> Figure:
    """Two stages of a micro-expression recogniser

    First pairs are told apart, then classes are learnt; each stage has its own loss and accuracy. Made-up numbers.
    """
    from neurofer.plot.micro import stages_figure

    history = [{"stage": stage, "epoch": epoch, "loss": 0.7 / epoch**0.6, "accuracy": 1 - 0.5 / epoch**0.5}
               for stage in (1, 2) for epoch in range(1, 21)]
    return stages_figure(history)
