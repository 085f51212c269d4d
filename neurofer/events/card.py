"""Cards for notebooks: a small picture and a table of facts; cheap, however long the recording is."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

from neurofer.events.events import Events
from neurofer.events.picture import Picture, data_url, events_picture, looked_at
from neurofer.events.recording import Recording
from neurofer.numbers import short_number

SIDE_PX = 220
UNREAD = "not read yet"
_CELL = "text-align:left;vertical-align:top;padding:1px 12px 1px 0;border:0;background:transparent"


def card_html(title: str, facts: Sequence[tuple[str, str]], pictures: Sequence[Picture] = (),
              side_px: int = SIDE_PX) -> str:
    """A card that looks right on light and on dark ground: it has no colours but those of its pictures.

    Args:
        title: First line.
        facts: Names and values; any text, which is escaped here.
        pictures: Beside the facts, each with what it says below it.
        side_px: Longest side of a picture on the page.
    """
    rows = "".join(
        f'<tr style="background:transparent"><td style="{_CELL};opacity:.65;white-space:nowrap">'
        f'{html.escape(name)}</td>'
        f'<td style="{_CELL};overflow-wrap:anywhere">{html.escape(value)}</td></tr>' for name, value in facts)
    shown = "".join(_figure(picture, side_px) for picture in pictures)
    return ('<div style="display:flex;flex-wrap:wrap;gap:14px;align-items:flex-start;font-size:13px;line-height:1.4;'
            f'color:inherit">{shown}<div style="min-width:0"><div style="font-weight:600;overflow-wrap:anywhere">'
            f'{html.escape(title)}</div><table style="border-collapse:collapse;margin:4px 0 0;border:0;'
            f'font-size:inherit;color:inherit;background:transparent"><tbody>{rows}</tbody></table></div></div>')


def safely(title: str, make: Callable[[], str]) -> str:
    """A card; where it cannot be made, one that says why, since a notebook should not break over a picture."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001  whatever it is
        return card_html(title, [("cannot be shown", str(error) or type(error).__name__)])


def events_card(events: Events) -> str:
    """The card of events in memory."""
    return safely("Events", lambda: _events_card(events))


def recording_card(recording: Recording) -> str:
    """The card of a recording: what is known of it already, and a bounded look into it."""
    name = recording.path.name if recording.path is not None else type(recording).__name__
    return safely(name, lambda: _recording_card(recording, name))


def stream_facts(events: int, span_us: int) -> list[tuple[str, str]]:
    """Number of events, duration and mean rate."""
    facts = [("events", f"{events:,}")]
    if events:
        facts.append(("duration", seconds_text(span_us)))
    if span_us:
        facts.append(("mean rate", rate_text(events / span_us * 1e6)))
    return facts


def size_text(sensor: tuple[int, int]) -> str:
    """``346x260 pixels``."""
    return f"{sensor[0]}x{sensor[1]} pixels"


def seconds_text(span_us: int) -> str:
    """``1.234 s``."""
    return f"{span_us / 1e6:,.3f} s"


def rate_text(rate: float) -> str:
    """``1.23 M events/s``."""
    return f"{short_number(rate)} events/s"


def _events_card(events: Events) -> str:
    facts = [("sensor", size_text(events.sensor)), *stream_facts(len(events), events.end_us - events.start_us)]
    part = looked_at(events)
    if len(part):
        about = "" if len(part) == len(events) else f", of the {len(part):,} in the middle"
        facts += [("ON", f"{100 * float(part.p.mean()):.1f} %{about}"),
                  ("times", f"{events.start_us:,} to {events.end_us:,} us")]
    picture = events_picture(events)
    return card_html("Events", facts, [picture] if picture else [])


def _recording_card(recording: Recording, name: str) -> str:
    facts = [("format", recording.format), ("sensor", size_text(recording.sensor))]
    if recording.path is not None and recording.path.is_file():
        facts.append(("file", f"{recording.path.stat().st_size / 1e6:,.1f} MB"))
    glance = recording.glance()
    if glance.report is None or glance.span_us is None:
        facts += [("events", UNREAD), ("duration", UNREAD)]
        if len(glance.events):
            span = glance.events.end_us - glance.events.start_us
            facts.append(("looked at", f"the first {len(glance.events):,} events, {seconds_text(span)}"))
        origin = glance.events.start_us
    else:
        report, (origin, end) = glance.report, glance.span_us
        facts += stream_facts(report.events, end - origin)
        if report.events:
            facts.append(("ON", f"{100 * report.on_events / report.events:.1f} %"))
        lost = (("dropped", report.dropped), ("time jumps", report.time_jumps), ("out of range", report.out_of_range))
        facts += [(what, f"{count:,}") for what, count in lost if count]
        facts += [("note", note) for note in report.notes]
    picture = events_picture(glance.events, origin_us=origin)
    return card_html(name, facts, [picture] if picture else [])


def _figure(picture: Picture, side_px: int) -> str:
    height, width = picture.pixels.shape[:2]
    scale = side_px / max(height, width)
    crisp = "image-rendering:pixelated;" if scale > 1 else ""
    return (f'<figure style="margin:0;padding:0;flex:none"><img src="{data_url(picture.pixels)}" '
            f'width="{round(width * scale)}" height="{round(height * scale)}" alt="{html.escape(picture.says)}" '
            f'style="{crisp}display:block;border-radius:4px;margin:0"><figcaption style="opacity:.65;font-size:11px;'
            f'max-width:{round(width * scale)}px">{html.escape(picture.says)}</figcaption></figure>')
