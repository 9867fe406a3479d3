"""Nodes, autoscalers and batch jobs: troubles that last, and how they end."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.pods import AutoscalerSight, Cause, CronJobSight, JobSight, NodeSight, Recovery, Subject, SubjectKind
from bot.domain.pods.cases import Case, Scene, struck
from bot.domain.pods.lasting import (
    Trouble,
    autoscaler_in_trouble,
    batch_judged,
    failed_run,
    lasted,
    missed_run,
    next_look,
    node_in_trouble,
)
from tests.domain.pod_worlds import ADMIN, STG, died, pod, seconds

NODE = Subject(SubjectKind.NODE, "", "node-1")
REPORT = Subject(SubjectKind.CRONJOB, "batch", "report")


def scene(subject: Subject, at: float, *, is_blind: bool = False) -> Scene:
    return Scene(STG, subject, seconds(at), day="2026-11-23", is_blind=is_blind)


class Lasting:
    """A node or autoscaler, looked at again and again."""

    def __init__(self, subject: Subject, trouble: Callable[[datetime], Trouble | None]) -> None:
        self.subject = subject
        self.trouble = trouble
        self.cases: tuple[Case, ...] = ()
        self.wake: datetime | None = None

    def at(self, moment: float, *, is_there: bool = True, is_blind: bool = False) -> "Lasting":
        now = seconds(moment)
        self.cases, self.wake = lasted(
            self.cases,
            scene(self.subject, moment, is_blind=is_blind),
            self.trouble(now),
            lambda _: f"story-{len(self.cases)}",
            is_there=is_there,
            well_since=now,
        )
        return self


def node(ready: bool = False) -> NodeSight:
    return NodeSight("n1", "node-1", ready=ready, since=seconds(0), reason="NodeStatusUnknown")


def test_a_node_that_does_not_answer_is_told_after_ten_seconds_with_what_ran_on_it() -> None:
    watched = Lasting(NODE, lambda now: node_in_trouble(node(), [pod(1), pod(2)], now))
    watched.at(5)
    assert (watched.cases, watched.wake) == ((), seconds(10))
    story = watched.at(10).cases[0].story
    assert (story.cause, story.pods_affected, story.opened_at) == (Cause.NODE_NOT_READY, 2, seconds(0))
    assert "its kubelet does not answer. 2 pods of admin ran on it." in story.text
    assert len(watched.at(20).at(30).cases) == 1
    assert watched.cases[0].story.falls == 1


def test_a_node_that_is_back_for_a_minute_closes_its_story() -> None:
    watched = Lasting(NODE, lambda now: node_in_trouble(node(), [], now)).at(10)
    watched.trouble = lambda now: None
    watched.at(50, is_blind=True)
    assert watched.cases[0].story.healed_at is None
    watched.at(50)
    assert (watched.cases[0].story.is_open, watched.wake) == (True, seconds(110))
    story = watched.at(110).cases[0].story
    assert (story.recovery, story.lasted_s(seconds(999))) == (Recovery.BACK, 50)


def test_a_node_that_goes_again_within_ten_minutes_is_the_same_story() -> None:
    watched = Lasting(NODE, lambda now: node_in_trouble(node(), [], now)).at(10)
    watched.trouble = lambda now: None
    watched.at(50).at(110)
    watched.trouble = lambda now: node_in_trouble(replace(node(), since=seconds(200)), [], now)
    watched.at(220)
    (case,) = watched.cases
    assert (case.story.is_open, case.story.flaps, case.story.falls) == (True, 1, 2)


def test_the_story_of_a_node_that_is_deleted_ends_with_it() -> None:
    watched = Lasting(NODE, lambda now: node_in_trouble(node(), [], now)).at(10)
    watched.trouble = lambda now: None
    assert watched.at(50, is_there=False).cases[0].story.recovery is Recovery.DELETED


def scaler(**changes: object) -> AutoscalerSight:
    full = AutoscalerSight("h1", "admin", "admin", ADMIN, 10, 10, 2, 10, "TooManyReplicas", seconds(0))
    return replace(full, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "calm", [{"limited_reason": ""}, {"limited_reason": "TooFewReplicas", "current": 2}, {"current": 9}]
)
def test_an_autoscaler_within_its_limits_is_no_news(calm: dict[str, object]) -> None:
    assert autoscaler_in_trouble(scaler(**calm), seconds(100)) is None


def test_an_autoscaler_at_its_maximum_is_told_when_it_stays_there() -> None:
    subject = Subject(SubjectKind.AUTOSCALER, "admin", "admin")
    watched = Lasting(subject, lambda now: autoscaler_in_trouble(scaler(), now)).at(30)
    assert (watched.cases, watched.wake) == ((), seconds(60))
    assert "more than its maximum of 10 pods of admin" in watched.at(60).cases[0].story.text


# Batch jobs


def job(**changes: object) -> JobSight:
    fresh = JobSight("j1", "batch", "report-1", created=seconds(0), cronjob="report", started=seconds(1))
    return replace(fresh, **changes)  # type: ignore[arg-type]


FAILED = job(has_failed=True, failed=2, reason="BackoffLimitExceeded", backoff_limit=1, finished=seconds(20))


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (FAILED, "The run report-1 failed twice and was given up (backoffLimit 1)."),
        (replace(FAILED, failed=1), "The run report-1 failed."),
        (replace(FAILED, reason="DeadlineExceeded"), "took longer than its activeDeadlineSeconds"),
        (replace(FAILED, reason="PodFailurePolicy"), "The run report-1 failed (PodFailurePolicy)."),
    ],
)
def test_a_run_that_failed_says_how(run: JobSight, words: str) -> None:
    blow = failed_run(run, [], seconds(21))
    assert blow is not None
    assert words in blow.why.text


def test_a_run_that_ran_out_of_memory_says_so_with_the_remedy() -> None:
    blow = failed_run(FAILED, [died(pod(1), 15)], seconds(21))
    assert blow is not None
    assert "more memory than its limit of 256Mi" in blow.why.text
    assert "limits.memory" in blow.why.remedy
    assert (blow.pod, blow.why.container) == ("admin-abc-1", "admin")


def test_a_run_that_goes_on_or_succeeded_is_no_news() -> None:
    assert failed_run(job(), [], seconds(21)) is None
    assert failed_run(job(has_completed=True, succeeded=1), [], seconds(21)) is None


def told() -> tuple[Case, ...]:
    blow = failed_run(FAILED, [], seconds(21))
    assert blow is not None
    return struck((), scene(REPORT, 21), [blow], lambda _: "story")


def test_a_failure_is_over_when_a_later_run_succeeded_or_the_job_is_gone() -> None:
    before = job(uid="j0", name="report-0", has_completed=True, finished=seconds(10))
    after = job(uid="j2", name="report-2", has_completed=True, finished=seconds(50))
    (still,) = batch_judged(told(), scene(REPORT, 60), [before, FAILED], None, is_there=True)
    assert still.story.is_open
    (done,) = batch_judged(told(), scene(REPORT, 60), [before, FAILED, after], None, is_there=True)
    assert (done.story.recovery, done.story.healed_at) == (Recovery.FINISHED, seconds(50))
    same_second = job(uid="j2", name="report-2", created=seconds(20), has_completed=True, finished=seconds(20))
    (done,) = batch_judged(told(), scene(REPORT, 60), [before, FAILED, same_second], None, is_there=True)
    assert not done.story.is_open
    (gone,) = batch_judged(told(), scene(REPORT, 60), [], None, is_there=False)
    assert gone.story.recovery is Recovery.DELETED


def cron(**changes: object) -> CronJobSight:
    hourly = CronJobSight(
        "c1", "batch", "report", datetime(2026, 11, 1, tzinfo=UTC), "0 * * * *", last_scheduled=seconds(-3600)
    )
    return replace(hourly, **changes)  # type: ignore[arg-type]


def test_a_start_that_did_not_come_is_missed_after_two_minutes() -> None:
    assert missed_run(cron(), seconds(119)) is None
    blow = missed_run(cron(), seconds(121))
    assert blow is not None
    assert (blow.at, blow.why.cause) == (seconds(0), Cause.JOB_MISSED)
    assert "The run of 12:00 UTC (0 * * * *) did not start." in blow.why.text
    assert next_look(cron(), seconds(0)) == seconds(121)


def test_a_start_is_told_in_the_zone_of_its_schedule() -> None:
    blow = missed_run(cron(schedule="0 21 * * *", timezone="Asia/Tokyo"), seconds(200))
    assert blow is not None
    assert "The run of 21:00 Asia/Tokyo" in blow.why.text


@pytest.mark.parametrize(
    "meant",
    [
        {"suspended": True},
        {"last_scheduled": seconds(0)},
        {"concurrency": "Forbid", "active": ("report-1",)},
        {"changed_at": seconds(60)},
        {"created": seconds(60), "last_scheduled": None},
        {"schedule": "@every 1h"},
    ],
)
def test_a_start_that_was_not_to_come_is_not_missed(meant: dict[str, object]) -> None:
    assert missed_run(cron(**meant), seconds(200)) is None


def test_a_schedule_that_resumed_is_looked_at_from_then_on() -> None:
    resumed = cron(changed_at=seconds(-60), last_scheduled=seconds(-7200) - timedelta(days=1))
    blow = missed_run(resumed, seconds(200))
    assert blow is not None
    assert blow.at == seconds(0)
