"""The pen: new stories at once, six changes a minute, ends first, and nothing that nobody is to be told."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cards.pod import story_card, story_note
from bot.domain.names import ChannelId
from bot.domain.pods import Recovery
from bot.domain.pods.cases import Case
from bot.reconcile.pods.pen import Pen
from bot.store.db import Database
from bot.store.migrate import migrate
from bot.store.tables import outbox
from tests.store.test_pods import CASE, NOW


class Desk:
    """A pen, its paper and a clock."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now_s = 0.0
        self.pen = Pen(ChannelId("C0ALERTS"), story_card, story_note, lambda: self.now_s)

    async def write(self, *cases: Case) -> list[Case]:
        """What the pen makes of them, in its order; everything that waits is taken as sent."""
        async with self.database.write() as connection:
            written = await self.pen.write(connection, cases, NOW)
            await connection.execute(outbox.update().values(state="sent"))
        return written

    async def said(self) -> int:
        """How many rows were given to the outbox."""
        async with self.database.read() as connection:
            return len((await connection.execute(outbox.select())).all())


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """An empty database, and nothing written yet."""
    database = Database(f"sqlite:///{tmp_path / 'kajitori.db'}")
    await migrate(database)
    yield Desk(database)
    await database.close()


def case(number: int, *, is_posted: bool = True, is_closed: bool = False) -> Case:
    story = replace(CASE.story, id=f"01J000000000000000000000{number:02}", log_tail=())
    if is_closed:
        story = replace(story, closed_at=NOW, recovery=Recovery.RESTARTED)
    return replace(CASE, story=story, is_posted=is_posted)


async def test_new_stories_are_never_kept_waiting(desk: Desk) -> None:
    written = await desk.write(*(case(number, is_posted=False) for number in range(20)))
    assert all(each.is_posted and not each.is_stale for each in written)
    assert await desk.said() == 20


async def test_six_changes_a_minute_are_written_and_the_others_as_they_are_by_then(desk: Desk) -> None:
    written = await desk.write(*(case(number) for number in range(8)))
    assert [each.is_stale for each in written] == [False] * 6 + [True] * 2
    assert len(desk.pen.waiting) == 2
    desk.now_s = 59.0
    assert desk.pen.wait_s() == 1.0
    assert (await desk.write(case(6)))[0].is_stale
    desk.now_s = 60.0
    assert not (await desk.write(case(6)))[0].is_stale
    assert len(desk.pen.waiting) == 1


async def test_the_ends_of_stories_go_before_their_changes(desk: Desk) -> None:
    written = await desk.write(*(case(number) for number in range(8)), case(50, is_closed=True))
    assert not written[0].is_stale
    assert written[0].story.closed_at is not None


async def test_what_nobody_is_to_be_told_is_not_written(desk: Desk) -> None:
    secret = case(1, is_posted=False)
    (written,) = await desk.write(replace(secret, story=replace(secret.story, is_told=False)))
    assert (written.is_stale, written.is_posted, await desk.said()) == (False, False, 0)


async def test_many_log_lines_stand_in_the_thread_once(desk: Desk) -> None:
    wordy = case(1, is_posted=False)
    wordy = replace(wordy, story=replace(wordy.story, log_tail=("a", "b", "c")))
    (written,) = await desk.write(wordy)
    assert await desk.said() == 2
    await desk.write(replace(written, is_stale=True))
    assert await desk.said() == 3
