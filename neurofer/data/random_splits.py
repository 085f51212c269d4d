"""The published splits of Spiking-FER: random test sets of single recordings, which share people with training."""

from __future__ import annotations

import hashlib
from collections import defaultdict

from neurofer.data.clip import ClipSet
from neurofer.data.folds import every_fifth
from neurofer.data.partition import Partition
from neurofer.data.splits import require_classes
from neurofer.errors import NeuroferError


def random_partition(clip_set: ClipSet, draws: int, draw: int, share: float = 0.2, seed: int = 0, *,
                     inner_validation: bool = False) -> Partition:
    """One of several random test sets, drawn recording by recording; all other recordings train.

    What is wrong with it: a person's recordings are on both sides, so the network is tested on faces that it knows; the
    test sets of the draws overlap and leave recordings out, so their results are neither independent nor about the
    whole data set; and, as published, the epoch is chosen on the test set.

    It depends on the recordings' names, the seed and the number of the draw alone.

    Args:
        clip_set: The clips.
        draws: Number of draws; 10 as published.
        draw: Which one, from 0.
        share: Of the recordings, tested; rounded down.
        seed: Another seed draws others; the authors' own lists are not used.
        inner_validation: Choose the epoch on every fifth training clip of each class instead, which then does not
            train.

    Raises:
        NeuroferError: no clip to test, or a class without a training clip.
        ValueError: no such draw, or a share outside (0, 1).

    Source:
        Barchid et al., "Spiking-FER", CBMI 2023 (arXiv:2304.10211), and its code.
    """
    if not 0 <= draw < draws or not 0 < share < 1:
        raise ValueError(f"random_partition: need a draw among the draws and a share in (0, 1), got draw {draw} of "
                         f"{draws} and share {share}")
    names = sorted((clip.name for clip in clip_set.clips),
                   key=lambda name: hashlib.sha256(f"{seed}/{draw}/{name}".encode()).digest())
    test = sorted(names[: int(share * len(names) + 1e-9)])
    tested, train_of = set(test), defaultdict(list)
    for clip in sorted(clip_set.clips, key=lambda clip: clip.name):
        if clip.name not in tested:
            train_of[clip.label].append(clip.name)
    inner = [name for of_class in train_of.values() for name in every_fifth(of_class)] if inner_validation else []
    train = sorted({name for of_class in train_of.values() for name in of_class}.difference(inner))
    if not test or (inner_validation and not inner):
        raise NeuroferError(f"data set {clip_set.name}: {len(names)} clip(s) leave none to "
                            f"{'validate' if test else 'test'}; it needs more")
    require_classes(clip_set, [clip for clip in clip_set.clips if clip.name in set(train)])
    subject = {clip.name: clip.subject for clip in clip_set.clips}
    people = {subject[name] for name in test}
    known = people & {subject[name] for name in (*train, *inner)}
    chosen = "validation on every fifth training clip; test read once" if inner_validation else "its result on the test"
    protocol = (f"published Spiking-FER split, draw {draw} of {draws}: {len(test)} recordings at random tested, "
                f"{len(known)} of their {len(people)} people are also trained on, and the draws overlap; best epoch by "
                f"{chosen}")
    return Partition.of_clips(clip_set, protocol, train, sorted(inner) or test, test)
