"""The line before a target: first come, first served; a turn passes on, and is put back when the target is taken."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.catalog import Target
from bot.domain.names import EnvironmentName, ServiceName, UserId, Version
from bot.domain.queue import LONGEST_WAIT, TURN, Ticket, TicketState, decide, first

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TARGET = Target(EnvironmentName("stg"), ServiceName("admin"))


def ticket(number: int) -> Ticket:
    since = NOW + timedelta(seconds=number)
    return Ticket(f"{number:026}", TARGET, UserId(f"U{number}"), Version("1.4.2"), since)


ALICE, BOB = ticket(1), ticket(2)


def test_while_the_target_is_taken_nobody_has_a_turn() -> None:
    assert decide([ALICE, BOB], is_free=False, now=NOW) == []


def test_the_first_in_line_gets_the_turn_and_only_one_does() -> None:
    [offered] = decide([ALICE, BOB], is_free=True, now=NOW)
    assert (offered.user, offered.state, offered.until, offered.turns) == (ALICE.user, "offered", NOW + TURN, 1)
    assert decide([offered, BOB], is_free=True, now=NOW) == []


def test_a_turn_that_nobody_took_passes_to_the_next() -> None:
    offered = ALICE.offered(NOW)
    missed, after = decide([offered, BOB], is_free=True, now=NOW + TURN)
    assert (missed.user, missed.state) == (ALICE.user, TicketState.MISSED)
    assert (after.user, after.state) == (BOB.user, TicketState.OFFERED)
    assert first([offered, BOB], NOW + TURN) == BOB


def test_a_turn_is_put_back_when_the_target_is_taken_and_told_again_later() -> None:
    [back] = decide([ALICE.offered(NOW), BOB], is_free=False, now=NOW)
    assert (back.user, back.state, back.until) == (ALICE.user, TicketState.WAITING, None)
    [again] = decide([back, BOB], is_free=True, now=NOW + timedelta(minutes=1))
    assert again.turns == 2


def test_a_place_that_nobody_came_to_in_a_day_is_given_up() -> None:
    [missed] = decide([ALICE], is_free=False, now=ALICE.since + LONGEST_WAIT)
    assert missed.state is TicketState.MISSED


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=40))
def test_whatever_happens_at_most_one_has_the_turn_and_nobody_is_overtaken(story: list[tuple[int, bool]]) -> None:
    line, now, called = [ticket(number) for number in range(4)], NOW, []
    for minutes, is_free in story:
        now += timedelta(minutes=minutes)
        changed = {each.id: each for each in decide(line, is_free=is_free, now=now)}
        called += [each.user for each in changed.values() if each.state is TicketState.OFFERED]
        line = [changed.get(each.id, each) for each in line]
        line = [each for each in line if not each.state.is_over]
        assert sum(each.state is TicketState.OFFERED for each in line) <= 1
    order = list(dict.fromkeys(called))
    assert order == sorted(order)
