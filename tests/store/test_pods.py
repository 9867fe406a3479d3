"""Marks, stories and silences of pods: kept whole, found by their subject, forgotten when nobody asks any more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.names import EnvironmentName, ReleaseId, ServiceName, UserId
from bot.domain.pods import Cause, NearAlert, NearRelease, Recovery, Story, Subject, SubjectKind
from bot.domain.pods.cases import Case, Family, Hurt
from bot.domain.pods.falls import Mark
from bot.store import pods, retention
from bot.store.db import Database

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
STG, PRD = EnvironmentName("stg"), EnvironmentName("prd")
ADMIN = Subject(SubjectKind.DEPLOYMENT, "admin", "admin")
WEB = Subject(SubjectKind.DEPLOYMENT, "web", "web")
STORY = Story(
    id="01J0000000000000000000000A",
    environment=STG,
    subject=ADMIN,
    cause=Cause.OOM_KILLED,
    text="The container admin used more memory than its limit of 256Mi and was killed (OOMKilled).",
    remedy="Raise the limit.",
    opened_at=NOW,
    last_fall_at=NOW + timedelta(seconds=30),
    service=ServiceName("admin"),
    also=("Its node is not ready.",),
    falls=3,
    falls_today=4,
    pods_affected=2,
    pod_names=("admin-1", "admin-2"),
    pod="admin-1",
    container="admin",
    version="1.4.1",
    node="node-1",
    log_tail=("one", "two"),
    serving=2,
    desired=3,
    flaps=1,
    healed_at=NOW + timedelta(seconds=41),
    release=NearRelease(ReleaseId("01J"), "1.4.1", "1.4.0", UserId("U0ALICE"), NOW, may_roll_back=True),
    alert=NearAlert("1:env", "too slow"),
    silenced_until=NOW + timedelta(hours=1),
    silenced_by=UserId("U0BOB"),
    step=2,
)
CASE = Case(
    STORY,
    {"uid-1": Hurt("admin-1", "node-1", "admin", "abc", Family.ENDING, NOW)},
    day="2026-11-23",
    fell_today=3,
    earlier_today=1,
    is_stale=True,
    words_asked=True,
)


async def cases_of(database: Database, *subjects: Subject) -> tuple[Case, ...]:
    async with database.read() as connection:
        found = await pods.cases(connection, STG, subjects, closed_since=NOW - timedelta(minutes=10))
    return tuple(case for subject in subjects for case in found.get(subject, ()))


async def test_a_story_comes_back_as_it_was_saved(database: Database) -> None:
    async with database.write() as connection:
        await pods.save_cases(connection, [CASE])
    assert await cases_of(database, ADMIN, WEB) == (CASE,)
    async with database.read() as connection:
        assert await pods.get(connection, STORY.id) == STORY
        assert await pods.get(connection, "01J0000000000000000000000B") is None
        assert await pods.open_subjects(connection, STG) == {ADMIN}
        assert await pods.open_subjects(connection, PRD) == frozenset()


async def test_a_story_that_closed_is_found_as_long_as_it_may_open_again(database: Database) -> None:
    closed = replace(STORY, closed_at=NOW, recovery=Recovery.RESTARTED)
    long_ago = replace(closed, id="01J0000000000000000000000B", closed_at=NOW - timedelta(minutes=11))
    async with database.write() as connection:
        await pods.save_cases(connection, [replace(CASE, story=closed), replace(CASE, story=long_ago, is_stale=False)])
    assert [case.story for case in await cases_of(database, ADMIN)] == [closed]
    async with database.read() as connection:
        assert await pods.undrawn_subjects(connection, STG, since=NOW - timedelta(hours=2)) == {ADMIN}
        assert await pods.falls_on(connection, STG, [ADMIN, WEB], day="2026-11-23") == {ADMIN: 6}
        assert await pods.falls_on(connection, STG, [ADMIN], day="2026-11-24") == {}


async def test_stories_of_a_day_are_listed_without_those_that_nobody_was_told(database: Database) -> None:
    secret = replace(STORY, id="01J0000000000000000000000B", is_told=False)
    async with database.write() as connection:
        await pods.save_cases(connection, [CASE, replace(CASE, story=secret)])
    async with database.read() as connection:
        day = NOW + timedelta(days=1)
        assert await pods.stories(connection, since=NOW, until=day, environment=STG) == [STORY]
        assert len(await pods.stories(connection, since=NOW, until=day, told_only=False)) == 2
        assert await pods.stories(connection, since=day, until=day + timedelta(days=1)) == []


async def test_marks_are_replaced_found_and_forgotten_by_uid(database: Database) -> None:
    first = Mark("uid-1", {"admin": 1}, {"admin": 1700000000}, "Evicted", frozenset({"admin:starting"}))
    many = [(ADMIN, Mark(f"uid-{number}", {"admin": number})) for number in range(2, 950)]
    async with database.write() as connection:
        await pods.save_marks(connection, STG, [(ADMIN, first), *many], now=NOW)
        await pods.save_marks(connection, STG, [(ADMIN, replace(first, deaths={"admin": 2}))], now=NOW)
        await pods.save_marks(connection, PRD, [(ADMIN, first)], now=NOW)
        found = await pods.marks(connection, STG, [f"uid-{number}" for number in range(1, 950)])
        assert len(found) == 949
        assert found["uid-1"] == replace(first, deaths={"admin": 2})
        await pods.forget_marks(connection, STG, list(found))
        assert await pods.marked_uids(connection, STG) == {}
        assert await pods.marked_uids(connection, PRD) == {"uid-1": "deployment/admin/admin"}


async def test_a_silence_lasts_until_its_time_or_until_somebody_ends_it(database: Database) -> None:
    until = NOW + timedelta(hours=1)
    async with database.write() as connection:
        await pods.silence(connection, STG, ADMIN, until=NOW, by=UserId("U0ALICE"), now=NOW)
        await pods.silence(connection, STG, ADMIN, until=until, by=UserId("U0BOB"), now=NOW)
        assert (await pods.silences(connection, STG, now=NOW))[ADMIN].by == "U0BOB"
        assert await pods.silences(connection, STG, now=until) == {}
        assert await pods.unsilence(connection, STG, ADMIN)
        assert not await pods.unsilence(connection, STG, ADMIN)


async def test_what_is_watched_keeps_the_time_of_its_first_look(database: Database) -> None:
    later = NOW + timedelta(hours=1)
    async with database.write() as connection:
        await pods.watch(connection, STG, "pods/admin", now=NOW)
        await pods.watch(connection, STG, "pods/admin", now=later)
        assert await pods.watched(connection, STG) == {"pods/admin": pods.Watched("pods/admin", NOW, later)}
        assert await pods.watched(connection, PRD) == {}


async def test_closed_stories_and_unused_marks_are_forgotten_after_three_months(database: Database) -> None:
    closed = replace(STORY, closed_at=NOW, recovery=Recovery.RESTARTED)
    async with database.write() as connection:
        await pods.save_cases(connection, [replace(CASE, story=closed)])
        await pods.save_cases(connection, [replace(CASE, story=replace(STORY, id="01J0000000000000000000000B"))])
        await pods.save_marks(connection, STG, [(ADMIN, Mark("uid-1", {"admin": 1}))], now=NOW)
        later = NOW + retention.STORIES_KEPT
        assert await retention.sweep(connection, now=later) == 0
        await pods.touch_marks(connection, STG, now=later)
        assert await retention.sweep(connection, now=later + timedelta(days=1)) == 1
        assert set(await pods.marked_uids(connection, STG)) == {"uid-1"}
        assert await pods.open_subjects(connection, STG) == {ADMIN}
