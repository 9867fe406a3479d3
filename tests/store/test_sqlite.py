"""SQLite alone: durable, one writer at a time, and a clear no when it is locked, full or damaged."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.errors import StoreUnavailable
from bot.store import inbox
from bot.store.db import Database
from bot.store.faults import StoreCorrupt
from bot.store.inbox import Arrival
from bot.store.migrate import migrate
from bot.store.sqlite import BUSY_TIMEOUT_MS
from tests.store.rows import NOW, count_rows, keep


async def test_a_commit_is_in_the_file_and_synced_when_the_transaction_ends(sqlite: Database) -> None:
    async with sqlite.write() as connection:
        await inbox.add(connection, [Arrival("slash", "a", {}, NOW)])
        assert (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar() == "wal"
        assert (await connection.exec_driver_sql("PRAGMA synchronous")).scalar() == 2, "FULL"
    with sqlite3.connect(sqlite.name) as other:
        assert other.execute("SELECT key FROM inbox").fetchall() == [("a",)]
    other.close()


async def test_another_process_holding_the_lock_costs_every_writer_at_most_a_second(sqlite: Database) -> None:
    await count_rows(sqlite)
    other = sqlite3.connect(sqlite.name, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        took = await asyncio.gather(*(refused_after_s(sqlite) for _ in range(40)))
        assert max(took) < 25  # 1 s on an idle machine; in turn they would take 32
        assert await count_rows(sqlite) == 0, "reading goes on"
    finally:
        other.execute("ROLLBACK")
        other.close()
    await keep(sqlite, "after")
    assert await count_rows(sqlite) == 1
    async with sqlite.write() as connection:
        patience_ms = (await connection.exec_driver_sql("PRAGMA busy_timeout")).scalar()
    assert patience_ms == BUSY_TIMEOUT_MS, "those who waited in a queue spent theirs, not the next one's"


async def test_a_lock_that_ends_in_time_is_waited_for(sqlite_url: str) -> None:
    sqlite = Database(sqlite_url, patience_s=60)
    other = sqlite3.connect(sqlite.name, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(keep(sqlite, "patient"))
    await asyncio.sleep(0.1)  # the lock's length: what is tested, not a wait for things to settle
    assert not waiting.done()
    other.execute("COMMIT")
    other.close()
    await asyncio.wait_for(waiting, 60)
    assert await count_rows(sqlite) == 1
    await sqlite.close()


async def refused_after_s(database: Database) -> float:
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="locked"):
        await keep(database, "refused")
    return time.monotonic() - began


async def test_a_full_disk_refuses_what_does_not_fit_and_recovers_when_there_is_room(sqlite: Database) -> None:
    await keep(sqlite, "before")
    async with sqlite.write() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        # the writer's only connection: SQLite answers "full" beyond this many pages, as on a full disk
        await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    for number in range(3):
        with pytest.raises(StoreUnavailable, match="full"):
            await keep(sqlite, f"large {number}", size=50_000)
    assert await count_rows(sqlite) == 1, "reading goes on, and nothing is half there"
    async with sqlite.write() as connection:
        await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1000}")
    await keep(sqlite, "large 0", size=50_000)
    assert await count_rows(sqlite) == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own, of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a disk of its own needs the right to mount one")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_a_disk_that_is_really_full_refuses_and_recovers_in_the_same_way(small_disk: Path) -> None:
    database = Database(f"sqlite:///{small_disk / 'kajitori.db'}")
    try:
        await migrate(database)
        with pytest.raises(StoreUnavailable, match="full"):
            await keep_until_full(database)
        kept = await count_rows(database)
        assert kept > 5
        resize = await asyncio.create_subprocess_exec("mount", "-o", "remount,size=4m", small_disk)
        async with asyncio.timeout(60):
            assert await resize.wait() == 0
        await keep(database, "after", size=50_000)
        assert await count_rows(database) == kept + 1
    finally:
        await database.close()


async def keep_until_full(database: Database) -> None:
    for number in range(100):
        await keep(database, str(number), size=50_000)


async def test_everything_committed_before_a_kill_is_there_after_it(sqlite: Database) -> None:
    program = (
        "import asyncio, sys\n"
        "from tests.store.rows import Database, keep\n"
        "async def main():\n"
        "    database = Database(sys.argv[1])\n"
        "    for number in range(100_000):\n"
        "        await keep(database, str(number))\n"
        "        print(number, flush=True)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, sqlite.url), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(120):
        for _ in range(50):
            said = await process.stdout.readline()
        process.kill()
        said = (await process.stdout.read() or said).splitlines()[-1]
        await process.wait()
    async with sqlite.write() as connection:
        keys = [int(row.key) for row in await inbox.claim(connection, now=NOW, limit=100_000)]
    assert keys == list(range(len(keys)))
    assert len(keys) in (int(said) + 1, int(said) + 2), "the last one may be committed and not yet told"


async def test_a_write_costs_two_crossings_to_the_thread(sqlite: Database) -> None:
    """BEGIN rides with the first statement; more would be felt in every acknowledgement."""
    async with sqlite.write() as connection:
        raw = await connection.get_raw_connection()
        driver: Any = raw.driver_connection
    crossings = 0
    put = driver._tx.put_nowait

    class Counting:
        get = driver._tx.get

        def put_nowait(self, item: object) -> None:
            nonlocal crossings
            crossings += 1
            put(item)

    driver._tx = Counting()
    await keep(sqlite, "a")
    assert crossings == 2
    crossings = 0
    async with sqlite.write():
        pass
    assert crossings == 0


async def test_a_read_whose_answer_was_not_waited_for_ends_in_its_thread(sqlite: Database) -> None:
    """Its snapshot is let go of there, after the statement; the next reader sees what was written meanwhile."""
    slow = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) FROM n")

    async def read() -> None:
        async with sqlite.read() as connection:
            await connection.execute(slow)

    for _ in range(5):
        reading = asyncio.create_task(read())
        await asyncio.sleep(0.005)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    await keep(sqlite, "a")
    async with sqlite.read() as connection:
        assert await inbox.waiting(connection) == 1


def damage(path: Path) -> None:
    """Overwrite all but the first page, which says that it is a database."""
    pages = path.read_bytes()
    path.write_bytes(pages[:4096] + b"\xa5" * (len(pages) - 4096))


async def test_a_file_damaged_while_it_is_open_is_named_with_what_to_do(sqlite: Database) -> None:
    await keep(sqlite, "a")
    await sqlite.close()
    damage(Path(sqlite.name))
    with pytest.raises(StoreCorrupt, match=r"kajitori\.db is damaged.*restore the newest backup"):
        await count_rows(sqlite)
