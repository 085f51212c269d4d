"""Finished micro-expression runs, looked at again: their tested subjects, and folds pooled into one score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurofer.data.cache import usable_cache
from neurofer.data.micro.pool import labelled, open_pool
from neurofer.errors import NeuroferError, UsageError
from neurofer.evaluate.micro import pooled_scores
from neurofer.evaluate.micro_baselines import micro_baselines

if TYPE_CHECKING:
    from neurofer.train.micro.config import MicroConfig


def evaluate_micro_run(path: Path, data: Sequence[Path] | None = None, *, force: bool = False,
                       cache: Path | None = None) -> dict[str, Any]:
    """What a run says of its tested subjects, decided anew by its weights.

    Args:
        path: Run folder.
        data: Stores; by default those that it was trained on.
        force: Accept other data; then all of their subjects that the run was not trained on are tested.
        cache: Where maps are kept.

    Returns:
        ``{"run", "backend", "seed", "settings", "protocol", "data", "test": pooled scores, "baselines":
        {name: pooled scores}, "decisions": {clip: {"subject", "truth", "predicted"}}}``.

    Raises:
        UsageError: no store is known.
        NeuroferError: other data without ``force``, or nobody to test.
        BadFileError: a run or a store cannot be used.
    """
    from neurofer.train.micro.load import load_micro_run
    from neurofer.train.micro.recall import recalled_fold
    from neurofer.train.micro.stages import probabilities_of

    run = load_micro_run(path)
    stores = [Path(one) for one in (data or run.config.data or ())]
    if not stores:
        raise UsageError(f"{path}: does not say which store it was trained on; give --data")
    clip_set = labelled(open_pool(stores), run.config.label)
    same = clip_set.digest == run.card["data"]["digest"]
    if not same and not force:
        raise NeuroferError(f"{path}: was trained on other data than {', '.join(map(str, stores))}; give the run's own "
                            "store, or --force to test it there")
    if clip_set.classes != tuple(run.card["classes"]):
        raise NeuroferError(f"{path}: knows {', '.join(run.card['classes'])}, but {clip_set.name} has "
                            f"{', '.join(clip_set.classes)}")
    fold = recalled_fold(run, clip_set, usable_cache(cache, stores[0], path / "cache"))
    if not len(fold.test):
        raise NeuroferError(f"{path}: was trained on all subjects of {clip_set.name}, so there is nobody to test; "
                            "give other --data with --force")
    clips = [clip_set.clips[number] for number in fold.test]
    truth, who = fold.data.labels[fold.test], [clip.subject for clip in clips]
    predicted = probabilities_of(run.model, fold.data, fold.test).argmax(axis=1)
    baselines = micro_baselines(fold.data, fold.train, fold.test) if len(fold.train) else {}
    names = clip_set.classes
    return {
        "format": "neurofer-evaluation", "version": 1, "task": "micro", "run": str(path), "backend": run.config.backend,
        "seed": run.config.seed, "settings": _settings(run.config), "protocol": run.card["protocol"]["name"],
        "data": {"name": clip_set.name, "digest": clip_set.digest, "same_as_training": same},
        "test": pooled_scores(truth, predicted, who, names),
        "baselines": {name: pooled_scores(truth, np.array(said), who, names) for name, said in baselines.items()},
        "baseline_decisions": {name: {clip.name: names[number] for clip, number in zip(clips, said, strict=True)}
                               for name, said in baselines.items()},
        "decisions": {clip.name: {"subject": clip.subject, "truth": clip.label, "predicted": names[number]}
                      for clip, number in zip(clips, predicted, strict=True)},
    }


def pool_runs(found: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Scores of the decisions of several runs together, by backend and seed, where they are folds of one training.

    Args:
        found: By ``evaluate_micro_run``.

    Raises:
        UsageError: two runs of one backend and seed tested the same clip, or differ in more than who is tested.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        groups.setdefault(f"{one['backend']}, seed {one['seed']}", []).append(one)
    pooled = {}
    for name, members in groups.items():
        if len(members) < 2:
            continue
        for one in members[1:]:
            if (one["settings"], one["data"]) != (members[0]["settings"], members[0]["data"]):
                raise UsageError(f"evaluate: {members[0]['run']} and {one['run']} are both of {name}, but have other "
                                 "settings or data, so they are not folds of one table; evaluate them one by one")
        decisions: dict[str, dict[str, str]] = {}
        for one in members:
            if twice := sorted(set(decisions) & set(one["decisions"])):
                raise UsageError(f"evaluate: clip {twice[0]} is tested by two runs of {name}, so they are not folds of "
                                 "one table; give runs of different folds")
            decisions |= one["decisions"]
        classes = tuple(members[0]["test"]["per_class"])
        scored = _scored(decisions, {clip: said["predicted"] for clip, said in decisions.items()}, classes)
        baselines = {kind: _scored(decisions, {clip: said for one in members
                                               for clip, said in one["baseline_decisions"][kind].items()}, classes)
                     for kind in members[0]["baselines"]}
        pooled[name] = {"runs": len(members), "test": scored, "baselines": baselines}
    return pooled


def _settings(config: MicroConfig) -> str:
    """A digest of what the folds of one training share: all but who is tested, the threads and the places."""
    from neurofer.train.micro.config import MicroSplitConfig
    from neurofer.train.run_folder import settings_digest

    return settings_digest(config.model_copy(update={"split": MicroSplitConfig(), "threads": 0}))


def _scored(decisions: dict[str, dict[str, str]], said: dict[str, str], classes: tuple[str, ...]) -> dict[str, Any]:
    names = sorted(decisions)
    truth, predicted = (np.array([classes.index(word) for word in words], np.int64) for words in (
        [decisions[name]["truth"] for name in names], [said[name] for name in names]))
    return pooled_scores(truth, predicted, [decisions[name]["subject"] for name in names], classes)
