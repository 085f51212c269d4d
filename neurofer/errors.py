"""Errors that a user can act on. Each is one sentence: who, what came, what was wanted, what to do."""

from __future__ import annotations

from collections.abc import Sequence


def name_some(names: Sequence[str], most: int) -> str:
    """The first ``most`` names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


class NeuroferError(Exception):
    """Something given to neurofer cannot be used; the command line prints it without a traceback and exits with 1."""


class UsageError(NeuroferError):
    """The command line or a configuration is wrong; the command line exits with 2."""


class BadFileError(NeuroferError):
    """A file is missing, empty, broken or of another format than it says."""


class MissingExtraError(NeuroferError, ImportError):
    """An optional package is not installed; the message says which extra brings it."""


def missing_extra(what: str, extra: str, error: ImportError) -> MissingExtraError:
    """The error for an absent optional package: ``raise missing_extra("ECF files", "io", error) from error``."""
    return MissingExtraError(f"{what} need {error.name or error}: pip install 'neurofer[{extra}]'")
