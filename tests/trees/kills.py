"""A training that is killed behind an epoch."""

from __future__ import annotations

from types import ModuleType

import pytest


class Killed(Exception):  # noqa: N818  not an error, an end
    """Stands for a kill."""


def kill_after(epochs: int, recipe: ModuleType, fit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the training loop that a recipe calls ``fit`` end with ``Killed`` once so many epochs are checkpointed."""
    loop = getattr(recipe, fit)

    def stopping(*words: object, after_epoch, **named: object):  # type: ignore[no-untyped-def]
        def then(progress) -> None:  # type: ignore[no-untyped-def]
            after_epoch(progress)
            if progress.epoch == epochs:
                raise Killed

        return loop(*words, after_epoch=then, **named)

    monkeypatch.setattr(recipe, fit, stopping)
