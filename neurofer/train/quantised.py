"""Training for a chip: on its grid from the start, in its integers for the last epochs, judged in integers always."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import nn

from neurofer.spiking.network import SpikingNetwork
from neurofer.train.config import TrainConfig
from neurofer.train.data import Prepared
from neurofer.train.decisions import Decisions, validation_scores
from neurofer.train.loop import BeforeEpoch


def integer_epochs(config: TrainConfig) -> int:
    """How many of the last epochs are trained in integers."""
    return 0 if config.snn.quantise == "none" else math.ceil(config.snn.integer_share * config.train.epochs - 1e-9)


def arithmetic_by_epoch(config: TrainConfig) -> BeforeEpoch:
    """What to call before each epoch: ``fake`` first, ``integer`` with kept scales in the last ``integer_share``.

    It depends on the number of the epoch and the weights alone, so a run that goes on after a kill does the same.
    """
    first = config.train.epochs - integer_epochs(config)

    def before(epoch: int, models: Sequence[nn.Module]) -> None:
        networks = [model for model in models if isinstance(model, SpikingNetwork)]
        if config.snn.quantise == "none" or not networks:
            return
        for network in networks:
            network.compute_in("integer" if epoch >= first else "fake")
        if epoch >= first:
            networks[0].keep_scales()
            for network in networks[1:]:
                network.keep_scales(networks[0])

    return before


def compare_with_float(config: TrainConfig, prepared: Prepared, model: nn.Module,
                       said: Decisions) -> dict[str, Any] | None:
    """What rounding costs: scores of the same weights in float numbers, beside those of the integers.

    Args:
        config: The run.
        prepared: Its data.
        model: The trained network, in eval mode.
        said: What it says of some clips, in integers.

    Returns:
        ``{"for", "integer_epochs", "float": {"accuracy", "uar"}, "same_decisions", "clips"}``; None for a run that is
        not quantised.
    """
    if config.snn.quantise == "none" or not isinstance(model, SpikingNetwork):
        return None
    model.compute_in("none")
    try:
        floats = prepared.task.decide(model, said.clips)
    finally:
        model.compute_in("fake")
    scores = validation_scores(floats, prepared.labels)
    return {"for": config.snn.quantise, "integer_epochs": integer_epochs(config),
            "float": {name: scores[name] for name in ("accuracy", "uar")},
            "same_decisions": int((floats.predicted == said.predicted).sum()), "clips": len(said.clips)}
