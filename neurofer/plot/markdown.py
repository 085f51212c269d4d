"""A report as Markdown, for files that are read beside code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neurofer.plot.report import Report, Section, Table


def report_markdown(report: Report) -> str:
    """The report as Markdown: pictures by the names of their files, those without one left out.

    Bars become a list where no table stands beside them.
    """
    return "\n\n".join([f"# {report.title}", report.lead, *_facts(report.facts),
                        *(part for section in report.sections for part in _section(section))]) + "\n"


def markdown_table(table: Table) -> str:
    """A pipe table under its caption, its note below; all columns but the first stand to the right."""
    rule = "|---|" + "---:|" * (len(table.header) - 1)
    rows = [_row(table.header), rule, *map(_row, table.rows)]
    parts = [f"*{table.caption}*", "\n".join(rows), *([table.note] if table.note else [])]
    return "\n\n".join(parts)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _facts(facts: Sequence[tuple[str, str]]) -> Iterator[str]:
    if facts:
        yield "\n".join(f"- {name}: {value}" for name, value in facts)


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    yield from section.text
    if section.bars and not section.tables:
        yield "\n".join(f"- {bar.label}: {100 * bar.value:.1f} %" + (
            f" ({100 * bar.low:.1f} to {100 * bar.high:.1f})" if bar.low is not None and bar.high is not None else "")
            for bar in section.bars)
    yield from map(markdown_table, section.tables)
    for picture in section.pictures:
        if picture.file:
            yield f"![{picture.alt}]({picture.file})" + (f"\n\n{picture.caption}" if picture.caption else "")
    if section.commands:
        yield "\n".join(f"    {command}" for command in section.commands)
