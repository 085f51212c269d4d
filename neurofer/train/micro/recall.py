"""The data of a finished run as it saw them: with its own lag, statistics and interpolator, nothing learned anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurofer.data.clip import Clip, ClipSet
from neurofer.train.micro.fold import FoldData
from neurofer.train.micro.inputs import Statistics, micro_inputs
from neurofer.train.micro.instants import clip_instants
from neurofer.train.micro.load import MicroRun
from neurofer.train.micro.reads import Reads
from neurofer.train.micro.stages import MicroData, numbers_of


def recalled_fold(run: MicroRun, clip_set: ClipSet, cache: Path) -> FoldData:
    """Maps of a set of clips as a finished run makes them; tested are all people that it was not trained on.

    A person is known again whether a data set was trained on alone and is now one of several, or the other way round.

    Args:
        run: The run.
        clip_set: Clips under the label that it learned.
        cache: Where maps are kept.

    Raises:
        BadFileError: the store, or the place of the cache, cannot be used.
    """
    from neurofer.models.interpolate import interpolate_midpoint

    config, card = run.config, run.card
    instants = clip_instants(clip_set, config.key, config.event, cache, int(card["lag_us"]))
    midpoint = None if run.interpolator is None else interpolate_midpoint(run.interpolator)
    inputs = micro_inputs(clip_set, config.input, config.key.kind, instants, None if midpoint else cache, midpoint)
    statistics = Statistics(tuple(card["statistics"]["mean"]), tuple(card["statistics"]["deviation"]))
    labels = np.array([clip_set.label_number(clip) for clip in clip_set.clips], np.int64)
    data = MicroData(inputs, labels, numbers_of([clip.subject for clip in clip_set.clips]), clip_set.classes,
                     statistics, Reads(clip_set))
    home = card["data"]["name"]
    trained_on = {name if "+" in home else f"{home}/{name}" for name in card["protocol"]["subjects"]["train"]}
    met = np.array([_full_name(clip) in trained_on for clip in clip_set.clips], np.bool_)
    return FoldData(data, np.flatnonzero(met), np.flatnonzero(~met), instants, run.interpolator, None)


def _full_name(clip: Clip) -> str:
    """``DATASET/SUBJECT``, as ``open_pool`` names the people of several stores."""
    return clip.subject if clip.subject.startswith(f"{clip.dataset}/") else f"{clip.dataset}/{clip.subject}"
