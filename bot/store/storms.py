"""Storms: the cards that tell of many alerts at once. Called by bot.reconcile.alerts inside its transactions."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alert import WEIGHT, Alert, AlertState
from bot.domain.alert.storm import Storm, Tally
from bot.store.alerts import alert_of, members_of, unlisted_of
from bot.store.dialect import insert_into
from bot.store.kept import known, moment, plain
from bot.store.tables import alerts, storms

_BODY = (
    "monitor_id",
    "title",
    "opened_at",
    "last_at",
    "members",
    "takes_new",
    "card_at",
    "redraw_at",
    "listed_at",
    "step",
)
_MOMENTS = ("opened_at", "last_at", "card_at", "redraw_at", "listed_at")


async def open_storms(connection: AsyncConnection, channels: Collection[str]) -> dict[str, Storm]:
    """Those that take new alerts in these channels, by their key; locked."""
    wanted = select(storms).where(storms.c.open_key.is_not(None), storms.c.channel.in_(list(channels)))
    found = await connection.execute(wanted.with_for_update())
    return {row["open_key"]: _storm(row) for row in found.mappings()}


async def put(connection: AsyncConnection, changed: Sequence[Storm]) -> None:
    """Insert storms, or put them in place of what was there."""
    for storm in changed:
        body = plain({name: getattr(storm, name) for name in _BODY})
        values = {
            "open_key": storm.open_key if storm.takes_new else None,
            "channel": storm.channel,
            "closed_at": storm.closed_at,
            "card_due": storm.card_due,
            "body": body,
        }
        fresh = insert_into(connection, storms).values(id=storm.id, **values)
        await connection.execute(fresh.on_conflict_do_update(index_elements=[storms.c.id], set_=values))


async def get(connection: AsyncConnection, storm_id: str) -> Storm | None:
    """One storm."""
    row = (await connection.execute(select(storms).where(storms.c.id == storm_id))).mappings().first()
    return _storm(row) if row else None


async def living(connection: AsyncConnection) -> Sequence[Storm]:
    """Those that are not closed; locked."""
    found = await connection.execute(select(storms).where(storms.c.closed_at.is_(None)).with_for_update())
    return [_storm(row) for row in found.mappings()]


async def redraw(connection: AsyncConnection, storm_id: str, *, now: datetime) -> None:
    """Somebody took members: the card is due at once."""
    found = await connection.execute(select(storms).where(storms.c.id == storm_id).with_for_update())
    row = found.mappings().first()
    if row is not None and row["closed_at"] is None:
        await put(connection, [replace(_storm(row), redraw_at=now, card_due=now)])


async def tally(connection: AsyncConnection, storm_id: str, *, worst: int) -> Tally:
    """How many members in which state, and the worst that are open; critical and older ones first."""
    counted = await connection.execute(
        select(alerts.c.state, func.count()).where(members_of(storm_id)).group_by(alerts.c.state)
    )
    by_state = {row[0]: row[1] for row in counted.all()}
    weight = case(*((alerts.c.state == state, -rank) for state, rank in WEIGHT.items()), else_=0)
    chosen = await connection.execute(
        select(alerts)
        .where(members_of(storm_id), alerts.c.state != AlertState.RECOVERED)
        .order_by(weight, alerts.c.opened_at)
        .limit(worst)
    )
    found = sorted((alert_of(row) for row in chosen.mappings()), key=lambda alert: alert.priority or 9)
    return Tally(sum(by_state.values()), by_state, await unlisted_count(connection, storm_id), tuple(found))


async def unlisted_count(connection: AsyncConnection, storm_id: str) -> int:
    """How many members' states the thread has not told."""
    counted = await connection.execute(select(func.count()).select_from(alerts).where(unlisted_of(storm_id)))
    return int(counted.scalar_one())


async def unlisted(connection: AsyncConnection, storm_id: str, *, limit: int) -> Sequence[Alert]:
    """Members whose state the thread has not told, those that changed longest ago first; locked."""
    found = await connection.execute(
        select(alerts).where(unlisted_of(storm_id)).order_by(alerts.c.id).limit(limit).with_for_update()
    )
    return [alert_of(row) for row in found.mappings()]


async def next_due_at(connection: AsyncConnection) -> datetime | None:
    """When the next storm must be looked at."""
    statement = select(func.min(storms.c.card_due)).where(storms.c.closed_at.is_(None))
    due_at: datetime | None = (await connection.execute(statement)).scalar_one()
    return due_at


def _storm(row: RowMapping) -> Storm:
    body: dict[str, Any] = known(Storm, row["body"])
    for name in _MOMENTS:
        body[name] = moment(body.get(name))
    return Storm(**(body | {name: row[name] for name in ("id", "channel", "closed_at", "card_due")}))
