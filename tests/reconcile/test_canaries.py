"""The canary's steps on a simulated cluster, with numbers and a clock that the test holds: ends, and what is told."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from bot.context import Context
from bot.domain.alert import AlertState
from bot.domain.canary.judgement import Level, Rate
from bot.domain.canary.scheme import REMIND_BEFORE, VALID, CanaryCourse, CanaryScheme, Driver
from bot.domain.names import AlertId
from bot.domain.release import Release, ReleaseKind, ReleasePhase
from bot.reconcile.canaries import CanarySteps
from bot.reconcile.canary_sweep import CanarySweep
from bot.reconcile.keeping import ReleaseKeeper
from bot.reconcile.loop import Crew
from bot.sandbox.kube.faults import Fault, FaultKind
from bot.sandbox.kube.kinds import DEPLOYMENTS, PODS
from bot.store import alerts, releases
from bot.store.db import Database
from bot.store.migrate import migrate
from bot.store.tables import outbox
from tests.alert_worlds import alert
from tests.rows_context import rows_context
from tests.store.releases import PLAN, release
from tests.wire.kube_world import IMAGE, World, deployment, settled, until, world

EQUAL = (Rate("errors", 0, 1000, 0, 1000), Level("p99", "ms", ((100.0, 101.0), (101.0, 100.0)) * 5))
FORBIDDEN = '{"kind":"Status","status":"Failure","reason":"Forbidden","message":"deployments is forbidden","code":403}'
INVALID = '{"kind":"Status","status":"Failure","reason":"Invalid","message":"replicas: too many","code":422}'


class Course:
    """One canary of 25 % beside three pods, looked at by hand."""

    def __init__(self, stg: World, database: Database) -> None:
        self.stg = stg
        self.later = timedelta(0)
        self.numbers: tuple[Rate | Level, ...] = EQUAL
        ctx = rows_context(database)
        clusters = cast(Any, {"stg": stg.here})
        self.ctx: Context = replace(ctx, clusters=clusters, clock=lambda: datetime.now(UTC) + self.later)
        self._steps = CanarySteps(self.ctx, ReleaseKeeper(self.ctx, lambda _id: None), self._numbers, Crew())
        self._row = release()

    async def _numbers(self, _ctx: Context, _release: Release, _now: datetime) -> tuple[Rate | Level, ...]:
        return self.numbers

    async def begin(self, *, steps: tuple[int, ...] = (25,)) -> None:
        self.stg.there.create(deployment())
        self.stg.there.create({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "admin", "namespace": "growlio"},
            "spec": {"selector": {"app.kubernetes.io/name": "admin"}, "ports": [{"port": 80, "targetPort": 80}]},
        })  # fmt: skip
        stable, now = await settled(self.stg), self.ctx.clock()
        scheme = CanaryScheme(Driver.PODS, steps, 600.0, promotes=False, kubernetes_service="admin")
        versions = {"from_image": f"{IMAGE}:1.0.0", "from_version": "1.0.0", "to_image": f"{IMAGE}:1.1.0"}
        plan = replace(
            PLAN, kind=ReleaseKind.CANARY, canary=scheme, uid=stable.uid, to_version="1.1.0", **cast(Any, versions)
        )
        row = replace(
            self._row, plan=plan, phase=ReleasePhase.PROGRESSING, started_at=now, progressed_at=now,
            canary=CanaryCourse(asked=steps[0]),
        )  # fmt: skip
        async with self.ctx.database.write() as connection:
            await releases.add(connection, row)
            await releases.take_lock(connection, row.target, release_id=row.id, owner=row.requested_by, now=now)

    async def look(self) -> Release:
        """One look, and the row after it."""
        await self._steps.step(await self.row())
        await asyncio.sleep(0)  # numbers are asked aside
        return await self.row()

    async def row(self) -> Release:
        async with self.ctx.database.read() as connection:
            row = await releases.get(connection, self._row.id)
        assert row is not None
        return row

    async def at_its_share(self) -> Release:
        async def stands() -> Release | None:
            row = await self.look()
            return row if row.canary and row.canary.reached_at else None

        found = await until(stands)
        assert isinstance(found, Release)
        return found

    async def judged(self) -> Release:
        """The row after the next judgement."""
        before = (await self.row()).canary or CanaryCourse()
        self.later += timedelta(minutes=6)

        async def told() -> Release | None:
            row = await self.look()
            return row if row.canary and row.canary.looks > before.looks else None

        found = await until(told)
        assert isinstance(found, Release)
        return found

    async def over(self) -> Release:
        async def is_over() -> Release | None:
            row = await self.look()
            return row if row.phase.is_over else None

        found = await until(is_over)
        assert isinstance(found, Release)
        return found

    def stands(self) -> bool:
        """Whether something of it is left in the cluster."""
        return self.stg.there.store.get(DEPLOYMENTS, "growlio", "admin-canary") is not None

    def restarts(self, pod: str) -> int:
        """How often a pod's container came back."""
        found = self.stg.there.store.get(PODS, "growlio", pod) or {}
        return int(found["status"]["containerStatuses"][0]["restartCount"])

    async def is_locked(self) -> bool:
        async with self.ctx.database.read() as connection:
            lock = await releases.lock_of(connection, self._row.target)
        return lock is not None and lock.release_id is not None

    async def told(self, words: str) -> int:
        """How many messages hold these words."""
        async with self.ctx.database.read() as connection:
            bodies = (await connection.execute(select(outbox.c.body))).scalars().all()
        return sum(words in str(body["blocks"]) for body in bodies)

    def refuse(self, method: str, path: str, code: int, body: str) -> None:
        self.stg.there.faults.add(Fault(FaultKind.STATUS, method, path, None, code, body, "application/json"))


@pytest.fixture
async def course(tmp_path: Path) -> AsyncIterator[Course]:
    database = Database(f"sqlite:///{tmp_path / 'kajitori.db'}")
    await migrate(database)
    async with world(tmp_path) as stg:
        yield Course(stg, database)
    await database.close()


async def test_nobody_decides_so_people_are_reminded_once_and_it_goes_when_its_time_is_over(course: Course) -> None:
    await course.begin()
    await course.at_its_share()
    course.later = VALID - REMIND_BEFORE
    for _ in range(3):
        await course.look()
    assert await course.told("still waits for a decision") == 1
    course.later = VALID
    over = await course.over()
    assert over.outcome is not None
    assert (over.phase, over.outcome.code) == (ReleasePhase.ABORTED, "expired")
    assert (course.stands(), await course.is_locked()) == (False, False)


async def test_a_monitor_that_began_to_fire_is_a_sign_against_it_and_one_that_fired_before_is_none(
    course: Course,
) -> None:
    await course.begin()
    row = await course.at_its_share()
    assert row.started_at is not None
    old = alert(
        id=AlertId("01KA" + "B" * 22), environment="stg", service="admin", state=AlertState.ALERT,
        opened_at=row.started_at - timedelta(minutes=1), scope="env:stg,service:admin", title="Disk is full",
    )  # fmt: skip
    new = replace(
        old, id=AlertId("01KA" + "C" * 22), monitor_id="43", title="p99 is high",
        opened_at=row.started_at + timedelta(seconds=1),
    )  # fmt: skip
    async with course.ctx.database.write() as connection:
        await alerts.put(connection, [old])
    assert (await course.judged()).phase is ReleasePhase.PROGRESSING
    async with course.ctx.database.write() as connection:
        await alerts.put(connection, [new])
    paused = await course.judged()
    assert paused.phase is ReleasePhase.PAUSED
    assert paused.outcome is not None
    assert paused.outcome.text == "1.1.0 is worse than 1.0.0: monitor p99 is high (fires)."


async def test_pods_of_it_that_crash_are_a_sign_against_it_also_without_numbers(course: Course) -> None:
    course.numbers = ()
    await course.begin()
    await course.at_its_share()
    pods = [each["metadata"]["name"] for each in course.stg.there.store.all_of(PODS)]
    (own,) = [name for name in pods if name.startswith("admin-canary-")]
    course.stg.there.crash_pod("growlio", own)
    await until(lambda: course.restarts(own))
    row = await course.judged()
    assert row.phase is ReleasePhase.PAUSED
    assert row.outcome is not None
    assert row.outcome.text == "1.1.0 is worse than 1.0.0: restarts (its pods crashed once)."


async def test_a_refused_first_write_is_told_and_leaves_the_target_free(course: Course) -> None:
    await course.begin()
    course.refuse("POST", "deployments", 403, FORBIDDEN)
    over = await course.over()
    assert over.outcome is not None
    assert (over.phase, over.outcome.code) == (ReleasePhase.FAILED, "forbidden")
    assert "Give the bot's service account that right" in over.outcome.remedy
    assert (course.stands(), await course.is_locked()) == (False, False)


async def test_a_share_that_is_refused_later_takes_it_down_with_the_reason(course: Course) -> None:
    await course.begin(steps=(25, 50))
    await course.at_its_share()
    course.refuse("PATCH", "deployments/admin-canary", 422, INVALID)
    course.later = timedelta(minutes=11)
    over = await course.over()
    assert over.outcome is not None
    assert (over.phase, over.outcome.code) == (ReleasePhase.FAILED, "invalid")
    assert "replicas: too many" in over.outcome.text
    assert (course.stands(), await course.is_locked()) == (False, False)


async def test_an_abort_that_is_refused_says_what_still_stands_and_the_sweep_ends_it_once_it_may(
    course: Course,
) -> None:
    await course.begin()
    row = await course.at_its_share()
    course.refuse("DELETE", "deployments/admin-canary", 403, FORBIDDEN)
    async with course.ctx.database.write() as connection:
        await releases.save(connection, replace(row, abort_by=row.requested_by, abort_at=course.ctx.clock()))
    over = await course.over()
    assert over.outcome is not None
    assert (over.phase, over.outcome.code) == (ReleasePhase.FAILED, "left_standing")
    assert (course.stands(), await course.is_locked()) == (True, False)
    assert await course.told("could not be taken down") == 1
    assert await course.told("serves everybody, as before") == 0
    sweep = CanarySweep(course.ctx)
    await sweep.sweep()
    assert course.stands()
    course.stg.there.faults.clear()
    await sweep.sweep()
    assert not course.stands()
