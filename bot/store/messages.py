"""Which message in Slack stands for which subject: a card is posted once and found here for every edit.

Called by bot.reconcile.outbox and by those who ask what a message is about.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.dialect import insert_into
from bot.store.tables import messages


@dataclass(frozen=True, slots=True)
class Posted:
    """The message of a subject."""

    channel: str
    ts: str
    outbox_id: str


async def remember(connection: AsyncConnection, subject: str, posted: Posted, *, now: datetime) -> None:
    """The message stands for the subject from now on, in place of one before it."""
    values = {"channel": posted.channel, "ts": posted.ts, "outbox_id": posted.outbox_id, "posted_at": now}
    statement = insert_into(connection, messages).values(subject=subject, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=[messages.c.subject], set_=values))


async def of(connection: AsyncConnection, subject: str) -> Posted | None:
    """The message that stands for a subject."""
    row = (await connection.execute(select(messages).where(messages.c.subject == subject))).mappings().first()
    return Posted(row["channel"], row["ts"], row["outbox_id"]) if row else None


async def of_all(connection: AsyncConnection, subjects: Collection[str]) -> Mapping[str, Posted]:
    """The messages that stand for subjects; those without one are left out."""
    if not subjects:
        return {}
    found = await connection.execute(select(messages).where(messages.c.subject.in_(subjects)))
    return {row["subject"]: Posted(row["channel"], row["ts"], row["outbox_id"]) for row in found.mappings()}


async def subject_of(connection: AsyncConnection, *, channel: str, ts: str) -> str | None:
    """The subject of a message, e.g. `release:01J…`; None when the message is not one of our cards."""
    statement = select(messages.c.subject).where(messages.c.channel == channel, messages.c.ts == ts)
    subject: str | None = (await connection.execute(statement)).scalar_one_or_none()
    return subject


async def forget(connection: AsyncConnection, subject: str) -> None:
    """The message of a subject is gone from Slack; its next version is posted anew."""
    await connection.execute(messages.delete().where(messages.c.subject == subject))
