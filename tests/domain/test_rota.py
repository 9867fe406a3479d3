"""Turns: each instant is somebody's, handovers keep their time of day, nobody is skipped, whatever the clocks do."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.names import UserId
from bot.domain.rota import BadRota, Rota, checked_shift

ALICE, BOB, CAROL = UserId("U0ALICE"), UserId("U0BOB"), UserId("U0CAROL")
MANY = settings(max_examples=150, deadline=None)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe", "America/St_Johns"]
SHIFTS = [timedelta(hours=hours) for hours in (4, 6, 8, 12)] + [timedelta(days=days) for days in (1, 2, 7, 14)]


def rota(zone: str = "Europe/Berlin", *, shift: timedelta = timedelta(days=7), handover: time = time(10)) -> Rota:
    return Rota((ALICE, BOB, CAROL), shift, date(2026, 10, 5), handover, ZoneInfo(zone))


rotas = st.builds(
    lambda zone, shift, minutes, people: Rota(
        tuple(UserId(f"U{n}") for n in range(people)),
        shift,
        date(2026, 3, 1),
        time(minutes // 60, minutes % 60),
        ZoneInfo(zone),
    ),
    st.sampled_from(ZONES),
    st.sampled_from(SHIFTS),
    st.integers(0, 24 * 60 - 1),
    st.integers(1, 5),
)
moments = st.integers(0, 3 * 365 * 86400).map(lambda s: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=s))


@given(rotas, moments)
@MANY
def test_every_instant_lies_in_exactly_the_turn_that_is_told(taken: Rota, now: datetime) -> None:
    shift = taken.at(now)
    assert shift.start <= now < shift.end
    assert taken.at(shift.start) == shift
    assert taken.at(shift.end) == taken.after(shift)
    assert taken.at(shift.end - timedelta(seconds=1)) == shift


@given(rotas, moments)
@MANY
def test_turns_follow_one_another_without_gap_and_nobody_is_skipped(taken: Rota, now: datetime) -> None:
    shift = taken.at(now)
    for _ in range(len(taken.people) + 1):
        following = taken.after(shift)
        assert following.start == shift.end
        place = taken.people.index(shift.person)
        assert following.person == taken.people[(place + 1) % len(taken.people)]
        shift = following


@given(rotas, moments)
@MANY
def test_a_change_of_the_clocks_moves_a_handover_by_its_hour_at_most(taken: Rota, now: datetime) -> None:
    shift = taken.at(now)
    assert abs((shift.end - shift.start) - taken.shift) <= timedelta(hours=1)
    if taken.shift >= timedelta(days=1):
        wall = shift.start.astimezone(taken.zone).time()
        late = datetime.combine(date(2026, 1, 1), wall) - datetime.combine(date(2026, 1, 1), taken.handover)
        assert late % timedelta(days=1) <= timedelta(hours=1)


def test_a_handover_at_ten_stays_at_ten_when_summer_time_ends() -> None:
    before = rota().at(datetime(2026, 10, 20, tzinfo=UTC))
    after = rota().after(before)
    assert (before.start, before.end) == (
        datetime(2026, 10, 19, 8, tzinfo=UTC),
        datetime(2026, 10, 26, 9, tzinfo=UTC),
    )
    assert (before.person, after.person) == (CAROL, ALICE)


def test_a_handover_in_the_hour_that_is_skipped_comes_an_hour_later() -> None:
    nightly = rota(shift=timedelta(days=1), handover=time(2, 30))
    skipped = nightly.at(datetime(2027, 3, 28, 2, tzinfo=UTC))
    assert skipped.start == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)


def test_everybody_is_in_line_once_the_one_whose_turn_it_is_first() -> None:
    assert rota().line(datetime(2026, 10, 13, tzinfo=UTC)) == (BOB, CAROL, ALICE)
    twice = Rota((ALICE, BOB, ALICE, CAROL), timedelta(days=1), date(2026, 10, 5), time(10), UTC)
    assert twice.line(datetime(2026, 10, 5, 11, tzinfo=UTC)) == (ALICE, BOB, CAROL)


@pytest.mark.parametrize("hours", [1, 3, 5, 7, 9, 10, 25, 36])
def test_a_shift_whose_handover_would_wander_is_refused(hours: int) -> None:
    with pytest.raises(BadRota, match="whole days"):
        checked_shift(timedelta(hours=hours))


@pytest.mark.parametrize("shift", SHIFTS)
def test_whole_days_and_even_parts_of_a_day_are_shifts(shift: timedelta) -> None:
    assert checked_shift(shift) == shift
