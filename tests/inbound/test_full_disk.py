"""A disk that is full: what can't be kept is not acknowledged as if it were, and is taken once there is room."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from bot.inbound.inbound import Ack, Inbound, InboundKind
from bot.inbound.intake import Intake
from bot.store.db import Database
from bot.store.migrate import migrate
from bot.store.tables import inbox
from handlers import router
from tests.rows_context import rows_context

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LONG = "x" * 3000


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'kajitori.db'}", patience_s=60.0)
    await migrate(opened)
    yield opened
    await opened.close()


async def room(database: Database, pages: int) -> None:
    """Let the file grow by so many pages; beyond them SQLite answers as on a full disk."""
    async with database.write() as connection:
        there = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await connection.exec_driver_sql(f"PRAGMA max_page_count = {there + pages}")


async def rows(database: Database) -> int:
    async with database.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(inbox)) or 0)


def command(number: int) -> Inbound:
    words = {"command": "/lock", "text": f"stg admin 1h {LONG}"}
    payload = {**words, "user_id": "U0ALICE", "team_id": "T1", "channel_id": "C0STG"}
    return Inbound(InboundKind.SLASH, f"slash:{number}", None, payload, None, NOW)


def mention() -> Inbound:
    event = {"type": "app_mention", "user": "U0ALICE", "text": f"<@U1> lock stg admin {LONG}", "channel": "C0STG"}
    return Inbound(InboundKind.EVENT, "evt:1", None, {"team_id": "T1", "event": {**event, "ts": "1.000001"}}, NOW, NOW)


def form() -> Inbound:
    values = {"environment": "stg", "service": "admin", "version": "1.0.0"}
    state: dict[str, Any] = {name: {name: {"type": "plain_text_input", "value": each}} for name, each in values.items()}
    view = {"callback_id": "command:deploy", "private_metadata": f"C0STG::{LONG}", "state": {"values": state}}
    payload = {"type": "view_submission", "user": {"id": "U0ALICE", "team_id": "T1"}, "view": view}
    return Inbound(InboundKind.VIEW, "view:1", None, payload, None, NOW)


def refused(ack: Ack) -> bool:
    return "Not accepted: database unavailable. Nothing was started." in str(ack.body)


async def test_what_a_full_disk_does_not_take_is_said_so_and_taken_when_there_is_room(database: Database) -> None:
    door = Intake(rows_context(database), router, budget_s=60.0)
    await room(database, 4)
    taken = 0
    while not refused(await door.receive(command(taken))):
        taken += 1
        assert taken < 1000, "the disk is never full"
    assert await rows(database) == taken, "reading goes on, and nothing is half there"
    assert not (await door.receive(mention())).accepted, "Slack sends an event again that is not acknowledged"
    answer = await door.receive(form())
    assert answer.body is not None
    assert answer.body["response_action"] == "errors"
    assert refused(answer)
    assert await rows(database) == taken
    await room(database, 1000)
    assert not refused(await door.receive(command(taken)))
    assert (await door.receive(mention())).accepted
    assert (await door.receive(form())).body is None
    assert await rows(database) == taken + 3
