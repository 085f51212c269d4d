"""The report with its figures."""

from __future__ import annotations

from collections.abc import Mapping

from neurofer.plot.report import Report
from neurofer.reproduce.cells import Outcome
from neurofer.reproduce.report import Made, evtransfer_report


def evtransfer_document(outcome: Outcome, made: Made) -> tuple[Report, Mapping[str, bytes]]:
    """The report of the ablation, and its figures by file name."""
    return evtransfer_report(outcome, made), {}
