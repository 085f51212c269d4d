"""What the numbers of a comparison are called in their file."""

from __future__ import annotations

FORMAT = "neurofer-comparison"
VERSION = 1
