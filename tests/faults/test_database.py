"""A database that is locked by somebody else: refused in time, or finished later; never half done."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bot.sandbox.state_folder import DATABASE
from tests.chat import Chat
from tests.crash.bot_process import Ledger


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Another program holds the write lock."""
    with closing(sqlite3.connect(folder / DATABASE, isolation_level=None, timeout=5)) as other:
        other.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


async def test_a_command_while_the_database_is_locked_is_refused_in_time_and_never_run(
    chat: Chat, ledger: Ledger, tmp_path: Path
) -> None:
    with locked(tmp_path):
        begun = time.monotonic()
        answer = await chat.alice.says("/deploy stg admin 1.4.2")
        took_s = time.monotonic() - begun
    assert "Not accepted: database unavailable. Nothing was started." in answer
    assert took_s < 3
    # a request that comes later and is carried out shows that the first one would have been by now
    await chat.bob.says("/deploy stg web 2.3.0")
    await chat.card(phase="Succeeded", service="web")
    assert [row["service"] for row in ledger.releases()] == ["web"]
    assert chat.cards()[0]["channel"] == "C0STG"
    assert len(chat.cards()) == 1


async def test_a_click_while_the_database_is_locked_is_answered_by_its_response_url(chat: Chat, tmp_path: Path) -> None:
    await chat.alice.says("/deploy stg admin 1.4.2")
    done = await chat.card(phase="Succeeded", service="admin")
    with locked(tmp_path):
        await chat.alice.presses("Roll back", done)
        await chat.alice.hears("Not accepted: database unavailable")
    assert len(chat.patches()) == 1


async def test_a_rollout_goes_on_when_the_database_was_locked_amid_it(
    chat: Chat, ledger: Ledger, tmp_path: Path
) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    await chat.card(phase="Progressing", text="of 3 pods updated")
    with locked(tmp_path):
        refused = await chat.bob.says("/status stg admin")
        assert "database unavailable" in refused
        time_out = time.monotonic() + 3
        await chat.until(lambda: time.monotonic() > time_out or None, 5, lambda: "")
    await chat.card(phase="Succeeded", service="admin", within_s=40)
    assert len(chat.patches()) == 1
    assert len(chat.cards()) == 1
    assert ledger.held_locks() == []
