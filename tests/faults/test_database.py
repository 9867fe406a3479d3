"""A database that is locked by somebody else: refused meanwhile, or finished later; never half done."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from bot.sandbox.state_folder import DATABASE
from tests.chat import DEADLINE_S, Chat
from tests.crash.bot_process import Ledger


@asynccontextmanager
async def locked(folder: Path) -> AsyncIterator[None]:
    """Another program holds the write lock."""
    with closing(sqlite3.connect(folder / DATABASE, isolation_level=None, timeout=0)) as other:
        await chance_to_lock(other)
        try:
            yield
        finally:
            other.execute("ROLLBACK")


async def chance_to_lock(other: sqlite3.Connection) -> None:
    """Take the lock between two transactions of the bot, which needs this loop to end the one that it is in."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                other.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                await asyncio.sleep(0.005)
            else:
                return


async def test_a_command_while_the_database_is_locked_is_refused_meanwhile_and_never_run(
    chat: Chat, ledger: Ledger, tmp_path: Path
) -> None:
    async with locked(tmp_path):
        answer = await chat.alice.says("/deploy stg admin 1.4.2")
    assert "Not accepted: database unavailable. Nothing was started." in answer
    # a request that comes later and is carried out shows that the first one would have been by now
    await chat.bob.says("/deploy stg web 2.3.0")
    await chat.card(phase="Succeeded", service="web")
    assert [row["service"] for row in ledger.releases()] == ["web"]
    assert chat.cards()[0]["channel"] == "C0STG"
    assert len(chat.cards()) == 1


async def test_a_click_while_the_database_is_locked_is_answered_by_its_response_url(chat: Chat, tmp_path: Path) -> None:
    await chat.alice.says("/deploy stg admin 1.4.2")
    done = await chat.card(phase="Succeeded", service="admin")
    async with locked(tmp_path):
        await chat.alice.presses("Roll back", done)
        await chat.alice.hears("Not accepted: database unavailable")
    assert len(chat.patches()) == 1


async def test_a_rollout_goes_on_when_the_database_was_locked_amid_it(
    chat: Chat, ledger: Ledger, tmp_path: Path
) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    await chat.card(phase="Progressing", text="of 3 pods updated")
    async with locked(tmp_path):
        refused = await chat.bob.says("/status stg admin")
        assert "database unavailable" in refused
        await asyncio.sleep(3)  # the length of the lock: several looks at the rollout that can't be saved
    chat.hurry()
    await chat.card(phase="Succeeded", service="admin")
    assert len(chat.patches()) == 1
    assert len(chat.cards()) == 1
    assert ledger.held_locks() == []
