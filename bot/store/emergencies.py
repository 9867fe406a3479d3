"""Emergencies in environments. Called inside transactions by bot.usecases.emergency and bot.reconcile.emergencies, and
by those who ask whether releases are open. An environment has one at a time: the unique key decides."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.emergency import Emergency, Node, Risk, Scene, Standing
from bot.domain.names import EnvironmentName
from bot.store.dialect import insert_into
from bot.store.kept import known, plain
from bot.store.tables import emergencies

_COLUMNS = ("id", "environment", "since", "ended_at", "row_version")


async def add(connection: AsyncConnection, emergency: Emergency) -> bool:
    """Insert a new one. False when there is one in that environment already."""
    statement = insert_into(connection, emergencies).values(**_values(emergency)).on_conflict_do_nothing()
    return (await connection.execute(statement.returning(emergencies.c.id))).first() is not None


async def save(connection: AsyncConnection, emergency: Emergency) -> Emergency | None:
    """Update it if nobody saved it since it was read; as saved, or None when somebody did."""
    saved = replace(emergency, row_version=emergency.row_version + 1)
    unchanged = (emergencies.c.id == emergency.id) & (emergencies.c.row_version == emergency.row_version)
    done = await connection.execute(update(emergencies).where(unchanged).values(**_values(saved)))
    return saved if done.rowcount else None


async def get(connection: AsyncConnection, emergency_id: str) -> Emergency | None:
    """The one of that id, over or not."""
    row = (await connection.execute(select(emergencies).where(emergencies.c.id == emergency_id))).mappings().first()
    return _emergency(row) if row else None


async def open_in(connection: AsyncConnection, environment: EnvironmentName) -> Emergency | None:
    """The emergency that is on in an environment."""
    statement = select(emergencies).where(emergencies.c.open_key == environment)
    row = (await connection.execute(statement)).mappings().first()
    return _emergency(row) if row else None


async def open_ones(connection: AsyncConnection) -> Sequence[Emergency]:
    """Those that are on anywhere, oldest first."""
    statement = select(emergencies).where(emergencies.c.open_key.is_not(None)).order_by(emergencies.c.id)
    return [_emergency(row) for row in (await connection.execute(statement)).mappings()]


async def sweep(connection: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Delete the oldest that were over before then; how many."""
    old = select(emergencies.c.id).where(emergencies.c.ended_at < before).order_by(emergencies.c.ended_at).limit(limit)
    return int((await connection.execute(delete(emergencies).where(emergencies.c.id.in_(old)))).rowcount)


def _values(emergency: Emergency) -> dict[str, Any]:
    body = plain(asdict(emergency))
    for name in _COLUMNS:
        del body[name]
    columns = {name: getattr(emergency, name) for name in _COLUMNS}
    return columns | {"open_key": emergency.environment if emergency.ended_at is None else None, "body": body}


def _emergency(row: RowMapping) -> Emergency:
    body: dict[str, Any] = known(Emergency, row["body"])
    body["risks"] = tuple(Risk(**known(Risk, each)) for each in body.get("risks", ()))
    body["scene"] = _scene(body["scene"]) if body.get("scene") else None
    return Emergency(**(body | {name: row[name] for name in _COLUMNS}))


def _scene(kept: dict[str, Any]) -> Scene:
    read = known(Scene, kept)
    read["nodes"] = tuple(Node(**known(Node, each)) for each in read.get("nodes", ()))
    read["services"] = tuple(
        Standing(**(known(Standing, each) | {name: tuple(each.get(name, ())) for name in ("nodes", "stuck")}))
        for each in read.get("services", ())
    )
    return Scene(**read)
