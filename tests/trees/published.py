"""The structure of e-CK+ with made-up names: 327 sequences of 118 people, on two sides as the public list has them."""

from __future__ import annotations

CLASSES = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
LISTED = (45, 18, 59, 25, 69, 28, 83)
TRAIN, TEST = (36, 14, 47, 20, 55, 22, 66), (9, 4, 12, 5, 14, 6, 17)
"""Before sequences without a face are left out."""


def published_structure() -> tuple[dict[str, str], list[str]]:
    """Label of every sequence, and the eight without a face."""
    first_test = {"anger": 89, "contempt": 89, "disgust": 95, "fear": 98, "happiness": 105, "sadness": 113,
                  "surprise": 102}
    labels: dict[str, str] = {}
    for number, (label, train, test) in enumerate(zip(CLASSES, TRAIN, TEST, strict=True), start=1):
        start = first_test[label]
        # Training people of a class come before its test people; those of three classes reach up to S107.
        last = min(start, 108)
        people = range(last - train, last) if label in ("sadness", "surprise", "happiness") else range(1, train + 1)
        for subject in (*people, *range(start, start + test)):
            labels[f"S{subject:03d}_{number:03d}"] = label
    dropped = ["S001_001", "S001_003", "S002_003", "S091_006",              # training side: anger, disgust, sadness
               "S089_001", "S090_001", "S105_007", "S106_007"]              # test side: anger, surprise
    return labels, dropped
