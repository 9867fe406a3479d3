"""The audit trail through the chat: what stands in it, who reads it, and that nothing happens without it."""

import re

from sqlalchemy import func, select, text

from bot.store.tables import audit, releases
from tests.chat import STG, Chat, plain


async def rows(chat: Chat, phase: str) -> list[tuple[str, str, str, str]]:
    """(who, what, where, why) of the rows of a phase, oldest first."""
    assert chat.bot is not None
    columns = (audit.c.actor, audit.c.action, audit.c.target, audit.c.reason)
    async with chat.bot.ctx.database.read() as connection:
        found = await connection.execute(select(*columns).where(audit.c.phase == phase).order_by(audit.c.seq))
    return [(row.actor, row.action, row.target, row.reason) for row in found]


async def test_what_was_asked_done_denied_and_refused_is_shown_with_its_card(chat: Chat) -> None:
    await chat.alice.says("/deploy stg admni")
    await chat.alice.says("/deploy stg admin 9.9.9")
    await chat.alice.hears("has no admin `?9.9.9|9.9.9")
    await chat.dave.says("/deploy stg admin 1.4.2")
    await chat.dave.hears("You need the role")
    await chat.alice.says("/deploy stg admin 1.4.2")
    card = await chat.card(phase="Succeeded", service="admin")
    assert await rows(chat, "refused") == [
        ("U0ALICE", "deploy", "stg/admni", "unknown_service"),
        ("U0ALICE", "deploy", "stg/admin/9.9.9", "no_such_version"),
    ]
    assert await rows(chat, "denied") == [("U0DAVE", "deploy", "stg/admin/1.4.2", "role_missing")]
    await chat.dave.says("/audit stg admin")
    told = await chat.dave.hears("rows of the audit trail about *stg/admin".replace("*", r"\*"))
    lines = [line for line in told.splitlines() if " · " in line]
    assert [re.sub(r"^.*?<@(\w+)> (.+?) `([\w.]+)`.*$", r"\1 \2 \3", line) for line in lines] == [
        "U0ALICE ended release.deploy",
        "U0ALICE began release.deploy",
        "U0ALICE asked for release.deploy",
        "U0DAVE may not do deploy",
        "U0ALICE was refused deploy",
    ]
    assert f"/archives/{STG}/p{card['ts'].replace('.', '')}|" in lines[0]


async def test_nothing_is_changed_while_the_audit_trail_cannot_be_written(chat: Chat) -> None:
    assert chat.bot is not None
    database = chat.bot.ctx.database
    async with database.write() as connection:
        spoil = "CREATE TRIGGER spoilt BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'spoilt'); END"
        await connection.execute(text(spoil))
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.alice.hears("failed on my side")
    await chat.dave.says("/deploy stg admin 1.4.2")
    await chat.dave.hears("failed on my side")
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(releases)) == 0
    assert chat.patches() == []
    assert chat.cards() == []
    async with database.write() as connection:
        await connection.execute(text("DROP TRIGGER spoilt"))
    await chat.alice.says("/deploy stg admin 1.4.2")
    assert "1.4.2" in plain(await chat.card(phase="Succeeded", service="admin"))
