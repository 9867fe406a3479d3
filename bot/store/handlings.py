"""Handlings: what people want of Datadog for an alert, and how far it has come.

Saved with the condition that nobody saved it since it was read. Called by bot.usecases.alerts and
bot.reconcile.handlings, inside their transactions.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.handling import Handling, Mute, Note, Page, Standing
from bot.domain.names import AlertId, UserId
from bot.store.dialect import insert_into
from bot.store.ids import id_of
from bot.store.kept import known, moment, plain
from bot.store.tables import handlings


async def of(connection: AsyncConnection, alert: AlertId) -> Handling:
    """The handling of an alert; an empty one when there is none yet."""
    row = (await connection.execute(select(handlings).where(handlings.c.alert_id == alert))).mappings().first()
    return _handling(row) if row else Handling(alert)


async def of_all(connection: AsyncConnection, alerts: Collection[AlertId]) -> Mapping[AlertId, Handling]:
    """Those that there are."""
    if not alerts:
        return {}
    found = await connection.execute(select(handlings).where(handlings.c.alert_id.in_(list(alerts))))
    return {row["alert_id"]: _handling(row) for row in found.mappings()}


async def save(connection: AsyncConnection, handling: Handling) -> Handling | None:
    """Insert or update; as saved, or None when somebody saved it since it was read."""
    values = {"due_at": handling.due_at, "row_version": handling.row_version + 1, "body": _body(handling)}
    if handling.row_version == 0:
        statement = insert_into(connection, handlings).values(alert_id=handling.alert, **values)
        fresh = statement.on_conflict_do_nothing().returning(handlings.c.alert_id)
        saved = (await connection.execute(fresh)).first() is not None
    else:
        changed = (
            update(handlings)
            .where(handlings.c.alert_id == handling.alert, handlings.c.row_version == handling.row_version)
            .values(**values)
        )
        saved = bool((await connection.execute(changed)).rowcount)
    return replace(handling, row_version=handling.row_version + 1) if saved else None


async def due(connection: AsyncConnection, *, now: datetime, limit: int) -> Sequence[Handling]:
    """Those with something to do, longest due first."""
    statement = select(handlings).where(handlings.c.due_at <= now).order_by(handlings.c.due_at).limit(limit)
    return [_handling(row) for row in (await connection.execute(statement)).mappings()]


async def next_due_at(connection: AsyncConnection, *, after: datetime) -> datetime | None:
    """When the next one is due that is not due yet."""
    statement = select(func.min(handlings.c.due_at)).where(handlings.c.due_at > after)
    due_at: datetime | None = (await connection.execute(statement)).scalar_one()
    return due_at


async def sweep(connection: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Delete a batch of those whose alerts came before then and that want nothing any more; how many."""
    old = select(handlings.c.alert_id).where(handlings.c.alert_id < id_of(before, ""), handlings.c.due_at.is_(None))
    gone = await connection.execute(delete(handlings).where(handlings.c.alert_id.in_(old.limit(limit))))
    return int(gone.rowcount)


def _body(handling: Handling) -> dict[str, Any]:
    body: dict[str, Any] = plain(asdict(handling))
    for name in ("alert", "due_at", "row_version"):
        del body[name]
    return body


def _handling(row: RowMapping) -> Handling:
    body = known(Handling, row["body"])
    body["mute"] = Mute(**_read(Mute, body["mute"], "until", "at", "confirmed_until")) if body.get("mute") else None
    body["page"] = Page(**_read(Page, body["page"], "at")) if body.get("page") else None
    body["notes"] = tuple(Note(**_read(Note, note, "at")) for note in body.get("notes", ()))
    body["people"] = tuple(UserId(user) for user in body.get("people", ()))
    return Handling(**(body | {name: row[name] for name in ("due_at", "row_version")}), alert=row["alert_id"])


_STANDINGS = ("standing", "acknowledged", "resolved")


def _read(kind: type[Any], kept: Mapping[str, Any], *moments: str) -> dict[str, Any]:
    """Fields of a kept object."""
    read = known(kind, kept)
    for name in moments:
        read[name] = moment(read.get(name))
    for name in _STANDINGS:
        if read.get(name):
            read[name] = Standing(read[name])
    return read
