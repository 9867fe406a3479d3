"""Requests are kept once, handed out in order, and never lost by a crash."""

import asyncio
from datetime import UTC, datetime, timedelta

from bot.store import inbox
from bot.store.db import Database
from bot.store.inbox import Arrival

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def arrival(key: str, **changes: object) -> Arrival:
    return Arrival("slash", key, {"text": "stg admin", "key": key}, NOW, **changes)  # type: ignore[arg-type]


async def add(database: Database, *arrivals: Arrival) -> set[tuple[str, str]]:
    async with database.write() as connection:
        return await inbox.add(connection, arrivals)


async def claim(database: Database, *, now: datetime = NOW, limit: int = 10) -> list[str]:
    async with database.write() as connection:
        return [row.key for row in await inbox.claim(connection, now=now, limit=limit)]


async def test_a_request_comes_back_as_it_was_kept(database: Database) -> None:
    await add(database, arrival("a"))
    async with database.write() as connection:
        [row] = await inbox.claim(connection, now=NOW, limit=1)
    assert (row.source, row.key, row.payload) == ("slash", "a", {"text": "stg admin", "key": "a"})
    assert (row.received_at, row.attempts) == (NOW, 1)


async def test_no_arrivals_change_nothing(database: Database) -> None:
    assert await add(database) == set()


async def test_a_request_twice_in_one_call_is_kept_once_and_the_first_counts(database: Database) -> None:
    first = Arrival("slash", "a", {"n": 1}, NOW)
    second = Arrival("slash", "a", {"n": 2}, NOW)
    assert await add(database, first, second, arrival("b")) == {("slash", "a"), ("slash", "b")}
    async with database.write() as connection:
        rows = await inbox.claim(connection, now=NOW, limit=10)
    assert {row.key: row.payload.get("n") for row in rows} == {"a": 1, "b": None}


async def test_a_request_that_comes_again_is_not_new(database: Database) -> None:
    await add(database, arrival("a"))
    assert await add(database, arrival("a"), arrival("b")) == {("slash", "b")}
    assert sorted(await claim(database)) == ["a", "b"]


async def test_the_same_key_from_another_source_is_another_request(database: Database) -> None:
    await add(database, arrival("a"))
    assert await add(database, Arrival("event", "a", {}, NOW)) == {("event", "a")}


async def test_of_twenty_that_bring_one_request_at_once_exactly_one_is_told_it_is_new(database: Database) -> None:
    answers = await asyncio.gather(*(add(database, arrival("a"), arrival(f"own-{n}")) for n in range(20)))
    assert sum(("slash", "a") in new for new in answers) == 1
    assert all(("slash", f"own-{n}") in new for n, new in enumerate(answers))


async def test_five_hundred_arrivals_go_in_with_one_call(database: Database) -> None:
    assert len(await add(database, *(arrival(f"k{n}") for n in range(500)))) == 500
    async with database.read() as connection:
        assert await inbox.waiting(connection) == 500


async def test_requests_are_handed_out_oldest_first_and_only_once(database: Database) -> None:
    for key in ("c", "a", "b"):
        await add(database, arrival(key))
    assert await claim(database, limit=2) == ["c", "a"]
    assert await claim(database) == ["b"]
    assert await claim(database) == []


async def test_requests_that_came_together_are_handed_out_in_the_order_they_came(database: Database) -> None:
    keys = [f"k{n}" for n in range(60)]
    await add(database, *(arrival(key) for key in keys), arrival("k3"))
    assert await claim(database, limit=100) == keys


async def test_two_workers_that_claim_at_once_never_get_the_same_request(database: Database) -> None:
    await add(database, *(arrival(f"k{n}") for n in range(40)))
    taken = await asyncio.gather(*(claim(database, limit=7) for _ in range(8)))
    assert all(len(keys) <= 7 for keys in taken)
    keys = [key for part in taken for key in part] + await claim(database, limit=40)
    assert len(keys) == len(set(keys)) == 40


async def test_an_answered_request_is_kept_but_never_handed_out(database: Database) -> None:
    assert await add(database, arrival("a", answered=True, outcome="help")) == {("slash", "a")}
    assert await claim(database) == []
    assert await add(database, arrival("a")) == set()


async def test_a_request_put_off_waits_for_its_time(database: Database) -> None:
    await add(database, arrival("a"))
    later = NOW + timedelta(seconds=30)
    async with database.write() as connection:
        [row] = await inbox.claim(connection, now=NOW, limit=1)
        await inbox.put_off(connection, row.id, until=later, why="stg does not answer")
    assert await claim(database, now=later - timedelta(milliseconds=1)) == []
    async with database.write() as connection:
        [again] = await inbox.claim(connection, now=later, limit=1)
    assert (again.id, again.attempts) == (row.id, 1), "the request was not at fault"


async def test_what_a_dead_process_left_running_is_handed_out_again(database: Database) -> None:
    await add(database, arrival("a"), arrival("b"))
    async with database.write() as connection:
        rows = await inbox.claim(connection, now=NOW, limit=2)
        await inbox.finish(connection, {rows[0].id: "done"}, now=NOW)
    async with database.write() as connection:
        assert await inbox.recover(connection) == 1
        [again] = await inbox.claim(connection, now=NOW, limit=2)
    assert (again.key, again.attempts) == (rows[1].key, 2), "it may be what killed the process"


async def test_only_requests_that_are_not_done_count_as_waiting(database: Database) -> None:
    await add(database, arrival("a"), arrival("b"), arrival("c", answered=True))
    async with database.write() as connection:
        [row] = await inbox.claim(connection, now=NOW, limit=1)
        await inbox.finish(connection, {row.id: "done"}, now=NOW)
    async with database.read() as connection:
        assert await inbox.waiting(connection) == 1


async def test_text_that_databases_refuse_is_kept_without_the_refused_characters(database: Database) -> None:
    await add(database, Arrival("slash", "odd", {"text": "nul \0 half \ud83d naïve 日本"}, NOW))
    async with database.write() as connection:
        [row] = await inbox.claim(connection, now=NOW, limit=1)
        await inbox.finish(connection, {row.id: "said \0 \ud83d"}, now=NOW)
    assert row.payload["text"] == "nul \0 half ? naïve 日本"
