"""How scores and large numbers are written in tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neurofer.numbers import short_number as short_number


def per_cent(value: float, interval: Sequence[float] | None) -> str:
    """``"63.1 (52.8 to 73.3)"`` for a share and its interval; without one, the number alone."""
    between = f" ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})" if interval else ""
    return f"{100 * value:.1f}{between}"


def score_cells(scored: dict[str, Any]) -> list[str]:
    """Accuracy, UAR and macro F1 of ``neurofer.evaluate.metrics.scores`` with their intervals."""
    return [per_cent(scored[metric], scored["interval"][metric]) for metric in ("accuracy", "uar", "macro_f1")]
