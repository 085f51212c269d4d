"""``neurofer info``."""

import json

import pytest

KEYS = {"format", "width", "height", "events", "on_events", "off_events", "on_fraction", "start_us", "end_us",
        "duration_us", "rate_per_s", "peak_rate_per_s", "dropped", "time_jumps", "out_of_range", "triggers",
        "tail_bytes", "notes", "file", "mode"}


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.txt"
    path.write_text("10 1 1 1\n20 2 2 0\n15 3 3 1\n30 99 1 1\n25010 4 4 1\n")
    return path


def test_json_has_the_documented_keys(run_cli, small):
    result = run_cli("info", small, "--sensor", "64x48", "--json")
    said = json.loads(result.out)
    assert result.code == 0
    assert set(said) == KEYS
    assert said == said | {
        "format": "text", "width": 64, "height": 48, "events": 3, "on_events": 2, "off_events": 1, "start_us": 10,
        "end_us": 25_010, "duration_us": 25_000, "dropped": 2, "time_jumps": 1, "out_of_range": 1, "triggers": 0,
        "rate_per_s": 120.0, "peak_rate_per_s": 200.0, "tail_bytes": 0}
    assert "2 events (40.0%) were left out; 1 lie outside the sensor" in result.err


def test_table(run_cli, recordings):
    result = run_cli("info", recordings / "evt3_640x480_triggers.raw")
    assert result.code == 0
    for text in ("evt3", "640 x 480", "343,474", "4,157", "damage        none"):
        assert text in result.out


def test_known_answers(run_cli, recordings):
    said = json.loads(run_cli("info", recordings / "face_320x240.aedat4", "--json").out)
    assert (said["events"], said["on_events"], said["width"], said["height"]) == (111_954, 55_023, 320, 240)


def test_strict_stops_at_the_first_broken_event(run_cli, small):
    result = run_cli("info", small, "--sensor", "64x48", "--mode", "strict")
    assert (result.code, result.out) == (1, "")
    assert "error: " in result.err
    assert "time runs backwards at event 2 (20 us -> 15 us)" in result.err


def test_several_files_go_on_behind_a_bad_one(run_cli, small, tmp_path):
    (tmp_path / "empty.raw").touch()
    result = run_cli("info", tmp_path / "empty.raw", small, "--sensor", "64x48", "--json")
    bad, good = json.loads(result.out)
    assert result.code == 1
    assert bad["error"].endswith("is empty")
    assert good["events"] == 3


@pytest.mark.parametrize(("words", "sentence"), [
    ((), "does not say its sensor size"),
    (("--sensor", "64"), "need WIDTHxHEIGHT"),
    (("--sensor", "64x48", "--mode", "lax"), "choose strict, repair or trust"),
])
def test_wrong_commands_end_with_2(run_cli, small, words, sentence):
    result = run_cli("info", small, *words)
    assert result.code == 2
    assert sentence in result.err


def test_contradicting_a_declared_sensor_ends_with_2(run_cli, tmp_path):
    (tmp_path / "declared.raw").write_bytes(b"% evt 3.0\n% geometry 64x48\n% end\n")
    result = run_cli("info", tmp_path / "declared.raw", "--sensor", "32x24")
    assert result.code == 2
    assert "declares a sensor of 64x48 pixels, which contradicts the given 32x24" in result.err


def test_a_file_without_events_is_an_answer(run_cli, tmp_path):
    (tmp_path / "none.raw").write_bytes(b"% evt 3.0\n% geometry 64x48\n% end\n")
    result = run_cli("info", tmp_path / "none.raw", "--json")
    said = json.loads(result.out)
    assert result.code == 0
    assert (said["events"], said["rate_per_s"], said["on_fraction"]) == (0, None, None)
    assert "holds no events" in result.err
