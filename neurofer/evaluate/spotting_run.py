"""Finished spotters, looked at again: intervals of the people that each left out, and those of all folds together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neurofer.data.cache import usable_cache
from neurofer.data.long.pool import open_long_pool
from neurofer.data.long.store import LongSet
from neurofer.errors import NeuroferError, UsageError
from neurofer.evaluate.spotting import Counts, SpottingScore, score_spotting
from neurofer.evaluate.spotting_intervals import bootstrap_spotting
from neurofer.spotting.interval import Interval

PARTS = ("micro", "macro", "overall")


def evaluate_spot_run(path: Path, data: Sequence[Path] | None = None, *, force: bool = False,
                      cache: Path | None = None) -> dict[str, Any]:
    """What a run spots in the videos of its tested subjects, scored anew by its weights.

    Args:
        path: Run folder.
        data: Stores; by default those that it was trained on.
        force: Accept other data; then all of their subjects that the run was not trained on are tested.
        cache: Where what is read of videos is kept.

    Returns:
        ``{"run", "seed", "settings", "protocol", "data", "test": {part: counts and F1}, "by_subject": {subject: {part:
        counts}}, "videos": [names]}``.

    Raises:
        UsageError: no store is known.
        NeuroferError: other data without ``force``, another frame rate, or nobody to test.
        BadFileError: a run or a store cannot be used.
    """
    from neurofer.train.run_folder import settings_digest
    from neurofer.train.spot.load import load_spot_run

    run = load_spot_run(path)
    stores = [Path(one) for one in (data or run.config.data or ())]
    if not stores:
        raise UsageError(f"{path}: does not say which store it was trained on; give --data")
    long_set = open_long_pool(stores)
    name, same = long_set.clip_set.name, long_set.clip_set.digest == run.card["data"]["digest"]
    if not same and not force:
        raise NeuroferError(f"{path}: was trained on other data than {', '.join(map(str, stores))}; give the run's own "
                            "store, or --force to test it there")
    subjects = run.card["protocol"]["subjects"]
    home = run.card["data"]["name"]
    met = {one if "/" in one else f"{home}/{one}" for one in subjects["train"]}
    tested = [clip.subject for clip in long_set.videos if _full(clip.subject, name) not in met]
    if not tested:
        raise NeuroferError(f"{path}: was trained on all subjects of {name}, so there is nobody to test; give other "
                            "--data with --force")
    predicted = spotted(run, long_set, sorted(set(tested)), usable_cache(cache, stores[0], path / "cache"))
    by_subject = subject_scores(long_set, predicted)
    plain = run.config.model_copy(update={"split": type(run.config.split)(), "threads": 0})
    return {"format": "neurofer-evaluation", "version": 1, "task": "spot", "run": str(path), "seed": run.config.seed,
            "settings": settings_digest(plain), "protocol": run.card["protocol"]["name"],
            "data": {"name": name, "digest": long_set.clip_set.digest, "same_as_training": same},
            "test": told(by_subject), "by_subject": {who: _counts(score) for who, score in by_subject.items()},
            "videos": sorted(predicted)}


def spotted(run: Any, long_set: LongSet, subjects: Sequence[str], cache: Path) -> dict[str, list[Interval]]:
    """What a finished run spots in the videos of some people, by video.

    Args:
        run: A ``SpotRun``.
        long_set: The videos.
        subjects: Whose.
        cache: Where what is read of videos is kept.

    Raises:
        NeuroferError: the videos have another frame rate than those of the training.
    """
    from neurofer.data.long.pool import fps_of
    from neurofer.spotting.decode import decode_all
    from neurofer.train.spot.fold import blinks_left_out, full_scores
    from neurofer.train.spot.inputs import Skips, spot_inputs

    fps = fps_of(long_set)
    if abs(fps - run.fps) > 0.1:
        raise NeuroferError(f"{run.path}: was trained on videos of {run.fps:g} frames a second, these have {fps:g}; "
                            "'neurofer spot' brings its distances to another rate")
    inputs = spot_inputs(long_set, run.config.input, cache)
    used = Skips(*(max(1, round(skip / run.config.input.frame_stride)) for skip in run.skips))
    found = {clip.name: decode_all(full_scores(run.model, inputs, long_set, number, used), clip.name, run.decodings)
             for number, clip in enumerate(long_set.videos) if clip.subject in subjects}
    return blinks_left_out(long_set, found)[0] if run.veto else found


def subject_scores(long_set: LongSet, predicted: Mapping[str, Sequence[Interval]]) -> dict[str, SpottingScore]:
    """The score of each person's videos, sorted."""
    videos: dict[str, list[str]] = {}
    for clip in long_set.videos:
        if clip.name in predicted:
            videos.setdefault(clip.subject, []).append(clip.name)
    return {who: score_spotting([one for name in names for one in long_set.truth[name]],
                                [one for name in names for one in predicted[name]])
            for who, names in sorted(videos.items())}


def told(by_subject: Mapping[str, SpottingScore]) -> dict[str, Any]:
    """Counts summed over all people, F1 and its 95 % interval when people are drawn again; for each part."""
    counts = [{part: getattr(score, part) for part in PARTS} for score in by_subject.values()]
    intervals = bootstrap_spotting(counts)
    found = {}
    for part in PARTS:
        whole = sum((one[part] for one in counts), Counts(0, 0, 0))
        found[part] = {**_row(whole), "interval": intervals[part]}
    return found


def pool_spot_runs(found: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Counts of several runs together, by seed, where they are folds of one training.

    Args:
        found: By ``evaluate_spot_run``.

    Raises:
        UsageError: two runs of one seed tested the same video, or differ in more than who is tested.
    """
    groups: dict[int, list[dict[str, Any]]] = {}
    for one in found:
        groups.setdefault(one["seed"], []).append(one)
    pooled = {}
    for seed, members in groups.items():
        if len(members) < 2:
            continue
        seen: dict[str, str] = {}
        for one in members:
            if (one["settings"], one["data"]) != (members[0]["settings"], members[0]["data"]):
                raise UsageError(f"evaluate: {members[0]['run']} and {one['run']} are both of seed {seed}, but have "
                                 "other settings or data, so they are not folds of one table; evaluate them one by one")
            for video in one["videos"]:
                if video in seen:
                    raise UsageError(f"evaluate: video {video} is tested by {seen[video]} and {one['run']}, so they "
                                     "are not folds of one table; give runs of different folds")
                seen[video] = one["run"]
        scores = {who: SpottingScore(*(Counts(counts[part]["tp"], counts[part]["fp"], counts[part]["fn"])
                                       for part in ("micro", "macro")))
                  for one in members for who, counts in one["by_subject"].items()}
        pooled[f"seed {seed}"] = {"runs": len(members), "test": told(scores)}
    return pooled


def _counts(score: SpottingScore) -> dict[str, dict[str, Any]]:
    return {part: _row(getattr(score, part)) for part in PARTS}


def _row(counts: Counts) -> dict[str, Any]:
    return {"tp": counts.tp, "fp": counts.fp, "fn": counts.fn, "precision": counts.precision, "recall": counts.recall,
            "f1": counts.f1}


def _full(subject: str, dataset: str) -> str:
    return subject if "/" in subject else f"{dataset}/{subject}"
