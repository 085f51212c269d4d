"""Cards of events and recordings: right, small, cheap, and never an error."""

from __future__ import annotations

import base64
import html
import re

import cv2
import numpy as np
import pytest

from neurofer.events.card import events_card, recording_card
from neurofer.events.columns import ColumnsRecording, write_columns
from neurofer.events.events import Events
from neurofer.events.open import open_recording
from neurofer.events.picture import (
    GROUND,
    LIMIT_BYTES,
    LOOK_EVENTS,
    OFF_COLOUR,
    ON_COLOUR,
    count_events,
    data_url,
    events_picture,
    frame_image,
    looked_at,
    telling_window,
)
from neurofer.events.recording import MemoryRecording, Recording
from neurofer.events.writing import write_recording


def made_events(count=5_000, sensor=(64, 48), span_us=1_000_000, seed=0):
    random = np.random.default_rng(seed)
    return Events(np.sort(random.integers(0, span_us, count)), random.integers(0, sensor[0], count),
                  random.integers(0, sensor[1], count), random.integers(0, 2, count), sensor)


def facts_of(card):
    cells = [html.unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", card)]
    return dict(zip(cells[::2], cells[1::2], strict=True))


def pictures_of(card):
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', card)
    files = [np.frombuffer(base64.b64decode(text), np.uint8) for text in found]
    return [cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1] for file in files]


def test_colours_by_hand():
    image = frame_image(np.array([[[0, 0, 1]], [[0, 2, 0]]]), 2.0)
    weak = 0.35 + 0.65 / 2
    expected = [GROUND, ON_COLOUR, tuple(weak * off + (1 - weak) * ground for off, ground in
                                         zip(OFF_COLOUR, GROUND, strict=True))]
    np.testing.assert_allclose(image[0], expected, atol=1e-6)  # float32


def test_counts_by_hand():
    events = Events([0, 1, 2, 3], [0, 3, 3, 2], [0, 1, 1, 1], [1, 0, 0, 1], (4, 2))
    assert count_events(events, 4).tolist() == [[[0, 0, 0, 0], [0, 0, 0, 2]], [[1, 0, 0, 0], [0, 0, 1, 0]]]
    assert count_events(events, 2).tolist() == [[[0, 2]], [[1, 1]]]


def test_no_event_is_lost_on_a_large_sensor():
    generator = np.random.default_rng(0)
    events = Events(np.arange(5_000), generator.integers(0, 1281, 5_000), generator.integers(0, 720, 5_000),
                    generator.random(5_000) < 0.3, (1281, 720))
    counts = count_events(events, 640)
    assert counts.shape == (2, 180, 321)
    assert counts.sum((1, 2)).tolist() == [int((~events.p).sum()), int(events.p.sum())]


@pytest.mark.parametrize(("sensor", "longest"), [((5, 3), 2), ((1280, 720), 256), ((65_536, 65_536), 256),
                                                 ((1, 1), 96)])
def test_every_event_is_counted(sensor, longest):
    events = made_events(2_000, sensor)
    counts = count_events(events, longest)
    assert max(counts.shape[1:]) <= longest
    assert (counts[0].sum(), counts[1].sum()) == (np.count_nonzero(~events.p), np.count_nonzero(events.p))


def test_a_flash_is_not_chosen():
    quiet, lively, flash = np.arange(0, 500_000, 500), np.arange(500_000, 900_000, 20), np.full(5_000, 950_000)
    t = np.concatenate([quiet, lively, flash])
    zeros = np.zeros(len(t), int)
    start, stop = telling_window(Events(t, zeros, zeros, zeros, (100, 100)))
    assert 500_000 <= start < stop <= 950_000


def test_a_bounded_part_from_the_middle_is_looked_at():
    events = made_events(LOOK_EVENTS + 1_000)
    part = looked_at(events)
    assert len(part) == LOOK_EVENTS
    np.testing.assert_array_equal(part.t, events.t[500:-500])
    assert len(looked_at(events[:10])) == 10


def test_card_of_events():
    events = made_events()
    card = events_card(events)
    facts = facts_of(card)
    assert facts["sensor"] == "64x48 pixels"
    assert facts["events"] == "5,000"
    assert facts["ON"] == f"{100 * events.p.mean():.1f} %"
    (image,) = pictures_of(card)
    np.testing.assert_array_equal(image, events_picture(events).pixels)
    assert card == events._repr_html_()


def test_card_without_events():
    card = events_card(Events.empty((3, 3)))
    assert facts_of(card)["events"] == "0"
    assert pictures_of(card) == []


def test_pictures_stay_small():
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3)).astype(np.uint8)
    assert len(base64.b64decode(data_url(noise).partition(",")[2])) < LIMIT_BYTES
    lively = events_picture(made_events(200_000, (1280, 720)))
    assert len(base64.b64decode(data_url(lively.pixels).partition(",")[2])) < LIMIT_BYTES


def test_cards_of_the_same_events_say_the_same(tmp_path):
    events = made_events(on := 3_000)
    write_columns(tmp_path / "columns", events, events.sensor)
    memory, columns = MemoryRecording(events), ColumnsRecording(tmp_path / "columns")
    for name in ("sensor", "events", "duration", "ON"):
        assert facts_of(memory._repr_html_())[name] == facts_of(columns._repr_html_())[name]
    np.testing.assert_array_equal(pictures_of(recording_card(memory))[0], pictures_of(recording_card(columns))[0])
    assert facts_of(memory._repr_html_())["events"] == f"{on:,}"


def test_a_long_file_is_not_read_for_its_card_and_its_reading_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("neurofer.events.stream.GLANCE_BLOCKS", 2)
    path = tmp_path / "long.dat"
    events = made_events(1_000_000)
    write_recording(path, events)
    with open_recording(path) as recording:
        facts = facts_of(recording._repr_html_())
        assert facts["events"] == facts["duration"] == "not read yet"
        assert facts["looked at"].startswith("the first ")
        assert int(facts["looked at"].split()[2].replace(",", "")) <= LOOK_EVENTS
        assert recording._end is None
        windows = list(recording.windows(50_000))
        assert sum(len(window.events) for window in windows) == len(events)
        assert facts_of(recording._repr_html_())["events"] == "1,000,000"


def test_names_are_escaped(tmp_path):
    path = tmp_path / "<script>alert('a')&.npy"
    card = recording_card(MemoryRecording(made_events(), path=path, format="<b>"))
    assert "<script>" not in card
    assert "<b>" not in card
    assert "&lt;script&gt;" in card
    assert facts_of(card)["format"] == "<b>"


def test_a_broken_or_closed_recording_says_so(tmp_path):
    events = made_events(100)
    write_columns(tmp_path / "columns", events, events.sensor)
    recording = ColumnsRecording(tmp_path / "columns")
    recording.close()
    assert facts_of(recording._repr_html_())["cannot be shown"].endswith("the recording is closed")
    header = b"% Data file\n% Version 2\n% Width 64\n% Height 48\n\x0c\x08"
    (tmp_path / "cut.dat").write_bytes(header + bytes(range(8)) * 9)
    with open_recording(tmp_path / "cut.dat") as broken:
        assert "cannot be shown" in facts_of(broken._repr_html_())


def test_a_recording_of_any_kind_has_a_card():
    events = made_events()

    class Slow(Recording):
        path, format, sensor = None, "slow", events.sensor
        start_us, end_us, asked = events.start_us, events.end_us, []

        def between(self, start_us, stop_us):
            self.asked.append((start_us, stop_us))
            return events.between(start_us, stop_us)

        def report(self):
            raise AssertionError("reads everything")

    recording = Slow()
    card = recording._repr_html_()
    assert facts_of(card)["events"] == "not read yet"
    assert recording.asked == [(events.start_us, events.start_us + 100_000)]
    assert len(pictures_of(card)) == 1
