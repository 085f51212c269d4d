"""Numbers of packets."""

from __future__ import annotations

from neurofer.stream.watch.sequence import JUMP, REORDERED, REPEATS, PacketNumbers

TOP = (1 << 32) - 1


def lost_of(*numbers: int) -> tuple[int, list[str]]:
    sequence = PacketNumbers()
    verdicts = [sequence.see(number) for number in numbers]
    sequence.settle()
    return sequence.take_lost(), verdicts


def test_a_gap_is_lost() -> None:
    assert lost_of(4, 5, 8, 9) == (2, ["new"] * 4)


def test_a_gap_over_the_wrap() -> None:
    assert lost_of(TOP - 1, 2) == (3, ["new", "new"])
    assert lost_of(TOP, 0, 1)[0] == 0


def test_reordered_packets_are_not_lost_and_copies_are_copies() -> None:
    assert lost_of(0, 2, 1, 3) == (0, ["new"] * 4)
    assert lost_of(0, 2, 1, 1, 2, 3) == (0, ["new", "new", "new", "copy", "copy", "new"])
    assert lost_of(TOP, 1, 0, 2) == (0, ["new"] * 4)


def test_what_is_missing_is_lost_only_when_it_can_no_longer_come() -> None:
    sequence = PacketNumbers()
    sequence.see(0)
    sequence.see(2)
    assert sequence.take_lost() == 0
    for number in range(3, REORDERED + 2):
        sequence.see(number)
    assert sequence.take_lost() == 0
    sequence.see(REORDERED + 2)
    assert sequence.take_lost() == 1
    assert sequence.see(1) == "copy"


def test_a_large_gap_is_counted_whole_and_remembered_in_part() -> None:
    sequence = PacketNumbers()
    sequence.see(0)
    sequence.see(1_000)
    assert sequence.take_lost() == 999 - REORDERED
    assert len(sequence._missing) == REORDERED
    assert sequence.see(999) == "new"
    sequence.settle()
    assert sequence.take_lost() == REORDERED - 1


def test_far_away_numbers_are_another_count() -> None:
    assert lost_of(5, JUMP + 100) == (0, ["new", "anew"])
    assert lost_of(10 * JUMP, 3, 4) == (0, ["new", "anew", "new"])


def test_many_old_numbers_in_a_row_are_another_count() -> None:
    lost, verdicts = lost_of(*range(100, 130), *range(REPEATS + 2))
    assert lost == 0
    assert verdicts[30:] == ["copy"] * REPEATS + ["anew", "new"]
