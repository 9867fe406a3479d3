"""What is asked of Datadog next: from the row alone, one thing at a time, never a page twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.domain.handling import (
    LONGEST_PAUSE,
    AcknowledgePage,
    EndMute,
    EscalatePage,
    Handling,
    LiftMute,
    Mute,
    Note,
    Page,
    PostNote,
    ResolvePage,
    SendPage,
    SetMute,
    Standing,
    look_again,
    next_act,
    pause_after,
)
from bot.domain.names import AlertId
from bot.domain.spans import BadSpan, end_of
from tests.alert_worlds import ALICE, NOW

EMPTY = Handling(AlertId("01K" + "A" * 23))
LATER = NOW + timedelta(hours=1)
MUTE = Mute(LATER, ALICE, NOW)
PAGE = Page("p1", Standing.DONE, at=NOW)


def test_a_mute_is_set_until_datadog_confirms_it_and_ends_when_it_says() -> None:
    assert next_act(EMPTY, NOW) is None
    assert next_act(replace(EMPTY, mute=MUTE), NOW) == SetMute(LATER)
    assert next_act(replace(EMPTY, mute=replace(MUTE, standing=Standing.TROUBLED)), NOW) == SetMute(LATER)
    done = replace(EMPTY, mute=replace(MUTE, standing=Standing.DONE, confirmed_until=LATER + timedelta(minutes=1)))
    assert next_act(done, LATER) is None
    assert look_again(done, NOW) == LATER + timedelta(minutes=1)
    assert next_act(done, LATER + timedelta(minutes=1)) == EndMute()
    assert next_act(replace(EMPTY, mute=replace(MUTE, until=None)), NOW) == LiftMute()


def test_a_mute_that_was_never_confirmed_is_given_up_at_its_wanted_end() -> None:
    assert next_act(replace(EMPTY, mute=replace(MUTE, standing=Standing.TROUBLED)), LATER) == EndMute()


def test_a_page_whose_fate_is_unknown_is_never_sent_again() -> None:
    assert next_act(replace(EMPTY, page=Page(at=NOW)), NOW) == SendPage()
    unsure = Page(standing=Standing.TROUBLED, problem="no answer", at=NOW)
    assert next_act(replace(EMPTY, page=unsure), NOW) is None


def test_a_page_is_resolved_before_it_is_acknowledged_and_escalated_as_often_as_asked() -> None:
    both = replace(PAGE, acknowledged=Standing.WANTED, resolved=Standing.WANTED)
    assert next_act(replace(EMPTY, page=both), NOW) == ResolvePage()
    assert next_act(replace(EMPTY, page=replace(both, resolved=None)), NOW) == AcknowledgePage()
    assert next_act(replace(EMPTY, page=replace(PAGE, escalations=2, tried=1)), NOW) == EscalatePage()
    assert next_act(replace(EMPTY, page=replace(PAGE, escalations=2, tried=2)), NOW) is None


def test_quiet_comes_before_notes() -> None:
    notes = (Note(ALICE, NOW, "a", Standing.DONE), Note(ALICE, NOW, "b"))
    assert next_act(replace(EMPTY, notes=notes), NOW) == PostNote(1)
    assert next_act(replace(EMPTY, notes=notes, mute=MUTE), NOW) == SetMute(LATER)


def test_pauses_grow_and_no_reset_of_an_hour_keeps_us_longer_than_our_own_limit() -> None:
    assert [pause_after(tries).total_seconds() for tries in (1, 2, 3)] == [2, 4, 8]
    assert pause_after(1, 30.0) == timedelta(seconds=30)
    assert pause_after(1, 3600.0) == pause_after(99) == LONGEST_PAUSE


@pytest.mark.parametrize(
    ("span", "length"), [("30m", 30), ("90min", 90), ("1h", 60), ("1h30m", 90), ("2d", 2880), ("7d", 10080)]
)
def test_a_span_ends_so_much_later(span: str, length: int) -> None:
    assert end_of(span, NOW, UTC) == NOW + timedelta(minutes=length)


def test_tomorrow_is_nine_by_the_wall_clock_also_when_the_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert end_of("tomorrow", datetime(2026, 10, 24, 12, tzinfo=UTC), berlin) == datetime(2026, 10, 25, 8, tzinfo=UTC)
    late = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)  # half past midnight of the 24th in Berlin
    assert end_of("tomorrow", late, berlin) == datetime(2026, 11, 25, 8, tzinfo=UTC)


@pytest.mark.parametrize("span", ["", "0m", "8d", "soon", "-1h", "1", "99d", "m", "10080m1"])
def test_what_is_no_span_or_too_long_is_refused(span: str) -> None:
    with pytest.raises(BadSpan):
        end_of(span, NOW, UTC)
