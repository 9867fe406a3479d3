"""Holds, places in line and emergencies as rows: read as they were saved; of those who are as fast, one wins."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.catalog import Target
from bot.domain.emergency import Emergency, Node, Risk, Scene, Standing
from bot.domain.holds import Hold, HoldKind
from bot.domain.names import ChannelId, EnvironmentName, ReleaseId, ServiceName, UserId, Version
from bot.domain.queue import Ticket, TicketState
from bot.store import emergencies, holds, queue
from bot.store.db import Database
from bot.store.ids import new_id

NOW = datetime(2026, 11, 23, 9, 0, 0, 250_000, tzinfo=UTC)
STG, ADMIN = EnvironmentName("stg"), ServiceName("admin")
ALICE, BOB = UserId("U0ALICE"), UserId("U0BOB")
LOCK = Hold(
    new_id(NOW),
    HoldKind.MANUAL,
    STG,
    ADMIN,
    ALICE,
    "<!channel> migration",
    NOW,
    NOW + timedelta(hours=1),
    asked_in=ChannelId("C1"),
    reminded_for=NOW,
)
TICKET = Ticket("1" * 26, Target(STG, ADMIN), ALICE, Version("1.4.2"), NOW, asked_in=ChannelId("C1"))
SCENE = Scene(
    nodes=(Node("node-0", "v1.32.4", ready=True, cordoned=True, pods=2),),
    services=(Standing(ADMIN, 2, ready=1, nodes=("node-0",), stuck=("admin",)),),
)
EMERGENCY = Emergency(
    new_id(NOW),
    STG,
    ALICE,
    "upgrade",
    NOW,
    asked_in=ChannelId("C1"),
    risks=(Risk(ADMIN, "has one replica"),),
    scene=SCENE,
)


async def test_a_hold_is_read_as_it_was_saved_until_it_is_over(database: Database) -> None:
    async with database.write() as connection:
        assert await holds.add(connection, LOCK)
        assert await holds.open_ones(connection) == [LOCK]
        assert await holds.over(connection, Target(STG, ADMIN)) == [LOCK]
        assert await holds.over(connection, Target(STG, ServiceName("web"))) == []
        ended = await holds.save(connection, replace(LOCK, ended_at=NOW, ended_by=BOB, ended_why="gone"))
        assert await holds.save(connection, LOCK) is None, "somebody saved it since it was read"
        assert await holds.get(connection, LOCK.id) == ended
        assert await holds.by_key(connection, LOCK.key) is None
        assert await holds.add(connection, replace(LOCK, id=new_id(NOW))), "its place is free again"
        assert await holds.sweep(connection, before=NOW + timedelta(days=1), limit=9) == 1


async def test_of_twenty_who_lock_a_place_at_once_one_has_it(database: Database) -> None:
    async def lock(number: int) -> bool:
        async with database.write() as connection:
            return await holds.add(connection, replace(LOCK, id=new_id(NOW), owner=UserId(f"U{number}")))

    assert sum(await asyncio.gather(*(lock(number) for number in range(20)))) == 1


async def test_a_line_is_in_order_of_arrival_and_holds_a_person_once(database: Database) -> None:
    later = replace(TICKET, id="2" * 26, user=BOB)
    async with database.write() as connection:
        assert await queue.add(connection, TICKET)
        assert not await queue.add(connection, replace(TICKET, id="3" * 26))
        assert await queue.add(connection, later)
        assert await queue.line(connection, TICKET.target) == [TICKET, later]
        assert await queue.waiting(connection, EnvironmentName("prd")) == []
        offered = await queue.save(connection, TICKET.offered(NOW))
        assert offered is not None
        assert await queue.get(connection, TICKET.id) == offered
        release = ReleaseId("01K" + "A" * 23)
        over = await queue.save(connection, offered.ended(TicketState.STARTED, NOW, release))
        assert await queue.get(connection, TICKET.id) == over
        assert await queue.line(connection, TICKET.target) == [later]
        assert await queue.by_key(connection, TICKET.key) is None
        assert await queue.sweep(connection, before=NOW + timedelta(days=1), limit=9) == 1


async def test_an_environment_has_one_emergency_at_a_time(database: Database) -> None:
    async with database.write() as connection:
        assert await emergencies.add(connection, EMERGENCY)
        assert not await emergencies.add(connection, replace(EMERGENCY, id=new_id(NOW)))
        assert await emergencies.open_in(connection, STG) == EMERGENCY
        assert await emergencies.open_in(connection, EnvironmentName("prd")) is None
        ended = await emergencies.save(connection, replace(EMERGENCY, ended_at=NOW, ended_by=BOB))
        assert await emergencies.get(connection, EMERGENCY.id) == ended
        assert await emergencies.open_ones(connection) == []
        assert await emergencies.sweep(connection, before=NOW + timedelta(days=1), limit=9) == 1
