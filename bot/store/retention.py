"""What is forgotten: answered requests and finished messages, after a week; alerts and stories of pods, after 90 days.
Called by a loop, in short transactions.

Releases and the audit trail stay. A request's row is its protection against a second run: nobody resends after a week.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import alerts, emergencies, freezes, handlings, holds, pods, queue
from bot.store.ids import id_of
from bot.store.inbox import DONE
from bot.store.outbox import OutboxState
from bot.store.tables import inbox, outbox

KEPT = timedelta(days=7)
STORIES_KEPT = timedelta(days=90)
"""What fell and healed, alerts that are over, and marks of pods in environments that are configured no more."""
BATCH = 1000
"""Rows of a table deleted per call: some milliseconds, in which nobody else can write to SQLite."""


async def sweep(connection: AsyncConnection, *, now: datetime) -> int:
    """Delete a batch of the oldest forgettable rows; how many. Call it again, in a new transaction, until it says 0."""
    before = now - KEPT
    requests = (
        select(inbox.c.id).where(inbox.c.state == DONE, inbox.c.done_at < before).order_by(inbox.c.done_at).limit(BATCH)
    )
    finished = (
        select(outbox.c.id)
        .where(
            outbox.c.id < id_of(before, ""),  # ids begin with their time: only the old end of the index is read
            outbox.c.created_at < before,
            outbox.c.state.in_([OutboxState.SENT, OutboxState.DEAD]),
        )
        .order_by(outbox.c.id)
        .limit(BATCH)
    )
    gone = await connection.execute(delete(inbox).where(inbox.c.id.in_(requests)))
    said = await connection.execute(delete(outbox).where(outbox.c.id.in_(finished)))
    stories = await pods.sweep(connection, before=now - STORIES_KEPT, limit=BATCH)
    past = await alerts.sweep(connection, before=now - STORIES_KEPT, limit=BATCH)
    past += await freezes.sweep(connection, before=now - STORIES_KEPT, limit=BATCH)
    past += await handlings.sweep(connection, before=now - STORIES_KEPT, limit=BATCH)
    for noun in (holds, queue, emergencies):
        past += await noun.sweep(connection, before=now - STORIES_KEPT, limit=BATCH)
    return gone.rowcount + said.rowcount + stories + past
