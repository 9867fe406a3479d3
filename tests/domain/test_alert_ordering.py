"""Events of alerts: any order and any number of deliveries leave the same state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.alert import Alert, AlertEvent, AlertState, Transition
from bot.domain.alert.ordering import Verdict, apply
from bot.domain.names import AlertId

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BEGIN_MS = round(NOW.timestamp() * 1000) - 3_600_000
BAD = {
    AlertState.ALERT: (Transition.TRIGGERED, Transition.RE_TRIGGERED),
    AlertState.WARN: (Transition.WARN, Transition.RE_WARN),
    AlertState.NO_DATA: (Transition.NO_DATA, Transition.RE_NO_DATA),
}


def told(transition: Transition, second: int, cycle: str = "c1", word: str = "", **more: object) -> AlertEvent:
    event = AlertEvent("7", "env:prd", BEGIN_MS + second * 1000, transition, word or transition.value, cycle_key=cycle)
    return replace(event, **more)  # type: ignore[arg-type]


def played(events: list[AlertEvent], head: Alert | None = None) -> tuple[Alert | None, list[Verdict]]:
    verdicts = []
    for number, event in enumerate(events):
        applied = apply(head, event, new_id=AlertId(f"A{number}"), now=NOW)
        head = applied.alert
        verdicts.append(applied.verdict)
    return head, verdicts


def essence(alert: Alert | None) -> object:
    assert alert is not None
    return (
        *(alert.state, alert.cycle_key, alert.state_ms, alert.last_ms, alert.opened_at, alert.closed_at),
        *(alert.renotified, alert.trigger_unseen, alert.is_over),
    )


@st.composite
def stories(draw: st.DrawFn) -> list[AlertEvent]:
    """Cycles one after the other, as Datadog makes them: each opens, moves, is told again, and mostly recovers."""
    events, second = [], 0
    for number in range(draw(st.integers(1, 4))):
        cycle = f"c{number}"
        for place in range(draw(st.integers(1, 4))):
            second += draw(st.integers(1, 3))
            state = draw(st.sampled_from(list(BAD)))
            again = place > 0 and draw(st.booleans())
            events.append(told(BAD[state][again], second, cycle))
            if draw(st.booleans()):
                second += draw(st.integers(1, 2))
                kind = draw(st.sampled_from(["error", "warning", ""]))
                events.append(told(Transition.RENOTIFY, second, cycle, kind=kind))
            if draw(st.integers(0, 5)) == 0:
                second += 1
                events.append(told(Transition.UNKNOWN, second, cycle, word="Frobnicated"))
        if draw(st.integers(0, 4)):
            second += draw(st.integers(1, 3))
            events.append(told(Transition.RECOVERED, second, cycle))
    return events


@given(stories(), st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_the_same_events_end_in_the_same_state_whatever_their_order(story, chance) -> None:
    in_order, _ = played(story)
    mixed = list(story)
    chance.shuffle(mixed)
    assert essence(played(mixed)[0]) == essence(in_order)


@given(stories(), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_events_delivered_again_change_no_state(story, chance) -> None:
    again = story + chance.sample(story, len(story) // 2)
    chance.shuffle(again)
    once, twice = played(story)[0], played(again)[0]
    assert once is not None
    assert twice is not None
    assert (twice.state, twice.cycle_key, twice.opened_at, twice.closed_at, twice.last_ms) == (
        *(once.state, once.cycle_key, once.opened_at, once.closed_at, once.last_ms),
    )


@given(stories())
@settings(max_examples=200, deadline=None)
def test_a_recovery_is_the_last_state_only_when_the_newest_event_that_tells_one_is_it(story) -> None:
    head, _ = played(list(reversed(story)))
    telling = [event for event in story if event.state is not None]
    newest = max(story, key=lambda event: event.at_ms)
    assert head is not None
    of_cycle = [event for event in telling if event.cycle_key == newest.cycle_key]
    assert head.cycle_key == newest.cycle_key
    assert head.is_over == (max(of_cycle, key=lambda event: event.at_ms).state is AlertState.RECOVERED)


def test_a_trigger_never_overwrites_a_newer_recovery() -> None:
    head, verdicts = played([told(Transition.RECOVERED, 20), told(Transition.TRIGGERED, 10)])
    assert head is not None
    assert head.is_over
    assert verdicts == [Verdict.OPENED, Verdict.FILLED]
    assert head.lasted_s(NOW) == 10
    assert not head.trigger_unseen


def test_a_recovery_alone_is_a_closed_alert_whose_trigger_was_not_seen() -> None:
    head, _ = played([told(Transition.RECOVERED, 20)])
    assert head is not None
    assert head.is_over
    assert head.trigger_unseen


def test_two_events_of_one_moment_end_in_the_worse_state() -> None:
    same = [told(Transition.RECOVERED, 5), told(Transition.TRIGGERED, 5), told(Transition.WARN, 5)]
    for events in (same, same[::-1]):
        head, _ = played(events)
        assert head is not None
        assert head.state is AlertState.ALERT


def test_a_renotification_counts_and_does_not_change_the_state() -> None:
    head, verdicts = played([told(Transition.NO_DATA, 1), told(Transition.RENOTIFY, 2, kind="error")])
    assert head is not None
    assert head.state is AlertState.NO_DATA
    assert head.renotified == 1
    assert verdicts[-1] is Verdict.REPEATED


def test_an_unknown_transition_opens_an_alert_that_says_datadogs_word() -> None:
    head, _ = played([told(Transition.UNKNOWN, 1, word="Frobnicated")])
    assert head is not None
    assert head.state is AlertState.UNKNOWN
    assert not head.is_over
    assert head.told == "Frobnicated"


def test_an_unknown_transition_does_not_end_an_alert() -> None:
    head, _ = played([told(Transition.TRIGGERED, 1), told(Transition.UNKNOWN, 2, word="Frobnicated")])
    assert head is not None
    assert head.state is AlertState.ALERT
    assert head.told == "Frobnicated"


def test_an_event_of_the_day_before_yesterday_changes_nothing() -> None:
    open_alert, _ = played([told(Transition.TRIGGERED, 1)])
    old = replace(told(Transition.RECOVERED, 0), at_ms=BEGIN_MS - round(timedelta(hours=24).total_seconds() * 1000))
    head, verdicts = played([old], open_alert)
    assert verdicts == [Verdict.HISTORY]
    assert head is open_alert
    assert played([old])[0] is None


def test_a_new_cycle_ends_one_whose_recovery_was_never_told() -> None:
    first, _ = played([told(Transition.TRIGGERED, 1, "c1")])
    applied = apply(first, told(Transition.TRIGGERED, 9, "c2"), new_id=AlertId("B"), now=NOW)
    assert applied.verdict is Verdict.OPENED
    assert applied.alert is not None
    assert applied.alert.id == "B"
    assert applied.past is not None
    assert applied.past.is_over
    assert applied.past.lasted_s(NOW) == 8


def test_without_cycle_names_a_trigger_after_the_recovery_begins_a_new_one() -> None:
    events = [told(Transition.TRIGGERED, 1, ""), told(Transition.RECOVERED, 5, ""), told(Transition.TRIGGERED, 9, "")]
    _, verdicts = played(events)
    assert verdicts == [Verdict.OPENED, Verdict.CLOSED, Verdict.OPENED]


def test_what_the_poller_found_first_is_the_same_cycle_that_the_webhook_names_later() -> None:
    head, verdicts = played(
        [told(Transition.TRIGGERED, 3, ""), told(Transition.TRIGGERED, 3, "c1", title="p99 of web")]
    )
    assert verdicts == [Verdict.OPENED, Verdict.FILLED]
    assert head is not None
    assert head.cycle_key == "c1"
    assert head.title == "p99 of web"


def test_a_change_that_makes_buttons_stale_raises_the_step() -> None:
    opened, _ = played([told(Transition.TRIGGERED, 1)])
    closed, _ = played([told(Transition.RECOVERED, 2)], opened)
    again, _ = played([told(Transition.RENOTIFY, 2)], opened)
    assert opened is not None
    assert closed is not None
    assert again is not None
    assert closed.step > opened.step == again.step
