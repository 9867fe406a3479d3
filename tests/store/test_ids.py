"""Ids sort by their time, and within one moment by the order they were made."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.store.ids import id_of, new_id

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_ids_of_one_moment_rise_in_the_order_they_are_made() -> None:
    made = [new_id(NOW) for _ in range(1000)]
    assert made == sorted(set(made))


@given(st.lists(st.integers(0, 10_000), min_size=2))
def test_ids_sort_by_their_time_also_when_the_clock_steps_back(steps_ms: list[int]) -> None:
    moments = [NOW + timedelta(milliseconds=step) for step in steps_ms]
    made = [(new_id(moment), moment) for moment in moments]
    assert [moment for _, moment in sorted(made)] == sorted(moments)
    assert len({made_id for made_id, _ in made}) == len(made)


def test_an_id_has_twenty_six_characters_that_nobody_mistakes() -> None:
    assert len(new_id(NOW)) == 26
    assert not set("".join(new_id(NOW) for _ in range(50))) & set("ILOU")


def test_the_id_of_a_key_is_the_same_each_time_and_of_that_time() -> None:
    assert id_of(NOW, "slash:1") == id_of(NOW, "slash:1")
    assert id_of(NOW, "slash:1") != id_of(NOW, "slash:2")
    assert id_of(NOW, "z") < id_of(NOW + timedelta(milliseconds=1), "a")
