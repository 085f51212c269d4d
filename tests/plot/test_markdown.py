"""A report as Markdown."""

from __future__ import annotations

from neurofer.plot.markdown import report_markdown
from neurofer.plot.report import Bar, Picture, Report, Section, Table


def test_every_part_is_there_in_order() -> None:
    report = Report("Title", "Lead.", (("seed", "0"),), (
        Section("One", ("Text.",), tables=(Table("Caption", ("a|b", "n"), (("x", "1"),), "Note."),),
                bars=(Bar("told by the table", 0.5),),
                pictures=(Picture(b"", "Alt", "Below", file="p.png"), Picture(b"", "no file"))),
        Section("Two", bars=(Bar("half", 0.5, 0.4, 0.6),), commands=("neurofer ls",))))
    assert report_markdown(report).split("\n\n") == [
        "# Title", "Lead.", "- seed: 0", "## One", "Text.", "*Caption*", "| a\\|b | n |\n|---|---:|\n| x | 1 |",
        "Note.", "![Alt](p.png)", "Below", "## Two", "- half: 50.0 % (40.0 to 60.0)", "    neurofer ls\n"]
