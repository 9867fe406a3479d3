"""The chain holds, and whatever is changed in it afterwards is found."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from bot.store import audit
from bot.store.audit import AuditPhase, Break, Entry
from bot.store.db import Database
from bot.store.tables import audit as audit_table
from bot.store.tables import audit_head
from tests.store.unguarded import take_guards_off

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ENTRY = Entry(NOW, "U1", "deploy", "stg/admin", AuditPhase.INTENT, "1.4.1 → 1.4.2", "01KAR", "c0ffee")


async def append(database: Database, *entries: Entry) -> list[int]:
    async with database.write() as connection:
        return [await audit.append(connection, entry) for entry in entries]


async def verify(database: Database) -> tuple[int, Break | None]:
    async with database.read() as connection:
        return await audit.verify(connection)


async def tamper(database: Database, statement: Any) -> None:
    async with database.write() as connection:
        await take_guards_off(connection)
        assert (await connection.execute(statement)).rowcount == 1


async def chain(database: Database, length: int = 3) -> None:
    await append(database, *(replace(ENTRY, at=NOW + timedelta(seconds=number)) for number in range(length)))


async def test_an_empty_trail_holds(database: Database) -> None:
    assert await verify(database) == (0, None)


async def test_rows_come_back_as_they_were_written_each_with_the_hash_of_the_one_before(database: Database) -> None:
    entries = [replace(ENTRY, phase=phase, reason=f"because {phase}") for phase in AuditPhase]
    assert await append(database, *entries) == [1, 2, 3, 4, 5]
    async with database.read() as connection:
        rows = [row async for row in audit.rows(connection)]
    assert [entry for _, entry, _, _ in rows] == entries
    assert [prev for _, _, prev, _ in rows] == [audit.FIRST_HASH] + [digest for _, _, _, digest in rows[:-1]]
    assert await verify(database) == (5, None)


async def test_a_trail_longer_than_a_page_holds(database: Database) -> None:
    async with database.write(limit_s=60) as connection:
        for _ in range(501):
            await audit.append(connection, ENTRY)
    assert await verify(database) == (501, None)


async def test_text_that_databases_refuse_does_not_break_the_chain(database: Database) -> None:
    await append(database, replace(ENTRY, reason="nul \0 half \ud83d naïve 日本"), ENTRY)
    assert await verify(database) == (2, None)


async def test_fifty_that_append_at_once_make_one_chain_without_a_gap(database: Database) -> None:
    numbers = await asyncio.gather(*(append(database, replace(ENTRY, actor=f"U{number}")) for number in range(50)))
    assert sorted(number for [number] in numbers) == list(range(1, 51))
    assert await verify(database) == (50, None)


async def test_a_row_whose_transaction_failed_leaves_no_gap(database: Database) -> None:
    await chain(database)

    async def fail() -> None:
        async with database.write() as connection:
            await audit.append(connection, ENTRY)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await append(database, ENTRY) == [4]
    assert await verify(database) == (4, None)


@pytest.mark.parametrize("column", [column.name for column in audit_table.c if column.name != "seq"])
async def test_every_changed_character_of_a_row_is_found(database: Database, column: str) -> None:
    await chain(database)
    async with database.read() as connection:
        statement = audit_table.select().where(audit_table.c.seq == 2)
        kept = (await connection.execute(statement)).mappings().one()[column]
    for other in changed(kept):
        await tamper(database, update(audit_table).where(audit_table.c.seq == 2).values({column: other}))
        held, found = await verify(database)
        assert found is not None, f"{column}: {kept!r} changed to {other!r}"
        assert (held, found.seq) == (1, 2)
    await tamper(database, update(audit_table).where(audit_table.c.seq == 2).values({column: kept}))
    assert await verify(database) == (3, None)


def changed(kept: Any) -> list[Any]:
    if isinstance(kept, datetime):
        return [kept + timedelta(milliseconds=step) for step in (-1, 1, 1000)]
    each = [kept[:place] + chr(ord(sign) ^ 1) + kept[place + 1 :] for place, sign in enumerate(kept)]
    return [*each, kept[:-1], ""]


@pytest.mark.parametrize("seq", [1, 2])
async def test_a_deleted_row_is_found(database: Database, seq: int) -> None:
    await chain(database)
    await tamper(database, delete(audit_table).where(audit_table.c.seq == seq))
    assert await verify(database) == (seq - 1, Break(seq, f"row {seq} is missing; the next one is {seq + 1}"))


async def test_a_deleted_row_with_the_later_ones_moved_up_is_found(database: Database) -> None:
    await chain(database)
    await tamper(database, delete(audit_table).where(audit_table.c.seq == 2))
    await tamper(database, update(audit_table).where(audit_table.c.seq == 3).values(seq=2))
    held, found = await verify(database)
    assert (held, found) == (1, Break(2, "row 2 does not follow the row before it"))


async def test_two_rows_that_changed_places_are_found(database: Database) -> None:
    await chain(database)
    for before, after in ((2, 99), (3, 2), (99, 3)):
        await tamper(database, update(audit_table).where(audit_table.c.seq == before).values(seq=after))
    held, found = await verify(database)
    assert (held, found is not None) == (1, True)


async def test_a_chain_whose_end_was_cut_off_is_found(database: Database) -> None:
    await chain(database)
    await tamper(database, delete(audit_table).where(audit_table.c.seq == 3))
    assert await verify(database) == (2, Break(3, "the chain ends at row 2, but its head names row 3"))


async def test_a_trail_that_was_emptied_is_found(database: Database) -> None:
    await chain(database, 1)
    await tamper(database, delete(audit_table))
    held, found = await verify(database)
    assert (held, found is not None) == (0, True)


async def test_a_deleted_head_is_found(database: Database) -> None:
    await chain(database)
    await tamper(database, delete(audit_head))
    assert await verify(database) == (3, Break(3, "the head of the chain was deleted"))


async def test_an_appended_row_that_was_not_chained_is_found(database: Database) -> None:
    await chain(database)
    async with database.write() as connection:
        row = (await connection.execute(audit_table.select().where(audit_table.c.seq == 3))).mappings().one()
        await connection.execute(audit_table.insert().values(dict(row) | {"seq": 4, "prev_hash": row["hash"]}))
    held, found = await verify(database)
    assert (held, found) == (3, Break(4, "row 4 was changed after it was written"))


async def test_bytes_that_are_no_text_are_found(sqlite: Database) -> None:
    await chain(sqlite)
    async with sqlite.write() as connection:
        await take_guards_off(connection)
        await connection.exec_driver_sql("UPDATE audit SET reason = CAST(x'ff41' AS TEXT) WHERE seq = 2")
    held, found = await verify(sqlite)
    assert (held, found is not None) == (0, True)


async def test_a_row_appended_while_the_trail_is_verified_is_no_break(database: Database) -> None:
    await chain(database)
    async with database.read() as connection:
        assert await audit.verify(connection) == (3, None)
        await append(database, ENTRY)
        assert await audit.verify(connection) == (3, None), "a reader sees one moment"
    assert await verify(database) == (4, None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'U0EVE' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit",
        "UPDATE audit_head SET seq = 2",
        "DELETE FROM audit_head",
    ],
)
async def test_the_database_itself_refuses_to_change_or_delete_a_row(database: Database, statement: str) -> None:
    await chain(database)

    async def steal() -> None:
        async with database.write() as connection:
            await connection.execute(text(statement))

    with pytest.raises(DBAPIError, match=r"audit rows are never|never wound back"):
        await steal()
    assert await verify(database) == (3, None)


async def test_a_row_is_not_replaced_under_its_number(sqlite: Database) -> None:
    await chain(sqlite)

    async def replace_row() -> None:
        async with sqlite.write() as connection:
            await connection.execute(text("INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 2"))

    with pytest.raises(DBAPIError, match="never replaced"):
        await replace_row()
    assert await verify(sqlite) == (3, None)


async def test_an_anchor_kept_elsewhere_tells_that_the_end_was_cut_off_with_its_head(database: Database) -> None:
    await chain(database)
    async with database.read() as connection:
        seq, anchor = await audit.head(connection)
        assert (seq, await audit.verify(connection, anchor)) == (3, (3, None))
    async with database.write() as connection:
        await take_guards_off(connection)
        before = (await connection.execute(audit_table.select().where(audit_table.c.seq == 2))).mappings().one()
        await connection.execute(delete(audit_table).where(audit_table.c.seq == 3))
        await connection.execute(update(audit_head).values(seq=2, hash=before["hash"]))
    assert await verify(database) == (2, None), "by itself such a chain is sound"
    async with database.read() as connection:
        held, found = await audit.verify(connection, anchor)
    assert (held, found is not None) == (2, True)


async def test_the_newest_rows_of_a_place_are_found(database: Database) -> None:
    places = [
        "stg/admin",
        "stg/web",
        "prd/admin",
        "stg/admin/1.4.2",
        "stg",
        "stg/administration",
        "deploy",
        "s_g/admin",
    ]
    await append(database, *(replace(ENTRY, target=place) for place in places))

    async def found(environment: str = "", service: str = "", limit: int = 20) -> list[str]:
        async with database.read() as connection:
            rows = await audit.recent(connection, environment=environment, service=service, limit=limit)
        assert [seq for seq, _ in rows] == sorted((seq for seq, _ in rows), reverse=True)
        return [entry.target for _, entry in rows][::-1]

    assert await found("stg", "admin") == ["stg/admin", "stg/admin/1.4.2"]
    assert await found("stg") == ["stg/admin", "stg/web", "stg/admin/1.4.2", "stg", "stg/administration"]
    assert await found("s_g") == ["s_g/admin"]
    assert await found(service="admin") == ["stg/admin", "prd/admin", "stg/admin/1.4.2", "s_g/admin"]
    assert await found(limit=2) == ["deploy", "s_g/admin"]


async def test_a_row_is_told_to_the_log_once_it_is_kept_and_never_before(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as connection:
            await audit.append(connection, ENTRY)
            raise ZeroDivisionError

    with capture_logs() as lines:
        with pytest.raises(ZeroDivisionError):
            await fail()
        assert lines == []
        await append(database, ENTRY)
    [line] = lines
    async with database.read() as connection:
        assert await audit.head(connection) == (1, line["hash"])
    assert (line["event"], line["seq"], line["actor"], line["reason"]) == ("audit", 1, "U1", ENTRY.reason)
