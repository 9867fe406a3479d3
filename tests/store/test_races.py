"""Two people and one target, 600 times: one wins, the other learns who, since when and why."""

import asyncio
from dataclasses import replace

from bot.context import Context
from bot.domain.catalog import Target
from bot.domain.names import ServiceName, UserId
from bot.domain.release import Release
from bot.errors import UserError
from bot.store import holds as hold_rows
from bot.store import releases as rows
from bot.store.db import Database
from bot.usecases import holds, releases
from tests.rows_context import CHANNEL, NOW, STG, rows_context
from tests.store.releases import PLAN

ALICE, BOB = UserId("U0ALICE"), UserId("U0BOB")
RACES, RACES_ON_POSTGRESQL = 500, 100


async def ask(ctx: Context, target: Target, by: UserId) -> Release | UserError:
    plan = replace(PLAN, target=target)
    try:
        return await releases.request(ctx, plan, key=f"slash:{target}:{by}", by=by, asked_in=CHANNEL)
    except UserError as error:
        return error


async def test_of_two_who_release_at_once_one_wins_and_the_other_learns_who_since_when_and_why(
    database: Database,
) -> None:
    ctx, races = rows_context(database, services=RACES), RACES if database.is_sqlite else RACES_ON_POSTGRESQL
    for number in range(races):
        target = Target(STG, ServiceName(f"service-{number}"))
        answers = await asyncio.gather(ask(ctx, target, ALICE), ask(ctx, target, BOB))
        [won] = [answer for answer in answers if isinstance(answer, Release)]
        [lost] = [answer for answer in answers if isinstance(answer, UserError)]
        assert (lost.code, lost.who, lost.since) == ("target_locked", won.requested_by, NOW)
        assert "is releasing `1.4.2`" in lost.text
    async with database.read() as connection:
        assert len(await rows.live(connection)) == races


async def test_of_two_who_lock_at_once_one_has_it_and_the_other_learns_whose_it_is(database: Database) -> None:
    ctx = rows_context(database, services=RACES)

    async def lock(target: Target, by: UserId) -> UserError | None:
        try:
            await holds.lock(ctx, STG, target.service, "45m", "migration", by=by, asked_in=CHANNEL)
        except UserError as error:
            return error
        return None

    for number in range(20):
        target = Target(STG, ServiceName(f"service-{number}"))
        answers = await asyncio.gather(lock(target, ALICE), lock(target, BOB))
        [lost] = [answer for answer in answers if answer is not None]
        async with database.read() as connection:
            [hold] = await hold_rows.over(connection, target)
        assert (lost.code, lost.who, lost.since, lost.until) == ("target_locked", hold.owner, hold.since, hold.until)
        assert "migration" in lost.text


async def test_of_a_lock_and_a_release_at_once_both_stand_or_the_release_is_refused(database: Database) -> None:
    ctx = rows_context(database, services=RACES)
    for number in range(20):
        target = Target(STG, ServiceName(f"service-{number}"))
        _, answer = await asyncio.gather(
            holds.lock(ctx, STG, target.service, None, "migration", by=ALICE, asked_in=CHANNEL), ask(ctx, target, BOB)
        )
        if isinstance(answer, UserError):
            assert (answer.code, answer.who) == ("target_locked", ALICE)
