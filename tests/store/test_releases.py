"""Releases come back as they were saved; of those who save, claim or lock at once exactly one wins."""

import asyncio
from dataclasses import fields, replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from sqlalchemy import select

from bot.domain.catalog import Target
from bot.domain.names import EnvironmentName, ReleaseId, ServiceName, UserId
from bot.domain.release import Outcome, Plan, Release, ReleaseKind, ReleasePhase
from bot.store import releases
from bot.store.db import Database
from bot.store.tables import releases as releases_table
from tests.store.releases import NOW, PLAN_FIELDS, RELEASE_FIELDS, STG_ADMIN, any_release, release

ALICE = UserId("U1")
PRD_ADMIN = Target(EnvironmentName("prd"), ServiceName("admin"))


async def keep(database: Database, *wished: Release) -> None:
    async with database.write() as connection:
        for each in wished:
            assert await releases.add(connection, each)


def test_the_round_trip_below_fills_every_field() -> None:
    assert set(RELEASE_FIELDS) == {field.name for field in fields(Release)}
    assert set(PLAN_FIELDS) == {field.name for field in fields(Plan)}


@given(any_release)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_release_comes_back_as_it_was_added(database: Database, wished: Release) -> None:
    async with database.write() as connection:
        await connection.execute(releases_table.delete())
        assert await releases.add(connection, wished)
        assert await releases.get(connection, wished.id) == wished
        assert await releases.by_request(connection, wished.request_key) == wished


@given(any_release, any_release)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_save_replaces_everything_but_the_id(database: Database, before: Release, after: Release) -> None:
    after = replace(after, id=before.id, row_version=before.row_version)
    async with database.write() as connection:
        await connection.execute(releases_table.delete())
        await releases.add(connection, before)
        saved = await releases.save(connection, after)
        assert saved == replace(after, row_version=after.row_version + 1)
        assert await releases.get(connection, before.id) == saved


async def test_a_release_kept_by_a_program_with_more_fields_can_be_read(database: Database) -> None:
    wished = release()
    await keep(database, wished)
    async with database.write() as connection:
        [body] = (await connection.execute(select(releases_table.c.body))).scalars()
        body["mood"], body["plan"]["colour"] = "bright", "red"
        await connection.execute(releases_table.update().values(body=body))
        assert await releases.get(connection, wished.id) == wished


async def test_the_same_request_never_makes_a_second_release(database: Database) -> None:
    first = release("slash:1")
    await keep(database, first)
    second = replace(first, id=release("slash:2").id)
    async with database.write() as connection:
        assert not await releases.add(connection, second)
        assert await releases.get(connection, second.id) is None
        assert await releases.by_request(connection, "slash:1") == first


async def test_of_twenty_requests_for_one_key_at_once_exactly_one_makes_a_release(database: Database) -> None:
    async def ask(number: int) -> bool:
        async with database.write() as connection:
            return await releases.add(connection, replace(release("slash:1"), id=release(f"slash:{number}").id))

    assert sum(await asyncio.gather(*(ask(number) for number in range(20)))) == 1


async def test_of_twenty_that_save_what_they_read_exactly_one_wins(database: Database) -> None:
    wished = release()
    await keep(database, wished)

    async def save(number: int) -> Release | None:
        async with database.write() as connection:
            return await releases.save(connection, replace(wished, notice=f"saver {number}"))

    winners = [saved for saved in await asyncio.gather(*(save(number) for number in range(20))) if saved]
    assert len(winners) == 1
    async with database.read() as connection:
        assert await releases.get(connection, wished.id) == winners[0]


async def test_a_release_is_worked_on_by_one_worker_until_its_claim_expires(database: Database) -> None:
    wished = release()
    await keep(database, wished)
    until = NOW + timedelta(seconds=30)

    async def claim(worker: str, seconds: float) -> bool:
        now = NOW + timedelta(seconds=seconds)
        async with database.write() as connection:
            return await releases.claim(
                connection, wished.id, worker=worker, now=now, until=max(until, now + timedelta(seconds=30))
            )

    assert await claim("one", 0)
    assert not await claim("two", 10)
    assert not await claim("two", 30), "at its very end a claim still holds"
    assert await claim("one", 20), "its holder renews it"
    assert not await claim("two", 45)
    assert await claim("two", 51)
    assert not await claim("one", 52)


async def test_of_twenty_workers_that_claim_at_once_exactly_one_gets_the_release(database: Database) -> None:
    wished = release()
    await keep(database, wished)

    async def claim(worker: int) -> bool:
        async with database.write() as connection:
            return await releases.claim(
                connection, wished.id, worker=f"worker {worker}", now=NOW, until=NOW + timedelta(seconds=30)
            )

    assert sum(await asyncio.gather(*(claim(worker) for worker in range(20)))) == 1


async def test_a_process_that_is_the_only_one_frees_what_a_dead_one_claimed(database: Database) -> None:
    live, over = release("slash:1"), replace(release("slash:2"), phase=ReleasePhase.FAILED)
    await keep(database, live, over)
    later = NOW + timedelta(minutes=1)
    async with database.write() as connection:
        for each in (live, over):
            await releases.claim(connection, each.id, worker="dead", now=NOW, until=later)
        assert await releases.give_up_claims(connection) == 1
        assert await releases.claim(connection, live.id, worker="new", now=NOW, until=later)


async def test_a_claim_does_not_make_a_save_stale(database: Database) -> None:
    wished = release()
    await keep(database, wished)
    async with database.write() as connection:
        await releases.claim(connection, wished.id, worker="one", now=NOW, until=NOW)
        assert await releases.save(connection, wished) is not None


async def test_only_releases_that_are_not_over_are_live_oldest_first(database: Database) -> None:
    wished = [release(f"slash:{number}", at=NOW + timedelta(seconds=number)) for number in range(9)]
    phases = dict(zip(wished, ReleasePhase, strict=True))
    await keep(database, *(replace(each, phase=phase) for each, phase in reversed(phases.items())))
    async with database.read() as connection:
        live = await releases.live(connection)
    assert [each.phase for each in live] == [phase for phase in ReleasePhase if not phase.is_over]


async def test_history_is_newest_first_and_narrows_by_target_and_phase(database: Database) -> None:
    stg = release("slash:1")
    prd = release("slash:2", at=NOW + timedelta(seconds=1), target=PRD_ADMIN)
    done = replace(release("slash:3", at=NOW + timedelta(seconds=2)), phase=ReleasePhase.SUCCEEDED)
    await keep(database, stg, prd, done)
    async with database.read() as connection:
        assert await releases.history(connection) == [done, prd, stg]
        assert await releases.history(connection, limit=1) == [done]
        assert await releases.history(connection, environment=PRD_ADMIN.environment) == [prd]
        assert await releases.history(connection, service=STG_ADMIN.service) == [done, prd, stg]
        assert await releases.history(connection, service=ServiceName("web")) == []
        assert await releases.history(connection, phase=ReleasePhase.SUCCEEDED) == [done]


async def test_durations_are_of_the_last_successes_of_that_target_and_kind(database: Database) -> None:
    def took(number: int, seconds: float, **changes: object) -> Release:
        started = NOW + timedelta(minutes=number)
        done = replace(release(f"slash:{number}"), started_at=started)
        done = done.finished(ReleasePhase.SUCCEEDED, Outcome("done", ""), started + timedelta(seconds=seconds))
        return replace(done, **changes)  # type: ignore[arg-type]

    restart = replace(release().plan, kind=ReleaseKind.RESTART)
    await keep(
        database,
        took(1, 30),
        took(2, 42.5),
        took(3, 99, phase=ReleasePhase.FAILED),
        took(4, 98, plan=restart),
        replace(release("slash:5", target=PRD_ADMIN), phase=ReleasePhase.SUCCEEDED),
    )
    async with database.read() as connection:
        assert await releases.durations_s(connection, STG_ADMIN, ReleaseKind.DEPLOY) == [42.5, 30]
        assert await releases.durations_s(connection, STG_ADMIN, ReleaseKind.DEPLOY, limit=1) == [42.5]


async def lock(database: Database, release_id: str, target: Target = STG_ADMIN) -> releases.Lock | None:
    async with database.write() as connection:
        return await releases.take_lock(connection, target, release_id=ReleaseId(release_id), owner=ALICE, now=NOW)


async def free(database: Database, release_id: str) -> None:
    async with database.write() as connection:
        await releases.free_lock(connection, STG_ADMIN, release_id=ReleaseId(release_id))


async def test_a_target_is_locked_by_one_release_until_that_one_frees_it(database: Database) -> None:
    held = await lock(database, "A")
    assert held == releases.Lock(STG_ADMIN, 1, ReleaseId("A"), ALICE, NOW)
    assert await lock(database, "B") is None
    await free(database, "B")
    assert await lock(database, "B") is None, "only the holder frees a lock"
    await free(database, "A")
    after = await lock(database, "B")
    assert after is not None
    assert after.fence == 2


async def test_a_release_that_takes_its_lock_again_keeps_its_fence(database: Database) -> None:
    assert await lock(database, "A") == await lock(database, "A")


async def test_a_freed_lock_names_nobody_and_keeps_its_fence(database: Database) -> None:
    await lock(database, "A")
    await free(database, "A")
    async with database.read() as connection:
        assert await releases.lock_of(connection, STG_ADMIN) == releases.Lock(STG_ADMIN, 1, None, None, None)
        assert await releases.lock_of(connection, PRD_ADMIN) is None


async def test_two_targets_are_locked_apart(database: Database) -> None:
    assert await lock(database, "A") is not None
    assert await lock(database, "B", PRD_ADMIN) is not None


async def test_in_two_hundred_races_for_a_target_one_of_two_wins_and_the_fence_always_rises(database: Database) -> None:
    fences = []
    for number in range(200):
        held = await asyncio.gather(lock(database, f"A{number}"), lock(database, f"B{number}"))
        [winner] = [each for each in held if each is not None]
        assert winner.release_id is not None
        fences.append(winner.fence)
        await free(database, winner.release_id)
    assert fences == list(range(1, 201))
