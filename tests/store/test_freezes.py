"""Freezes, reviews and used approvals as rows: at most one freeze holds an environment, and each ends once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from bot.domain.catalog import Target
from bot.domain.freezes import Closure
from bot.domain.names import EnvironmentName, ReleaseId, ServiceName, UserId
from bot.domain.review import Review
from bot.store import approvals, freezes, reviews
from bot.store.db import Database
from bot.store.ids import id_of

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
PRD, STG = EnvironmentName("prd"), EnvironmentName("stg")
OPS, BOB = UserId("U0OPS"), UserId("U0BOB")


def closure(key: str, environment: EnvironmentName = PRD, until: datetime | None = NOW + HOUR) -> Closure:
    return Closure(environment, "a move 🧊", NOW, until, OPS, id_of(NOW, key))


async def test_a_freeze_is_read_as_it_was_written_and_ends_once(database: Database) -> None:
    first, other = closure("a"), closure("b", STG, None)
    async with database.write() as connection:
        await freezes.add(connection, first)
        await freezes.add(connection, other)
    async with database.write() as connection:
        assert await freezes.open_ones(connection, PRD) == [first]
        assert {each.id for each in await freezes.open_ones(connection)} == {first.id, other.id}
        assert await freezes.next_end(connection) == NOW + HOUR
        assert await freezes.end(connection, first.id, by="kajitori", now=NOW)
        assert not await freezes.end(connection, first.id, by=OPS, now=NOW)
        assert await freezes.open_ones(connection) == [other]
        assert await freezes.get(connection, first.id) == first
        assert await freezes.next_end(connection) is None
        assert await freezes.sweep(connection, before=NOW + HOUR, limit=9) == 1
        assert await freezes.get(connection, first.id) is None


async def test_a_second_freeze_of_an_environment_needs_the_end_of_the_first(database: Database) -> None:
    async with database.write() as connection:
        await freezes.add(connection, closure("a"))
    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await freezes.add(connection, closure("b"))


async def test_a_review_is_closed_by_the_first_who_does(database: Database) -> None:
    target = Target(PRD, ServiceName("admin"))
    review = Review(ReleaseId(id_of(NOW, "r")), target, "1.4.3", OPS, "it burns", "1 approval", NOW)
    async with database.write() as connection:
        await reviews.add(connection, review)
        assert await reviews.open_ones(connection) == [review]
        assert await reviews.close(connection, review.release_id, by=BOB, words="fine", now=NOW + HOUR)
        assert not await reviews.close(connection, review.release_id, by=OPS, words="mine", now=NOW + HOUR)
        assert await reviews.open_ones(connection) == []
        closed = replace(review, closed_at=NOW + HOUR, closed_by=BOB, words="fine")
        assert await reviews.get(connection, review.release_id) == closed


async def test_approvals_are_used_once_and_taken_back_by_name(database: Database) -> None:
    release_id = ReleaseId(id_of(NOW, "r"))
    async with database.write() as connection:
        await approvals.add(connection, release_id, OPS, plan_hash="plan", now=NOW)
        await approvals.add(connection, release_id, BOB, plan_hash="plan", now=NOW + HOUR)
        assert await approvals.newest(connection, release_id, plan_hash="plan") == NOW + HOUR
        assert await approvals.newest(connection, release_id, plan_hash="another") is None
        await approvals.take_back(connection, release_id, [BOB])
        assert await approvals.of(connection, release_id, plan_hash="plan") == [OPS]
        assert await approvals.use(connection, release_id, plan_hash="plan", now=NOW)
        assert not await approvals.use(connection, release_id, plan_hash="plan", now=NOW)
