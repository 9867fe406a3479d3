"""The sentry: an interrupted watch is a remark at once, and a message in the ops channel when it lasts."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.context import Bells, Context
from bot.domain.names import ChannelId, EnvironmentName
from bot.reconcile.pods.sentry import PATIENCE_S, START_PATIENCE_S, Sentry
from bot.store.db import Database
from bot.store.migrate import migrate
from bot.store.tables import outbox
from tests.store.test_pods import NOW

STG = EnvironmentName("stg")


@dataclass
class Sight:
    """The watches of an environment."""

    faults: Mapping[str, str] = field(default_factory=dict)
    is_listed: bool = True


class Post:
    """A sentry on its post: an ops channel, a clock, and what it said."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.sight = Sight()
        self.now_s = 1000.0
        known = SimpleNamespace(ops_channel=ChannelId("C0OPS"), database=database, bells=Bells())
        self.sentry = Sentry(cast(Context, known), {STG: self.sight}, lambda: self.now_s)

    async def turn(self, after_s: float, faults: Mapping[str, str]) -> list[Any]:
        """Time passes; the subjects and words of all that was said so far."""
        self.now_s += after_s
        self.sight.faults = faults
        await self.sentry.turn(NOW + timedelta(seconds=self.now_s))
        async with self.database.read() as connection:
            rows = (await connection.execute(outbox.select().order_by(outbox.c.id))).mappings().all()
        return [(row["subject"], row["body"]["text"]) for row in rows]


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    """All is well so far."""
    database = Database(f"sqlite:///{tmp_path / 'kajitori.db'}")
    await migrate(database)
    yield Post(database)
    await database.close()


async def test_a_short_interruption_is_a_remark_and_no_message(post: Post) -> None:
    assert await post.turn(0, {"pods": "no answer"}) == []
    assert post.sentry.remarks() == {"watch of pods in stg": "no answer"}
    assert await post.turn(PATIENCE_S - 1, {"pods": "no answer"}) == []
    assert await post.turn(5, {}) == []
    assert post.sentry.remarks() == {}


async def test_an_interruption_that_lasts_is_told_once_and_its_end_in_the_same_message(post: Post) -> None:
    await post.turn(0, {"pods": "no answer <!channel>"})
    ((subject, text),) = await post.turn(PATIENCE_S, {"pods": "no answer <!channel>"})
    assert "I can't see the pods of *stg*: no answer" in text
    assert "<!channel>" not in text
    assert len(await post.turn(100, {"pods": "still none"})) == 1
    ((again, text),) = await post.turn(5, {})
    assert (again, text.startswith("✅")) == (subject, True)
    assert "3:00" in text


async def test_a_start_waits_for_the_first_look_but_not_for_a_cluster_that_is_away(post: Post) -> None:
    assert "stg" in post.sentry.starting(set())
    assert post.sentry.starting({STG}) == ""
    post.sight.is_listed = False
    assert "stg" in post.sentry.starting({STG})
    post.now_s += START_PATIENCE_S + 1
    assert post.sentry.starting({STG}) == ""
