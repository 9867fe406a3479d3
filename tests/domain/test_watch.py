"""Who is called when: once, reminded once, then the next; asked whether they still work on it; never after the end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.names import UserId
from bot.domain.oncall import (
    AskOwner,
    Call,
    End,
    Exhausted,
    HandBack,
    OnCallPlan,
    Responder,
    Situation,
    Step,
    Wait,
    Watch,
    after,
    decide,
)

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALICE, BOB = UserId("U0ALICE"), UserId("U0BOB")
LINE = (Responder("alice", ALICE), Responder("bob", BOB), Responder("Eve of Datadog"))
PLAN = OnCallPlan()
OPEN = Situation(is_open=True, wants_people=True, quiet=False, taken_by=None, taken_at=None)
NEW = Watch("alert:1")


def carried_out(watch: Watch, situation: Situation, now: datetime) -> tuple[Watch, list[Step]]:
    """All steps that are due now, one after the other, as the loop takes them; the last is a Wait or the End."""
    steps: list[Step] = []
    while True:
        step = decide(watch, situation, LINE, PLAN, now)
        watch = after(watch, step, now)
        steps.append(step)
        if isinstance(step, Wait | End):
            return watch, steps


def test_nobody_answers_so_each_is_called_and_reminded_once_and_then_that_is_said() -> None:
    watch, told = NEW, []
    for minute in range(60):
        watch, steps = carried_out(watch, OPEN, NOW + minute * MINUTE)
        told += [(minute, step) for step in steps if not isinstance(step, Wait)]
    alice, bob, eve = LINE
    assert told == [
        (0, Call(alice, reminder=False)),
        (5, Call(alice, reminder=True)),
        (10, Call(bob, reminder=False, instead_of=alice)),
        (15, Call(bob, reminder=True)),
        (20, Call(eve, reminder=False, instead_of=bob)),
        (25, Call(eve, reminder=True)),
        (30, Exhausted()),
    ]


def test_a_restart_at_any_moment_calls_nobody_again() -> None:
    watch, _ = carried_out(NEW, OPEN, NOW)
    again, steps = carried_out(replace(watch), OPEN, NOW + 3 * MINUTE)
    assert steps == [Wait(NOW + 5 * MINUTE)]
    assert again == replace(watch, due_at=NOW + 5 * MINUTE)


def test_a_muted_alert_and_a_warning_call_nobody() -> None:
    assert decide(NEW, replace(OPEN, quiet=True), LINE, PLAN, NOW) == Wait(None)
    assert decide(NEW, replace(OPEN, wants_people=False), LINE, PLAN, NOW) == Wait(None)


def test_an_alert_that_is_over_ends_its_watch_whoever_has_it() -> None:
    assert decide(NEW, replace(OPEN, is_open=False), LINE, PLAN, NOW) == End()
    taken = replace(OPEN, is_open=False, taken_by=ALICE, taken_at=NOW)
    assert decide(NEW, taken, LINE, PLAN, NOW + timedelta(days=1)) == End()


def test_who_took_it_is_asked_after_an_hour_and_without_an_answer_it_is_handed_back() -> None:
    taken = replace(OPEN, taken_by=ALICE, taken_at=NOW)
    watch, steps = carried_out(NEW, taken, NOW)
    assert steps == [Wait(NOW + 60 * MINUTE)]
    watch, steps = carried_out(watch, taken, NOW + 60 * MINUTE)
    assert steps == [AskOwner(ALICE), Wait(NOW + 75 * MINUTE)]
    step = decide(watch, taken, LINE, PLAN, NOW + 75 * MINUTE)
    assert step == HandBack(ALICE)
    _, steps = carried_out(after(watch, step, NOW + 75 * MINUTE), OPEN, NOW + 75 * MINUTE)
    assert steps[0] == Call(Responder("bob", BOB), reminder=False), "the next one, not the one who did not answer"


def test_who_says_yes_is_asked_again_after_another_hour() -> None:
    taken = replace(OPEN, taken_by=ALICE, taken_at=NOW)
    watch, _ = carried_out(NEW, taken, NOW + 60 * MINUTE)
    watch = watch.confirmed(NOW + 61 * MINUTE)
    watch, steps = carried_out(watch, taken, NOW + 61 * MINUTE)
    assert steps == [Wait(NOW + 121 * MINUTE)]
    assert decide(watch, taken, LINE, PLAN, NOW + 121 * MINUTE) == AskOwner(ALICE)


def test_who_takes_over_has_an_hour_of_their_own() -> None:
    watch, _ = carried_out(NEW, replace(OPEN, taken_by=ALICE, taken_at=NOW), NOW + 60 * MINUTE)
    by_bob = replace(OPEN, taken_by=BOB, taken_at=NOW + 70 * MINUTE)
    assert decide(watch, by_bob, LINE, PLAN, NOW + 80 * MINUTE) == Wait(NOW + 130 * MINUTE)


def test_who_gave_it_back_is_called_last() -> None:
    watch = NEW.handed_back(ALICE)
    _, steps = carried_out(watch, OPEN, NOW)
    assert steps[0] == Call(Responder("bob", BOB), reminder=False)


happenings = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(["look", "take", "back", "mute", "unmute"])), max_size=40
)


@given(happenings)
@settings(max_examples=150, deadline=None)
def test_whatever_happens_nobody_is_called_twice_in_a_round_nor_sooner_than_the_plan_says(
    told: list[tuple[int, str]],
) -> None:
    watch, situation, now = NEW, OPEN, NOW
    calls: list[tuple[datetime, Call]] = []
    for minutes, what in told:
        now += minutes * MINUTE
        match what:
            case "take":
                situation = replace(situation, taken_by=BOB, taken_at=now)
            case "back" if situation.taken_by is not None:
                situation, calls = replace(situation, taken_by=None, taken_at=None), []
                watch = watch.handed_back(BOB)
            case "mute" | "unmute":
                situation = replace(situation, quiet=what == "mute")
        before = len(calls)
        step = decide(watch, situation, LINE, PLAN, now)
        watch = after(watch, step, now)
        if isinstance(step, Call):
            assert not situation.quiet
            assert situation.taken_by is None
            assert not calls or now - calls[-1][0] >= PLAN.remind_after
            calls.append((now, step))
        assert len(calls) - before <= 1
        if isinstance(step, HandBack):
            situation, calls = replace(situation, taken_by=None, taken_at=None), []
    kinds = [(call.who.key, call.reminder) for _, call in calls]
    assert len(set(kinds)) == len(kinds)
