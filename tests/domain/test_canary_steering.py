"""What a canary does next, from its row, the cluster and the numbers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.canary.judgement import Finding, Judgement, Verdict
from bot.domain.canary.scheme import REMIND_BEFORE, VALID, CanaryCourse, CanaryScheme, CanarySight, Driver
from bot.domain.canary.steering import (
    ITSELF,
    Promote,
    Remove,
    Save,
    SetShare,
    decide,
    held,
    resumed,
    to_share,
    to_step,
    wants_reminder,
)
from bot.domain.names import ReleaseId, UserId
from bot.domain.release import Outcome, Release, ReleaseKind, ReleasePhase
from bot.domain.rollout import PodTrouble
from tests.domain.release_worlds import NEW, NOW, OLD, plan, release
from tests.domain.rollout_worlds import workload

SCHEME = CanaryScheme(Driver.PODS, (10, 25, 50), interval_s=600, promotes=True)
STABLE = workload(images={"admin": OLD})
THERE = CanarySight(is_set=True, is_ready=True, is_gone=False, achieved=20.0, pods="1 of 5 pods")
GONE = CanarySight(is_set=False, is_ready=False, is_gone=True, achieved=None)
GOOD = Judgement(Verdict.GOOD, (Finding("errors", Verdict.GOOD, 0.1, 0.1, "%", "equal"),))
WORSE = Judgement(Verdict.WORSE, (Finding("p99", Verdict.WORSE, 900, 200, "ms", "worse"),))
UNCLEAR = Judgement(Verdict.UNCLEAR, ())
LONG_AGO = NOW - timedelta(hours=1)
ALICE = UserId("U0ALICE")


def canary(scheme: CanaryScheme = SCHEME, course: CanaryCourse | None = None, **changes: Any) -> Release:
    chosen = plan(kind=ReleaseKind.CANARY, canary=scheme)
    return release(chosen, canary=course or CanaryCourse(asked=scheme.steps[0]), **changes)


def at_step(index: int, **changes: Any) -> CanaryCourse:
    return CanaryCourse(index=index, asked=SCHEME.steps[index], reached_at=LONG_AGO, **changes)


def next_row(*args: Any) -> Release:
    decision = decide(*args)
    assert isinstance(decision, Save), decision
    return decision.release


def course_of(row: Release) -> CanaryCourse:
    assert row.canary is not None
    return row.canary


def test_a_share_that_is_not_told_to_the_cluster_is_told() -> None:
    assert decide(canary(), STABLE, replace(THERE, is_set=False), None, None, NOW) == SetShare()


def test_the_interval_counts_from_when_the_share_is_reached() -> None:
    row = next_row(canary(), STABLE, THERE, None, None, NOW)
    assert (course_of(row).reached_at, course_of(row).achieved) == (NOW, 20.0)
    assert next_row(row, STABLE, THERE, None, None, NOW + timedelta(minutes=1)) == row


def test_a_good_step_goes_on_to_the_next_when_its_interval_is_over() -> None:
    early = at_step(0, verdict=Verdict.UNCLEAR)
    early = replace(early, reached_at=NOW - timedelta(seconds=599))
    assert course_of(next_row(canary(course=early), STABLE, THERE, GOOD, None, NOW)).index == 0
    row = next_row(canary(course=at_step(0)), STABLE, THERE, GOOD, None, NOW)
    assert (course_of(row).index, course_of(row).asked, course_of(row).reached_at) == (1, 25, None)
    assert row.step > canary().step


def test_the_last_good_step_is_promoted_only_when_the_scheme_says_so() -> None:
    assert decide(canary(course=at_step(2)), STABLE, THERE, GOOD, None, NOW) == Promote(ITSELF)
    by_hand = canary(replace(SCHEME, promotes=False), at_step(2))
    assert course_of(next_row(by_hand, STABLE, THERE, GOOD, None, NOW)).index == 2


def test_what_cannot_be_told_yet_is_never_a_pass() -> None:
    row = next_row(canary(course=at_step(0)), STABLE, THERE, UNCLEAR, None, NOW)
    assert (course_of(row).index, row.phase) == (0, ReleasePhase.PROGRESSING)


def test_a_worse_version_is_paused_and_asked_about() -> None:
    row = next_row(canary(course=at_step(1)), STABLE, THERE, WORSE, None, NOW)
    assert row.phase is ReleasePhase.PAUSED
    assert row.outcome is not None
    assert row.outcome.text == "1.4.2 is worse than 1.4.1: p99."


def test_what_speaks_against_a_version_is_told_with_its_reason_where_two_numbers_do_not_say_it() -> None:
    fires = Finding("monitor p99 of admin", Verdict.WORSE, None, None, "", "fires")
    row = next_row(
        canary(course=at_step(1)), STABLE, THERE, replace(WORSE, findings=(fires, *WORSE.findings)), None, NOW
    )
    assert row.outcome is not None
    assert row.outcome.text == "1.4.2 is worse than 1.4.1: monitor p99 of admin (fires), p99."


def test_a_worse_version_is_taken_down_at_once_when_the_service_wants_that() -> None:
    row = next_row(canary(replace(SCHEME, aborts_when_worse=True), at_step(1)), STABLE, THERE, WORSE, None, NOW)
    assert course_of(row).ending == "worse"
    assert row.outcome == Outcome("worse", "1.4.2 is worse than 1.4.1: p99.", "Mend it, then try again.")
    assert decide(row, STABLE, THERE, None, None, NOW) == Remove()
    closed = next_row(row, STABLE, GONE, None, None, NOW)
    assert closed.phase is ReleasePhase.FAILED


def test_somebody_who_knows_better_is_not_paused_again_at_that_step() -> None:
    paused = next_row(canary(course=at_step(1)), STABLE, THERE, WORSE, None, NOW)
    row = next_row(resumed(paused, NOW), STABLE, THERE, WORSE, None, NOW)
    assert row.phase is ReleasePhase.PROGRESSING
    onward = to_step(replace(row, canary=replace(course_of(row), verdict=Verdict.GOOD)), 2, NOW)
    assert next_row(onward, STABLE, THERE, WORSE, None, NOW).phase is ReleasePhase.PAUSED


def test_a_paused_canary_keeps_its_share_and_its_step() -> None:
    row = held(canary(course=at_step(0)), ALICE)
    assert course_of(next_row(row, STABLE, THERE, GOOD, None, NOW)).index == 0
    assert course_of(resumed(row, NOW)).reached_at == NOW


def test_a_share_asked_for_by_hand_is_left_to_people() -> None:
    row = to_share(canary(course=at_step(1)), 40, NOW, by=ALICE)
    row = replace(row, canary=replace(course_of(row), reached_at=LONG_AGO))
    assert course_of(next_row(row, STABLE, THERE, GOOD, None, NOW)).asked == 40


@pytest.mark.parametrize("judgement", [None, GOOD, WORSE, UNCLEAR])
@pytest.mark.parametrize("seen", [THERE, replace(THERE, is_set=False), replace(THERE, is_ready=False)])
def test_an_abort_wins_over_everything(judgement: Judgement | None, seen: CanarySight) -> None:
    row = next_row(canary(course=at_step(2), abort_by=ALICE, abort_at=NOW), STABLE, seen, judgement, None, NOW)
    assert decide(row, STABLE, seen, judgement, None, NOW) == Remove()
    assert decide(row, None, seen, judgement, None, NOW) == Remove()
    closed = next_row(row, STABLE, GONE, judgement, None, NOW)
    assert (closed.phase, closed.finished_at) == (ReleasePhase.ABORTED, NOW)


@pytest.mark.parametrize(
    ("stable", "code", "phase"),
    [
        (None, "deleted", ReleasePhase.FAILED),
        (replace(STABLE, uid="another"), "recreated", ReleasePhase.SUPERSEDED),
        (replace(STABLE, images={"admin": OLD.replace("1.4.1", "1.3.0")}), "superseded", ReleasePhase.SUPERSEDED),
    ],
)
def test_a_canary_beside_another_stable_version_is_taken_down(stable: Any, code: str, phase: ReleasePhase) -> None:
    row = next_row(canary(course=at_step(1)), stable, THERE, GOOD, None, NOW)
    assert course_of(row).ending == code
    assert next_row(row, stable, GONE, None, None, NOW).phase is phase


def test_a_canary_that_cannot_start_is_taken_down_with_the_reason() -> None:
    missing = PodTrouble("image_missing", "The image does not exist.", "Push it.", pods=1, hopeless=True)
    seen = replace(THERE, is_ready=False, achieved=0.0, pods="0 of 4 pods", troubles=(missing,))
    first = next_row(canary(), STABLE, seen, None, None, NOW)
    assert course_of(first).ending == ""
    row = next_row(first, STABLE, seen, None, None, NOW + timedelta(seconds=20))
    assert (course_of(row).ending, row.outcome) == (
        "image_missing",
        Outcome("image_missing", "The image does not exist.", "Push it."),
    )


def test_a_share_that_is_never_reached_is_given_up_after_the_deadline() -> None:
    seen = replace(THERE, is_ready=False, achieved=0.0)
    first = next_row(canary(), STABLE, seen, None, None, NOW)
    assert course_of(next_row(first, STABLE, seen, None, None, NOW + timedelta(seconds=650))).ending == ""
    assert course_of(next_row(first, STABLE, seen, None, None, NOW + timedelta(seconds=661))).ending == "deadline"


def test_a_canary_that_nobody_decides_on_is_reminded_of_and_then_taken_down() -> None:
    started = canary(course=at_step(2), started_at=NOW)
    assert not wants_reminder(started, NOW + VALID - REMIND_BEFORE - timedelta(seconds=1))
    assert wants_reminder(started, NOW + VALID - REMIND_BEFORE)
    row = next_row(started, STABLE, THERE, None, None, NOW + VALID)
    assert next_row(row, STABLE, GONE, None, None, NOW + VALID).phase is ReleasePhase.ABORTED


@pytest.mark.parametrize(
    ("ended", "phase"),
    [(ReleasePhase.SUCCEEDED, ReleasePhase.SUCCEEDED), (ReleasePhase.FAILED, ReleasePhase.FAILED),
     (ReleasePhase.ABORTED, ReleasePhase.FAILED)],
)  # fmt: skip
def test_after_its_promotion_the_canary_is_removed_and_ends_as_the_promotion_did(
    ended: ReleasePhase, phase: ReleasePhase
) -> None:
    promotion = release(plan(kind=ReleaseKind.PROMOTE), id=ReleaseId("01K" + "B" * 23))
    row = canary(course=at_step(2, promotion=promotion.id, promoted_by=ALICE))
    took_over = replace(STABLE, images={"admin": NEW})
    assert next_row(row, took_over, THERE, None, promotion, NOW) == row
    over = replace(promotion, phase=ended, outcome=Outcome("x", "It ended."))
    assert decide(row, took_over, THERE, None, over, NOW) == Remove()
    assert next_row(row, took_over, GONE, None, over, NOW).phase is phase
