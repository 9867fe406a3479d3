"""Which moments of releases were told to Datadog."""

from dataclasses import replace
from datetime import timedelta

from bot.domain.markers import Moment, markers_of
from bot.domain.release import Outcome, Release, ReleasePhase
from bot.store import markers, releases
from bot.store.db import Database
from tests.store.releases import NOW, release

SINCE = NOW - timedelta(hours=17)


def begun(key: str, hours_ago: float = 0.0) -> Release:
    at = NOW - timedelta(hours=hours_ago)
    return replace(release(key, at=at), phase=ReleasePhase.PROGRESSING, started_at=at)


async def keep(database: Database, *rows: Release) -> None:
    async with database.write() as connection:
        for row in rows:
            await releases.add(connection, row)


async def test_releases_with_something_to_tell_are_found_oldest_first(database: Database) -> None:
    waiting, moving = release("slash:T1:1"), begun("slash:T1:2", 1)
    ended = begun("slash:T1:3", 2).finished(ReleasePhase.SUCCEEDED, Outcome("done", "Done."), NOW)
    old = begun("slash:T1:4", 40).finished(ReleasePhase.SUCCEEDED, Outcome("done", "Done."), NOW - timedelta(hours=39))
    long_ago = begun("slash:T1:5", 30)
    await keep(database, waiting, moving, ended, old, long_ago)
    async with database.read() as connection:
        assert await markers.candidates(connection, since=SINCE) == [ended.id, moving.id]


async def test_a_moment_is_told_once_however_often_it_is_noted(database: Database) -> None:
    moving = begun("slash:T1:1")
    await keep(database, moving)
    (started,) = markers_of(moving, NOW)
    async with database.write() as connection:
        await markers.note(connection, started, now=NOW, event_id="7")
        await markers.note(connection, started, now=NOW, event_id="8" * 100, problem="x" * 1000)
    async with database.read() as connection:
        assert await markers.told(connection, [moving.id]) == {(moving.id, Moment.STARTED)}
        assert await markers.candidates(connection, since=SINCE) == []


async def test_a_release_that_ended_has_its_end_to_tell(database: Database) -> None:
    moving = begun("slash:T1:1")
    await keep(database, moving)
    async with database.write() as connection:
        await markers.note(connection, markers_of(moving, NOW)[0], now=NOW, event_id="7")
        await releases.save(connection, moving.finished(ReleasePhase.FAILED, Outcome("deadline", "Late."), NOW))
    async with database.read() as connection:
        assert await markers.candidates(connection, since=SINCE) == [moving.id]


async def test_old_rows_are_forgotten(database: Database) -> None:
    moving = begun("slash:T1:1")
    async with database.write() as connection:
        await markers.note(connection, markers_of(moving, NOW)[0], now=NOW, event_id="7")
        await markers.sweep(connection, before=NOW)
        assert await markers.told(connection, [moving.id]) == {(moving.id, Moment.STARTED)}
        await markers.sweep(connection, before=NOW + timedelta(seconds=1))
        assert await markers.told(connection, [moving.id]) == set()
