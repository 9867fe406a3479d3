"""A yes counts once per person, and only for the plan that was shown."""

from datetime import UTC, datetime, timedelta

from bot.domain.names import ReleaseId, UserId
from bot.store import approvals
from bot.store.db import Database

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
RELEASE = ReleaseId("01KAR0000000000000000000AA")
ALICE, BOB = UserId("U1"), UserId("U2")


async def say_yes(database: Database, user: UserId, plan_hash: str, *, after_s: float = 0) -> bool:
    async with database.write() as connection:
        now = NOW + timedelta(seconds=after_s)
        return await approvals.add(connection, RELEASE, user, plan_hash=plan_hash, now=now)


async def who(database: Database, plan_hash: str, release_id: ReleaseId = RELEASE) -> list[UserId]:
    async with database.read() as connection:
        return list(await approvals.of(connection, release_id, plan_hash=plan_hash))


async def test_two_people_who_say_yes_are_both_named_first_one_first(database: Database) -> None:
    assert await say_yes(database, BOB, "plan")
    assert await say_yes(database, ALICE, "plan", after_s=1)
    assert await who(database, "plan") == [BOB, ALICE]


async def test_a_second_yes_of_the_same_person_does_not_count(database: Database) -> None:
    assert await say_yes(database, ALICE, "plan")
    assert not await say_yes(database, ALICE, "plan", after_s=1)
    assert await who(database, "plan") == [ALICE]


async def test_a_yes_counts_for_no_other_plan_and_no_other_release(database: Database) -> None:
    await say_yes(database, ALICE, "plan")
    assert await who(database, "another plan") == []
    assert await who(database, "plan", ReleaseId("another release")) == []


async def test_a_yes_to_a_changed_plan_takes_the_place_of_the_first(database: Database) -> None:
    await say_yes(database, ALICE, "plan")
    assert await say_yes(database, ALICE, "changed plan", after_s=1)
    assert await who(database, "plan") == []
    assert await who(database, "changed plan") == [ALICE]
