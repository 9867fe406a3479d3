"""What came in and was acknowledged: one row per request, unique by its idempotency key.

Written by bot.inbound.intake before the acknowledgement, worked off by bot.reconcile.inbox.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Integer, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.dialect import insert_for
from bot.store.tables import inbox

PENDING, RUNNING, DONE = "pending", "running", "done"
TOLD = "told"
"""Waits for the loop of alerts, not for that of requests: neither waits behind the other's rows."""
DATADOG = "datadog"
"""Source of webhooks."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it is to be kept. `answered`: its answer rides on the acknowledgement, no worker is needed."""

    source: str
    key: str
    payload: Mapping[str, Any]
    received_at: datetime
    answered: bool = False
    outcome: str | None = None
    state: str = PENDING
    """Where it begins when it is not answered: PENDING or TOLD."""


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A claimed request. `attempts` counts this one."""

    id: int
    source: str
    key: str
    payload: Mapping[str, Any]
    received_at: datetime
    attempts: int


async def add(connection: AsyncConnection, arrivals: Sequence[Arrival]) -> set[tuple[str, str]]:
    """Keep arrivals; the (source, key) pairs that are new. Known ones, also twice within one call, change nothing."""
    if not arrivals:
        return set()
    unique: dict[tuple[str, str], Arrival] = {}
    for arrival in arrivals:
        unique.setdefault((arrival.source, arrival.key), arrival)
    values = [
        {
            "source": arrival.source,
            "key": arrival.key,
            "payload": dict(arrival.payload),
            "received_at": arrival.received_at,
            "state": DONE if arrival.answered else arrival.state,
            "done_at": arrival.received_at if arrival.answered else None,
            "outcome": arrival.outcome,
            "attempts": 0,
        }
        for arrival in unique.values()
    ]
    # rows as parameters and not in the statement: SQLAlchemy would compile it anew for each number of rows
    result = await connection.execute(_insertion(connection.dialect.name), values)
    return {(source, key) for source, key in result}


@cache
def _insertion(dialect: str) -> Any:
    """The statement of `add`, kept: making it anew costs a tenth of the whole write, before each acknowledgement."""
    return insert_for(dialect, inbox).on_conflict_do_nothing().returning(inbox.c.source, inbox.c.key)


async def claim(connection: AsyncConnection, *, now: datetime, limit: int) -> Sequence[InboxRow]:
    """Take the oldest waiting requests; they stay `running` until finished, put off or recovered."""
    found = (await connection.execute(_claim(), {"at": now, "most": limit})).all()
    rows = [InboxRow(*row) for row in found]
    return sorted(rows, key=lambda row: row.id)


@cache
def _claim() -> Any:
    """The statement of `claim`, kept: making it anew costs more than running it."""
    waiting = (
        select(inbox.c.id)
        .where(
            inbox.c.state == PENDING,
            (inbox.c.not_before.is_(None)) | (inbox.c.not_before <= bindparam("at", type_=inbox.c.not_before.type)),
        )
        .order_by(inbox.c.id)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(skip_locked=True)
        # a CTE is read once; as a subquery PostgreSQL may read it again for each row and take more than `limit`
        .cte("waiting")
    )
    return (
        update(inbox)
        .where(inbox.c.id.in_(select(waiting.c.id)), inbox.c.state == PENDING)
        .values(state=RUNNING, attempts=inbox.c.attempts + 1)
        .returning(inbox.c.id, inbox.c.source, inbox.c.key, inbox.c.payload, inbox.c.received_at, inbox.c.attempts)
    )


async def finish(connection: AsyncConnection, outcomes: Mapping[int, str], *, now: datetime) -> None:
    """Mark requests as done: id → what came of it."""
    if outcomes:
        done = [{"row_id": row_id, "said": outcome, "at": now} for row_id, outcome in outcomes.items()]
        await connection.execute(_finish(), done)


@cache
def _finish() -> Any:
    return (
        update(inbox)
        .where(inbox.c.id == bindparam("row_id"))
        .values(state=DONE, done_at=bindparam("at"), outcome=bindparam("said"))
    )


async def put_off(connection: AsyncConnection, row_id: int, *, until: datetime, why: str) -> None:
    """Give a request back, not to be tried before `until`. The attempt is not counted: the request is not at fault."""
    values = {"state": PENDING, "not_before": until, "outcome": why, "attempts": inbox.c.attempts - 1}
    await connection.execute(update(inbox).where(inbox.c.id == row_id).values(values))


async def told(connection: AsyncConnection, *, limit: int) -> Sequence[InboxRow]:
    """The oldest webhooks that are not worked off, locked; whoever asks works them off in the same transaction."""
    found = (await connection.execute(_told(), {"most": limit})).all()
    return [InboxRow(*row) for row in found]


@cache
def _told() -> Any:
    columns = (inbox.c.id, inbox.c.source, inbox.c.key, inbox.c.payload, inbox.c.received_at, inbox.c.attempts)
    statement = select(*columns).where(inbox.c.state == TOLD).order_by(inbox.c.id)
    return statement.limit(bindparam("most", type_=Integer)).with_for_update(skip_locked=True)


async def recover(connection: AsyncConnection) -> int:
    """Give back what a dead process left running; how many. Call it once, before the first claim."""
    return int((await connection.execute(update(inbox).where(inbox.c.state == RUNNING).values(state=PENDING))).rowcount)


async def waiting(connection: AsyncConnection) -> int:
    """How many requests are not done."""
    statement = select(func.count()).select_from(inbox).where(inbox.c.state.in_([PENDING, RUNNING]))
    return int((await connection.execute(statement)).scalar_one())
