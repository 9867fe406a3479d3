"""Releases as short words, for the tests of the rules: one that moves, and past ones of a target."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.catalog import Target, WorkloadKind, WorkloadRef
from bot.domain.names import EnvironmentName, ReleaseId, ServiceName, UserId
from bot.domain.release import Plan, Release, ReleaseKind, ReleasePhase

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
REPOSITORY = "registry.example.com/growlio/admin"
OLD, NEW = f"{REPOSITORY}:1.4.1", f"{REPOSITORY}:1.4.2"


def plan(**changes: Any) -> Plan:
    """stg/admin from 1.4.1 to 1.4.2, but for `changes`."""
    plain = Plan(
        kind=ReleaseKind.DEPLOY,
        target=Target(EnvironmentName("stg"), ServiceName("admin")),
        workload=WorkloadRef("growlio", WorkloadKind.DEPLOYMENT, "admin"),
        container="admin",
        uid="u1",
        from_image=OLD,
        from_version="1.4.1",
        to_image=NEW,
        to_version="1.4.2",
        origin="named in the command",
    )
    return replace(plain, **changes)


def release(chosen: Plan | None = None, **changes: Any) -> Release:
    """A release that moves: its intent is saved, its write is known at generation 3; but for `changes`."""
    chosen = chosen or plan()
    plain = Release(
        id=ReleaseId("01K" + "A" * 23),
        request_key="slash:T1:1",
        plan=chosen,
        plan_hash=chosen.hash_for(UserId("U0ALICE")),
        phase=ReleasePhase.PROGRESSING,
        step=2,
        row_version=2,
        requested_by=UserId("U0ALICE"),
        requested_at=NOW - timedelta(seconds=2),
        fence=7,
        started_at=NOW - timedelta(seconds=1),
        generation=3,
        progressed_at=NOW - timedelta(seconds=1),
    )
    return replace(plain, **changes)


def done(kind: ReleaseKind, before: str, after: str) -> Release:
    """A success of the past, between two versions."""
    past = plan(kind=kind, from_version=before, to_version=after)
    return release(past, phase=ReleasePhase.SUCCEEDED)
