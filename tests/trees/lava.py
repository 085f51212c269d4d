"""Tests that need Lava: skipped where it is not installed, unless it is said that it must be."""

from __future__ import annotations

import os

import pytest

from neurofer.hardware.lava import missing_parts

MISSING = missing_parts()
EXPECTED = os.environ.get("NEUROFER_EXPECT_LAVA") == "1"
"""As ``make test-lava`` sets it: then a test without Lava fails."""

needs_lava = pytest.mark.skipif(bool(MISSING) and not EXPECTED,
                                reason=f"needs Lava ({', '.join(MISSING)} missing): make lava")
