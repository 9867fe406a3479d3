"""Holds on targets and environments: people's locks, and what rollbacks leave. Called inside transactions by
bot.usecases.holds and bot.reconcile.holds. Of one kind there is one open hold per place: the unique key decides."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.catalog import Target
from bot.domain.holds import Hold, HoldKind
from bot.domain.names import EnvironmentName
from bot.store.dialect import insert_into
from bot.store.kept import known, moment, plain
from bot.store.tables import holds

_COLUMNS = ("id", "environment", "since", "ended_at", "row_version")
_MOMENTS = ("until", "reminded_for")


async def add(connection: AsyncConnection, hold: Hold) -> bool:
    """Insert a new hold. False when another of its kind holds the place already: nothing is changed then."""
    statement = insert_into(connection, holds).values(**_values(hold)).on_conflict_do_nothing()
    return (await connection.execute(statement.returning(holds.c.id))).first() is not None


async def save(connection: AsyncConnection, hold: Hold) -> Hold | None:
    """Update a hold if nobody saved it since it was read; as saved, or None when somebody did."""
    saved = replace(hold, row_version=hold.row_version + 1)
    unchanged = (holds.c.id == hold.id) & (holds.c.row_version == hold.row_version)
    done = await connection.execute(update(holds).where(unchanged).values(**_values(saved)))
    return saved if done.rowcount else None


async def get(connection: AsyncConnection, hold_id: str) -> Hold | None:
    """The hold of that id, over or not."""
    row = (await connection.execute(select(holds).where(holds.c.id == hold_id))).mappings().first()
    return _hold(row) if row else None


async def by_key(connection: AsyncConnection, key: str) -> Hold | None:
    """The hold of that kind and place that was not ended yet; its time may be over all the same."""
    row = (await connection.execute(select(holds).where(holds.c.open_key == key))).mappings().first()
    return _hold(row) if row else None


async def open_ones(connection: AsyncConnection, environment: EnvironmentName | None = None) -> Sequence[Hold]:
    """All that were not ended yet, oldest first."""
    statement = select(holds).where(holds.c.open_key.is_not(None)).order_by(holds.c.id)
    if environment is not None:
        statement = statement.where(holds.c.environment == environment)
    return [_hold(row) for row in (await connection.execute(statement)).mappings()]


async def over(connection: AsyncConnection, target: Target) -> Sequence[Hold]:
    """Those not ended yet that cover a target: its own and its environment's."""
    return [hold for hold in await open_ones(connection, target.environment) if hold.covers(target)]


async def sweep(connection: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Delete the oldest holds that were over before then; how many."""
    old = select(holds.c.id).where(holds.c.ended_at < before).order_by(holds.c.ended_at).limit(limit)
    return int((await connection.execute(delete(holds).where(holds.c.id.in_(old)))).rowcount)


def _values(hold: Hold) -> dict[str, Any]:
    body = plain(asdict(hold))
    for name in _COLUMNS:
        del body[name]
    columns = {name: getattr(hold, name) for name in _COLUMNS}
    return columns | {"open_key": hold.key if hold.ended_at is None else None, "body": body}


def _hold(row: RowMapping) -> Hold:
    body: dict[str, Any] = known(Hold, row["body"])
    for name in _MOMENTS:
        body[name] = moment(body.get(name))
    body["kind"] = HoldKind(body["kind"])
    return Hold(**(body | {name: row[name] for name in _COLUMNS}))
