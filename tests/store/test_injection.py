"""Text that wants to be a statement: looked for as what it is, by every search that people's words reach."""

from datetime import UTC, datetime

from sqlalchemy import func, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.names import EnvironmentName, ServiceName
from bot.store import alerts, audit, inbox, releases
from bot.store.audit import AuditPhase, Entry
from bot.store.db import Database
from bot.store.tables import alerts as alert_table
from bot.store.tables import audit as audit_table
from bot.store.tables import inbox as inbox_table
from bot.store.tables import metadata
from bot.store.tables import releases as release_table
from tests.store.releases import release
from tests.store.test_alerts import kept, made

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CORPUS = [
    "'",
    '"',
    "\\",
    "\\'",
    "''",
    "' OR '1'='1",
    "' OR 1=1 --",
    '" OR ""="',
    "') OR ('a'='a",
    "admin'--",
    "admin' #",
    "admin'/*",
    "' UNION SELECT NULL,NULL,NULL--",
    "' UNION ALL SELECT sql FROM sqlite_master--",
    "'; DROP TABLE releases; --",
    "'; DELETE FROM audit; --",
    "1; UPDATE audit SET actor = 'U0EVE'",
    "'; SELECT pg_sleep(30); --",
    "' AND randomblob(1000000000) --",
    "' AND 1=(SELECT COUNT(*) FROM audit) --",
    "%27%20OR%201%3D1",
    "$$; DROP TABLE audit; $$",
    "x' AND SUBSTR(hash,1,1)='0",
    "' || (SELECT hash FROM audit) || '",
    "%",
    "_",
    "%%",
    "[a-z]%",
    "*",
    "?",
    ":environment",
    "%(environment)s",
    "$1",
    "{0}",
    "NULL",
    "0x61646d696e",
    "ʼ OR 1=1",
    "＇ OR 1=1",
]


async def counts(connection: AsyncConnection) -> dict[str, int]:
    tables = (release_table, audit_table, alert_table, inbox_table)
    return {each.name: int(await connection.scalar(select(func.count()).select_from(each)) or 0) for each in tables}


async def test_no_search_finds_more_than_what_is_called_so(database: Database) -> None:
    async with database.write() as connection:
        await releases.add(connection, release("slash:1"))
        await audit.append(connection, Entry(NOW, "U0ALICE", "deploy", "stg/admin", AuditPhase.REQUEST))
    await kept(database, made())
    async with database.read() as connection:
        before = await counts(connection)
        for text in CORPUS:
            environment, service = EnvironmentName(text), ServiceName(text)
            assert await releases.history(connection, environment=environment) == [], text
            assert await releases.history(connection, service=service) == [], text
            assert await releases.by_request(connection, text) is None, text
            assert await audit.recent(connection, environment=text) == [], text
            assert await audit.recent(connection, service=text) == [], text
            assert await audit.recent(connection, environment=text, service=text) == [], text
            assert await alerts.by_ref(connection, text) == [], text
        assert await counts(connection) == before


async def test_text_that_is_kept_comes_back_as_it_was_and_does_nothing(database: Database) -> None:
    arrivals = [
        inbox.Arrival(source="slash", key=f"slash:{text}", payload={"words": [text]}, received_at=NOW)
        for text in CORPUS
    ]
    async with database.write() as connection:
        await inbox.add(connection, arrivals)
        for text in CORPUS:
            await audit.append(connection, Entry(NOW, text, text, text, AuditPhase.REFUSED, text))
    async with database.read() as connection:
        rows = (await connection.execute(select(inbox_table.c.key, inbox_table.c.payload))).all()
        assert {(row.key, row.payload["words"][0]) for row in rows} == {(f"slash:{text}", text) for text in CORPUS}
        found = (await connection.execute(select(audit_table.c.target).order_by(audit_table.c.seq))).scalars().all()
        assert list(found) == CORPUS
        assert (await audit.verify(connection))[1] is None
        tables = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
        assert metadata.tables.keys() <= tables
