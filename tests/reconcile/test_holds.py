"""The loop of holds and lines on rows alone, with a clock that the test moves: who is told what, and once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.context import Context
from bot.domain.catalog import Target
from bot.domain.holds import EXTENSION
from bot.domain.names import ReleaseId, UserId, Version
from bot.domain.queue import Ticket, TicketState
from bot.domain.release import Plan, ReleaseKind, ReleasePhase
from bot.errors import UserError
from bot.reconcile.holds import HoldLoop
from bot.store import holds as hold_rows
from bot.store import queue as lines
from bot.store import releases as release_rows
from bot.store.db import Database
from bot.store.migrate import migrate
from bot.store.tables import audit, outbox
from bot.usecases import holds, queue, releases
from tests.rows_context import CHANNEL, STG, Clock, rows_context
from tests.store.releases import PLAN, STG_ADMIN, release

ALICE, BOB, CAROL = UserId("U0ALICE"), UserId("U0BOB"), UserId("U0CAROL")
VERSION = Version("1.4.2")


class World:
    """Rows, a clock, and a loop that can be started anew."""

    def __init__(self, database: Database) -> None:
        self.clock = Clock()
        self.ctx: Context = rows_context(database, clock=self.clock)
        self.loop = HoldLoop(self.ctx)

    async def turn(self) -> None:
        """One turn of a loop that has just been started: it knows nothing but the rows."""
        self.loop = HoldLoop(self.ctx)
        await self.loop.turn()

    async def said(self, words: str) -> int:
        """How many messages hold these words."""
        async with self.ctx.database.read() as connection:
            found = (await connection.execute(select(outbox.c.body))).scalars().all()
        return sum(words in body["text"] for body in found)

    async def done(self) -> list[tuple[str, str]]:
        """Actor and action of every audit row."""
        async with self.ctx.database.read() as connection:
            rows = (await connection.execute(select(audit.c.actor, audit.c.action).order_by(audit.c.seq))).all()
        return [(row.actor, row.action) for row in rows]

    async def lock(self, by: UserId, span: str | None = None) -> None:
        await holds.lock(self.ctx, STG, STG_ADMIN.service, span, "migration", by=by, asked_in=CHANNEL)

    async def join(self, by: UserId) -> Ticket:
        return (await queue.join(self.ctx, STG_ADMIN, VERSION, by=by, asked_in=CHANNEL))[0]

    async def line(self) -> list[tuple[UserId, TicketState]]:
        async with self.ctx.database.read() as connection:
            return [(each.user, each.state) for each in await lines.line(connection, STG_ADMIN)]

    async def ask(self, by: UserId, plan: Plan = PLAN, key: str = "") -> None:
        await releases.request(self.ctx, plan, key=key or f"slash:{by}", by=by, asked_in=CHANNEL)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'kajitori.db'}")
    await migrate(database)
    yield World(database)
    await database.close()


async def test_a_lock_is_reminded_of_once_and_ends_by_itself(world: World) -> None:
    await world.lock(ALICE)
    world.clock.pass_by(minutes=49)
    await world.turn()
    assert await world.said("ends in") == 0
    world.clock.pass_by(minutes=1)
    await world.turn()
    await world.turn()
    assert await world.said("<@U0ALICE>, your lock of *stg/admin* ends in 10 minutes") == 1
    world.clock.pass_by(minutes=10)
    await world.turn()
    await world.turn()
    assert await world.said("<@U0ALICE>, your lock of *stg/admin* has ended") == 1
    assert await world.done() == [("U0ALICE", "hold.lock"), ("kajitori", "hold.expire")]


async def test_its_holder_may_extend_it_and_nobody_else(world: World) -> None:
    await world.lock(ALICE)
    async with world.ctx.database.read() as connection:
        [lock] = await hold_rows.open_ones(connection)
    with pytest.raises(UserError) as refused:
        await holds.extend(world.ctx, lock.id, lock.step, by=BOB)
    assert (refused.value.code, refused.value.who) == ("not_yours", ALICE)
    longer = await holds.extend(world.ctx, lock.id, lock.step, by=ALICE)
    assert lock.until is not None
    assert longer.until == lock.until + EXTENSION
    with pytest.raises(UserError, match="out of date"):
        await holds.extend(world.ctx, lock.id, lock.step, by=ALICE)


@pytest.mark.parametrize(("span", "code"), [("25h", "lock_too_long"), ("2d", "lock_too_long"), ("8d", "bad_span")])
async def test_a_lock_of_more_than_a_day_is_refused(world: World, span: str, code: str) -> None:
    with pytest.raises(UserError) as refused:
        await world.lock(ALICE, span)
    assert refused.value.code == code


async def test_the_line_moves_when_the_lock_ends_and_a_missed_turn_passes_on(world: World) -> None:
    await world.lock(ALICE)
    await world.join(BOB)
    await world.join(CAROL)
    await world.turn()
    assert await world.line() == [(BOB, TicketState.WAITING), (CAROL, TicketState.WAITING)]
    world.clock.pass_by(hours=1)
    await world.turn()
    assert await world.line() == [(BOB, TicketState.OFFERED), (CAROL, TicketState.WAITING)]
    with pytest.raises(UserError) as refused:
        await world.ask(CAROL)
    assert (refused.value.code, refused.value.who) == ("not_your_turn", BOB)
    world.clock.pass_by(minutes=15)
    await world.turn()
    assert await world.line() == [(CAROL, TicketState.OFFERED)]
    assert await world.said("<@U0BOB>, *stg/admin* is free") == 1
    assert await world.said("<@U0CAROL>, *stg/admin* is free") == 1
    await world.ask(CAROL)
    assert await world.line() == []


async def test_a_turn_is_put_back_while_a_release_moves_there_and_comes_again(world: World) -> None:
    await world.join(BOB)
    await world.turn()
    assert await world.line() == [(BOB, TicketState.OFFERED)]
    back = replace(PLAN, kind=ReleaseKind.ROLLBACK, to_version="1.4.0")
    await world.ask(ALICE, back, key="slash:back")
    await world.turn()
    assert await world.line() == [(BOB, TicketState.WAITING)]
    async with world.ctx.database.write() as connection:
        held = await release_rows.lock_of(connection, STG_ADMIN)
        assert held is not None
        assert held.release_id is not None
        await release_rows.free_lock(connection, STG_ADMIN, release_id=ReleaseId(held.release_id))
    await world.turn()
    assert await world.line() == [(BOB, TicketState.OFFERED)]
    assert await world.said("<@U0BOB>, *stg/admin* is free") == 2


async def test_who_holds_the_target_goes_before_those_who_wait_for_it(world: World) -> None:
    await world.lock(ALICE)
    await world.join(BOB)
    await world.ask(ALICE)
    assert await world.line() == [(BOB, TicketState.WAITING)]


async def test_who_stands_in_line_already_keeps_the_place_with_the_new_version(world: World) -> None:
    first = await world.join(BOB)
    again, ahead = await queue.join(world.ctx, STG_ADMIN, Version("1.4.3"), by=BOB, asked_in=CHANNEL)
    assert (again.id, again.version, ahead) == (first.id, "1.4.3", 0)
    with pytest.raises(UserError) as refused:
        await queue.leave(world.ctx, first.id, by=ALICE)
    assert refused.value.code == "not_yours"
    await queue.leave(world.ctx, first.id, by=BOB)
    assert await world.line() == []


@pytest.mark.parametrize("locks", [True, False])
async def test_a_rollback_that_is_done_locks_its_target_where_that_is_wanted(world: World, locks: bool) -> None:
    environment = replace(world.ctx.catalog.environments[STG], rollback_locks=locks)
    ctx = replace(world.ctx, catalog=replace(world.ctx.catalog, environments={STG: environment}))
    back = replace(
        release(), plan=replace(PLAN, kind=ReleaseKind.ROLLBACK), phase=ReleasePhase.SUCCEEDED, reason="slow"
    )
    for ended in (back, replace(back, phase=ReleasePhase.FAILED), back):
        async with ctx.database.write() as connection:
            await holds.hold_after_rollback(ctx, connection, ended)
    async with ctx.database.read() as connection:
        found = await hold_rows.open_ones(connection)
    assert [(hold.version, hold.reason, hold.until) for hold in found] == ([("1.4.1", "slow", None)] if locks else [])


async def test_words_without_which_a_rollbacks_lock_stays(world: World) -> None:
    back = replace(release(), plan=replace(PLAN, kind=ReleaseKind.ROLLBACK), phase=ReleasePhase.SUCCEEDED)
    async with world.ctx.database.write() as connection:
        await holds.hold_after_rollback(world.ctx, connection, back)
    with pytest.raises(UserError) as refused:
        await holds.unlock(world.ctx, STG, STG_ADMIN.service, "  ", by=ALICE)
    assert refused.value.code == "reason_needed"
    with pytest.raises(UserError) as kept_out:
        await world.ask(ALICE)
    assert kept_out.value.code == "rolled_back"
    await holds.unlock(world.ctx, STG, STG_ADMIN.service, "the index is back", by=BOB)
    assert await world.said("<@U0BOB> says that it is safe to go on: the index is back") == 1
    await world.ask(ALICE)


@pytest.mark.parametrize(
    ("version", "reason", "meant"),
    [
        (None, None, (None, "")),
        ("1.4.1", None, ("1.4.1", "")),
        ("stable", None, ("stable", "")),
        ("1.4.1", "it  crashes", ("1.4.1", "it crashes")),
        ("it", "crashes on login", (None, "it crashes on login")),
    ],
)
def test_a_word_without_a_digit_before_others_begins_the_reason_of_a_rollback(
    version: str | None, reason: str | None, meant: tuple[str | None, str]
) -> None:
    assert holds.version_and_reason(Version(version) if version else None, reason) == meant


async def test_a_button_that_names_nothing_of_ours_is_refused(world: World) -> None:
    assert queue.read_wish(world.ctx, "stg/admin:1.4.2") == (Target(STG, STG_ADMIN.service), "1.4.2")
    for value in ("", "stg/admin", "stg/nobody:1", "prd/admin:1", "stg/admin:"):
        with pytest.raises(UserError):
            queue.read_wish(world.ctx, value)
