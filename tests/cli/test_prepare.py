"""``neurofer prepare synthetic``."""

from __future__ import annotations

from neurofer.data.store import open_store

SMALL = ("--subjects", "1", "--clips-per-class", "1", "--size", "32", "--fps", "60", "--workers", "1")


def test_a_store_is_made_and_a_second_call_is_quick(run_cli, tmp_path):
    store = tmp_path / "store"
    first = run_cli("prepare", "synthetic", "--out", store, *SMALL)
    assert first.code == 0, first.err
    assert "8 clips of 1 subjects, 8 classes" in first.out
    assert len(open_store(store).clips) == 8
    stamp = (store / "store.json").stat().st_mtime_ns
    again = run_cli("prepare", "synthetic", "--out", store, *SMALL)
    assert (again.code, again.out) == (0, first.out)
    assert (store / "store.json").stat().st_mtime_ns == stamp


def test_one_part_of_two_says_so(run_cli, tmp_path):
    one = run_cli("prepare", "synthetic", "--out", tmp_path / "store", *SMALL, "--shard", "1/2")
    assert one.code == 0
    assert "when the other parts are" in one.out
    two = run_cli("prepare", "synthetic", "--out", tmp_path / "store", *SMALL, "--shard", "2/2")
    assert "8 clips" in two.out


def test_wrong_options_end_with_2(run_cli, tmp_path):
    for words, said in ((("--subjects", "0"), "subjects is 0"), (("--preset", "dvs"), "preset is 'dvs'"),
                        (("--shard", "3/2"), "--shard"), (("--fps", "nan"), "fps is nan"), (("--size", "big"), "size")):
        result = run_cli("prepare", "synthetic", "--out", tmp_path / "store", *words)
        assert result.code == 2
        assert said in result.err
    assert not (tmp_path / "store").exists()


def test_a_folder_with_something_else_is_left_alone(run_cli, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    result = run_cli("prepare", "synthetic", "--out", tmp_path, *SMALL)
    assert result.code == 2
    assert "is not empty" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
