"""Handlings, watches and handovers as rows: read as they were saved, and never saved over somebody else's save."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.handling import Handling, Mute, Note, Page, Standing
from bot.domain.names import AlertId, UserId
from bot.domain.oncall import Responder, Watch
from bot.store import handlings, watches
from bot.store.db import Database
from bot.store.watches import Handover

NOW = datetime(2026, 11, 23, 15, 0, 0, 250_000, tzinfo=UTC)
ALICE = UserId("U0ALICE")
ALERT = AlertId("01K" + "A" * 23)
FULL = Handling(
    ALERT,
    mute=Mute(NOW + timedelta(hours=1), ALICE, NOW, Standing.DONE, NOW + timedelta(hours=1), "d1", ""),
    page=Page("p1", Standing.DONE, acknowledged=Standing.WANTED, escalations=2, escalated=1, at=NOW),
    notes=(Note(ALICE, NOW, "<!channel> \ud800 it is the disk"), Note(ALICE, NOW, "no", Standing.FAILED)),
    people=(ALICE, UserId("U0BOB")),
    tries=3,
    due_at=NOW,
)
WATCHED = Watch(
    "alert:1",
    called=(Responder("alice", ALICE), Responder("Eve")),
    called_at=NOW,
    passed=(ALICE,),
    asked=ALICE,
    asked_at=NOW,
    due_at=NOW + timedelta(minutes=5),
)


async def test_a_handling_is_read_as_it_was_saved(database: Database) -> None:
    async with database.write() as connection:
        saved = await handlings.save(connection, FULL)
        assert saved is not None
        read = await handlings.of(connection, ALERT)
        assert await handlings.of_all(connection, [ALERT, AlertId("none")]) == {ALERT: read}
    assert read.notes[0].text.endswith("it is the disk")
    assert replace(read, notes=()) == replace(saved, notes=())
    assert read.notes[1] == FULL.notes[1]


async def test_what_is_not_there_is_empty(database: Database) -> None:
    async with database.read() as connection:
        assert await handlings.of(connection, ALERT) == Handling(ALERT)
        assert await watches.of(connection, "alert:1") == Watch("alert:1")
        assert await watches.all_of(connection) == {}
        assert await watches.handovers(connection) == {}


async def test_of_two_who_save_the_same_reading_one_wins(database: Database) -> None:
    async with database.write() as connection:
        first = await handlings.save(connection, FULL)
        assert await handlings.save(connection, FULL) is None
        assert first is not None
        assert await handlings.save(connection, replace(first, tries=9)) is not None
        assert await handlings.save(connection, replace(first, tries=8)) is None
        seen = await watches.save(connection, WATCHED)
        assert await watches.save(connection, WATCHED) is None
        assert seen is not None
        assert await watches.save(connection, seen) is not None
        assert await watches.save(connection, seen) is None


async def test_the_loop_finds_what_is_due_and_when_the_next_is(database: Database) -> None:
    later = replace(FULL, alert=AlertId("later"), due_at=NOW + timedelta(minutes=1))
    never = replace(FULL, alert=AlertId("never"), due_at=None)
    async with database.write() as connection:
        for each in (FULL, later, never):
            await handlings.save(connection, each)
        assert [each.alert for each in await handlings.due(connection, now=NOW, limit=9)] == [ALERT]
        assert await handlings.next_due_at(connection, after=NOW) == later.due_at


async def test_what_wants_nothing_any_more_is_forgotten_with_its_time(database: Database) -> None:
    quiet, busy = replace(FULL, due_at=None), replace(FULL, alert=AlertId("01K" + "B" * 23))
    async with database.write() as connection:
        for each in (quiet, busy):
            await handlings.save(connection, each)
        assert await handlings.sweep(connection, before=datetime(2000, 1, 1, tzinfo=UTC), limit=9) == 0
        assert await handlings.sweep(connection, before=datetime(2100, 1, 1, tzinfo=UTC), limit=9) == 1
        assert set(await handlings.of_all(connection, [quiet.alert, busy.alert])) == {busy.alert}


async def test_a_watch_is_read_as_it_was_saved_and_ends(database: Database) -> None:
    async with database.write() as connection:
        saved = await watches.save(connection, WATCHED)
        assert await watches.of(connection, "alert:1") == saved
        assert await watches.all_of(connection) == {"alert:1": saved}
        await watches.drop(connection, "alert:1")
        assert await watches.all_of(connection) == {}


async def test_a_handover_is_noted_once(database: Database) -> None:
    first, second = Handover("", "U0ALICE", NOW), Handover("", "U0BOB", NOW)
    async with database.write() as connection:
        assert await watches.hand_over(connection, first, known_person=None)
        assert not await watches.hand_over(connection, second, known_person=None)
        assert await watches.hand_over(connection, second, known_person="U0ALICE")
        assert not await watches.hand_over(connection, first, known_person="U0ALICE")
        assert await watches.handovers(connection) == {"": second}
