"""Stories of pods as short words, for the tests of the cards and desks: one that is open, one per way it can close."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.names import EnvironmentName, ReleaseId, ServiceName, UserId
from bot.domain.pods import Cause, NearAlert, NearRelease, Recovery, Story, Subject, SubjectKind

NOW = datetime(2026, 11, 23, 14, 10, tzinfo=UTC)
STORY_ID = "01K" + "B" * 23


def near_release(**changes: Any) -> NearRelease:
    """web 2.3.0 in place of 2.2.9, by Carol, eight minutes before the first fall."""
    plain = NearRelease(
        id=ReleaseId("01K" + "C" * 23),
        version="2.3.0",
        from_version="2.2.9",
        by=UserId("U0CAROL"),
        at=NOW - timedelta(minutes=10),
        may_roll_back=True,
    )
    return replace(plain, **changes)


def story(**changes: Any) -> Story:
    """One of six pods of prd/web ran out of memory two minutes ago; but for `changes`."""
    plain = Story(
        id=STORY_ID,
        environment=EnvironmentName("prd"),
        subject=Subject(SubjectKind.DEPLOYMENT, "web", "web"),
        cause=Cause.OOM_KILLED,
        text="The container web used more memory than its limit of 512Mi and was killed (OOMKilled, exit code 137).",
        remedy="Raise resources.limits.memory, or find what grew.",
        opened_at=NOW - timedelta(minutes=2),
        last_fall_at=NOW - timedelta(minutes=2),
        service=ServiceName("web"),
        falls=1,
        falls_today=1,
        pods_affected=1,
        pod_names=("web-6d4f9c7b8-x2x4q",),
        pod="web-6d4f9c7b8-x2x4q",
        container="web",
        version="2.3.0",
        node="node-2",
        log_tail=("GET /cart 200 12 ms", "java.lang.OutOfMemoryError: Java heap space"),
        serving=5,
        desired=6,
        step=3,
    )
    return replace(plain, **changes)


def closed(recovery: Recovery | None = Recovery.RESTARTED, **changes: Any) -> Story:
    """The same, healed after 41 seconds."""
    plain = story(healed_at=NOW - timedelta(seconds=79), closed_at=NOW, recovery=recovery, serving=6)
    return replace(plain, **changes)


ALERT = NearAlert("7:prd", "p99 latency of web in prd is 840 ms")
