"""Telling Datadog when releases start and end: from the rows, whatever happens on the way."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from bot.context import Context
from bot.datadog.client import Datadog
from bot.domain.names import UserId
from bot.domain.release import Outcome, Release, ReleasePhase
from bot.errors import Unreachable
from bot.reconcile.markers import EVERY_S, WRONG_KEYS_S, MarkerLoop
from bot.sandbox.datadog.service import HOSTS
from bot.slack.directory import Directory
from bot.store import releases
from bot.store.db import Database
from bot.store.migrate import migrate
from tests.chat import open_chat
from tests.datadog.world import World, told, until
from tests.store.releases import release

EVENTS = f"{HOSTS['main']}/api/v1/events"


class NoSlack:
    """A directory that can't be asked."""

    async def person(self, user: UserId, *, stale_ok: bool = False) -> None:
        raise Unreachable("Slack", "no answer")


class Bot:
    """A loop with its rows. `restart` forgets all but those."""

    def __init__(self, world: World, database: Database) -> None:
        self.world = world
        self.database = database
        self.restart()

    def restart(self, datadog: Datadog | None = None) -> None:
        nothing = cast(Any, None)
        ctx = Context(
            catalog=nothing,
            database=self.database,
            clusters=nothing,
            registry=nothing,
            directory=cast(Directory, NoSlack()),
            messages=nothing,
            forms=nothing,
            timezone=nothing,
            ops_channel=None,
            team="T1",
            bot_user="UBOT",
            clock=lambda: self.world.now,
            datadog=datadog or self.world.datadog(),
        )
        self.loop = MarkerLoop(ctx)

    async def begins(self, key: str = "slash:T1:1") -> Release:
        made = release(key, at=self.world.now)
        moving = replace(made, phase=ReleasePhase.PROGRESSING, started_at=self.world.now)
        async with self.database.write() as connection:
            assert await releases.add(connection, moving)
        return moving

    async def ends(self, moving: Release, phase: ReleasePhase = ReleasePhase.SUCCEEDED) -> None:
        ended = moving.finished(phase, Outcome("done", "Every pod is new."), self.world.now)
        async with self.database.write() as connection:
            assert await releases.save(connection, ended)

    @property
    def titles(self) -> list[str]:
        return [event.title for event in self.world.desk.datadog.received]


@pytest.fixture
async def bot(world: World, tmp_path: Path) -> AsyncIterator[Bot]:
    database = Database(f"sqlite:///{tmp_path / 'kajitori.db'}")
    await migrate(database)
    yield Bot(world, database)
    await database.close()


async def test_start_and_end_are_told_once_each(bot: Bot) -> None:
    moving = await bot.begins()
    assert await bot.loop.tell_due() == EVERY_S
    await bot.loop.tell_due()
    assert bot.titles == ["Deploying admin 1.4.2 to stg"]
    bot.world.desk.now_s += 60
    await bot.ends(moving)
    await bot.loop.tell_due()
    await bot.loop.tell_due()
    assert bot.titles == ["Deploying admin 1.4.2 to stg", "admin 1.4.2 runs in stg"]
    first, last = bot.world.desk.datadog.received
    assert first.aggregation_key == last.aggregation_key == f"kajitori release {moving.id}"
    assert last.at_s - first.at_s == 60
    assert {"env:stg", "service:admin", "version:1.4.2"} <= set(last.tags)
    assert "Asked for by U1." in last.text


async def test_what_happened_while_the_bot_was_down_is_told_in_order(bot: Bot) -> None:
    one, two = await bot.begins("slash:T1:1"), await bot.begins("slash:T1:2")
    bot.world.desk.now_s += 60
    await bot.ends(two, ReleasePhase.FAILED)
    bot.world.desk.now_s += 60
    await bot.ends(one)
    bot.restart()
    await bot.loop.tell_due()
    assert bot.titles == [
        "Deploying admin 1.4.2 to stg",
        "Deploying admin 1.4.2 to stg",
        "admin 1.4.2 failed in stg",
        "admin 1.4.2 runs in stg",
    ]


async def test_a_restart_tells_nothing_twice(bot: Bot) -> None:
    await bot.begins()
    await bot.loop.tell_due()
    bot.restart()
    await bot.loop.tell_due()
    assert len(bot.titles) == 1


async def test_while_datadog_is_away_nothing_is_lost(bot: Bot) -> None:
    moving = await bot.begins()
    for _ in range(3):
        bot.world.relay.order("POST", EVENTS, told(503))
        assert 0 < await bot.loop.tell_due() < 60
    await bot.ends(moving)
    await bot.loop.tell_due()
    assert bot.titles == ["Deploying admin 1.4.2 to stg", "admin 1.4.2 runs in stg"]


async def test_an_answer_that_is_lost_is_told_again_under_the_same_key(bot: Bot) -> None:
    await bot.begins()
    bot.world.relay.order("POST", EVENTS, bot.world.relay.lose_answer)
    await bot.loop.tell_due()
    await bot.loop.tell_due()
    first, second = bot.world.desk.datadog.received
    assert (first.aggregation_key, first.at_s) == (second.aggregation_key, second.at_s)
    await bot.loop.tell_due()
    assert len(bot.titles) == 2


async def test_a_limit_is_waited_for_and_not_asked_against(bot: Bot) -> None:
    await bot.begins()
    bot.world.relay.order("POST", EVENTS, told(429, None, X_RateLimit_Name="events", X_RateLimit_Reset="300"))
    assert await bot.loop.tell_due() == pytest.approx(300, abs=1)
    assert await bot.loop.tell_due() == pytest.approx(300, abs=30)
    assert bot.world.relay.count("POST", EVENTS) == 1


async def test_wrong_keys_are_tried_again_later(bot: Bot) -> None:
    await bot.begins()
    bot.restart(bot.world.datadog(api_key="f" * 32))
    assert await bot.loop.tell_due() == WRONG_KEYS_S
    bot.restart()
    await bot.loop.tell_due()
    assert len(bot.titles) == 1


async def test_an_event_that_datadog_refuses_for_itself_stops_no_other(bot: Bot) -> None:
    await bot.begins("slash:T1:1")
    await bot.begins("slash:T1:2")
    bot.world.relay.order("POST", EVENTS, told(400, {"errors": ["Invalid tags"]}))
    assert await bot.loop.tell_due() == EVERY_S
    await bot.loop.tell_due()
    assert len(bot.titles) == 1
    assert bot.world.relay.count("POST", EVENTS) == 2


async def test_what_is_too_old_is_left(bot: Bot) -> None:
    await bot.ends(await bot.begins())
    bot.world.desk.now_s += timedelta(hours=20).total_seconds()
    assert await bot.loop.tell_due() == EVERY_S
    assert bot.world.relay.count("POST", EVENTS) == 0


async def test_a_turn_never_waits_for_datadog(bot: Bot) -> None:
    await bot.begins()
    bot.world.relay.order("POST", EVENTS, bot.world.relay.hold)
    await bot.loop.turn()
    await until(lambda: bot.world.relay.count("POST", EVENTS) == 1)
    assert await bot.loop.turn() == EVERY_S
    await bot.loop.crew.settle(0.1)
    assert len(bot.loop.crew) == 0


async def test_a_turn_tells_what_is_due(bot: Bot) -> None:
    await bot.begins()
    await bot.loop.turn()
    await bot.loop.crew.settle(20)
    assert bot.titles == ["Deploying admin 1.4.2 to stg"]
    assert 0 < await bot.loop.turn() <= EVERY_S


async def test_a_release_is_seen_in_datadog_from_its_start_to_its_end(tmp_path: Path) -> None:
    async with open_chat(tmp_path) as chat:
        await chat.alice.says("/deploy stg admin 1.4.2")
        await chat.card(phase="Succeeded")
        await chat.until(
            lambda: len(chat.datadog.received) == 2 or None, 60, lambda: f"told {list(chat.datadog.received)}"
        )
        started, finished = chat.datadog.received
        assert started.title == "Deploying admin 1.4.2 to stg"
        assert (finished.title, finished.kind) == ("admin 1.4.2 runs in stg", "success")
        assert "Asked for by alice." in finished.text
