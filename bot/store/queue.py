"""Places in the lines before targets. Called inside transactions by bot.usecases.queue and bot.reconcile.queue.

A person stands in a line once: the unique key decides. Ids are in order of arrival.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.catalog import Target
from bot.domain.names import EnvironmentName
from bot.domain.queue import Ticket, TicketState
from bot.store.dialect import insert_into
from bot.store.kept import known, moment, plain
from bot.store.tables import tickets

_COLUMNS = ("id", "ended_at", "row_version")
_MOMENTS = ("since", "until")


async def add(connection: AsyncConnection, ticket: Ticket) -> bool:
    """Insert a new ticket. False when this person stands in that line already."""
    statement = insert_into(connection, tickets).values(**_values(ticket)).on_conflict_do_nothing()
    return (await connection.execute(statement.returning(tickets.c.id))).first() is not None


async def save(connection: AsyncConnection, ticket: Ticket) -> Ticket | None:
    """Update a ticket if nobody saved it since it was read; as saved, or None when somebody did."""
    saved = replace(ticket, row_version=ticket.row_version + 1)
    unchanged = (tickets.c.id == ticket.id) & (tickets.c.row_version == ticket.row_version)
    done = await connection.execute(update(tickets).where(unchanged).values(**_values(saved)))
    return saved if done.rowcount else None


async def get(connection: AsyncConnection, ticket_id: str) -> Ticket | None:
    """The ticket of that id, over or not."""
    row = (await connection.execute(select(tickets).where(tickets.c.id == ticket_id))).mappings().first()
    return _ticket(row) if row else None


async def by_key(connection: AsyncConnection, key: str) -> Ticket | None:
    """Somebody's ticket in a line that is not over."""
    row = (await connection.execute(select(tickets).where(tickets.c.open_key == key))).mappings().first()
    return _ticket(row) if row else None


async def line(connection: AsyncConnection, target: Target) -> Sequence[Ticket]:
    """Who stands in line before a target, in order."""
    asked = (tickets.c.environment == target.environment) & (tickets.c.service == target.service)
    statement = select(tickets).where(asked, tickets.c.ended_at.is_(None)).order_by(tickets.c.id)
    return [_ticket(row) for row in (await connection.execute(statement)).mappings()]


async def waiting(connection: AsyncConnection, environment: EnvironmentName | None = None) -> Sequence[Ticket]:
    """Everybody who stands in a line, in order."""
    statement = select(tickets).where(tickets.c.ended_at.is_(None)).order_by(tickets.c.id)
    if environment is not None:
        statement = statement.where(tickets.c.environment == environment)
    return [_ticket(row) for row in (await connection.execute(statement)).mappings()]


async def sweep(connection: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Delete the oldest tickets that were over before then; how many."""
    old = select(tickets.c.id).where(tickets.c.ended_at < before).order_by(tickets.c.ended_at).limit(limit)
    return int((await connection.execute(delete(tickets).where(tickets.c.id.in_(old)))).rowcount)


def _values(ticket: Ticket) -> dict[str, Any]:
    body = plain(asdict(ticket))
    for name in _COLUMNS:
        del body[name]
    columns = {name: getattr(ticket, name) for name in _COLUMNS}
    return columns | {
        "open_key": None if ticket.state.is_over else ticket.key,
        "environment": ticket.target.environment,
        "service": ticket.target.service,
        "body": body,
    }


def _ticket(row: RowMapping) -> Ticket:
    body: dict[str, Any] = known(Ticket, row["body"])
    for name in _MOMENTS:
        body[name] = moment(body.get(name))
    body["state"] = TicketState(body["state"])
    body["target"] = Target(**body["target"])
    return Ticket(**(body | {name: row[name] for name in _COLUMNS}))
